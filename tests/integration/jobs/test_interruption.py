"""Ctrl-C, a dead worker, a cancelled job: the queue and the store stay clean."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.tiny_models import byte_tokenizer, random_model
from vectorlab.domain.jobs.jobs import AttemptOutcome, JobState
from vectorlab.domain.runs.runs import Decoding
from vectorlab.errors import JobCancelled, JobFailed
from vectorlab.services import database, jobs
from vectorlab.store.database import StoreUnavailable
from vectorlab.worker.handlers import generation
from vectorlab.worker.lease import Lease
from vectorlab.worker.loop import Worker
from vectorlab.worker.shutdown import INTERRUPTED


def rows(lab, table: str) -> int:
    with lab.db.read() as tx:
        return tx.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar()


def interrupt_at(monkeypatch, note: str, error: type[BaseException] = KeyboardInterrupt) -> None:
    """Raise inside the computation, the first time that progress speaks of ``note``."""
    original = Lease.progress

    def progress(self, done, total, text):
        if note in text:
            monkeypatch.setattr(Lease, "progress", original)
            raise error
        original(self, done, total, text)

    monkeypatch.setattr(Lease, "progress", progress)


def test_ctrl_c_in_an_extraction_puts_the_job_back(lab, monkeypatch):
    interrupt_at(monkeypatch, "tokens read")
    before = rows(lab, "layer_vectors")
    asked = lab.vectors.request(set="upbeat@1", method="mean_difference", name="difference")
    with pytest.raises(KeyboardInterrupt):
        lab.wait(asked.job.id)
    job = jobs.get(lab.db, asked.job.id)
    assert job.state is JobState.QUEUED
    assert rows(lab, "layer_vectors") == before
    assert [item.outcome for item in jobs.attempts(lab.db, job.id)] == [AttemptOutcome.RELEASED]
    assert lab.wait(job.id).state is JobState.SUCCEEDED


def test_a_run_resumes_after_its_finished_batches(lab, monkeypatch):
    spoken = Decoding(max_new_tokens=2)
    prompts = [f"Once number {number}" for number in range(6)]
    calls: list[tuple[int, ...]] = []
    original = generation.generate
    small_batches = partial(generation.plan_run, token_budget=24)
    monkeypatch.setattr(generation, "plan_run", small_batches)

    def watched(*args, **kwargs):
        save = kwargs["on_batch"]

        def on_batch(batch, texts):
            save(batch, texts)
            calls.append(tuple(batch))
            if len(calls) == 2:
                raise KeyboardInterrupt

        return original(*args, **{**kwargs, "on_batch": on_batch})

    monkeypatch.setattr(generation, "generate", watched)
    asked = lab.runs.request(prompts=prompts, decoding=spoken)
    with pytest.raises(KeyboardInterrupt):
        lab.wait(asked.job.id)
    assert rows(lab, "generations") == 0
    lab.wait(asked.job.id)
    assert len(calls) > 2
    assert len(calls) == len(set(calls))  # no batch was computed twice
    assert rows(lab, "generations") == 6
    assert rows(lab, "job_chunks") == 0


def test_a_cancelled_job_ends_cancelled_and_can_be_retried(lab):
    asked = lab.runs.request(prompts=["Once"], decoding=Decoding(max_new_tokens=2))
    assert jobs.cancel(lab.db, asked.job.id, actor="me").state is JobState.CANCELLED
    with pytest.raises(JobCancelled, match="retry"):
        lab.wait(asked.job.id)
    jobs.retry(lab.db, asked.job.id, actor="me")
    assert lab.wait(asked.job.id).state is JobState.SUCCEEDED


def test_a_running_job_stops_when_asked(lab, monkeypatch):
    asked = lab.runs.request(prompts=["Once"], decoding=Decoding(max_new_tokens=2))
    original = generation.plan_run

    def plan(*args):
        jobs.cancel(lab.db, asked.job.id, actor="me")
        return original(*args)

    monkeypatch.setattr(generation, "plan_run", plan)
    worker = Worker(lab.db, device="cpu", heartbeat_s=0.01)
    monkeypatch.setattr("vectorlab.worker.lease.Lease.check", _wait_then_check(seconds=10))
    assert worker.work_one(asked.job.id).state is JobState.CANCELLED
    assert rows(lab, "generation_runs") == 0


def _wait_then_check(*, seconds: float):
    """``Lease.check`` that gives the heartbeat thread the time to see the request."""
    original = Lease.check

    def check(self):
        if self._job.progress_note or self._written_at:
            self._cancelled.wait(seconds)
        original(self)

    return check


def test_an_unforeseen_error_fails_the_job_with_its_place(lab, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("out of luck")

    monkeypatch.setattr("vectorlab.worker.handlers.extraction.extract", broken)
    with pytest.raises(JobFailed, match="out of luck"):
        lab.vectors.extract(set="upbeat@1", method="mean_difference")
    [job] = jobs.list_jobs(lab.db, state=JobState.FAILED)
    assert job.error_class == "RuntimeError"
    assert "in broken" in job.error


def test_a_worker_outlives_a_store_that_is_away(lab, monkeypatch):
    asked = lab.runs.request(prompts=["Once"], decoding=Decoding(max_new_tokens=2))
    failing = iter([True, True, True, False])
    original = lab.db.write

    def write():
        if next(failing, False):
            raise StoreUnavailable("the database is away")
        return original()

    worker = Worker(lab.db, device="cpu")
    stop = threading.Event()
    register = worker._register

    def registered():
        register()
        monkeypatch.setattr(lab.db, "write", write)

    monkeypatch.setattr(worker, "_register", registered)
    monkeypatch.setattr("vectorlab.store.retry.FIRST_PAUSE_S", 0.0)
    assert worker.work(stop=stop, on_job=lambda _: stop.set()) == 1
    assert jobs.get(lab.db, asked.job.id).state is JobState.SUCCEEDED
    assert next(failing, None) is None


def test_a_worker_drains_the_queue(lab):
    for word in ("one", "two"):
        lab.runs.request(prompts=[word], decoding=Decoding(max_new_tokens=2))
    done = []
    attempts = Worker(lab.db, device="cpu").work(
        stop=threading.Event(), drain=True, on_job=done.append
    )
    assert attempts == 2
    assert [job.state for job in done] == [JobState.SUCCEEDED] * 2
    [info] = [item for item in jobs.workers(lab.db) if item.device == "cpu"][-1:]
    assert not info.alive


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model, of which a batch takes a moment and not seconds."""
    folder = tmp_path_factory.mktemp("small")
    random_model("llama").save_pretrained(folder)
    byte_tokenizer(bos=True).save_pretrained(folder)
    return folder


