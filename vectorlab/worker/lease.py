"""Keeping a job's lease alive from a thread with its own connection."""

import threading
import time
from collections.abc import Callable
from types import TracebackType

from vectorlab.domain.jobs import Job
from vectorlab.errors import JobCancelled, LeaseLost, StoreError
from vectorlab.store import jobs
from vectorlab.store.database import Database

PROGRESS_EVERY_S = 0.3  # progress is written at most this often

ProgressListener = Callable[[int, int | None, str], None]


class Lease:
    """Context manager that renews a job's lease until it is left.

    Computing code calls ``check`` between batches: it raises as soon as the work is wanted
    no more, so nothing stale is ever committed.
    """

    def __init__(
        self,
        db: Database,
        job: Job,
        *,
        lease_s: float,
        heartbeat_s: float,
        listener: ProgressListener | None = None,
    ) -> None:
        self._db = db
        self._job = job
        self._lease_s = lease_s
        self._heartbeat_s = heartbeat_s
        self._listener = listener
        self._left = threading.Event()
        self._lost = threading.Event()
        self._cancelled = threading.Event()
        self._written_at = 0.0
        self._thread = threading.Thread(target=self._renew, name=f"lease-{job.id}", daemon=True)

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left.set()
        self._thread.join()

    def check(self) -> None:
        """Return if the work is still wanted.

        Raises:
            LeaseLost: If another attempt owns the job by now.
            JobCancelled: If somebody asked for the job to stop.
        """
        if self._lost.is_set():
            raise LeaseLost(f"Job {self._job.id} passed to another worker; its work is dropped.")
        if self._cancelled.is_set():
            raise JobCancelled(f"Job {self._job.id} was cancelled.")

    def progress(self, done: int, total: int | None, note: str) -> None:
        """Check, tell the listener, and now and then the store."""
        self.check()
        if self._listener is not None:
            self._listener(done, total, note)
        now = time.monotonic()
        if now - self._written_at < PROGRESS_EVERY_S and done != total:
            return
        self._written_at = now
        try:
            with self._db.write() as tx:
                cancel = jobs.report_progress(
                    tx, self._job.id, self._job.attempt, done, total, note
                )
        except StoreError:
            return  # the database is away; the heartbeat decides whether the lease holds
        if cancel:
            self._cancelled.set()
            self.check()

    def _renew(self) -> None:
        while not self._left.wait(self._heartbeat_s):
            try:
                with self._db.write() as tx:
                    cancel = jobs.heartbeat(tx, self._job.id, self._job.attempt, self._lease_s)
                    if self._job.lease_owner is not None:
                        jobs.touch_worker(tx, self._job.lease_owner, "busy")
            except LeaseLost:
                self._lost.set()
                return
            except StoreError:
                continue  # the database is away; the lease outlives a few missed beats
            if cancel:
                self._cancelled.set()
