"""The worker: claim a job, work it off, record the outcome whatever happens."""

import logging
import os
import platform
import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import torch

from vectorlab.domain.defaults import DEFAULT_STATE_CACHE_BYTES
from vectorlab.domain.jobs.jobs import DEFAULT_QUEUE, Job
from vectorlab.errors import StoreError
from vectorlab.services.jobs import HEARTBEAT_S, LEASE_S
from vectorlab.steering.model.loading import resolve_device
from vectorlab.store.database import Database, StoreUnavailable
from vectorlab.store.jobs import queue as jobs
from vectorlab.store.jobs.notify import Waker, open_waker
from vectorlab.store.retry import with_retry
from vectorlab.worker.attempt import Attempt
from vectorlab.worker.context import Choose, Companion
from vectorlab.worker.handlers import handler_of
from vectorlab.worker.lease import Lease, ProgressListener
from vectorlab.worker.model_cache import ModelCache, memory_taken
from vectorlab.worker.shutdown import Stopping

log = logging.getLogger(__name__)

# Seconds between looks at an empty queue when nothing wakes the worker; jobs that were put off
# and leases that ran out give no sign.
LOOK_EVERY_S = 2.0
# Seconds that a worker which is to end by itself bears without a store.
PATIENCE_S = 60.0
TOUCH_EVERY_S = 5.0  # between notes that a busy worker is there, when its jobs are short
COMPANIONS = 31  # most jobs that join another in one batch

T = TypeVar("T")


