"""Workers that are killed and stopped all the time; what is left is counted afterwards.

The worker loop, the leases and the handler of real generations are the product's own; what the
other jobs compute is made up. On Linux only: who is stopped is read from /proc.
"""

import multiprocessing
import os
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np

from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE, JobState, NewJob
from vectorlab.domain.jobs.requests import GenerateRequest
from vectorlab.domain.runs.batch_plan import BatchPlan
from vectorlab.domain.runs.runs import Decoding, NewRun, Prompt, RunSpec
from vectorlab.domain.runs.texts import FinishReason, GeneratedText
from vectorlab.domain.vectors.vectors import LayerVector, NewVector, Origin, Site, TokenRule
from vectorlab.lab import Lab
from vectorlab.services import database, jobs
from vectorlab.services.database import Database
from vectorlab.services.jobs import counts
from vectorlab.store.database import Transaction
from vectorlab.store.jobs import queue
from vectorlab.store.runs import runs
from vectorlab.store.vectors import vectors
from vectorlab.worker.context import JobContext
from vectorlab.worker.handlers import HANDLERS
from vectorlab.worker.handlers.generation import run_generation
from vectorlab.worker.loop import Worker

LAYERS, CHUNKS = 4, 3
REAL = Decoding(max_new_tokens=4)


