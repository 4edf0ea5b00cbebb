"""Keeping a job's lease alive from a thread with its own connection, and telling how it goes."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from vectorlab.domain.jobs.jobs import CurvePoint, Job, LogLevel, PartialText
from vectorlab.errors import JobCancelled, JobOvertaken, JobReleased, LeaseLost, StoreError
from vectorlab.store.database import Database, StoreUnavailable
from vectorlab.store.jobs import queue, waiting
from vectorlab.store.retry import with_retry
from vectorlab.worker.shutdown import Stopping

PROGRESS_EVERY_S = 0.3  # progress and partial texts are written at most this often
RATE_OVER_S = 10.0  # the rate is that of the last so many seconds
BEAT_PAUSE_S = 5.0  # most seconds between two tries to renew while the store is away
LOG_KEPT = 200  # lines that wait for the store
POINTS_KEPT = 10_000  # points of curves that wait for the store
CHECKPOINT_EVERY_S = 30.0

Waiting = TypeVar("Waiting")
ProgressListener = Callable[[int, int | None, str], None]


class Lease:
    """Renews a job's lease from ``start`` to ``leave``.

    Computing code calls ``check``, ``progress`` and ``checkpoint``: they raise as soon as the
    work is wanted no more, so nothing stale is ever committed.

    Args:
        db: The store.
        job: The claimed job.
        lease_s: Seconds after which a silent worker loses its job.
        heartbeat_s: Seconds between renewals.
        listener: Told the progress.
        stopping: Whether the worker is to end, soon or at once.
        gives_way: Whether a more urgent job goes before this one where it can be interrupted.
    """

    def __init__(
        self,
        db: Database,
        job: Job,
        *,
        lease_s: float,
        heartbeat_s: float,
        listener: ProgressListener | None = None,
        stopping: Stopping | None = None,
        gives_way: bool = False,
    ) -> None:
        self._db = db
        self._job = job
        self._lease_s = lease_s
        self._heartbeat_s = heartbeat_s
        self._listener = listener
        self._stopping = stopping or Stopping()
        self._gives_way = gives_way
        self._left = threading.Event()
        self._lost = threading.Event()
        self._cancelled = threading.Event()
        self._written_at = 0.0
        self._steps: deque[tuple[float, int]] = deque()  # (moment, done) of the last seconds
        self._note = ""
        self._texts: Sequence[PartialText] | None = None
        self._log: deque[tuple[LogLevel, str]] = deque(maxlen=LOG_KEPT)
        self._points: deque[CurvePoint] = deque(maxlen=POINTS_KEPT)
        self._saved_at = 0.0
        self._thread = threading.Thread(target=self._renew, name=f"lease-{job.id}", daemon=True)

    def start(self) -> None:
        """Begin to renew the lease."""
        self._saved_at = time.monotonic()
        self._thread.start()

    def leave(self) -> None:
        """Stop renewing the lease."""
        self._left.set()
        self._thread.join()

    def check(self) -> None:
        """Return if the work is still wanted.

        Raises:
            LeaseLost: If another attempt owns the job by now.
            JobCancelled: If somebody asked for the job to stop.
            JobReleased: If the worker has to end at once.
        """
        if self._lost.is_set():
            raise LeaseLost(f"Job {self._job.id} passed to another worker; its work is dropped.")
        if self._cancelled.is_set():
            raise JobCancelled(f"Job {self._job.id} was cancelled.")
        if self._stopping.hurry.is_set():
            raise JobReleased(f"Job {self._job.id} goes back to the queue: its worker ends.")

    def checkpoint(self) -> None:
        """``check`` where little is lost by stopping: heeds who waits for the worker as well.

        Raises:
            LeaseLost: As ``check``.
            JobCancelled: As ``check``.
            JobReleased: If the worker has to end, soon or at once.
            JobOvertaken: If a more urgent job waits, and this one is to give way.
        """
        self.check()
        if self._stopping.asked.is_set():
            raise JobReleased(f"Job {self._job.id} goes back to the queue: its worker ends.")
        overtaker = self._overtaker() if self._gives_way else None
        if overtaker is not None:
            raise JobOvertaken(f"job {overtaker} is more urgent and goes first")

    def progress(self, done: int, total: int | None, note: str) -> None:
        """Check, tell the listener, and now and then the store."""
        self.check()
        if self._listener is not None:
            self._listener(done, total, note)
        now = time.monotonic()
        self._count(now, done, note)
        if now - self._written_at < PROGRESS_EVERY_S and done != total:
            return
        self._written_at = now
        texts, self._texts = self._texts, None
        lines, points = self.take_log(), self.take_points()
        try:
            with self._db.write() as tx:
                cancel = queue.report_progress(
                    tx,
                    self._job.id,
                    self._job.attempt,
                    done,
                    total,
                    note,
                    rate=self._rate(),
                    partials=texts,
                    log=lines,
                    points=points,
                )
        except StoreError:
            self.give_back_log(lines)
            self.give_back_points(points)
            return  # the database is away; the heartbeat decides whether the lease holds
        if cancel:
            self._cancelled.set()
            self.check()

    def show(self, texts: Sequence[PartialText]) -> None:
        """Texts so far, written with the next progress."""
        self._texts = texts

    def log(self, message: str, level: LogLevel = LogLevel.INFO) -> None:
        """A line for the job's log, written with the next that is written."""
        self._log.append((level, message))

    def take_log(self) -> list[tuple[LogLevel, str]]:
        """The lines that wait, for a transaction; give them back if it fails."""
        return _emptied(self._log)

    def give_back_log(self, lines: Sequence[tuple[LogLevel, str]]) -> None:
        """Take back log lines whose transaction failed, to write them with the next."""
        self._log.extendleft(reversed(lines))

    def log_metrics(self, points: Sequence[CurvePoint]) -> None:
        """Points of curves, written with the next progress, checkpoint or result."""
        self._points.extend(points)

    def take_points(self) -> list[CurvePoint]:
        """The points that wait, for a transaction; give them back if it fails."""
        return _emptied(self._points)

    def give_back_points(self, points: Sequence[CurvePoint]) -> None:
        """Take back points of curves whose transaction failed, to write them with the next."""
        self._points.extendleft(reversed(points))

    def checkpoint_is_due(self, every_s: float = CHECKPOINT_EVERY_S) -> bool:
        """Whether a checkpoint is worth saving: some time passed, or the worker is to end."""
        return self._stopping.asked.is_set() or time.monotonic() - self._saved_at >= every_s

    def checkpoint_was_saved(self) -> None:
        """Count anew until the next checkpoint is due."""
        self._saved_at = time.monotonic()

    def wait(self, seconds: float) -> bool:
        """Let seconds pass while the store is away; True if the work is wanted no more."""
        return self._stopping.wait(seconds) or self._lost.is_set()

    def _overtaker(self) -> int | None:
        try:
            with self._db.read() as tx:
                return waiting.overtaker(tx, self._job.queue, self._job.priority)
        except StoreError:
            return None  # the work goes on; whatever it writes next waits for the store

    def _count(self, now: float, done: int, note: str) -> None:
        if note != self._note or (self._steps and done < self._steps[-1][1]):
            self._steps.clear()
        self._note = note
        self._steps.append((now, done))
        while now - self._steps[0][0] > RATE_OVER_S and len(self._steps) > 2:
            self._steps.popleft()

    def _rate(self) -> float | None:
        """Steps per second, lately; None before there were any."""
        (began, first), (now, last) = self._steps[0], self._steps[-1]
        return (last - first) / (now - began) if last > first and now > began else None

    def _renew(self) -> None:
        while not self._left.wait(self._heartbeat_s):
            try:
                with_retry(
                    self._beat,
                    wait=self._left.wait,
                    longest_pause_s=BEAT_PAUSE_S,
                    on_failure=lambda exc, _pause: self.log(str(exc), LogLevel.WARNING),
                )
            except LeaseLost:
                self._lost.set()
                return
            except StoreUnavailable:
                return  # left while the store was away
            except StoreError as exc:
                self.log(f"The lease was not renewed: {exc}", LogLevel.WARNING)

    def _beat(self) -> None:
        lines = self.take_log()
        try:
            with self._db.write() as tx:
                cancel = queue.heartbeat(tx, self._job.id, self._job.attempt, self._lease_s)
                queue.append_log(tx, self._job.id, self._job.attempt, lines)
                stop = self._job.lease_owner is not None and queue.touch_worker(
                    tx, self._job.lease_owner, "busy"
                )
        except BaseException:
            self.give_back_log(lines)
            raise
        if cancel:
            self._cancelled.set()
        if stop:
            self._stopping.ask()


def _emptied(waiting: deque[Waiting]) -> list[Waiting]:
    """All that waits, taken out one by one: another thread may add to it meanwhile."""
    taken = []
    while waiting:
        taken.append(waiting.popleft())
    return taken