@contextmanager
def worker_process(lab, model: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """``vectorlab worker`` in the middle of a long generation."""
    lab.models.add(str(model), name="small")
    asked = lab.runs.request(
        model="small",
        prompts=[f"Once {number}" for number in range(3000)],
        decoding=Decoding(max_new_tokens=100),
    )
    words = ["worker", "--device", "cpu", "--db", lab.db.url, *options]
    process = subprocess.Popen(
        [sys.executable, "-m", "vectorlab", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_until(lambda: jobs.get(lab.db, asked.job.id).progress_done > 0)
        assert jobs.get(lab.db, asked.job.id).state is JobState.RUNNING
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def wait_until(condition, seconds: float = 120.0) -> None:
    ticks, deadline = threading.Event(), time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        ticks.wait(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--concurrency", "2")], ids=["one", "two processes"])
def test_a_signal_finishes_the_batch_and_puts_the_job_back(lab, small_model, options):
    with worker_process(lab, small_model, *options) as process:
        asked_at = datetime.now(UTC)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    # On a machine that is busy enough the batch is left in the middle, in time all the same.
    in_peace = process.returncode == 0
    assert in_peace or process.returncode == INTERRUPTED
    assert "stopped." in output or not in_peace
    job = jobs.list_jobs(lab.db)[0]
    assert job.state is JobState.QUEUED
    [attempt] = jobs.attempts(lab.db, job.id)
    assert attempt.outcome is AttemptOutcome.RELEASED
    assert attempt.ended_at - asked_at < timedelta(seconds=10)
    assert rows(lab, "generations") == 0
    assert rows(lab, "job_chunks") >= in_peace  # the batch at hand was not in vain
    assert rows(lab, "job_partials") == 0
    assert not any(item.alive for item in jobs.workers(lab.db))


@pytest.mark.slow
def test_a_second_ctrl_c_is_immediate_and_leaves_nothing_broken(lab, small_model):
    with worker_process(lab, small_model) as process:
        process.send_signal(signal.SIGINT)
        process.stdout.readline()  # that it waits for jobs
        process.stdout.readline()  # that it stops after the batch
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode in (INTERRUPTED, 0)  # 0: the batch ended at this very moment
    job = jobs.list_jobs(lab.db)[0]
    assert job.state is JobState.QUEUED
    assert rows(lab, "generations") == 0
    assert database.verify(lab.db) == []


@pytest.mark.slow
def test_a_process_that_is_killed_is_replaced_and_none_outlives_its_parent(lab, small_model):
    with worker_process(lab, small_model, "--concurrency", "2") as process:
        [busy] = [item for item in jobs.workers(lab.db) if item.state == "busy"]
        assert busy.pid != process.pid
        os.kill(busy.pid, signal.SIGKILL)
        wait_until(lambda: sum(item.pid != busy.pid for item in jobs.workers(lab.db)) == 2)
        pids = [item.pid for item in jobs.workers(lab.db)]
        process.kill()
        wait_until(lambda: not any(map(is_running, pids)))
    assert not any(item.alive for item in jobs.workers(lab.db) if item.pid != busy.pid)


def is_running(pid: int) -> bool:
    """Whether a process is there and has not ended, whoever has to bury it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
