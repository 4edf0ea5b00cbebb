"""The queue: ask for work, follow it, stop it; the worker's side is in ``leases``."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.jobs import AttemptOutcome, Job, JobAttempt, JobKind, JobState, NewJob
from vectorlab.errors import ConflictError, NotFoundError
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.job_rows import DEFAULT_QUEUE, drop_chunks, end_attempts, job_of
from vectorlab.store.leases import (
    chunks,
    claim,
    fail,
    finish,
    heartbeat,
    hold,
    mark_cancelled,
    release,
    report_progress,
    save_chunk,
)
from vectorlab.store.workers import any_worker_alive, list_workers, register_worker, touch_worker

__all__ = [
    "any_worker_alive",
    "attempts",
    "cancel",
    "chunks",
    "claim",
    "enqueue",
    "fail",
    "finish",
    "get_job",
    "heartbeat",
    "hold",
    "list_jobs",
    "list_workers",
    "mark_cancelled",
    "register_worker",
    "release",
    "report_progress",
    "retry",
    "save_chunk",
    "touch_worker",
]

_jobs = schema.jobs
_attempts = schema.job_attempts

_ACTIVE = _jobs.c.state.in_([JobState.QUEUED, JobState.RUNNING])


def enqueue(tx: Transaction, new: NewJob, *, queue: str = DEFAULT_QUEUE) -> tuple[Job, bool]:
    """Ask for work, or find the queued or running job that has the same dedupe key.

    Returns:
        The job, and whether it was created.
    """
    dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
    insert = (
        dialect.insert(_jobs)
        .values(_new_values(new, queue))
        .on_conflict_do_nothing(
            index_elements=[_jobs.c.dedupe_key], index_where=schema.ACTIVE_STATES
        )
        .returning(_jobs)
    )
    same = _jobs.select().where(_jobs.c.dedupe_key == new.dedupe_key, _ACTIVE)
    while True:
        created = tx.execute(insert).one_or_none()
        if created is not None:
            return job_of(created), True
        found = tx.execute(same).one_or_none()
        if found is not None:  # None: it ended between the two statements
            return job_of(found), False


def cancel(tx: Transaction, job_id: int) -> Job:
    """Cancel a queued job, or a running one without a living worker, at once; ask others to stop.

    Raises:
        NotFoundError: If there is no such job.
        ConflictError: If it has ended.
    """
    idle = sa.or_(_jobs.c.state == JobState.QUEUED, _jobs.c.lease_until < utc_now())
    row = tx.execute(
        _jobs.update()
        .where(_jobs.c.id == job_id, _ACTIVE)
        .values(
            cancel_requested=True,
            state=sa.case((idle, JobState.CANCELLED), else_=_jobs.c.state),
            lease_owner=sa.case((idle, None), else_=_jobs.c.lease_owner),
            lease_until=sa.case((idle, None), else_=_jobs.c.lease_until),
            finished_at=sa.case((idle, utc_now()), else_=None),
        )
        .returning(_jobs)
    ).one_or_none()
    if row is None:
        ended = get_job(tx, job_id)
        raise ConflictError(
            f"Job {job_id} has {ended.state} already; only a queued or running job is cancelled."
        )
    job = job_of(row)
    if job.state is JobState.CANCELLED:
        end_attempts(tx, job_id, AttemptOutcome.LOST)
        drop_chunks(tx, job_id)
    return job


def retry(tx: Transaction, job_id: int) -> Job:
    """Queue a failed or cancelled job once more, with all its attempts before it again.

    Raises:
        NotFoundError: If there is no such job.
        ConflictError: If it has not failed, or an equal job is under way.
    """
    job = get_job(tx, job_id)
    if job.state not in (JobState.FAILED, JobState.CANCELLED):
        raise ConflictError(
            f"Job {job_id} is {job.state}; only a failed or cancelled job is retried."
        )
    same = sa.select(_jobs.c.id).where(_jobs.c.dedupe_key == job.dedupe_key, _ACTIVE)
    if (other := tx.scalar(same)) is not None:
        raise ConflictError(
            f"Job {other} does the same work already. Watch it: vectorlab jobs wait {other}"
        )
    tx.execute(
        _jobs.update()
        .where(_jobs.c.id == job_id, _jobs.c.state == job.state)
        .values(
            state=JobState.QUEUED,
            uncounted_attempts=_jobs.c.attempt,
            run_after=utc_now(),
            cancel_requested=False,
            error_class=None,
            error=None,
            finished_at=None,
        )
    )
    return get_job(tx, job_id)


def get_job(tx: Transaction, job_id: int) -> Job:
    """The job with that id.

    Raises:
        NotFoundError: If there is none.
    """
    row = tx.execute(_jobs.select().where(_jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise NotFoundError("job", str(job_id), hint="See what there is: vectorlab jobs list")
    return job_of(row)


def list_jobs(
    tx: Transaction,
    *,
    state: JobState | None = None,
    kind: JobKind | None = None,
    limit: int = 100,
) -> list[Job]:
    """Jobs, newest first, optionally in one state or of one kind."""
    query = _jobs.select().order_by(_jobs.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(_jobs.c.state == state)
    if kind is not None:
        query = query.where(_jobs.c.kind == kind)
    return [job_of(row) for row in tx.execute(query)]


def attempts(tx: Transaction, job_id: int) -> list[JobAttempt]:
    """Every try at a job, oldest first."""
    query = _attempts.select().where(_attempts.c.job_id == job_id).order_by(_attempts.c.attempt)
    return [
        JobAttempt(
            job_id=row.job_id,
            attempt=row.attempt,
            worker_id=row.worker_id,
            started_at=row.started_at,
            ended_at=row.ended_at,
            outcome=None if row.outcome is None else AttemptOutcome(row.outcome),
            error=row.error,
        )
        for row in tx.execute(query)
    ]


def _new_values(new: NewJob, queue: str) -> dict[str, Any]:
    spec = dict(new.spec)
    return {
        "kind": new.kind,
        "spec_json": spec,
        "spec_sha256": content_sha256("job", {"kind": new.kind, "spec": spec}),
        "dedupe_key": new.dedupe_key,
        "model_id": new.model_id,
        "queue": queue,
        "state": JobState.QUEUED,
        "priority": new.priority,
        "run_after": utc_now(),
        "attempt": 0,
        "uncounted_attempts": 0,
        "max_attempts": new.max_attempts,
        "cancel_requested": False,
        "progress_done": 0,
        "progress_note": "",
        "created_at": utc_now(),
        "created_by": new.created_by,
    }
