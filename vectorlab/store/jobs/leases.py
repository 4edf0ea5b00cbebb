"""The worker's side of the queue: claim under a lease, fence by attempt number, finish.

Every time here is the database's. A worker owns a job while the row says ``running`` with the
worker's attempt number; each of its writes is guarded by that, so a worker that hung and woke up
again changes nothing. A lapsed lease needs no janitor: the next claim takes the job over.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.jobs.jobs import (
    DEFAULT_QUEUE,
    AttemptOutcome,
    CurvePoint,
    Job,
    JobState,
    LogLevel,
    PartialText,
)
from vectorlab.errors import LeaseLost
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.jobs import checkpoints
from vectorlab.store.jobs import progress as job_output
from vectorlab.store.jobs.endings import drop_saved, end_attempts, lose_attempts
from vectorlab.store.jobs.notify import wake_workers
from vectorlab.store.jobs.rows import JOB_COLUMNS, job_of
from vectorlab.store.jobs.statements import (
    BEAT,
    BEGIN_ATTEMPT,
    COUNTED,
    FINISH,
    HOLD,
    NO_LEASE,
    OWNED,
    PROGRESS,
    RETRY_BASE_S,
    any_due_statement,
    claim_statement,
)
from vectorlab.store.jobs.workers import touch_worker

_jobs = schema.jobs
_chunks = schema.job_chunks
_workers = schema.workers

RETRY_LONGEST_S = 300.0


def claim(
    tx: Transaction,
    *,
    worker_id: str,
    lease_s: float,
    held_models: Collection[int] = (),
    job_id: int | None = None,
    queue: str = DEFAULT_QUEUE,
    resume_own: bool = False,
    touch: bool = True,
) -> Job | None:
    """Take the next job: highest priority first, then the worker's models, then the oldest.

    A running job whose lease lapsed is taken over: at once after the first attempt, after a
    pause that doubles with each further one. One that wore out its attempts becomes failed and
    one that was to be cancelled becomes cancelled, and the search goes on.

    Args:
        tx: An open transaction that writes.
        worker_id: The new owner.
        lease_s: Seconds until others may take it over, unless a heartbeat comes.
        held_models: The models that the worker holds.
        job_id: Take this job or none.
        queue: Only jobs of this queue.
        resume_own: Also a job that this worker itself holds, as after a claim whose answer was
            lost with the connection.
        touch: Whether to note that the worker is there; not needed many times a second.

    Returns:
        The running job, or None if nothing is due.
    """
    statement = claim_statement(
        prefers_held=bool(held_models), one_job=job_id is not None, resume_own=resume_own
    )
    parameters: dict[str, Any] = {"worker": worker_id, "lease_s": lease_s, "of_queue": queue}
    parameters |= {"held": sorted(held_models)} if held_models else {}
    parameters |= {} if job_id is None else {"of_job": job_id}
    while (row := tx.execute(statement, parameters).one_or_none()) is not None:
        job = job_of(row)
        if job.attempt > 1 or job.state is not JobState.RUNNING:
            lose_attempts(tx, job.id)
        if job.state is JobState.CANCELLED:
            drop_saved(tx, job.id)
        if job.state is JobState.RUNNING:
            begun = {"job_id": job.id, "attempt": job.attempt, "worker_id": worker_id}
            tx.execute(BEGIN_ATTEMPT, begun)
            if touch:
                touch_worker(tx, worker_id, "busy")
            return job
    return None


def any_due(tx: Transaction, *, queue: str = DEFAULT_QUEUE) -> bool:
    """Whether a claim would find something; a look that takes no write lock."""
    return bool(tx.scalar(any_due_statement(), {"of_queue": queue}))


def batch_companions(tx: Transaction, job: Job, *, limit: int) -> list[Job]:
    """Queued jobs that may share a batch with this one, none of them less urgent."""
    if job.batch_key is None:
        return []
    query = (
        sa.select(*JOB_COLUMNS)
        .where(
            _jobs.c.queue == job.queue,
            _jobs.c.batch_key == job.batch_key,
            _jobs.c.priority >= job.priority,
            _jobs.c.state == JobState.QUEUED,
            _jobs.c.run_after <= utc_now(),
            sa.not_(_jobs.c.cancel_requested),
        )
        .order_by(_jobs.c.priority.desc(), _jobs.c.id)
        .limit(limit)
    )
    return [job_of(row) for row in tx.execute(query)]


def assert_owned(tx: Transaction, job_id: int, attempt: int) -> None:
    """Make sure, at the start of a transaction, that the attempt owns the job until its end.

    Raises:
        LeaseLost: If the job belongs to another attempt, or has ended.
    """
    _held(tx, job_id, attempt)


def heartbeat(tx: Transaction, job_id: int, attempt: int, lease_s: float) -> bool:
    """Renew the lease; returns whether the job is to be cancelled.

    Raises:
        LeaseLost: If the job belongs to another attempt, or has ended.
    """
    row = _owned_row(tx, BEAT, job_id, attempt, lease_s=lease_s)
    return bool(row.cancel_requested)


def report_progress(
    tx: Transaction,
    job_id: int,
    attempt: int,
    done: int,
    total: int | None,
    note: str = "",
    *,
    rate: float | None = None,
    partials: Sequence[PartialText] | None = None,
    log: Sequence[tuple[LogLevel, str]] = (),
    points: Sequence[CurvePoint] = (),
) -> bool:
    """Note how far the work is; returns whether the job is to be cancelled.

    Args:
        tx: An open transaction that writes.
        job_id: The job.
        attempt: The attempt that reports.
        done: Steps done.
        total: Steps in all; None while unknown.
        note: What is counted, or what is being done.
        rate: Steps per second.
        partials: Texts so far; None leaves those of the last report.
        log: Lines for the job's log.
        points: Points for the job's curves.

    Raises:
        LeaseLost: If the job belongs to another attempt, or has ended.
    """
    progress = {"done": done, "total": total, "note": note, "rate": rate}
    row = _owned_row(tx, PROGRESS, job_id, attempt, **progress)
    if partials is not None:
        job_output.put_partials(tx, job_id, attempt, partials)
    job_output.append_log(tx, job_id, attempt, log)
    checkpoints.add_points(tx, job_id, points)
    return bool(row.cancel_requested)


def finish(tx: Transaction, job_id: int, attempt: int, result: Mapping[str, Any]) -> Job:
    """Mark the job succeeded, in the transaction that writes its result, first or last.

    Raises:
        LeaseLost: If the job belongs to another attempt; the result must not be committed.
    """
    job = job_of(_owned_row(tx, FINISH, job_id, attempt, result=dict(result)))
    end_attempts(tx, job_id, AttemptOutcome.SUCCEEDED)
    drop_saved(tx, job_id)
    return job


def fail(
    tx: Transaction, job_id: int, attempt: int, *, error_class: str, error: str, retry: bool
) -> Job:
    """Record an error; the job goes back to the queue if it may be retried.

    Args:
        tx: An open transaction that writes.
        job_id: The job.
        attempt: The attempt that failed.
        error_class: Name of the exception.
        error: What went wrong, for people.
        retry: Whether another attempt may do better. It waits ``RETRY_BASE_S``, twice as long
            each time, and there are at most ``max_attempts`` of them.

    Raises:
        LeaseLost: If the job belongs to another attempt, or has ended.
    """
    tries = attempt - _held(tx, job_id, attempt).uncounted_attempts
    wait_s = min(RETRY_LONGEST_S, RETRY_BASE_S * 2.0 ** (tries - 1))
    again = _jobs.c.max_attempts > COUNTED if retry else sa.false()
    state = sa.case(
        (_jobs.c.cancel_requested, JobState.CANCELLED),
        (again, JobState.QUEUED),
        else_=JobState.FAILED,
    )
    job = _guarded(
        tx,
        job_id,
        attempt,
        **NO_LEASE,
        state=state,
        error_class=error_class,
        error=error.replace("\x00", ""),
        run_after=utc_now(wait_s),
        finished_at=sa.case((state == JobState.QUEUED, None), else_=utc_now()),
    )
    end_attempts(tx, job_id, AttemptOutcome.FAILED, error=job.error)
    if job.state is JobState.CANCELLED:
        drop_saved(tx, job_id)
    return job


def release(tx: Transaction, job_id: int, attempt: int) -> Job:
    """Hand a job back to the queue unharmed, as on Ctrl-C; finished chunks stay.

    The attempt does not count against ``max_attempts``.

    Raises:
        LeaseLost: If the job belongs to another attempt, or has ended.
    """
    stop = _jobs.c.cancel_requested
    job = _guarded(
        tx,
        job_id,
        attempt,
        **NO_LEASE,
        state=sa.case((stop, JobState.CANCELLED), else_=JobState.QUEUED),
        uncounted_attempts=_jobs.c.uncounted_attempts + 1,
        run_after=utc_now(),
        finished_at=sa.case((stop, utc_now()), else_=None),
    )
    end_attempts(tx, job_id, AttemptOutcome.RELEASED)
    if job.state is JobState.CANCELLED:
        drop_saved(tx, job_id)
    else:
        wake_workers(tx, job.queue)
    return job


def let_go(tx: Transaction, *, host: str, pid: int) -> list[int]:
    """End the leases of a worker whose process has ended, and note that it is gone.

    Args:
        tx: An open transaction that writes.
        host: Name of its machine.
        pid: Of its process.

    Returns:
        Ids of the jobs that it held; the next claim takes them over.
    """
    of_process = sa.select(_workers.c.id).where(
        _workers.c.host == host, _workers.c.pid == pid, _workers.c.state != "stopped"
    )
    rows = tx.execute(
        _jobs.update()
        .where(_jobs.c.state == JobState.RUNNING, _jobs.c.lease_owner.in_(of_process))
        .values(lease_until=utc_now())
        .returning(_jobs.c.id, _jobs.c.queue)
    ).all()
    tx.execute(
        _workers.update()
        .where(_workers.c.host == host, _workers.c.pid == pid)
        .values(state="stopped")
    )
    for queue in {row.queue for row in rows}:
        wake_workers(tx, queue)
    return sorted(row.id for row in rows)


def mark_cancelled(tx: Transaction, job_id: int, attempt: int) -> Job:
    """Note that the worker stopped because the job was to be cancelled.

    Raises:
        LeaseLost: If the job belongs to another attempt, or has ended.
    """
    job = _guarded(tx, job_id, attempt, **NO_LEASE, state=JobState.CANCELLED, finished_at=utc_now())
    end_attempts(tx, job_id, AttemptOutcome.CANCELLED)
    drop_saved(tx, job_id)
    return job


def save_chunk(tx: Transaction, job_id: int, attempt: int, seq: int, data: bytes) -> None:
    """Keep a part of the result, so that the next attempt need not repeat it.

    Args:
        tx: An open transaction that writes.
        job_id: Of the job.
        attempt: Number of the attempt that made it.
        seq: Number of the part; an earlier one of that number is replaced.
        data: The part.

    Raises:
        LeaseLost: If the job belongs to another attempt, or has ended.
    """
    _held(tx, job_id, attempt)
    tx.execute(_chunks.delete().where(_chunks.c.job_id == job_id, _chunks.c.seq == seq))
    tx.execute(
        _chunks.insert().values(
            job_id=job_id, seq=seq, attempt=attempt, data=data, created_at=utc_now()
        )
    )


def chunks(tx: Transaction, job_id: int) -> dict[int, bytes]:
    """The parts that earlier attempts finished, by their number."""
    query = sa.select(_chunks.c.seq, _chunks.c.data).where(_chunks.c.job_id == job_id)
    return {row.seq: row.data for row in tx.execute(query.order_by(_chunks.c.seq))}


def _held(tx: Transaction, job_id: int, attempt: int) -> sa.Row[Any]:
    """The row of a job that this attempt owns, locked until the transaction ends."""
    return _owned_row(tx, HOLD, job_id, attempt)


def _guarded(tx: Transaction, job_id: int, attempt: int, **values: Any) -> Job:
    """Change a job that this attempt owns."""
    change = _jobs.update().where(OWNED).values(values).returning(*JOB_COLUMNS)
    return job_of(_owned_row(tx, change, job_id, attempt))


def _owned_row(
    tx: Transaction, statement: sa.Executable, job_id: int, attempt: int, **parameters: Any
) -> sa.Row[Any]:
    row = tx.execute(
        statement, {"of_job": job_id, "of_attempt": attempt, **parameters}
    ).one_or_none()
    if row is None:
        raise LeaseLost(
            f"Attempt {attempt} at job {job_id} no longer owns it: it ended, or the lease lapsed "
            f"and another attempt took over. Its work is dropped. See: vectorlab jobs show {job_id}"
        )
    return row
