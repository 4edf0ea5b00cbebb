"""The statements that every job needs, made once: to build them costs more than to run them."""

from functools import cache
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.jobs.jobs import AttemptOutcome, JobState
from vectorlab.errors import LeaseLost
from vectorlab.store import schema
from vectorlab.store.columns import Json, utc_now
from vectorlab.store.jobs.rows import JOB_COLUMNS

RETRY_BASE_S = 2.0  # wait before the first retry; doubles with each further one
NO_LEASE: dict[str, Any] = {"lease_owner": None, "lease_until": None, "progress_rate": None}

_jobs = schema.jobs
_attempts = schema.job_attempts

# Attempts that were handed back, or came before a retry by hand, do not wear a job out.
COUNTED = _jobs.c.attempt - _jobs.c.uncounted_attempts

# Parameters: of_job, of_attempt. The fence.
OWNED = sa.and_(
    _jobs.c.id == sa.bindparam("of_job"),
    _jobs.c.attempt == sa.bindparam("of_attempt"),
    _jobs.c.state == JobState.RUNNING,
)
_own = _jobs.update().where(OWNED)
_lease_end = utc_now(sa.bindparam("lease_s", type_=sa.Double()))

HOLD = sa.select(_jobs.c.id, _jobs.c.uncounted_attempts).where(OWNED).with_for_update()
BEAT = _own.values(lease_until=_lease_end).returning(_jobs.c.cancel_requested)
PROGRESS = _own.values(
    progress_done=sa.bindparam("done"),
    progress_total=sa.bindparam("total"),
    progress_note=sa.bindparam("note"),
    progress_rate=sa.bindparam("rate"),
).returning(_jobs.c.cancel_requested)
FINISH = _own.values(
    **NO_LEASE,
    state=JobState.SUCCEEDED,
    result_json=sa.bindparam("result", type_=Json),
    progress_done=sa.func.coalesce(_jobs.c.progress_total, _jobs.c.progress_done),
    error_class=None,
    error=None,
    finished_at=utc_now(),
).returning(*JOB_COLUMNS)
BEGIN_ATTEMPT = _attempts.insert().values(started_at=utc_now())
# Parameters: of_job, with.
END_ATTEMPTS = (
    _attempts.update()
    .where(_attempts.c.job_id == sa.bindparam("of_job"), _attempts.c.ended_at.is_(None))
    .values(ended_at=utc_now(), outcome=sa.bindparam("with"), error=sa.bindparam("why"))
)
LOSE_ATTEMPTS = END_ATTEMPTS.values(
    outcome=AttemptOutcome.LOST,
    error=sa.literal("Worker ")
    + _attempts.c.worker_id
    + sa.literal(" did not renew its lease: it was killed, hung, or lost the store."),
)


@cache
def claim_statement(
    *, prefers_held: bool, one_job: bool, resume_own: bool
) -> sa.sql.dml.ReturningUpdate[Any]:
    """One statement finds and takes a job, so that no two workers can take the same.

    Parameters: ``worker``, ``lease_s``, ``of_queue``, and where asked for ``held`` (a list of
    model ids) and ``of_job``.
    """
    next_id = _next_id(prefers_held=prefers_held, one_job=one_job, resume_own=resume_own)
    worn_out = _jobs.c.max_attempts <= COUNTED
    ends = sa.or_(_jobs.c.cancel_requested, worn_out)
    fails = sa.and_(worn_out, sa.not_(_jobs.c.cancel_requested))
    worker = sa.bindparam("worker", type_=sa.Text())
    return (
        _jobs.update()
        .where(_jobs.c.id == next_id)
        .values(
            state=sa.case(
                (fails, JobState.FAILED), (ends, JobState.CANCELLED), else_=JobState.RUNNING
            ),
            attempt=sa.case((ends, _jobs.c.attempt), else_=_jobs.c.attempt + 1),
            lease_owner=sa.case((ends, None), else_=worker),
            lease_until=sa.case((ends, None), else_=_lease_end),
            progress_done=0,
            progress_rate=None,
            progress_note="",
            error_class=sa.case((fails, LeaseLost.__name__), else_=_jobs.c.error_class),
            error=sa.case((fails, _died()), else_=_jobs.c.error),
            started_at=sa.func.coalesce(_jobs.c.started_at, utc_now()),
            finished_at=sa.case((ends, utc_now()), else_=None),
        )
        .returning(*JOB_COLUMNS)
    )


@cache
def any_due_statement() -> sa.Select[tuple[bool]]:
    """Whether a claim would find something. Parameter: ``of_queue``."""
    here = sa.and_(_jobs.c.queue == sa.bindparam("of_queue"), is_due(_jobs))
    return sa.select(sa.exists().where(here))


def is_due(jobs: sa.FromClause, owner: sa.ColumnElement[str] | None = None) -> Any:
    """Queued and its time has come, or running with a lease that is over or of this owner."""
    counted = jobs.c.attempt - jobs.c.uncounted_attempts
    # A job that kills what works on it must not take the workers down one after the other.
    pauses = [RETRY_BASE_S * 2.0**number for number in range(4)]
    over = sa.case(
        (sa.or_(counted <= 1, counted >= jobs.c.max_attempts), utc_now()),
        *((counted == tries, utc_now(-pause)) for tries, pause in enumerate(pauses, start=2)),
        else_=utc_now(-pauses[-1]),
    )
    own = sa.false() if owner is None else jobs.c.lease_owner == owner
    return sa.or_(
        sa.and_(jobs.c.state == JobState.QUEUED, jobs.c.run_after <= utc_now()),
        sa.and_(jobs.c.state == JobState.RUNNING, sa.or_(jobs.c.lease_until < over, own)),
    )


def _next_id(*, prefers_held: bool, one_job: bool, resume_own: bool) -> sa.ScalarSelect[int]:
    """The job to take, locked."""
    due = _jobs.alias("due")
    owner = sa.bindparam("worker", type_=sa.Text()) if resume_own else None
    conditions = [due.c.queue == sa.bindparam("of_queue"), is_due(due, owner)]
    if one_job:
        conditions.append(due.c.id == sa.bindparam("of_job"))
    is_held = due.c.model_id.in_(sa.bindparam("held", expanding=True))
    held_first = [sa.case((is_held, 0), else_=1)] if prefers_held else []
    # The lock is left out by SQLAlchemy on SQLite, where BEGIN IMMEDIATE lets one worker claim at
    # a time.
    return (
        sa.select(due.c.id)
        .where(*conditions)
        .order_by(due.c.priority.desc(), *held_first, due.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )


def _died() -> sa.ColumnElement[str]:
    return (
        sa.literal("Its worker died or hung ")
        + sa.cast(COUNTED, sa.Text)
        + sa.literal(" times, the last time ")
        + sa.func.coalesce(_jobs.c.lease_owner, "an unknown one")
        + sa.case(
            (_jobs.c.progress_note != "", sa.literal(" at: ") + _jobs.c.progress_note),
            else_=sa.literal(""),
        )
        + sa.literal(". If it was not stopped by hand, the job may need more memory than there is.")
    )