@dataclass(frozen=True, kw_only=True)
class Chaos:
    """What is done to the workers."""

    jobs: int = 600
    workers: int = 4
    kill_every_s: float = 1.0
    stalled_share: float = 0.01  # of the jobs, in their first attempt
    real_share: float = 0.1  # of the jobs: generations with the bundled model
    lease_s: float = 3.0
    step_s: float = 0.03  # that a step of a made-up job takes, on average
    seed: int = 0
    give_up_after_s: float = 900.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was found afterwards."""

    jobs: int
    succeeded: int
    kills: int
    stalls: int
    attempts: int
    lost_attempts: int
    succeeded_attempts: int
    vectors: int
    runs: int
    results: int  # vectors and runs that the jobs name as theirs
    stale_results: int  # made by another attempt than the one that succeeded
    left_over: int  # chunks, partial texts and open attempts
    problems: tuple[str, ...]  # of the store
    seconds: float

    @property
    def is_clean(self) -> bool:
        """Whether every job was done exactly once and nothing else is there."""
        return (
            self.succeeded == self.jobs == self.succeeded_attempts == self.results
            and self.vectors + self.runs == self.jobs
            and not (self.stale_results or self.left_over or self.problems)
        )


def run_chaos(url: str, chaos: Chaos) -> Outcome:
    """Fill the store with jobs, let the storm go over it, and look at what is left."""
    lab = Lab(url, device="cpu")
    before = _results(lab.db)
    enqueue(lab, chaos)
    storm = _Storm(url, chaos)
    began = time.monotonic()
    try:
        storm.rage(lab.db)
    finally:
        storm.end()
    seconds = time.monotonic() - began
    try:
        return _examine(lab.db, chaos, storm, before, seconds)
    finally:
        lab.db.dispose()


def work_for_ever(url: str, chaos: Chaos) -> None:
    """A worker process; it ends by being killed."""
    HANDLERS["extract"] = make_vector
    HANDLERS["generate"] = _generate
    worker = Worker(
        Database.open(url), device="cpu", lease_s=chaos.lease_s, heartbeat_s=chaos.lease_s / 4
    )
    worker.work(stop=threading.Event())


class _Storm:
    """The processes, and what happens to them."""

    def __init__(self, url: str, chaos: Chaos) -> None:
        # Processes are forked from one that has everything imported and no connection open.
        self._context: BaseContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["bench._storm"])
        self._url = url
        self._chaos = chaos
        self._random = random.Random(chaos.seed)
        self._children: list[BaseProcess] = []
        self._stopped_since: dict[int, float] = {}
        self.kills = 0
        self.stalls = 0

    def rage(self, db: Database) -> None:
        chaos = self._chaos
        self._fill()
        deadline = time.monotonic() + chaos.give_up_after_s
        next_kill = time.monotonic() + chaos.kill_every_s
        while True:
            time.sleep(0.05)
            self._wake_the_stopped()
            if time.monotonic() >= next_kill:
                next_kill += chaos.kill_every_s
                self._kill_one()
            found = counts(db)
            if all(state.is_final for state in found):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{found} after {chaos.give_up_after_s:g} s")

    def end(self) -> None:
        for child in self._children:
            child.kill()
        for child in self._children:
            child.join()

    def _fill(self) -> None:
        while len(self._children) < self._chaos.workers:
            child = self._context.Process(
                target=work_for_ever, args=(self._url, self._chaos), daemon=True
            )
            child.start()
            self._children.append(child)

    def _kill_one(self) -> None:
        child = self._random.choice(self._children)
        child.kill()
        child.join()
        self._children.remove(child)
        self._stopped_since.pop(child.pid or 0, None)
        self.kills += 1
        self._fill()

    def _wake_the_stopped(self) -> None:
        now = time.monotonic()
        for child in self._children:
            pid = child.pid or 0
            if _is_stopped(pid):
                self.stalls += pid not in self._stopped_since
                since = self._stopped_since.setdefault(pid, now)
                if now - since > 1.5 * self._chaos.lease_s:
                    del self._stopped_since[pid]
                    os.kill(pid, signal.SIGCONT)


def _is_stopped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def enqueue(lab: Lab, chaos: Chaos, *, share_batches: bool = True) -> None:
    """Ask for the mixed jobs."""
    model, dice = lab.models.get(), random.Random(chaos.seed)
    spec = RunSpec(
        model_fingerprint=model.fingerprint,
        prompts=(Prompt(text="Once"),),
        arms=(Arm(label="baseline"),),
        decoding=REAL,
    )
    real = int(chaos.jobs * chaos.real_share)
    stalled = set(dice.sample(range(chaos.jobs), round(chaos.jobs * chaos.stalled_share)))
    with lab.db.write() as tx:
        for number in range(chaos.jobs):
            kind = "generate" if number % 2 or number < real else "extract"
            own = GenerateRequest(
                spec=replace(spec, seed=number),
                model_id=model.id,
                name=None,
                prompt_set_version_id=None,
            )
            data: dict[str, Any] = {
                "model_id": model.id,
                "fingerprint": model.fingerprint,
                "number": number,
                "stalls": number in stalled,
                "step_s": chaos.step_s,
            }
            queue.enqueue(
                tx,
                NewJob(
                    kind=kind,
                    spec=own.to_json() if number < real else data,
                    dedupe_key=f"chaos:{number}",
                    model_id=model.id,
                    priority=PRIORITY_INTERACTIVE if dice.random() < 0.1 else 0,
                    max_attempts=50,
                    batch_key="chaos" if number < real and share_batches else None,
                    created_by="chaos",
                ),
            )


def make_vector(context: JobContext) -> None:
    """As an extraction: everything in one transaction at the end."""
    _step(context, 1, 2)
    job = context.job
    _maybe_stall(context)
    values = np.random.default_rng(job.spec["number"]).normal(size=(LAYERS, 4096))
    new = NewVector(
        name=f"job-{job.id}",
        model_id=job.spec["model_id"],
        set_version_id=None,
        method="mean_difference",
        operator=Operator.ADD,
        parameters={"attempt": job.attempt},
        read_site=Site.BLOCK_OUTPUT,
        write_site=Site.BLOCK_OUTPUT,
        token_rule=TokenRule.LAST,
        spec=None,
        origin=Origin.IMPORTED,
        layers=[
            LayerVector(layer=layer, values=row.astype(np.float32))
            for layer, row in enumerate(values)
        ],
        alignments=(),
        environment={},
    )

    def write(tx: Transaction, made: dict[str, int]) -> None:
        made["vector_id"] = vectors.add_vector(tx, new, created_by="chaos").id

    context.commit(write)


def _generate(context: JobContext) -> None:
    request = context.job.request(GenerateRequest)
    if request is None:
        make_run(context)
    else:
        run_generation(context, request)


def make_run(context: JobContext) -> None:
    """As a generation: chunk by chunk, skipping those of earlier attempts."""
    job = context.job
    with context.db.read() as tx:
        done = queue.chunks(tx, job.id)
    for seq in range(CHUNKS):
        if seq not in done:
            _step(context, seq, CHUNKS)
            context.write(
                lambda tx, seq=seq: queue.save_chunk(  # type: ignore[misc]
                    tx, job.id, job.attempt, seq, str(seq).encode()
                )
            )
    _maybe_stall(context)
    with context.db.read() as tx:
        kept = queue.chunks(tx, job.id)
    spec = RunSpec(
        model_fingerprint=job.spec["fingerprint"],
        prompts=tuple(Prompt(text=kept[seq].decode()) for seq in range(CHUNKS)),
        arms=(Arm(label="baseline"),),
        decoding=REAL,
        seed=job.spec["number"],
    )
    new = NewRun(
        name=f"job-{job.id}",
        model_id=job.spec["model_id"],
        prompt_set_version_id=None,
        spec=spec,
        environment={"attempt": job.attempt},
        batch_plan=BatchPlan(batches=(tuple(range(CHUNKS)),)),
        generations=[
            GeneratedText(
                key=key,
                text=spec.prompts[key.prompt].text,
                token_ids=(job.attempt,),
                finish_reason=FinishReason.LENGTH,
                mean_logprob=-1.0,
            )
            for key in spec.rows()
        ],
        duration_s=0.0,
    )

    def write(tx: Transaction, made: dict[str, int]) -> None:
        made["run_id"] = runs.add_run(tx, new, created_by="chaos").id

    context.commit(write)


def _step(context: JobContext, done: int, total: int) -> None:
    time.sleep(random.expovariate(1 / context.job.spec["step_s"]))
    context.lease.progress(done, total, "steps")


def _maybe_stall(context: JobContext) -> None:
    """Right before the commit, where a zombie could do most harm."""
    if context.job.spec["stalls"] and context.job.attempt == 1:
        os.kill(os.getpid(), signal.SIGSTOP)


def _results(db: Database) -> tuple[set[int], set[int]]:
    """Ids of every vector and every run."""
    with db.read() as tx:
        return (
            {item.id for item in vectors.list_vectors(tx)},
            {item.id for item in runs.list_runs(tx, limit=10**6)},
        )


def _examine(
    db: Database,
    chaos: Chaos,
    storm: _Storm,
    before: tuple[set[int], set[int]],
    seconds: float,
) -> Outcome:
    found = jobs.list_jobs(db, limit=None)
    tries = [item for job in found for item in jobs.attempts(db, job.id)]
    outcomes = Counter(item.outcome for item in tries)
    made = [dict(job.result or {}) for job in found]
    all_vectors, all_runs = _results(db)
    named = {("vector", item["vector_id"]) for item in made if "vector_id" in item}
    named |= {("run", item["run_id"]) for item in made if "run_id" in item}
    return Outcome(
        jobs=chaos.jobs,
        succeeded=sum(job.state is JobState.SUCCEEDED for job in found),
        kills=storm.kills,
        stalls=storm.stalls,
        attempts=len(tries),
        lost_attempts=outcomes["lost"],  # type: ignore[index]
        succeeded_attempts=outcomes["succeeded"],  # type: ignore[index]
        vectors=len(all_vectors - before[0]),
        runs=len(all_runs - before[1]),
        results=len(named),
        stale_results=_stale(db, found),
        left_over=_left_over(db) + outcomes[None],
        problems=tuple(database.verify(db)),
        seconds=round(seconds, 1),
    )


def _stale(db: Database, found: list[Any]) -> int:
    stale = 0
    with db.read() as tx:
        for job in found:
            result = job.result or {}
            if "vector_id" in result:
                vector = vectors.get_vector(tx, str(result["vector_id"]))
                stale += vector.parameters["attempt"] != job.attempt
                stale += vector.n_layers != LAYERS
            elif "run_id" in result:
                run = runs.get_run(tx, str(result["run_id"]))
                texts = runs.generations(tx, run.id)
                stale += len(texts) != len(run.spec.rows())
                if job.request(GenerateRequest) is None:
                    stale += run.environment["attempt"] != job.attempt
                    stale += any(text.token_ids != (job.attempt,) for text in texts)
    return stale


def _left_over(db: Database) -> int:
    with db.read() as tx:
        return sum(
            int(tx.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() or 0)
            for table in ("job_chunks", "job_partials")
        )
