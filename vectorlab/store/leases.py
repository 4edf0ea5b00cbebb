"""The worker's side of the queue: claim under a lease, fence by attempt number, finish.

Every time here is the database's. A worker owns a job while the row says ``running`` with the
worker's attempt number; each of its writes is guarded by that, so a worker that hung and woke up
again changes nothing. A lapsed lease needs no janitor: the next claim takes the job over.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.jobs import AttemptOutcome, Job, JobState
from vectorlab.errors import LeaseLost
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.job_rows import DEFAULT_QUEUE, drop_chunks, end_attempts, job_of

_jobs = schema.jobs
_attempts = schema.job_attempts
_chunks = schema.job_chunks

RETRY_BASE_S = 2.0  # wait before the first retry; doubles with each further one
RETRY_LONGEST_S = 300.0

# Attempts that were handed back, or came before a retry by hand, do not wear a job out.
_counted = _jobs.c.attempt - _jobs.c.uncounted_attempts
_NO_LEASE = {"lease_owner": None, "lease_until": None}


def claim(
    tx: Transaction,
    *,
    worker_id: str,
    lease_s: float,
    model_id: int | None = None,
    job_id: int | None = None,
    queue: str = DEFAULT_QUEUE,
) -> Job | None:
    """Take the next job: highest priority first, then the worker's model, then the oldest.

    A running job whose lease lapsed is taken over. One that wore out its attempts becomes failed
    and one that was to be cancelled becomes cancelled, and the search goes on.

    Args:
        tx: An open transaction that writes.
        worker_id: The new owner.
        lease_s: Seconds until others may take it over, unless a heartbeat comes.
        model_id: The model that the worker holds.
        job_id: Take this job or none.
        queue: Only jobs of this queue.

    Returns:
        The running job, or None if nothing is due.
    """
    statement = _claim_statement(worker_id, lease_s, model_id, job_id, queue)
    while (row := tx.execute(statement).one_or_none()) is not None:
        job = job_of(row)
        end_attempts(tx, job.id, AttemptOutcome.LOST)
        if job.state is JobState.CANCELLED:
            drop_chunks(tx, job.id)
        if job.state is JobState.RUNNING:
            tx.execute(
                _attempts.insert().values(
                    job_id=job.id, attempt=job.attempt, worker_id=worker_id, started_at=utc_now()
                )
            )
            return job
    return None


def hold(tx: Transaction, job_id: int, attempt: int) -> None:
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
    return _guarded(tx, job_id, attempt, lease_until=utc_now(lease_s)).cancel_requested


def report_progress(
    tx: Transaction, job_id: int, attempt: int, done: int, total: int | None, note: str = ""
) -> bool:
    """Note how far the work is; returns whether the job is to be cancelled.

    Raises:
        LeaseLost: If the job belongs to another attempt, or has ended.
    """
    progress = {"progress_done": done, "progress_total": total, "progress_note": note}
    return _guarded(tx, job_id, attempt, **progress).cancel_requested


def finish(tx: Transaction, job_id: int, attempt: int, result: Mapping[str, Any]) -> Job:
    """Mark the job succeeded, in the transaction that writes its result, first or last.

    Raises:
        LeaseLost: If the job belongs to another attempt; the result must not be committed.
    """
    job = _guarded(
        tx,
        job_id,
        attempt,
        **_NO_LEASE,
        state=JobState.SUCCEEDED,
        result_json=dict(result),
        error_class=None,
        error=None,
        finished_at=utc_now(),
    )
    end_attempts(tx, job_id, AttemptOutcome.SUCCEEDED)
    drop_chunks(tx, job_id)
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
    again = _counted < _jobs.c.max_attempts if retry else sa.false()
    state = sa.case(
        (_jobs.c.cancel_requested, JobState.CANCELLED),
        (again, JobState.QUEUED),
        else_=JobState.FAILED,
    )
    job = _guarded(
        tx,
        job_id,
        attempt,
        **_NO_LEASE,
        state=state,
        error_class=error_class,
        error=error.replace("\x00", ""),
        run_after=utc_now(wait_s),
        finished_at=sa.case((state == JobState.QUEUED, None), else_=utc_now()),
    )
    end_attempts(tx, job_id, AttemptOutcome.FAILED, error=job.error)
    if job.state is JobState.CANCELLED:
        drop_chunks(tx, job_id)
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
        **_NO_LEASE,
        state=sa.case((stop, JobState.CANCELLED), else_=JobState.QUEUED),
        uncounted_attempts=_jobs.c.uncounted_attempts + 1,
        run_after=utc_now(),
        finished_at=sa.case((stop, utc_now()), else_=None),
    )
    end_attempts(tx, job_id, AttemptOutcome.RELEASED)
    if job.state is JobState.CANCELLED:
        drop_chunks(tx, job_id)
    return job


def mark_cancelled(tx: Transaction, job_id: int, attempt: int) -> Job:
    """Note that the worker stopped because the job was to be cancelled.

    Raises:
        LeaseLost: If the job belongs to another attempt, or has ended.
    """
    job = _guarded(
        tx, job_id, attempt, **_NO_LEASE, state=JobState.CANCELLED, finished_at=utc_now()
    )
    end_attempts(tx, job_id, AttemptOutcome.CANCELLED)
    drop_chunks(tx, job_id)
    return job


def save_chunk(tx: Transaction, job_id: int, attempt: int, seq: int, data: bytes) -> None:
    """Keep a part of the result, so that the next attempt need not repeat it.

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