class Worker:
    """One process's loop over a queue.

    Args:
        db: The store.
        device: ``"auto"``, ``"cpu"``, ``"cuda:0"``...
        queue: Only jobs of this queue.
        lease_s: Seconds after which a silent worker loses its job.
        heartbeat_s: Seconds between renewals.
        listener: Told the progress of the job at hand.
        state_cache_bytes: Most bytes of states that the store keeps; 0 keeps none.
        model_bytes: Budget for the weights of held models; None takes half of the device.
        store_listener: Told when the store is away, with the seconds until the next try.
    """

    def __init__(
        self,
        db: Database,
        *,
        device: str = "auto",
        queue: str = DEFAULT_QUEUE,
        lease_s: float = LEASE_S,
        heartbeat_s: float = HEARTBEAT_S,
        listener: ProgressListener | None = None,
        state_cache_bytes: int = DEFAULT_STATE_CACHE_BYTES,
        model_bytes: int | None = None,
        store_listener: Callable[[StoreUnavailable, float], None] | None = None,
    ) -> None:
        self.id = f"{platform.node()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._db = db
        self._device = device
        self._queue = queue
        self._lease_s = lease_s
        self._heartbeat_s = heartbeat_s
        self._listener = listener
        self._state_cache_bytes = state_cache_bytes
        self._tell_away = store_listener or _warn_away
        self._shelf = ModelCache(device, budget_bytes=model_bytes)
        self._stopping = Stopping()
        self._patience_s: float | None = None
        self._touched_at, self._was_busy = 0.0, False
        self._open: list[Attempt] = []
        self._gives_way = False
        self._around: list[Attempt] = []  # open ones that a part of theirs is worked off for

    def work(
        self,
        *,
        stop: threading.Event | Stopping,
        drain: bool = False,
        most: int | None = None,
        idle_exit_s: float | None = None,
        on_job: Callable[[Job], None] | None = None,
    ) -> int:
        """Work jobs off until it is to stop, or a given end is reached.

        Args:
            stop: Set it (from a signal handler or another thread) to leave after the batch at
                hand; what is left of its job goes back to the queue.
            drain: Return when nothing is claimable instead of waiting for more.
            most: Return after so many attempts.
            idle_exit_s: Return when there was nothing to do for so long.
            on_job: Called with each job in its state after the attempt.

        Returns:
            Number of attempts made.

        Raises:
            StoreUnavailable: If the store stays away from a worker that was to end by itself:
                whether the queue is empty is not known then.
        """
        self._stopping = stop if isinstance(stop, Stopping) else Stopping(asked=stop)
        # Whoever takes one job alone could hand it back for ever.
        self._gives_way = most is None
        ends_by_itself = drain or most is not None or idle_exit_s is not None
        self._patience_s = PATIENCE_S if ends_by_itself else None
        idle_most_s = float("inf") if idle_exit_s is None else idle_exit_s
        waker = open_waker(self._db, self._queue)
        attempts, idle_since = 0, time.monotonic()
        try:
            self._patiently(self._register)
            while not self._stopping.asked.is_set() and (most is None or attempts < most):
                attempt = self._patiently(self._claim)
                if attempt is not None:
                    for worked in self._run(attempt):
                        attempts += 1
                        if on_job is not None:
                            on_job(self._patiently(partial(self._after, worked.job.id)))
                    idle_since = time.monotonic()
                elif drain or (
                    idle_exit_s is not None and time.monotonic() - idle_since >= idle_exit_s
                ):
                    break
                else:
                    self._idle()
                    # Jitter keeps workers that started together from asking together.
                    pause = LOOK_EVERY_S * random.uniform(0.8, 1.2)
                    self._wait_for_work(waker, min(pause, idle_most_s))
        except StoreUnavailable:
            if not self._stopping.asked.is_set():
                raise
        finally:
            waker.close()
            self._touch("stopped")
        return attempts

    def work_one(self, job_id: int) -> Job | None:
        """Work a given job off in this process, and take no other.

        Returns:
            The job as it stands after the attempt, or None if it is not claimable now.
        """
        # Not registered: nobody should wait for a worker that takes no other job.
        self._gives_way = False
        attempt = self._claim(job_id)
        if attempt is None:
            return None
        self._run(attempt)
        return self._after(attempt.job.id)

    def abandon(self) -> None:
        """Hand back at once what is worked on, from another thread, before the process exits."""
        for attempt in [*self._open, *self._around]:
            try:
                attempt.hand_back()
            except Exception as exc:  # the lapse of the lease does it then
                log.warning("job %d: %s", attempt.job.id, exc)
        self._touch("stopped")

    def _part(self, job_id: int, listener: ProgressListener) -> Job | None:
        """Work off a job that is a part of the one at hand, which keeps its lease meanwhile."""
        around, outer = self._around, self._open
        self._around, self._open = [*around, *outer], []
        try:
            attempt = self._claim(job_id, listener)
            if attempt is None:
                return None
            self._run(attempt)
            return self._after(job_id)
        finally:
            self._around, self._open = around, outer

    def _claim(
        self, job_id: int | None = None, listener: ProgressListener | None = None
    ) -> Attempt | None:
        touch = not self._was_busy or time.monotonic() - self._touched_at > TOUCH_EVERY_S
        with self._db.write() as tx:
            job = jobs.claim(
                tx,
                worker_id=self.id,
                lease_s=self._lease_s,
                held_models=self._shelf.model_ids,
                job_id=job_id,
                queue=self._queue if job_id is None else jobs.get_job(tx, job_id).queue,
                resume_own=True,  # nothing is open: what it holds is a claim whose answer was lost
                touch=touch,
            )
        if job is None:
            return None
        self._touched_at = time.monotonic() if touch else self._touched_at
        self._was_busy = True
        companions = None if job_id is not None else lambda choose: self._companions(job, choose)
        return self._begin(job, companions, listener)

    def _begin(
        self,
        job: Job,
        companions: Callable[[Choose], Sequence[Companion]] | None = None,
        listener: ProgressListener | None = None,
    ) -> Attempt:
        log.info("job %d %s: attempt %d", job.id, job.kind, job.attempt)
        lease = Lease(
            self._db,
            job,
            lease_s=self._lease_s,
            heartbeat_s=self._heartbeat_s,
            listener=listener or self._listener,
            stopping=self._stopping,
            gives_way=self._gives_way,
        )
        lease.log(f"attempt {job.attempt} by worker {self.id}")
        attempt = Attempt(
            self._db,
            job,
            lease,
            self._shelf,
            companions=companions,
            state_cache_bytes=self._state_cache_bytes,
            part=self._part,
        )
        self._open.append(attempt)
        return attempt

    def _run(self, attempt: Attempt) -> list[Attempt]:
        """Work off an attempt; returns it and those that joined it."""
        try:
            attempt.run(handler_of(attempt.job.kind))
        finally:
            worked, self._open = self._open, []
            for open_attempt in worked:
                open_attempt.release()  # no companion is left behind, whatever happened
        return worked

    def _companions(self, job: Job, choose: Choose) -> list[Attempt]:
        """Claim, in one transaction, the queued jobs that are to join this one."""
        with self._db.read() as tx:
            queued = jobs.batch_companions(tx, job, limit=COMPANIONS)
        chosen = choose(queued) if queued else ()
        if not chosen:
            return []
        with self._db.write() as tx:
            claimed = [
                jobs.claim(
                    tx,
                    worker_id=self.id,
                    lease_s=self._lease_s,
                    job_id=companion.id,
                    queue=self._queue,
                )
                for companion in chosen
            ]
        return [self._begin(companion) for companion in claimed if companion is not None]

    def _wait_for_work(self, waker: Waker, seconds: float) -> None:
        """Let time pass until there may be a job, or the worker is asked to stop."""
        deadline = time.monotonic() + seconds
        is_over = self._stopping.asked.is_set
        while not is_over() and (left := deadline - time.monotonic()) > 0:
            if waker.wait(left, is_over) and self._is_wanted():
                return

    def _is_wanted(self) -> bool:
        try:
            with self._db.read() as tx:
                if jobs.stop_asked(tx, self.id):
                    self._stopping.ask()
                return jobs.any_due(tx, queue=self._queue)
        except StoreError:
            return True  # the claim that follows waits for the store

    def _after(self, job_id: int) -> Job:
        with self._db.read() as tx:
            job = jobs.get_job(tx, job_id)
        log.info("job %d %s: %s", job.id, job.kind, job.state)
        return job

    def _patiently(self, call: Callable[[], T]) -> T:
        return with_retry(
            call,
            wait=self._stopping.asked.wait,
            give_up_after_s=self._patience_s,
            on_failure=self._tell_away,
        )

    def _register(self) -> None:
        with self._db.write() as tx:
            jobs.register_worker(
                tx,
                worker_id=self.id,
                host=platform.node(),
                pid=os.getpid(),
                device=str(resolve_device(self._device)),
                torch_version=str(torch.__version__),
                queue=self._queue,
            )
        self._touched_at = time.monotonic()

    def _idle(self) -> None:
        """Say now and then that the worker is there, and at once when it has become idle."""
        if self._was_busy or time.monotonic() - self._touched_at > self._heartbeat_s:
            self._touch("idle")

    def _touch(self, state: str) -> None:
        self._was_busy, self._touched_at = False, time.monotonic()
        try:
            with self._db.write() as tx:
                if jobs.touch_worker(
                    tx,
                    self.id,
                    state,
                    model_ids=self._shelf.model_ids,
                    memory_bytes=memory_taken(self._device),
                ):
                    self._stopping.ask()
        except StoreError as exc:
            log.warning("the store is away: %s", exc)


def _warn_away(error: StoreUnavailable, pause_s: float) -> None:
    log.warning("%s Again in %.1f s.", error, pause_s)
