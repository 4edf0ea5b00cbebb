"""Experiment jobs: their parts one after the other, each a job of its own."""

import json
from functools import partial
from typing import TypeVar

from vectorlab.domain.jobs.jobs import Job
from vectorlab.domain.jobs.requests import ExperimentRequest
from vectorlab.services.asking import Asked
from vectorlab.services.runs import experiments
from vectorlab.store.jobs import queue
from vectorlab.worker.context import JobContext
from vectorlab.worker.registry import handles

T = TypeVar("T")
PAUSE_S = 0.3  # between looks at a part that is in other hands


@handles(ExperimentRequest)
def run_experiment(context: JobContext, request: ExperimentRequest) -> None:
    """Carry an experiment out; an attempt after a crash finds the parts that were done."""
    job = context.job
    ids = experiments.carry_out(
        context.db,
        request,
        _Parts(context).do,
        actor=job.created_by,
        priority=job.priority,
        queue=job.queue,
    )
    context.commit(lambda _tx, result_ids: result_ids.update(ids))


class _Parts:
    """The parts of one attempt, in their order; those that were begun are kept with the job."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._number = 0

    def do(self, what: str, asked: Asked[T]) -> T:
        """Work a part off here, or wait for whoever does; what it made, or what was found."""
        context, seq = self._context, self._number
        self._number += 1
        context.lease.checkpoint()
        data = json.dumps({"what": what, "job_id": asked.job and asked.job.id}).encode()
        context.write(
            lambda tx: queue.save_chunk(tx, context.job.id, context.job.attempt, seq, data)
        )
        context.lease.log(f"{what}: {'found' if asked.job is None else f'job {asked.job.id}'}")
        return asked.answer(partial(self._work_off, what))

    def _work_off(self, what: str, job_id: int) -> Job:
        lease = self._context.lease

        def tell(done: int, total: int | None, note: str) -> None:
            lease.progress(done, total, f"{what}: {note}")

        while True:
            lease.checkpoint()
            with self._context.db.read() as tx:
                job = queue.get_job(tx, job_id)
            if job.state.is_final:
                return job
            if self._context.part(job_id, tell) is None:
                tell(job.progress_done, job.progress_total, job.progress_note or job.state.value)
                lease.wait(PAUSE_S)
