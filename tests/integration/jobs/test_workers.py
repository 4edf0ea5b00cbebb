"""What a worker does with jobs, whatever they compute; on both databases, without a model."""

import errno
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
import torch

from tests.store.builders import add_job, add_model
from tests.store.jobs.test_queue import lapse
from vectorlab.domain.jobs.jobs import AttemptOutcome, Job, JobState, NewJob, PartialText
from vectorlab.errors import LeaseLost
from vectorlab.services import jobs as services
from vectorlab.store import audit
from vectorlab.store.database import Database, StoreUnavailable
from vectorlab.store.jobs import queue
from vectorlab.worker import handlers, lease
from vectorlab.worker.context import JobContext
from vectorlab.worker.loop import Worker
from vectorlab.worker.shutdown import Stopping

Handle = Callable[[JobContext], None]


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Callable[[Handle], None]:
    """Lets jobs of kind ``extract`` do what a test wants."""
    return lambda work: monkeypatch.setitem(handlers.HANDLERS, "extract", work)


def enqueue(database: Database, **changes: object) -> Job:
    with database.write() as tx:
        return add_job(tx, **changes)


def drain(database: Database, **options: object) -> list[Job]:
    done: list[Job] = []
    Worker(database, device="cpu", **options).work(
        stop=threading.Event(), drain=True, on_job=done.append
    )
    return done


@contextmanager
def working(database: Database, **options: object) -> Iterator[tuple[Worker, Stopping, list[Job]]]:
    """A worker that waits for jobs in a thread."""
    stopping, done = Stopping(), []
    worker = Worker(database, device="cpu", **options)
    thread = threading.Thread(
        target=worker.work, kwargs={"stop": stopping, "on_job": done.append}, daemon=True
    )
    thread.start()
    try:
        yield worker, stopping, done
    finally:
        stopping.ask()
        thread.join(10)
        stopping.hurry.set()  # after a failed test: the store may be away
        thread.join(30)
        assert not thread.is_alive()


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        tick.wait(0.01)


def outcomes(database: Database, job_id: int) -> list[AttemptOutcome | None]:
    return [item.outcome for item in services.attempts(database, job_id)]


def test_an_idle_worker_takes_an_interactive_job_at_once(
    database: Database, handle, monkeypatch: pytest.MonkeyPatch
):
    """It is woken: its regular looks are made too rare to explain it."""
    monkeypatch.setattr("vectorlab.worker.loop.LOOK_EVERY_S", 3600.0)
    handle(lambda context: context.commit(lambda _tx, _made: None))
    waited = []
    with working(database) as (_, _, done):
        until(lambda: any(item.alive for item in services.workers(database)))
        for number in range(1, 7):
            job = enqueue(database)
            until(lambda number=number: len(done) == number)
            found = services.get(database, job.id)
            waited.append((found.started_at - found.created_at).total_seconds())
    assert min(waited) < 0.3, waited  # on a machine that has nothing else to do: each of them


def test_a_job_that_was_put_off_is_taken_when_its_time_comes(database: Database, handle):
    handle(lambda context: context.commit(lambda _tx, _made: None))
    job = enqueue(database)
    with database.write() as tx:
        running = queue.claim(tx, worker_id="w", lease_s=60)
        queue.fail(tx, job.id, running.attempt, error_class="E", error="away", retry=True)
    with working(database) as (_, _, done):
        until(lambda: len(done) == 1)
    assert done[0].state is JobState.SUCCEEDED
    assert done[0].error is None


def test_the_store_may_go_away_while_a_result_is_committed(
    database: Database, handle, monkeypatch: pytest.MonkeyPatch
):
    tries = []

    def work(context: JobContext) -> None:
        def write(tx, made) -> None:
            audit.record(tx, actor="a", action="b", object_kind="c", object_id=1, details={})
            tries.append(1)
            if len(tries) < 3:
                raise StoreUnavailable("the server restarts")

        context.commit(write)

    handle(work)
    job = enqueue(database)
    [done] = drain(database)
    assert (done.state, done.attempt, len(tries)) == (JobState.SUCCEEDED, 1, 3)
    with database.read() as tx:
        assert tx.scalar(sa.text("SELECT count(*) FROM audit_log WHERE actor = 'a'")) == 1
    assert "the server restarts" in " ".join(
        item.message for item in services.log(database, job.id)
    )


def test_a_commit_whose_answer_was_lost_is_not_repeated(database: Database, handle):
    def work(context: JobContext) -> None:
        def write(tx, made) -> None:
            audit.record(tx, actor="a", action="b", object_kind="c", object_id=1, details={})

        original, answers = context.db.write, iter([False, True])

        @contextmanager
        def write_and_lose():
            with original() as tx:
                yield tx
            if not next(answers, True):
                raise StoreUnavailable("the connection is gone")

        context.db.write = write_and_lose  # type: ignore[method-assign]
        try:
            context.commit(write)
        finally:
            context.db.write = original  # type: ignore[method-assign]

    handle(work)
    enqueue(database)
    [done] = drain(database)
    assert (done.state, done.attempt) == (JobState.SUCCEEDED, 1)
    with database.read() as tx:
        assert tx.scalar(sa.text("SELECT count(*) FROM audit_log WHERE actor = 'a'")) == 1


