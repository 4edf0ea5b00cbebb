"""The queue: ask for work, follow it, stop it; the worker's side is in ``leases``."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.jobs.jobs import AttemptOutcome, Job, JobAttempt, JobFilter, JobState, NewJob
from vectorlab.errors import ConflictError
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.jobs.checkpoints import (
    add_points,
    checkpoint,
    curves,
    cut_curves,
    save_checkpoint,
)
from vectorlab.store.jobs.endings import drop_saved, lose_attempts
from vectorlab.store.jobs.leases import (
    any_due,
    assert_owned,
    batch_companions,
    chunks,
    claim,
    fail,
    finish,
    heartbeat,
    let_go,
    mark_cancelled,
    release,
    report_progress,
    save_chunk,
)
from vectorlab.store.jobs.notify import wake_workers
from vectorlab.store.jobs.progress import append_log, log, partials
from vectorlab.store.jobs.rows import JOB_COLUMNS, hash_of_spec, job_of
from vectorlab.store.jobs.workers import (
    any_worker_alive,
    ask_to_stop,
    list_workers,
    register_worker,
    stop_asked,
    touch_worker,
)
from vectorlab.store.references import must_exist
from vectorlab.store.upserts import insert_into

__all__ = [
    "active_job",
    "add_points",
    "any_due",
    "any_worker_alive",
    "append_log",
    "ask_to_stop",
    "assert_owned",
    "attempts",
    "batch_companions",
    "cancel",
    "checkpoint",
    "chunks",
    "claim",
    "conditions",
    "count_by_state",
    "curves",
    "cut_curves",
    "enqueue",
    "fail",
    "finish",
    "get_job",
    "heartbeat",
    "let_go",
    "list_jobs",
    "list_workers",
    "log",
    "mark_cancelled",
    "now",
    "partials",
    "register_worker",
    "release",
    "report_progress",
    "retry",
    "save_checkpoint",
    "save_chunk",
    "stop_asked",
    "touch_worker",
]

_jobs = schema.jobs
_attempts = schema.job_attempts

_ACTIVE = _jobs.c.state.in_([JobState.QUEUED, JobState.RUNNING])


def enqueue(tx: Transaction, new: NewJob) -> tuple[Job, bool]:
    """Ask for work, or find the queued or running job that has the same dedupe key.

    Idle workers of the queue are woken when the transaction commits.

    Returns:
        The job, and whether it was created.
    """
    insert = (
        insert_into(tx, _jobs)
        .values(_new_values(new))
        .on_conflict_do_nothing(
            index_elements=[_jobs.c.dedupe_key], index_where=schema.ACTIVE_STATES
        )
        .returning(*JOB_COLUMNS)
    )
    same = sa.select(*JOB_COLUMNS).where(_jobs.c.dedupe_key == new.dedupe_key, _ACTIVE)
    while True:
        created = tx.execute(insert).one_or_none()
        if created is not None:
            wake_workers(tx, new.queue)
            return job_of(created), True
        active = tx.execute(same).one_or_none()
        if active is not None:  # None: it ended between the two statements
            return job_of(active), False


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
        .returning(*JOB_COLUMNS)
    ).one_or_none()
    if row is None:
        ended = get_job(tx, job_id)
        raise ConflictError(
            f"Job {job_id} has {ended.state} already; only a queued or running job is cancelled."
        )
    job = job_of(row)
    if job.state is JobState.CANCELLED:
        lose_attempts(tx, job_id)
        drop_saved(tx, job_id)
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
    if job.dedupe_key is not None and (other := tx.scalar(same)) is not None:
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
    wake_workers(tx, job.queue)
    return get_job(tx, job_id)


def now(tx: Transaction) -> datetime:
    """The time by the database's clock."""
    moment: datetime = tx.execute(sa.select(utc_now())).scalar_one()
    return moment


def get_job(tx: Transaction, job_id: int) -> Job:
    """The job with that id.

    Raises:
        NotFoundError: If there is none.
    """
    row = tx.execute(sa.select(*JOB_COLUMNS).where(_jobs.c.id == job_id)).one_or_none()
    return job_of(must_exist(row, "job", job_id, listed_by="jobs list"))


def active_job(tx: Transaction, dedupe_key: str) -> int | None:
    """Id of the queued or running job with that key, or None."""
    job_id: int | None = tx.scalar(
        sa.select(_jobs.c.id).where(_jobs.c.dedupe_key == dedupe_key, _ACTIVE)
    )
    return job_id


def last_success(tx: Transaction, dedupe_key: str) -> Job | None:
    """The newest job with that key that succeeded, or None."""
    query = sa.select(*JOB_COLUMNS).where(
        _jobs.c.dedupe_key == dedupe_key, _jobs.c.state == JobState.SUCCEEDED
    )
    row = tx.execute(query.order_by(_jobs.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else job_of(row)


def list_jobs(
    tx: Transaction, job_filter: JobFilter = JobFilter(), *, limit: int | None = 100
) -> list[Job]:
    """Jobs that pass the filter, newest first."""
    query = sa.select(*JOB_COLUMNS).where(*conditions(job_filter)).order_by(_jobs.c.id.desc())
    return [job_of(row) for row in tx.execute(query.limit(limit))]


def count_by_state(tx: Transaction, job_filter: JobFilter = JobFilter()) -> dict[JobState, int]:
    """How many jobs pass the filter, by state; states without any are left out."""
    query = sa.select(_jobs.c.state, sa.func.count().label("n")).where(*conditions(job_filter))
    rows = tx.execute(query.group_by(_jobs.c.state)).all()
    counts = {JobState(row.state): row.n for row in rows}
    return {state: counts[state] for state in JobState if state in counts}


def conditions(job_filter: JobFilter) -> list[sa.ColumnElement[bool]]:
    """The filter as a condition of SQL."""
    clauses: list[sa.ColumnElement[bool]] = []
    if job_filter.states:
        clauses.append(_jobs.c.state.in_(job_filter.states))
    if job_filter.kind is not None:
        clauses.append(_jobs.c.kind == job_filter.kind)
    if job_filter.model_id is not None:
        clauses.append(_jobs.c.model_id == job_filter.model_id)
    if job_filter.queue is not None:
        clauses.append(_jobs.c.queue == job_filter.queue)
    if job_filter.worker is not None:
        tried = sa.select(_attempts.c.job_id).where(
            _attempts.c.worker_id.startswith(job_filter.worker, autoescape=True)
        )
        clauses.append(_jobs.c.id.in_(tried))
    if job_filter.since is not None:
        clauses.append(_jobs.c.created_at >= job_filter.since)
    if job_filter.until is not None:
        clauses.append(sa.func.coalesce(_jobs.c.finished_at, _jobs.c.created_at) < job_filter.until)
    return clauses


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


def _new_values(new: NewJob) -> dict[str, Any]:
    spec = dict(new.spec)
    return {
        "kind": new.kind,
        "spec_json": spec,
        "spec_sha256": hash_of_spec(new.kind, spec),
        "dedupe_key": new.dedupe_key,
        "model_id": new.model_id,
        "queue": new.queue,
        "batch_key": new.batch_key,
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
