"""Logs and partial texts of a job: bounded, fenced, and never a result."""

from collections.abc import Callable

import pytest

from tests.store.builders import add_job
from tests.store.jobs.test_queue import LEASE_S, claim, lapse
from vectorlab.domain.jobs.jobs import LogLevel, PartialText
from vectorlab.errors import LeaseLost
from vectorlab.store import schema
from vectorlab.store.database import Database, Transaction
from vectorlab.store.jobs import progress, queue

TEXTS = [
    PartialText(prompt=0, arm=1, sample=0, text="Once upon"),
    PartialText(prompt=0, arm=2, sample=0, text=""),
]
ENDS: dict[str, Callable[[Transaction, int, int], object]] = {
    "finish": lambda tx, job, attempt: queue.finish(tx, job, attempt, {}),
    "fail": lambda tx, job, attempt: queue.fail(
        tx, job, attempt, error_class="E", error="e", retry=False
    ),
    "fail and wait": lambda tx, job, attempt: queue.fail(
        tx, job, attempt, error_class="E", error="e", retry=True
    ),
    "release": queue.release,
    "mark_cancelled": queue.mark_cancelled,
    "lapse and takeover": lambda tx, job, _attempt: (lapse(tx, job), claim(tx, "w2")),
    "lapse and cancel": lambda tx, job, _attempt: (lapse(tx, job), queue.cancel(tx, job)),
}


def rows(tx: Transaction) -> int:
    return len(tx.execute(schema.job_partials.select()).all())


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_partial_texts_are_seen_while_the_job_runs_and_gone_however_it_ends(
    database: Database, end: Callable[[Transaction, int, int], object]
):
    with database.write() as tx:
        job = add_job(tx)
        claim(tx)
        queue.report_progress(tx, job.id, 1, 1, 9, "tokens", partials=TEXTS[:1])
        queue.report_progress(tx, job.id, 1, 2, 9, "tokens", partials=TEXTS)
        queue.report_progress(tx, job.id, 1, 3, 9, "tokens")  # leaves them
        assert queue.partials(tx, job.id) == TEXTS
        assert queue.get_job(tx, job.id).result is None
        end(tx, job.id, 1)
        assert queue.partials(tx, job.id) == []
        assert rows(tx) == 0


def test_a_worker_that_lost_its_lease_shows_no_texts(database: Database):
    with database.write() as tx:
        job = add_job(tx)
        claim(tx, "zombie")
        lapse(tx, job.id)
        claim(tx, "owner")
        with pytest.raises(LeaseLost):
            queue.report_progress(tx, job.id, 1, 1, 9, "tokens", partials=TEXTS)
        assert rows(tx) == 0


def test_progress_carries_its_rate_until_the_attempt_ends(database: Database):
    with database.write() as tx:
        job = add_job(tx)
        claim(tx)
        queue.report_progress(tx, job.id, 1, 20, 100, "tokens", rate=4.0)
        assert queue.get_job(tx, job.id).progress_rate == 4.0
        queue.heartbeat(tx, job.id, 1, LEASE_S)
        assert queue.get_job(tx, job.id).progress_rate == 4.0
        done = queue.finish(tx, job.id, 1, {})
    assert (done.progress_rate, done.progress_done) == (None, 100)


def test_a_log_keeps_the_newest_lines_in_order_and_cuts_long_ones(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(progress, "LOG_LINES", 5)
    with database.write() as tx:
        one, two = add_job(tx), add_job(tx)
        queue.append_log(tx, one.id, 1, [])
        for number in range(4):
            lines = [(LogLevel.INFO, f"{number}a"), (LogLevel.WARNING, f"{number}b\x00")]
            queue.append_log(tx, one.id, 1, lines)
            queue.append_log(tx, two.id, 3, [(LogLevel.ERROR, "x" * 5000)])
        found = queue.log(tx, one.id)
        assert [item.message for item in found] == ["1b", "2a", "2b", "3a", "3b"]
        assert [item.message for item in queue.log(tx, one.id, last=2)] == ["3a", "3b"]
        other = queue.log(tx, two.id)
    assert (found[-1].level, found[-1].attempt) == (LogLevel.WARNING, 1)
    assert [len(item.message) for item in other] == [progress.LOG_LINE_LENGTH] * 4
    assert found[0].created_at <= found[-1].created_at