def test_draining_without_a_store_is_an_error_and_not_an_empty_queue(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("vectorlab.worker.loop.PATIENCE_S", -1.0)
    monkeypatch.setattr(
        queue, "claim", lambda *_, **__: (_ for _ in ()).throw(StoreUnavailable("away"))
    )
    with pytest.raises(StoreUnavailable):
        drain(sqlite_database)


def test_a_worker_that_is_told_to_stop_hands_its_job_back_after_the_batch(
    database: Database, handle
):
    reached = []

    def work(context: JobContext) -> None:
        stopping.ask()
        for step in range(1, 10):
            context.lease.progress(step, 9, "steps")  # goes on within a batch
            context.write(lambda tx, step=step: queue.save_chunk(tx, job.id, 1, step, b"x"))
            reached.append(step)
            if step % 3 == 0:
                context.lease.checkpoint()

    handle(work)
    job = enqueue(database)
    with working(database) as (_, stopping, done):
        until(lambda: len(done) == 1)
    assert reached == [1, 2, 3]
    assert done[0].state is JobState.QUEUED
    assert outcomes(database, job.id) == [AttemptOutcome.RELEASED]
    with database.read() as tx:
        assert list(queue.chunks(tx, job.id)) == [1, 2, 3]


def test_a_worker_in_a_hurry_hands_its_job_back_within_the_batch(sqlite_database: Database, handle):
    def work(context: JobContext) -> None:
        context.lease.progress(1, 9, "steps")
        stopping.ask()
        stopping.hurry.set()
        context.lease.progress(2, 9, "steps")
        raise AssertionError("not reached")

    handle(work)
    job = enqueue(sqlite_database)
    with working(sqlite_database) as (_, stopping, done):
        until(lambda: len(done) == 1)
    assert outcomes(sqlite_database, job.id) == [AttemptOutcome.RELEASED]


def test_what_is_computed_can_be_handed_back_from_another_thread(sqlite_database: Database, handle):
    """As when the main thread hangs in a long computation and the process has to go."""
    inside, go_on = threading.Event(), threading.Event()

    def work(context: JobContext) -> None:
        inside.set()
        go_on.wait(20)
        context.commit(lambda _tx, _made: None)

    handle(work)
    job = enqueue(sqlite_database)
    with working(sqlite_database) as (worker, stopping, _):
        assert inside.wait(20)
        worker.abandon()
        assert services.get(sqlite_database, job.id).state is JobState.QUEUED
        stopping.ask()
        go_on.set()
    assert outcomes(sqlite_database, job.id) == [AttemptOutcome.RELEASED]
    assert not any(item.alive for item in services.workers(sqlite_database))


def test_a_worker_is_stopped_from_afar(database: Database, handle):
    with working(database) as (worker, stopping, _):
        until(lambda: any(item.alive for item in services.workers(database)))
        assert services.stop_workers(database, [worker.id[:8]], actor="me") == [worker.id]
        assert stopping.asked.wait(10)
        until(lambda: not any(item.alive for item in services.workers(database)))
    with database.read() as tx:
        assert tx.scalar(sa.text("SELECT count(*) FROM audit_log WHERE action = 'stop'")) == 1


def test_a_zombie_is_fenced_off_and_the_successor_delivers(database: Database, handle):
    """A worker sleeps past its lease; when it wakes up its work is dropped."""
    inside, go_on = threading.Event(), threading.Event()

    def sleep(context: JobContext) -> None:
        inside.set()
        go_on.wait(20)
        context.commit(lambda _tx, made: made.update(vector_id=111))

    handle(sleep)
    job = enqueue(database)
    with working(database, heartbeat_s=1000.0) as (_, _, woken):
        assert inside.wait(20)
        with database.write() as tx:
            lapse(tx, job.id)
        assert services.standing(services.get(database, job.id)).startswith("running, but worker")
        handle(lambda context: context.commit(lambda _tx, made: made.update(vector_id=222)))
        [done] = drain(database)
        go_on.set()
        until(lambda: len(woken) == 1)
    assert (done.attempt, services.get(database, job.id).result) == (2, {"vector_id": 222})
    assert outcomes(database, job.id) == [AttemptOutcome.LOST, AttemptOutcome.SUCCEEDED]


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), JobState.QUEUED, "The disk is full"),
        (StoreUnavailable("server gone"), JobState.QUEUED, "server gone"),
        (torch.OutOfMemoryError("CUDA out of memory."), JobState.FAILED, "Use a smaller model"),
        (MemoryError(), JobState.FAILED, "Use a smaller model"),
        (ZeroDivisionError("division"), JobState.FAILED, "ZeroDivisionError: division"),
        (LeaseLost("gone"), JobState.RUNNING, None),
    ],
)
def test_every_error_ends_in_its_state_with_a_reason(
    sqlite_database: Database, handle, error: Exception, state: JobState, reason: str | None
):
    def work(context: JobContext) -> None:
        raise error

    handle(work)
    job = enqueue(sqlite_database)
    [done] = drain(sqlite_database)[:1]
    assert done.state is state
    if reason is not None:
        assert reason in done.error
        [line] = [item for item in services.log(sqlite_database, job.id) if item.level == "error"]
        assert reason in line.message
        assert services.attempts(sqlite_database, job.id)[0].error == done.error
        if state is JobState.QUEUED:
            assert services.standing(done).startswith("queued, tried again from ")


