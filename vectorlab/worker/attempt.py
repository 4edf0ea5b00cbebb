"""One try at a job: whatever happens, its outcome is recorded or another attempt owns the job."""

import errno
import logging
import threading
import traceback
from collections.abc import Callable, Sequence

from vectorlab.domain.defaults import DEFAULT_STATE_CACHE_BYTES
from vectorlab.domain.jobs.jobs import Job, JobState, LogLevel
from vectorlab.errors import (
    JobCancelled,
    JobOvertaken,
    JobReleased,
    LeaseLost,
    StoreError,
    VectorLabError,
)
from vectorlab.steering.model.batching import is_out_of_memory
from vectorlab.store.database import Database
from vectorlab.store.jobs import queue
from vectorlab.store.retry import with_retry
from vectorlab.worker.context import Choose, Companion, JobContext, WorkPart, alone, no_part
from vectorlab.worker.lease import Lease
from vectorlab.worker.model_cache import ModelCache

log = logging.getLogger(__name__)

_ENDS = "the worker ends"  # why a job is handed back


class Attempt:
    """Keeps the lease of a claimed job from its making until ``run`` returns.

    Args:
        db: The store.
        job: The claimed job.
        lease: Of the job.
        model_cache: Models that the worker holds.
        companions: Claims further jobs that share the batches; None claims none.
        state_cache_bytes: Most bytes of states that the store keeps.
        part: Works off another job that is a part of this one; None works none off.
    """

    def __init__(
        self,
        db: Database,
        job: Job,
        lease: Lease,
        model_cache: ModelCache,
        *,
        companions: Callable[[Choose], Sequence[Companion]] | None = None,
        state_cache_bytes: int = DEFAULT_STATE_CACHE_BYTES,
        part: WorkPart | None = None,
    ) -> None:
        self._db = db
        self.job = job
        self.lease = lease
        self.context = JobContext(
            db=db,
            job=job,
            lease=lease,
            model_cache=model_cache,
            state_cache_bytes=state_cache_bytes,
            companions=companions or alone,
            part=part or no_part,
        )
        self.has_ended = False
        lease.start()

    def run(self, work: Callable[[JobContext], None]) -> None:
        """Do the work and record how it ended.

        Raises:
            KeyboardInterrupt: Or another request to end the process, once the job is handed back.
        """
        self.has_ended = True
        try:
            try:
                with _warnings_into(self.lease):
                    work(self.context)
            finally:
                self.lease.leave()
        except LeaseLost as exc:
            log.warning("job %d: %s", self.job.id, exc)
        except JobCancelled:
            self._settle(JobState.CANCELLED)
        except JobOvertaken as exc:
            self._settle(JobState.QUEUED, why=str(exc))
        except JobReleased:
            self._settle(JobState.QUEUED)
        except (KeyboardInterrupt, SystemExit):
            self._settle(JobState.QUEUED)
            raise
        except Exception as exc:
            if not _is_foreseen(exc):
                log.exception("job %d failed", self.job.id)
            self._settle(JobState.FAILED, error=exc)

    def release(self) -> None:
        """Give the job back unharmed, if nobody has worked on it."""
        if not self.has_ended:
            self.run(_release)

    def hand_back(self) -> None:
        """Release the job from another thread, when the one that works on it does not answer."""
        self._record(JobState.QUEUED, None)

    def _settle(self, state: JobState, *, error: Exception | None = None, why: str = _ENDS) -> None:
        """Record how the attempt ended, unless another attempt owns the job by now."""
        try:
            with_retry(lambda: self._record(state, error, why), wait=self.lease.wait)
        except (LeaseLost, StoreError) as exc:
            # With the store away the lease lapses, and another attempt takes the job.
            log.warning("job %d: %s", self.job.id, exc)

    def _record(self, state: JobState, error: Exception | None, why: str = _ENDS) -> None:
        job_id, attempt = self.job.id, self.job.attempt
        lines = self.lease.take_log()
        try:
            with self._db.write() as tx:
                if state is JobState.CANCELLED:
                    queue.mark_cancelled(tx, job_id, attempt)
                    lines.append((LogLevel.INFO, "cancelled"))
                elif state is JobState.QUEUED:
                    queue.release(tx, job_id, attempt)
                    lines.append((LogLevel.INFO, f"handed back to the queue: {why}"))
                else:
                    queue.fail(
                        tx,
                        job_id,
                        attempt,
                        error_class=type(error).__name__,
                        error=describe(error),
                        retry=_may_pass(error),
                    )
                    lines.append((LogLevel.ERROR, describe(error)))
                queue.append_log(tx, job_id, attempt, lines, trim=False)
        except StoreError:
            self.lease.give_back_log(lines[:-1])
            raise


def _release(context: JobContext) -> None:
    raise JobReleased(f"Job {context.job.id} was not begun.")


def describe(error: Exception | None) -> str:
    """The message for people; for what nobody foresaw, also where it happened."""
    if isinstance(error, VectorLabError) or error is None:
        return str(error)
    if _is_memory(error):
        first_line = str(error).partition("\n")[0] or type(error).__name__
        return (
            f"Out of memory, also with the smallest batch: {first_line} "
            "Use a smaller model, dtype bfloat16, shorter texts or another device."
        )
    if _is_full_disk(error):
        return f"The disk is full: {error}. Free space; the job is tried again."
    place = "".join(traceback.format_exception(error)[-3:]).strip()
    return f"{type(error).__name__}: {error}\n{place}"


def _may_pass(error: Exception | None) -> bool:
    """Whether another attempt may do better: the work may be fine and the machine not."""
    return isinstance(error, StoreError) or _is_full_disk(error)


def _is_foreseen(error: Exception) -> bool:
    return isinstance(error, VectorLabError) or _is_memory(error) or _is_full_disk(error)


def _is_memory(error: Exception | None) -> bool:
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and is_out_of_memory(error)
    )


def _is_full_disk(error: Exception | None) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


class _warnings_into(logging.Handler):  # noqa: N801 (reads as the with-block it is)
    """While the block runs, warnings of this thread go into the job's log as well."""

    def __init__(self, lease: Lease) -> None:
        super().__init__(level=logging.WARNING)
        self._lease = lease
        self._thread = threading.get_ident()

    def __enter__(self) -> None:
        logging.getLogger().addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            level = LogLevel.ERROR if record.levelno >= logging.ERROR else LogLevel.WARNING
            self._lease.log(record.getMessage(), level)
