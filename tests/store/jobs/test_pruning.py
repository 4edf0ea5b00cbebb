"""Pruning deletes what has ended, says so, and leaves everything that is needed."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from tests.store.builders import add_job, add_model, add_vector
from tests.store.jobs.test_queue import PAST, claim, set_times
from vectorlab.domain.jobs.jobs import JobFilter, JobState, LogLevel
from vectorlab.errors import InputError
from vectorlab.store import schema
from vectorlab.store.database import Database, Transaction
from vectorlab.store.jobs import pruning, queue
from vectorlab.store.vectors import vectors

BEFORE = JobFilter(until=datetime(2001, 1, 1, tzinfo=UTC))


def ended(tx: Transaction, **result: int) -> int:
    """A job that succeeded long ago, with a log and a lost attempt."""
    job = add_job(tx)
    claim(tx, job_id=job.id)
    queue.append_log(tx, job.id, 1, [(LogLevel.INFO, "hello")])
    queue.finish(tx, job.id, 1, result)
    set_times(tx, job.id, finished_at=PAST)
    return job.id


def test_old_ended_jobs_go_with_their_parts_and_what_they_made_stays(database: Database):
    with database.write() as tx:
        vector = add_vector(tx, add_model(tx))
        old = ended(tx, vector_id=vector.id)
        recent = queue.cancel(tx, add_job(tx).id).id
        waiting = add_job(tx)
        set_times(tx, waiting.id, created_at=PAST)
        running = add_job(tx)
        claim(tx, job_id=running.id)
        (gone,) = pruning.prune(tx, BEFORE, actor="me")
        left = [job.id for job in queue.list_jobs(tx)]
        audit = tx.execute(schema.audit_log.select()).one()
        assert vectors.get_vector(tx, vector.name) == vector
        assert tx.execute(sa.select(schema.job_logs)).all() == []
        assert queue.attempts(tx, old) == []
    assert gone.id == old
    assert left == [running.id, waiting.id, recent]
    assert (audit.actor, audit.action, audit.object_id) == ("me", "prune", str(old))
    assert audit.details_json["made"] == {"vector_id": vector.id}
    assert audit.details_json["state"] == "succeeded"


def test_a_dry_run_only_says_what_would_go(database: Database):
    with database.write() as tx:
        old = ended(tx)
        assert [job.id for job in pruning.prune(tx, BEFORE, actor="me", dry_run=True)] == [old]
        assert queue.get_job(tx, old).state is JobState.SUCCEEDED
        assert tx.execute(schema.audit_log.select()).all() == []


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_jobs_with_work_to_do_cannot_be_meant(sqlite_database: Database, state: JobState):
    with (
        sqlite_database.write() as tx,
        pytest.raises(InputError, match=f"state {state} cannot be pruned"),
    ):
        pruning.prune(tx, JobFilter(states=(JobState.FAILED, state)), actor="me")


def test_a_job_that_another_table_refers_to_is_kept(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
):
    """Tables that come later are found by their foreign key."""
    metadata = sa.MetaData()
    for table in schema.metadata.sorted_tables:
        table.to_metadata(metadata)
    notes = sa.Table("notes", metadata, sa.Column("job_id", sa.ForeignKey("jobs.id")))
    with sqlite_database.write() as tx:
        notes.create(tx)
        kept, gone = ended(tx), ended(tx)
        tx.execute(notes.insert().values(job_id=kept))
        referring = sa.Table(
            "notes", sa.MetaData(), sa.Column("job_id", sa.ForeignKey(schema.jobs.c.id))
        )
        monkeypatch.setattr(
            pruning,
            "_all_tables",
            lambda: [*schema.metadata.sorted_tables, referring],
        )
        assert [job.id for job in pruning.prune(tx, BEFORE, actor="me")] == [gone]


def test_a_filter_chooses_what_goes(database: Database):
    with database.write() as tx:
        kept, model = ended(tx), add_model(tx)
        failed = add_job(tx, kind="generate", model_id=model.id)
        claim(tx)
        queue.fail(tx, failed.id, 1, error_class="E", error="e", retry=False)
        set_times(tx, failed.id, finished_at=PAST)
        wanted = JobFilter(states=(JobState.FAILED,), kind="generate", model_id=model.id)
        assert [job.id for job in pruning.prune(tx, wanted, actor="me")] == [failed.id]
        assert [job.id for job in queue.list_jobs(tx)] == [kept]