def _claim_statement(
    worker_id: str, lease_s: float, model_id: int | None, job_id: int | None, queue: str
) -> sa.sql.dml.ReturningUpdate[Any]:
    """One statement finds and takes the job, so that no two workers can take the same."""
    due = _jobs.alias("due")
    is_due = sa.or_(
        sa.and_(due.c.state == JobState.QUEUED, due.c.run_after <= utc_now()),
        sa.and_(due.c.state == JobState.RUNNING, due.c.lease_until < utc_now()),
    )
    held_first = [] if model_id is None else [sa.case((due.c.model_id == model_id, 0), else_=1)]
    is_mine = sa.true() if job_id is None else due.c.id == job_id
    # Left out by SQLAlchemy on SQLite, where BEGIN IMMEDIATE lets one worker claim at a time.
    next_id = (
        sa.select(due.c.id)
        .where(due.c.queue == queue, is_due, is_mine)
        .order_by(due.c.priority.desc(), *held_first, due.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    worn_out = _counted >= _jobs.c.max_attempts
    ends = sa.or_(_jobs.c.cancel_requested, worn_out)
    fails = sa.and_(worn_out, sa.not_(_jobs.c.cancel_requested))
    died = sa.literal("Its worker died ") + sa.cast(_counted, sa.Text) + sa.literal(" times.")
    return (
        _jobs.update()
        .where(_jobs.c.id == next_id)
        .values(
            state=sa.case(
                (fails, JobState.FAILED), (ends, JobState.CANCELLED), else_=JobState.RUNNING
            ),
            attempt=sa.case((ends, _jobs.c.attempt), else_=_jobs.c.attempt + 1),
            lease_owner=sa.case((ends, None), else_=worker_id),
            lease_until=sa.case((ends, None), else_=utc_now(lease_s)),
            progress_done=0,
            progress_note="",
            error_class=sa.case((fails, LeaseLost.__name__), else_=_jobs.c.error_class),
            error=sa.case((fails, died), else_=_jobs.c.error),
            started_at=sa.func.coalesce(_jobs.c.started_at, utc_now()),
            finished_at=sa.case((ends, utc_now()), else_=None),
        )
        .returning(_jobs)
    )


def _held(tx: Transaction, job_id: int, attempt: int) -> sa.Row[Any]:
    """The row of a job that this attempt owns, locked until the transaction ends."""
    owned = _jobs.select().where(_is_owned(job_id, attempt)).with_for_update()
    return _owned_row(tx, owned, job_id, attempt)


def _guarded(tx: Transaction, job_id: int, attempt: int, **values: Any) -> Job:
    """Change a job that this attempt owns."""
    change = _jobs.update().where(_is_owned(job_id, attempt)).values(values).returning(_jobs)
    return job_of(_owned_row(tx, change, job_id, attempt))


def _is_owned(job_id: int, attempt: int) -> sa.ColumnElement[bool]:
    return sa.and_(
        _jobs.c.id == job_id, _jobs.c.attempt == attempt, _jobs.c.state == JobState.RUNNING
    )


def _owned_row(tx: Transaction, statement: sa.Executable, job_id: int, attempt: int) -> sa.Row[Any]:
    row = tx.execute(statement).one_or_none()
    if row is None:
        raise LeaseLost(
            f"Attempt {attempt} at job {job_id} no longer owns it: it ended, or the lease lapsed "
            f"and another attempt took over. Its work is dropped. See: vectorlab jobs show {job_id}"
        )
    return row
