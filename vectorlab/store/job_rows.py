"""What both sides of the queue share: a job from its row, and the end of an attempt."""

from typing import Any

import sqlalchemy as sa

from vectorlab.domain.jobs import AttemptOutcome, Job, JobKind, JobState
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction

DEFAULT_QUEUE = "default"

_attempts = schema.job_attempts
_chunks = schema.job_chunks


def end_attempts(
    tx: Transaction, job_id: int, outcome: AttemptOutcome, *, error: str | None = None
) -> None:
    """Close the attempt that is open, before a new one begins; there is at most one."""
    tx.execute(
        _attempts.update()
        .where(_attempts.c.job_id == job_id, _attempts.c.ended_at.is_(None))
        .values(ended_at=utc_now(), outcome=outcome, error=error)
    )


def drop_chunks(tx: Transaction, job_id: int) -> None:
    """Delete the parts of a result that nobody will resume from."""
    tx.execute(_chunks.delete().where(_chunks.c.job_id == job_id))


def job_of(row: sa.Row[Any]) -> Job:
    """The job that a row of ``jobs`` describes."""
    return Job(
        id=row.id,
        kind=JobKind(row.kind),
        spec=row.spec_json,
        dedupe_key=row.dedupe_key,
        model_id=row.model_id,
        state=JobState(row.state),
        priority=row.priority,
        attempt=row.attempt,
        max_attempts=row.max_attempts,
        lease_owner=row.lease_owner,
        lease_until=row.lease_until,
        cancel_requested=row.cancel_requested,
        progress_done=row.progress_done,
        progress_total=row.progress_total,
        progress_note=row.progress_note,
        result=row.result_json,
        error_class=row.error_class,
        error=row.error,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        created_by=row.created_by,
    )
