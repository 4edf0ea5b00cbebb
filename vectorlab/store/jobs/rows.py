"""A job from its row."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.jobs.jobs import Job, JobState
from vectorlab.store import schema
from vectorlab.store.columns import utc_now

_jobs = schema.jobs

# Running by its row, but nobody renewed the lease: what people see must not say that work goes on.
LAPSED = sa.and_(_jobs.c.state == JobState.RUNNING, _jobs.c.lease_until < utc_now())
JOB_COLUMNS = (*_jobs.c, LAPSED.label("lapsed"))


def job_of(row: sa.Row[Any]) -> Job:
    """The job that a row of ``JOB_COLUMNS`` describes."""
    return Job(
        id=row.id,
        kind=row.kind,
        spec=row.spec_json,
        dedupe_key=row.dedupe_key,
        model_id=row.model_id,
        state=JobState(row.state),
        priority=row.priority,
        queue=row.queue,
        batch_key=row.batch_key,
        run_after=row.run_after,
        attempt=row.attempt,
        max_attempts=row.max_attempts,
        lease_owner=row.lease_owner,
        lease_until=row.lease_until,
        lapsed=bool(row.lapsed),
        cancel_requested=row.cancel_requested,
        progress_done=row.progress_done,
        progress_total=row.progress_total,
        progress_note=row.progress_note,
        progress_rate=row.progress_rate,
        result=row.result_json,
        error_class=row.error_class,
        error=row.error,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        created_by=row.created_by,
    )


def hash_of_spec(kind: str, spec: Mapping[str, Any]) -> str:
    """Hash of what a job is asked to do."""
    return content_sha256("job", {"kind": kind, "spec": dict(spec)})
