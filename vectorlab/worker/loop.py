"""The worker: claim a job, work it off, record the outcome whatever happens."""

import logging
import os
import platform
import random
import threading
import traceback
import uuid
from collections.abc import Callable

import torch

from vectorlab.domain.jobs import Job, JobState
from vectorlab.domain.states import DEFAULT_STATE_CACHE_BYTES
from vectorlab.errors import JobCancelled, LeaseLost, StoreError, VectorLabError
from vectorlab.services.jobs import HEARTBEAT_S, LEASE_S
from vectorlab.steering.loading import resolve_device
from vectorlab.store import jobs
from vectorlab.store.database import Database
from vectorlab.worker.handlers import HANDLERS, JobContext, ModelShelf
from vectorlab.worker.lease import Lease, ProgressListener

log = logging.getLogger(__name__)

# Seconds between looks at an empty queue: from the first, growing to the second.
POLL_FIRST_S = 0.25
POLL_LAST_S = 2.0


class Worker:
    """One process's loop over the queue, holding one model at a time."""

    def __init__(
        self,
        db: Database,
        *,
        device: str = "auto",
        lease_s: float = LEASE_S,
        heartbeat_s: float = HEARTBEAT_S,
        listener: ProgressListener | None = None,
        state_cache_bytes: int = DEFAULT_STATE_CACHE_BYTES,
    ) -> None:
        self.id = f"{platform.node()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._db = db
        self._device = device
        self._lease_s = lease_s
        self._heartbeat_s = heartbeat_s
        self._listener = listener
        self._shelf = ModelShelf(device)
        self._state_cache_bytes = state_cache_bytes

    def work(
        self,
        *,
        stop: threading.Event,
        drain: bool = False,
        on_job: Callable[[Job], None] | None = None,
    ) -> int:
        """Work jobs off until ``stop`` is set, or with ``drain`` until the queue is empty.

        Args:
            stop: Set it (from a signal handler or another thread) to leave after the job at hand.
            drain: Return when nothing is claimable instead of waiting for more.
            on_job: Called with each job in its state after the attempt.

        Returns:
            Number of attempts made.
        """
        attempts, pause = 0, POLL_FIRST_S
        self._register()
        try:
            while not stop.is_set():
                job = self._next()
                if job is not None:
                    attempts, pause = attempts + 1, POLL_FIRST_S
                    if on_job is not None:
                        on_job(job)
                elif drain:
                    break
                else:
                    # Jitter keeps workers that started together from asking together.
                    stop.wait(pause * random.uniform(0.8, 1.2))
                    pause = min(pause * 1.5, POLL_LAST_S)
                    self._touch("idle")
        finally:
            self._touch("stopped")
        return attempts

    def work_one(self, job_id: int) -> Job | None:
        """Work a given job off in this process, and take no other.

        Returns:
            The job as it stands after the attempt, or None if it is not claimable now.
        """
        # Not registered: nobody should wait for a worker that takes no other job.
        return self._claim_and_run(job_id)

    def _next(self) -> Job | None:
        try:
            return self._claim_and_run()
        except StoreError as exc:
            # A database that restarts is no reason for a worker to end.
            log.warning("the store is away: %s", exc)
            return None

    def _claim_and_run(self, job_id: int | None = None) -> Job | None:
        with self._db.write() as tx:
            job = jobs.claim(
                tx,
                worker_id=self.id,
                lease_s=self._lease_s,
                model_id=self._shelf.model_id,
                job_id=job_id,
            )
        if job is None:
            return None
        log.info("job %d %s: attempt %d", job.id, job.kind, job.attempt)
        self._run(job)
        with self._db.read() as tx:
            after = jobs.get_job(tx, job.id)
        log.info("job %d %s: %s", job.id, job.kind, after.state)
        return after

    def _run(self, job: Job) -> None:
        lease = Lease(
            self._db,
            job,
            lease_s=self._lease_s,
            heartbeat_s=self._heartbeat_s,
            listener=self._listener,
        )
        try:
            with lease:
                HANDLERS[job.kind](
                    JobContext(
                        db=self._db,
                        job=job,
                        lease=lease,
                        shelf=self._shelf,
                        state_cache_bytes=self._state_cache_bytes,
                    )
                )
        except LeaseLost as exc:
            log.warning("job %d: %s", job.id, exc)
        except JobCancelled:
            self._settle(job, JobState.CANCELLED)
        except (KeyboardInterrupt, SystemExit):
            self._settle(job, JobState.QUEUED)
            raise
        except StoreError as exc:
            # The work may be fine and the database away: let another attempt have it.
            self._settle(job, JobState.FAILED, error=exc, retry=True)
        except VectorLabError as exc:
            self._settle(job, JobState.FAILED, error=exc)
        except Exception as exc:
            log.exception("job %d failed", job.id)
            self._settle(job, JobState.FAILED, error=exc)

    def _settle(
        self, job: Job, state: JobState, *, error: Exception | None = None, retry: bool = False
    ) -> None:
        """Record how an attempt ended, unless another attempt owns the job by now."""
        try:
            with self._db.write() as tx:
                if state is JobState.CANCELLED:
                    jobs.mark_cancelled(tx, job.id, job.attempt)
                elif state is JobState.QUEUED:
                    jobs.release(tx, job.id, job.attempt)
                else:
                    jobs.fail(
                        tx,
                        job.id,
                        job.attempt,
                        error_class=type(error).__name__,
                        error=_describe(error),
                        retry=retry,
                    )
        except (LeaseLost, StoreError) as exc:
            # With the store away the lease lapses, and another attempt takes the job.
            log.warning("job %d: %s", job.id, exc)

    def _register(self) -> None:
        with self._db.write() as tx:
            jobs.register_worker(
                tx,
                worker_id=self.id,
                host=platform.node(),
                pid=os.getpid(),
                device=str(resolve_device(self._device)),
                torch_version=str(torch.__version__),
            )

    def _touch(self, state: str) -> None:
        try:
            with self._db.write() as tx:
                jobs.touch_worker(tx, self.id, state)
        except StoreError as exc:
            log.warning("the store is away: %s", exc)


def _describe(error: Exception | None) -> str:
    """The message for people; for what nobody foresaw, also where it happened."""
    if isinstance(error, VectorLabError) or error is None:
        return str(error)
    place = "".join(traceback.format_exception(error)[-3:]).strip()
    return f"{type(error).__name__}: {error}\n{place}"