def test_partial_texts_are_readable_while_the_job_runs(
    database: Database, handle, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(lease, "PROGRESS_EVERY_S", 0.0)
    seen = []

    def work(context: JobContext) -> None:
        for text in ("Once", "Once upon"):
            context.lease.show([PartialText(prompt=0, arm=0, sample=0, text=text)])
            context.lease.progress(len(text), 20, "tokens")
            seen.append([item.text for item in services.partial_texts(database, context.job.id)])
        context.commit(lambda _tx, _made: None)

    handle(work)
    job = enqueue(database)
    drain(database)
    assert seen == [["Once"], ["Once upon"]]
    assert services.partial_texts(database, job.id) == []


def test_progress_and_texts_are_written_a_few_times_a_second_only(
    sqlite_database: Database, handle, monkeypatch: pytest.MonkeyPatch
):
    writes = []
    original = queue.report_progress
    monkeypatch.setattr(
        queue, "report_progress", lambda *a, **k: (writes.append(1), original(*a, **k))[1]
    )

    def work(context: JobContext) -> None:
        for step in range(2000):
            context.lease.show([PartialText(prompt=0, arm=0, sample=0, text="x")])
            context.lease.progress(step, None, "tokens")
        began.append(time.monotonic())
        context.commit(lambda _tx, _made: None)

    began = [time.monotonic()]
    handle(work)
    enqueue(sqlite_database)
    drain(sqlite_database)
    assert len(writes) <= 2 + (began[1] - began[0]) / lease.PROGRESS_EVERY_S


def test_a_worker_goes_when_it_was_idle_for_long_enough_or_has_done_enough(
    sqlite_database: Database, handle
):
    handle(lambda context: context.commit(lambda _tx, _made: None))
    worker = Worker(sqlite_database, device="cpu")
    assert worker.work(stop=threading.Event(), idle_exit_s=0.05) == 0
    for _ in range(3):
        enqueue(sqlite_database)
    assert Worker(sqlite_database, device="cpu").work(stop=threading.Event(), most=2) == 2
    assert services.counts(sqlite_database) == {JobState.QUEUED: 1, JobState.SUCCEEDED: 2}


def test_a_worker_serves_its_own_queue_alone(database: Database, handle):
    handle(lambda context: context.commit(lambda _tx, _made: None))
    day, night = enqueue(database), enqueue(database, queue="night")
    [done] = drain(database, queue="night")
    assert done.id == night.id
    assert services.get(database, day.id).state is JobState.QUEUED


def test_jobs_of_held_models_go_first(sqlite_database: Database, handle):
    with sqlite_database.write() as tx:
        models = [add_model(tx, name).id for name in ("a", "b")]
        for model in (models[0], models[1], models[0], models[1]):
            queue.enqueue(
                tx,
                NewJob(kind="extract", spec={}, dedupe_key=None, model_id=model, created_by="t"),
            )

    def work(context: JobContext) -> None:
        context.model_cache._held[("x", "float32")] = (context.job.model_id, None)  # type: ignore[assignment]
        context.commit(lambda _tx, _made: None)

    handle(work)
    assert [job.model_id for job in drain(sqlite_database)] == [
        models[0],
        models[0],
        models[1],
        models[1],
    ]


def test_the_rate_is_that_of_the_last_seconds(sqlite_database: Database, monkeypatch):
    now = iter([100.0, 101.0, 102.0, 103.0, 120.0, 121.0, 122.0])
    monkeypatch.setattr(lease, "time", SimpleNamespace(monotonic=lambda: next(now)))
    job = enqueue(sqlite_database)
    with sqlite_database.write() as tx:
        queue.claim(tx, worker_id="w", lease_s=60)
        running = queue.get_job(tx, job.id)
    kept = lease.Lease(sqlite_database, running, lease_s=60, heartbeat_s=15)
    rates = []
    for done, note in [(0, "a"), (10, "a"), (20, "a"), (0, "b"), (170, "b"), (171, "b"), (5, "b")]:
        kept.progress(done, 200, note)
        rates.append(services.get(sqlite_database, job.id).progress_rate)
    assert rates == [None, 10.0, 10.0, None, 10.0, 1.0, None]
