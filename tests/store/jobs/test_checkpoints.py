"""Curves and checkpoints of a job: bounded, fenced, kept or gone as they should."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from tests.store.builders import add_job
from tests.store.jobs.test_progress import ENDS
from tests.store.jobs.test_queue import claim, lapse
from vectorlab.domain.jobs.jobs import CurvePoint, JobFilter
from vectorlab.errors import InputError, IntegrityError, LeaseLost
from vectorlab.store import schema
from vectorlab.store.database import Database, Transaction
from vectorlab.store.jobs import checkpoints, pruning, queue

STILL_WANTED = {"fail", "fail and wait", "release", "lapse and takeover"}


def points(*steps: int, series: str = "loss", value: float = 0.5) -> list[CurvePoint]:
    return [CurvePoint(series=series, step=step, value=value) for step in steps]


def steps(tx: Transaction, job_id: int, series: str = "loss") -> list[int]:
    return [step for step, _ in queue.curves(tx, job_id)[series]]


def running(tx: Transaction) -> int:
    job = add_job(tx)
    claim(tx, job_id=job.id)
    return job.id


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_curves_stay_however_the_attempt_ends(
    database: Database, end: Callable[[Transaction, int, int], object]
):
    with database.write() as tx:
        job = running(tx)
        drawn = [*points(0, 10), *points(10, series="accuracy", value=-2.0)]
        queue.report_progress(tx, job, 1, 10, 20, points=drawn)
        end(tx, job, 1)
        assert queue.curves(tx, job) == {
            "accuracy": [(10, -2.0)],
            "loss": [(0, 0.5), (10, 0.5)],
        }
        assert queue.curves(tx, job, after_step=5)["loss"] == [(10, 0.5)]


@pytest.mark.parametrize("name", ENDS)
def test_a_checkpoint_stays_until_nobody_will_resume_from_it(database: Database, name: str):
    with database.write() as tx:
        job = running(tx)
        queue.save_checkpoint(tx, job, 1, 3, b"three")
        queue.save_checkpoint(tx, job, 1, 7, b"seven")
        ENDS[name](tx, job, 1)
        found = queue.checkpoint(tx, job)
    if name in STILL_WANTED:
        assert (found.step, found.data, found.attempt) == (7, b"seven", 1)
    else:
        assert found is None


def test_a_failed_job_that_is_tried_again_finds_its_checkpoint(database: Database):
    with database.write() as tx:
        job = running(tx)
        queue.save_checkpoint(tx, job, 1, 3, b"three")
        ENDS["fail"](tx, job, 1)
        queue.retry(tx, job)
        claim(tx, job_id=job)
        assert queue.checkpoint(tx, job).data == b"three"


def test_a_point_of_the_same_step_is_replaced_and_a_cut_forgets_the_later_ones(
    database: Database,
):
    with database.write() as tx:
        job, other = running(tx), running(tx)
        for item in (job, other):
            queue.add_points(tx, item, points(0, 1, 2, 3))
        queue.add_points(tx, job, [*points(2, value=7.0), *points(2, value=9.0)])
        assert queue.curves(tx, job)["loss"][2] == (2, 9.0)
        queue.cut_curves(tx, job, after_step=1)
        assert steps(tx, job) == [0, 1]
        assert steps(tx, other) == [0, 1, 2, 3]


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_a_long_series_is_thinned_and_keeps_its_ends(
    database: Database, monkeypatch: pytest.MonkeyPatch, at_once: int
):
    monkeypatch.setattr(checkpoints, "POINTS_PER_SERIES", 10)
    with database.write() as tx:
        job = running(tx)
        queue.add_points(tx, job, points(0, 1, series="short"))
        for first in range(0, 100, at_once):
            queue.add_points(tx, job, points(*range(first, min(100, first + at_once))))
            assert len(steps(tx, job)) <= 10
            assert steps(tx, job)[-1] == min(100, first + at_once) - 1
        assert steps(tx, job)[0] == 0
        assert len(steps(tx, job)) >= 4
        assert steps(tx, job, "short") == [0, 1]


def test_too_many_series_are_refused(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checkpoints, "SERIES_PER_JOB", 2)
    with database.write() as tx:
        job = running(tx)
        queue.add_points(tx, job, [*points(0), *points(0, series="b")])
        with pytest.raises(InputError, match=r"draws 3 curves; at most 2"):
            queue.add_points(tx, job, points(0, series="c"))


def test_a_checkpoint_that_is_too_large_or_damaged_is_an_error(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    with database.write() as tx:
        job = running(tx)
        queue.save_checkpoint(tx, job, 1, 3, b"three")
        monkeypatch.setattr(checkpoints, "CHECKPOINT_BYTES", 4)
        with pytest.raises(InputError, match="has 5 bytes; at most 4"):
            queue.save_checkpoint(tx, job, 1, 4, b"fours")
        tx.execute(schema.job_checkpoints.update().values(data=b"other"))
        with pytest.raises(IntegrityError, match="does not have the hash on record"):
            queue.checkpoint(tx, job)


def test_a_worker_that_lost_its_lease_draws_nothing(database: Database):
    with database.write() as tx:
        job = running(tx)
        lapse(tx, job)
        claim(tx, "owner")
        with pytest.raises(LeaseLost):
            queue.report_progress(tx, job, 1, 1, 9, points=points(1))
        assert queue.curves(tx, job) == {}


def test_pruning_takes_curves_and_checkpoint_along(database: Database):
    with database.write() as tx:
        job = running(tx)
        queue.add_points(tx, job, points(1))
        queue.save_checkpoint(tx, job, 1, 1, b"one")
        ENDS["fail"](tx, job, 1)
        assert [item.id for item in pruning.prune(tx, JobFilter(), actor="me")] == [job]
        for table in (schema.job_points, schema.job_checkpoints):
            assert tx.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_point_that_is_no_number_says_that_the_training_diverged(value: float):
    with pytest.raises(InputError, match=r"'loss' is (nan|inf) at step 4; .*diverged"):
        points(4, value=value)


@pytest.mark.parametrize(("step", "series"), [(-1, "loss"), (0, ""), (0, "x" * 101)])
def test_a_point_needs_a_step_and_a_name(step: int, series: str):
    with pytest.raises(InputError, match="cannot be kept"):
        points(step, series=series)
