"""The queue. Clocks are moved by writing the times in the row, never by waiting."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from tests.store.builders import add_job, add_model
from vectorlab.domain.jobs.jobs import (
    PRIORITY_INTERACTIVE,
    AttemptOutcome,
    Job,
    JobFilter,
    JobState,
    NewJob,
)
from vectorlab.errors import ConflictError, LeaseLost, NotFoundError
from vectorlab.store import audit, schema
from vectorlab.store.database import Database, Transaction
from vectorlab.store.jobs import leases, queue, statements, workers

PAST = datetime(2000, 1, 1, tzinfo=UTC)
LEASE_S = 60.0


def claim(tx: Transaction, worker: str = "w1", **options) -> Job | None:
    return queue.claim(tx, worker_id=worker, lease_s=LEASE_S, **options)


def set_times(tx: Transaction, job_id: int, **times: datetime) -> None:
    tx.execute(schema.jobs.update().where(schema.jobs.c.id == job_id).values(times))


def lapse(tx: Transaction, job_id: int) -> None:
    """The worker stops answering and its lease runs out."""
    set_times(tx, job_id, lease_until=PAST)


def outcomes(tx: Transaction, job_id: int) -> list[AttemptOutcome | None]:
    return [item.outcome for item in queue.attempts(tx, job_id)]


def test_a_job_goes_from_the_queue_through_a_worker_to_its_result(database: Database):
    with database.write() as tx:
        queued = add_job(tx, spec={"set": "upbeat@1", "strength": 0.1})
        running = claim(tx)
        assert queue.get_job(tx, queued.id) == running
        done = queue.finish(tx, running.id, running.attempt, {"vector_id": 5})
        (attempt,) = queue.attempts(tx, queued.id)
    assert (queued.state, queued.attempt, queued.lease_owner) == (JobState.QUEUED, 0, None)
    assert (running.state, running.attempt, running.lease_owner) == (JobState.RUNNING, 1, "w1")
    assert running.spec == {"set": "upbeat@1", "strength": 0.1}
    assert abs(running.lease_until - running.started_at - timedelta(seconds=LEASE_S)) < timedelta(
        seconds=5
    )
    assert (done.state, done.result, done.lease_until) == (
        JobState.SUCCEEDED,
        {"vector_id": 5},
        None,
    )
    assert (attempt.worker_id, attempt.outcome) == ("w1", AttemptOutcome.SUCCEEDED)
    assert queued.created_at <= running.started_at <= done.finished_at <= attempt.ended_at


def test_jobs_are_claimed_by_priority_then_held_model_then_age(database: Database):
    with database.write() as tx:
        mine, other = add_model(tx, "mine"), add_model(tx, "other")
        oldest = add_job(tx, model_id=other.id)
        no_model = add_job(tx)
        same_model = add_job(tx, model_id=mine.id)
        urgent = add_job(tx, model_id=other.id, priority=PRIORITY_INTERACTIVE)
        order = [claim(tx, held_models=[mine.id]).id for _ in range(4)]
        assert claim(tx) is None
    assert order == [urgent.id, same_model.id, oldest.id, no_model.id]


def test_without_a_held_model_the_oldest_job_goes_first(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        expected = [add_job(tx).id, add_job(tx, model_id=model.id).id, add_job(tx).id]
        assert [claim(tx).id for _ in range(3)] == expected


def test_a_claim_takes_only_due_jobs_of_its_queue_or_the_one_named(database: Database):
    with database.write() as tx:
        later = add_job(tx)
        set_times(tx, later.id, run_after=datetime(2999, 1, 1, tzinfo=UTC))
        first, second = add_job(tx), add_job(tx)
        assert claim(tx, queue="elsewhere") is None
        assert claim(tx, job_id=later.id) is None
        assert claim(tx, job_id=second.id).id == second.id
        assert claim(tx, job_id=second.id) is None
        assert claim(tx).id == first.id
        assert claim(tx) is None


def test_the_claim_is_one_statement_that_skips_locked_rows_where_there_are_any():
    statement = statements.claim_statement(prefers_held=True, one_job=False, resume_own=True)
    assert "FOR UPDATE SKIP LOCKED" in str(statement.compile(dialect=postgresql.dialect()))
    assert "FOR UPDATE" not in str(statement.compile(dialect=sqlite.dialect()))


def test_workers_that_claim_at_once_never_get_the_same_job(database: Database):
    with database.write() as tx:
        expected = [add_job(tx).id for _ in range(24)]
    start = threading.Barrier(4)

    def work(name: str) -> list[int]:
        taken = []
        start.wait()
        while True:
            with database.write() as tx:
                job = claim(tx, name)
            if job is None:
                return taken
            taken.append(job.id)

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(work, ["a", "b", "c", "d"]))
    assert sorted(job_id for part in taken for job_id in part) == expected


def test_a_claim_does_not_wait_for_another_that_is_not_committed(postgres_database: Database):
    with postgres_database.write() as tx:
        first, second = add_job(tx), add_job(tx)
    with postgres_database.write() as slow:
        assert claim(slow, "slow").id == first.id
        with postgres_database.write() as quick:
            assert claim(quick, "quick").id == second.id


def test_equal_requests_share_one_job_until_it_ends(database: Database):
    with database.write() as tx:
        job = add_job(tx, dedupe_key="k")
        same = NewJob(kind="extract", spec={}, dedupe_key="k", created_by="another")
        assert queue.enqueue(tx, same) == (job, False)
        running = claim(tx)
        assert queue.enqueue(tx, same) == (running, False)
        queue.finish(tx, running.id, running.attempt, {})
        again, created = queue.enqueue(tx, same)
        assert created
        assert again.id > job.id
        assert add_job(tx).id != add_job(tx).id  # without a key nothing is shared


def test_requests_at_the_same_moment_make_one_job(database: Database):
    start = threading.Barrier(4)

    def ask(_number: int) -> tuple[int, bool]:
        start.wait()
        with database.write() as tx:
            job, created = queue.enqueue(
                tx, NewJob(kind="extract", spec={}, dedupe_key="k", created_by="t")
            )
        return job.id, created

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert len({job_id for job_id, _ in answers}) == 1
    assert sorted(created for _, created in answers) == [False, False, False, True]


def test_a_request_waits_for_an_equal_one_not_committed_yet(postgres_database: Database):
    """The unique index decides, not a look before the insert."""

    def ask() -> tuple[Job, bool]:
        with postgres_database.write() as tx:
            return queue.enqueue(
                tx, NewJob(kind="extract", spec={}, dedupe_key="k", created_by="t")
            )

    with ThreadPoolExecutor(1) as pool:
        with postgres_database.write() as tx:
            first = add_job(tx, dedupe_key="k")
            second = pool.submit(ask)
        assert second.result(timeout=30) == (first, False)


def test_a_job_with_a_living_worker_is_not_taken_over(database: Database):
    with database.write() as tx:
        add_job(tx)
        assert claim(tx, "w1") is not None
        assert claim(tx, "w2") is None


def test_a_lapsed_job_is_taken_over_and_the_lost_attempt_is_on_record(database: Database):
    with database.write() as tx:
        job = add_job(tx)
        dead = claim(tx, "dead")
        queue.report_progress(tx, job.id, dead.attempt, 3, 10, "layer 3")
        lapse(tx, job.id)
        taken = claim(tx, "alive")
        assert outcomes(tx, job.id) == [AttemptOutcome.LOST, None]
    assert (taken.id, taken.attempt, taken.lease_owner) == (job.id, 2, "alive")
    assert (taken.progress_done, taken.progress_note) == (0, "")
    assert taken.started_at == dead.started_at


def test_a_lost_attempt_says_which_worker_fell_silent(database: Database):
    with database.write() as tx:
        job = add_job(tx)
        claim(tx, "gpu7-42-abc")
        assert queue.get_job(tx, job.id).lapsed is False
        lapse(tx, job.id)
        assert queue.get_job(tx, job.id).lapsed is True
        assert [item.lapsed for item in queue.list_jobs(tx)] == [True]
        assert claim(tx, "alive").lapsed is False
        (lost, _) = queue.attempts(tx, job.id)
    assert lost.error.startswith("Worker gpu7-42-abc did not renew its lease")


def test_a_job_that_lost_workers_is_taken_over_later_each_time(database: Database):
    with database.write() as tx:
        job = add_job(tx, max_attempts=5)
        now = queue.now(tx)
        claim(tx)
        set_times(tx, job.id, lease_until=now - timedelta(seconds=0.5))
        assert claim(tx, "w2").attempt == 2
        for attempt, pause in ((2, 2), (3, 4), (4, 8)):
            set_times(tx, job.id, lease_until=queue.now(tx) - timedelta(seconds=pause - 1))
            assert claim(tx) is None
            set_times(tx, job.id, lease_until=queue.now(tx) - timedelta(seconds=pause + 0.1))
            assert claim(tx).attempt == attempt + 1
        set_times(tx, job.id, lease_until=queue.now(tx) - timedelta(seconds=0.5))
        assert claim(tx) is None  # worn out: ended at once, no use to wait
        assert queue.get_job(tx, job.id).state is JobState.FAILED


def test_a_worker_finds_the_job_again_whose_claim_was_never_answered(database: Database):
    with database.write() as tx:
        job = add_job(tx)
        assert claim(tx, "w1").id == job.id
        assert claim(tx, "w1") is None
        assert claim(tx, "w2", resume_own=True) is None
        assert claim(tx, "w1", resume_own=True).attempt == 2


def test_a_worker_is_busy_from_its_claim_to_the_end_of_its_lease(database: Database):
    def state() -> str:
        (info,) = queue.list_workers(tx, alive_within_s=60)
        return info.state

    with database.write() as tx:
        register(tx, "w1")
        job = add_job(tx)
        assert state() == "idle"
        claim(tx, "w1")
        assert state() == "busy"
        lapse(tx, job.id)
        assert state() == "idle"  # by its lease, whatever its row says
        claim(tx, "w1")
        queue.finish(tx, job.id, 2, {})
        assert state() == "idle"


def test_companions_are_queued_due_of_the_same_key_and_no_less_urgent(database: Database):
    with database.write() as tx:
        first = add_job(tx, batch_key="k")
        good = [add_job(tx, batch_key="k"), add_job(tx, batch_key="k", priority=10)]
        add_job(tx, batch_key="other")
        add_job(tx)
        add_job(tx, batch_key="k", priority=-1)
        add_job(tx, batch_key="k", queue="elsewhere")
        later = add_job(tx, batch_key="k")
        set_times(tx, later.id, run_after=datetime(2999, 1, 1, tzinfo=UTC))
        queue.cancel(tx, add_job(tx, batch_key="k").id)
        running = claim(tx, job_id=first.id)
        found = queue.batch_companions(tx, running, limit=9)
        assert [job.id for job in found] == [good[1].id, good[0].id]
        assert queue.batch_companions(tx, running, limit=1) == found[:1]
        alone = add_job(tx)
        assert queue.batch_companions(tx, alone, limit=9) == []


def test_a_look_at_the_queue_finds_what_a_claim_would(database: Database):
    with database.write() as tx:
        assert queue.any_due(tx) is False
        job = add_job(tx)
        assert queue.any_due(tx) is True
        assert queue.any_due(tx, queue="elsewhere") is False
        claim(tx)
        assert queue.any_due(tx) is False
        lapse(tx, job.id)
        assert queue.any_due(tx) is True


def test_a_worker_is_asked_to_stop_and_no_longer_counted_on(database: Database):
    with database.write() as tx:
        register(tx, "w1")
        register(tx, "w2")
        queue.touch_worker(tx, "w2", "stopped")
        assert queue.touch_worker(tx, "w1", "idle") is False
        assert queue.ask_to_stop(tx, ["w1", "w2", "w3"]) == ["w1"]
        assert queue.stop_asked(tx, "w1") is True
        assert queue.touch_worker(tx, "w1", "idle") is True
        assert queue.any_worker_alive(tx, within_s=60) is False


def test_only_workers_of_its_queue_are_counted_on_for_a_job(database: Database):
    with database.write() as tx:
        queue.register_worker(
            tx, worker_id="w", host="h", pid=1, device="cpu", torch_version="2", queue="night"
        )
        assert queue.any_worker_alive(tx, within_s=60) is False
        assert queue.any_worker_alive(tx, within_s=60, queue="night") is True


ZOMBIE_WRITES: dict[str, Callable[[Transaction, int, int], object]] = {
    "heartbeat": lambda tx, job, attempt: queue.heartbeat(tx, job, attempt, LEASE_S),
    "report_progress": lambda tx, job, attempt: queue.report_progress(tx, job, attempt, 1, 2),
    "finish": lambda tx, job, attempt: queue.finish(tx, job, attempt, {"vector_id": 1}),
    "fail": lambda tx, job, attempt: queue.fail(
        tx, job, attempt, error_class="E", error="e", retry=True
    ),
    "release": queue.release,
    "mark_cancelled": queue.mark_cancelled,
    "save_chunk": lambda tx, job, attempt: queue.save_chunk(tx, job, attempt, 0, b"x"),
}


@pytest.mark.parametrize("write", ZOMBIE_WRITES.values(), ids=ZOMBIE_WRITES)
def test_a_worker_that_wakes_up_after_its_lease_passed_on_writes_nothing(
    database: Database, write: Callable[[Transaction, int, int], object]
):
    with database.write() as tx:
        job = add_job(tx)
        zombie = claim(tx, "zombie")
        lapse(tx, job.id)
        owner = claim(tx, "owner")

    def work() -> None:
        with database.write() as tx:
            audit.record(tx, actor="z", action="a", object_kind="k", object_id=1, details={})
            write(tx, job.id, zombie.attempt)

    with pytest.raises(LeaseLost, match=f"Attempt 1 at job {job.id}"):
        work()
    with database.read() as tx:
        assert queue.get_job(tx, job.id) == owner
        assert queue.chunks(tx, job.id) == {}
        assert outcomes(tx, job.id) == [AttemptOutcome.LOST, None]
        # What stood in the same transaction as the refused write is gone as well.
        assert tx.execute(schema.audit_log.select()).all() == []


@pytest.mark.parametrize("write", ZOMBIE_WRITES.values(), ids=ZOMBIE_WRITES)
def test_nothing_is_written_to_a_job_that_has_ended(
    sqlite_database: Database, write: Callable[[Transaction, int, int], object]
):
    with sqlite_database.write() as tx:
        job = add_job(tx)
        ended = queue.finish(tx, job.id, claim(tx).attempt, {})
        with pytest.raises(LeaseLost):
            write(tx, job.id, ended.attempt)
        assert queue.get_job(tx, job.id) == ended


def test_an_owner_whose_lease_lapsed_unnoticed_still_finishes(database: Database):
    """Only a takeover takes the job away; being late alone does not."""
    with database.write() as tx:
        job = add_job(tx)
        running = claim(tx)
        lapse(tx, job.id)
        assert queue.finish(tx, job.id, running.attempt, {}).state is JobState.SUCCEEDED


def test_a_result_and_its_completion_commit_together_or_not_at_all(database: Database):
    def work() -> None:
        with database.write() as tx:
            add_model(tx)
            queue.finish(tx, job.id, running.attempt, {"model_id": 1})
            raise KeyboardInterrupt

    with database.write() as tx:
        job = add_job(tx)
        running = claim(tx)
    with pytest.raises(KeyboardInterrupt):
        work()
    with database.read() as tx:
        assert queue.get_job(tx, job.id) == running
        assert tx.execute(schema.models.select()).all() == []


def test_a_heartbeat_renews_the_lease_and_tells_of_a_cancel(database: Database):
    with database.write() as tx:
        job = add_job(tx)
        running = claim(tx)
        lapse(tx, job.id)
        assert queue.heartbeat(tx, job.id, 1, LEASE_S) is False
        assert queue.get_job(tx, job.id).lease_until >= running.lease_until
        assert claim(tx, "w2") is None
        queue.cancel(tx, job.id)
        assert queue.heartbeat(tx, job.id, 1, LEASE_S) is True
        assert queue.report_progress(tx, job.id, 1, 1, None) is True


def test_progress_is_visible(database: Database):
    with database.write() as tx:
        job = add_job(tx)
        claim(tx)
        assert queue.report_progress(tx, job.id, 1, 3, 12, "layer 3 of 12") is False
        found = queue.get_job(tx, job.id)
    assert (found.progress_done, found.progress_total) == (3, 12)
    assert found.progress_note == "layer 3 of 12"


def test_a_job_that_kills_its_workers_fails_in_the_end(database: Database):
    with database.write() as tx:
        poison, good = add_job(tx), add_job(tx)
        for attempt in (1, 2, 3):
            assert claim(tx, f"w{attempt}", job_id=poison.id).attempt == attempt
            lapse(tx, poison.id)
        # The claim that finds it worn out goes on to the next job.
        assert claim(tx, "w4").id == good.id
        failed = queue.get_job(tx, poison.id)
        assert outcomes(tx, poison.id) == [AttemptOutcome.LOST] * 3
    assert (failed.state, failed.attempt) == (JobState.FAILED, 3)
    assert failed.error.startswith("Its worker died or hung 3 times, the last time w3")
    assert failed.finished_at is not None


def test_a_failure_that_cannot_pass_ends_the_job_at_once(database: Database):
    with database.write() as tx:
        job = add_job(tx)
        claim(tx)
        failed = queue.fail(
            tx, job.id, 1, error_class="InputError", error="Set 'x' is empty.", retry=False
        )
        (attempt,) = queue.attempts(tx, job.id)
        assert claim(tx) is None
    assert (failed.state, failed.error_class) == (JobState.FAILED, "InputError")
    assert (failed.error, attempt.error) == ("Set 'x' is empty.", "Set 'x' is empty.")
    assert attempt.outcome is AttemptOutcome.FAILED


def test_a_failure_that_may_pass_waits_twice_as_long_each_time_and_then_ends(database: Database):
    waits = []
    with database.write() as tx:
        job = add_job(tx, max_attempts=3)
        for attempt in (1, 2, 3):
            running = claim(tx)
            assert running.attempt == attempt
            failed = queue.fail(
                tx, job.id, attempt, error_class="StoreUnavailable", error="gone", retry=True
            )
            assert claim(tx) is None
            row = tx.execute(schema.jobs.select()).one()
            last = queue.attempts(tx, job.id)[-1]
            waits.append(round((row.run_after - last.ended_at).total_seconds()))
            set_times(tx, job.id, run_after=PAST)
    assert failed.state is JobState.FAILED
    assert waits[:2] == [leases.RETRY_BASE_S, 2 * leases.RETRY_BASE_S]


def test_a_released_job_is_queued_with_its_chunks_and_loses_no_attempt(database: Database):
    with database.write() as tx:
        job = add_job(tx, max_attempts=1)
        for attempt in (1, 2, 3):
            assert claim(tx).attempt == attempt
            queue.save_chunk(tx, job.id, attempt, attempt, b"part")
            released = queue.release(tx, job.id, attempt)
            assert (released.state, released.lease_owner) == (JobState.QUEUED, None)
        assert outcomes(tx, job.id) == [AttemptOutcome.RELEASED] * 3
        assert queue.chunks(tx, job.id) == {1: b"part", 2: b"part", 3: b"part"}
        running = claim(tx)
        done = queue.finish(tx, job.id, running.attempt, {})
        assert queue.chunks(tx, job.id) == {}
    assert done.state is JobState.SUCCEEDED


def test_chunks_survive_a_dead_worker_and_the_last_writing_counts(database: Database):
    data = bytes(range(256)) * 400
    with database.write() as tx:
        job = add_job(tx)
        claim(tx, "dead")
        queue.save_chunk(tx, job.id, 1, 0, data)
        queue.save_chunk(tx, job.id, 1, 5, b"old")
        lapse(tx, job.id)
        claim(tx, "alive")
        queue.save_chunk(tx, job.id, 2, 5, b"new")
    with database.read() as tx:
        assert queue.chunks(tx, job.id) == {0: data, 5: b"new"}


def test_cancelling_a_queued_job_ends_it_at_once(database: Database):
    with database.write() as tx:
        job = add_job(tx)
        cancelled = queue.cancel(tx, job.id)
        assert claim(tx) is None
    assert cancelled.state is JobState.CANCELLED
    assert cancelled.finished_at is not None


def test_cancelling_a_running_job_asks_its_worker(database: Database):
    with database.write() as tx:
        job = add_job(tx)
        claim(tx)
        queue.save_chunk(tx, job.id, 1, 0, b"part")
        asked = queue.cancel(tx, job.id)
        assert (asked.state, asked.cancel_requested) == (JobState.RUNNING, True)
        stopped = queue.mark_cancelled(tx, job.id, 1)
        assert outcomes(tx, job.id) == [AttemptOutcome.CANCELLED]
        assert queue.chunks(tx, job.id) == {}
    assert stopped.state is JobState.CANCELLED


def test_cancelling_a_job_whose_worker_died_ends_it_at_once(database: Database):
    with database.write() as tx:
        job = add_job(tx)
        claim(tx)
        lapse(tx, job.id)
        assert queue.cancel(tx, job.id).state is JobState.CANCELLED
        assert outcomes(tx, job.id) == [AttemptOutcome.LOST]


def test_a_worker_that_dies_before_it_sees_the_cancel_leaves_the_job_cancelled(database: Database):
    with database.write() as tx:
        job = add_job(tx)
        claim(tx)
        queue.cancel(tx, job.id)
        lapse(tx, job.id)
        assert claim(tx, "w2") is None
        assert queue.get_job(tx, job.id).state is JobState.CANCELLED
        assert outcomes(tx, job.id) == [AttemptOutcome.LOST]


@pytest.mark.parametrize("end", ["release", "fail"])
def test_a_cancelled_job_does_not_return_to_the_queue(database: Database, end: str):
    with database.write() as tx:
        job = add_job(tx)
        claim(tx)
        queue.cancel(tx, job.id)
        ended = ZOMBIE_WRITES[end](tx, job.id, 1)
        assert claim(tx) is None
    assert ended.state is JobState.CANCELLED
    assert ended.finished_at is not None


def test_an_ended_job_cannot_be_cancelled(database: Database):
    with database.write() as tx:
        job = add_job(tx)
        claim(tx)
        queue.finish(tx, job.id, 1, {})
        with pytest.raises(ConflictError, match=f"Job {job.id} has succeeded already"):
            queue.cancel(tx, job.id)
        with pytest.raises(NotFoundError, match="vectorlab jobs list"):
            queue.cancel(tx, 99)


def test_a_retried_job_has_all_its_attempts_again_and_a_new_fence(database: Database):
    with database.write() as tx:
        job = add_job(tx, max_attempts=1)
        claim(tx, "first")
        queue.fail(tx, job.id, 1, error_class="E", error="e", retry=True)
        queued = queue.retry(tx, job.id)
        again = claim(tx, "second")
        with pytest.raises(LeaseLost):
            queue.heartbeat(tx, job.id, 1, LEASE_S)
    assert (queued.state, queued.error, queued.finished_at) == (JobState.QUEUED, None, None)
    assert (again.attempt, again.state) == (2, JobState.RUNNING)


def test_a_retry_is_refused_while_the_work_is_under_way(database: Database):
    with database.write() as tx:
        cancelled = queue.cancel(tx, add_job(tx, dedupe_key="k").id)
        other = add_job(tx, dedupe_key="k")
        with pytest.raises(ConflictError, match=f"Job {other.id} does the same work"):
            queue.retry(tx, cancelled.id)
        with pytest.raises(ConflictError, match="is queued; only a failed or cancelled"):
            queue.retry(tx, other.id)
        queue.cancel(tx, other.id)
        assert queue.retry(tx, cancelled.id).state is JobState.QUEUED


def test_jobs_without_a_dedupe_key_are_retried_whatever_else_is_under_way(database: Database):
    with database.write() as tx:
        cancelled = queue.cancel(tx, add_job(tx).id)
        add_job(tx)
        assert queue.retry(tx, cancelled.id).state is JobState.QUEUED


def test_jobs_are_listed_newest_first_by_state_and_kind(database: Database):
    with database.write() as tx:
        one = add_job(tx)
        two = add_job(tx, kind="generate")
        three = queue.cancel(tx, add_job(tx).id)
        assert queue.list_jobs(tx) == [three, two, one]
        assert queue.list_jobs(tx, limit=1) == [three]
        assert queue.list_jobs(tx, JobFilter(states=(JobState.QUEUED,))) == [two, one]
        assert queue.list_jobs(tx, JobFilter(kind="generate")) == [two]


def test_jobs_are_listed_by_every_filter(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        old = add_job(tx)
        set_times(tx, old.id, created_at=PAST)
        mine = add_job(tx, model_id=model.id, queue="night")
        claim(tx, "gpu7-1", queue="night")
        tried = add_job(tx, kind="generate")
        claim(tx, "gp_7", job_id=tried.id)
        queue.cancel(tx, old.id)
        day = timedelta(days=1)
        found = {
            "model": JobFilter(model_id=model.id),
            "queue": JobFilter(queue="night"),
            "worker": JobFilter(worker="gpu7"),
            "worker by letter": JobFilter(worker="gp_"),
            "since": JobFilter(since=queue.now(tx) - day),
            "until": JobFilter(until=queue.now(tx) - day),
            "states": JobFilter(states=(JobState.RUNNING, JobState.CANCELLED)),
        }
        listed = {
            name: [job.id for job in queue.list_jobs(tx, item)] for name, item in found.items()
        }
        counted = queue.count_by_state(tx)
    assert listed == {
        "model": [mine.id],
        "queue": [mine.id],
        "worker": [mine.id],
        "worker by letter": [tried.id],
        "since": [tried.id, mine.id],
        "until": [],  # it was asked for long ago but ended just now
        "states": [tried.id, mine.id, old.id],
    }
    assert counted == {JobState.RUNNING: 2, JobState.CANCELLED: 1}


def register(tx: Transaction, worker_id: str) -> None:
    queue.register_worker(
        tx, worker_id=worker_id, host="h", pid=2**31 + 5, device="cpu", torch_version="2.13.0"
    )


def see(tx: Transaction, worker_id: str, moment: datetime) -> None:
    table = schema.workers
    tx.execute(table.update().where(table.c.id == worker_id).values(last_seen=moment))


def test_workers_are_alive_while_they_were_seen_lately_and_have_not_stopped(database: Database):
    with database.write() as tx:
        assert queue.any_worker_alive(tx, within_s=60) is False
        for name in ("here", "gone", "stopped"):
            register(tx, name)
        queue.touch_worker(tx, "stopped", "stopped")
        held = queue.get_job(tx, add_job(tx).id)
        assert claim(tx, "here").id == held.id
        assert queue.any_worker_alive(tx, within_s=60) is True
        see(tx, "gone", PAST)
        found = {item.id: item for item in queue.list_workers(tx, alive_within_s=60)}
        assert {name: item.alive for name, item in found.items()} == {
            "here": True,
            "gone": False,
            "stopped": False,
        }
        see(tx, "here", PAST)
        assert queue.any_worker_alive(tx, within_s=60) is False
    assert (found["here"].state, found["here"].pid) == ("busy", 2**31 + 5)
    assert found["here"].jobs == (held.id,)


def test_workers_unseen_for_a_week_are_forgotten(database: Database):
    with database.write() as tx:
        register(tx, "old")
        see(tx, "old", PAST)
        register(tx, "new")
        (found,) = queue.list_workers(tx, alive_within_s=60)
    assert found.id == "new"
    assert workers.FORGET_AFTER_S > 24 * 3600
