"""Deleting jobs that have ended: audited, and never one that another row refers to."""

import sqlalchemy as sa

from vectorlab.domain.jobs.jobs import Job, JobFilter, JobState
from vectorlab.errors import InputError
from vectorlab.store import audit, schema
from vectorlab.store.database import Transaction
from vectorlab.store.jobs.queue import conditions
from vectorlab.store.jobs.rows import JOB_COLUMNS, job_of

_jobs = schema.jobs
# What belongs to a job and goes with it; any other table with a key to jobs keeps the job.
_PARTS = (
    schema.job_partials,
    schema.job_logs,
    schema.job_points,
    schema.job_checkpoints,
    schema.job_chunks,
    schema.job_attempts,
)
_AT_ONCE = 500  # ids per statement


def prune(
    tx: Transaction, job_filter: JobFilter, *, actor: str, dry_run: bool = False
) -> list[Job]:
    """Delete the final jobs that pass the filter, with their attempts, chunks and logs.

    What the jobs made stays. The audit log keeps of each what it was and what it made.

    Args:
        tx: An open transaction that writes.
        job_filter: Which jobs; only final states may be named, and none means all of them.
        actor: Recorded in the audit log.
        dry_run: Only say which jobs would go.

    Returns:
        The jobs that went, oldest first.

    Raises:
        InputError: If the filter names a state in which a job still has work to do.
    """
    final = [state for state in JobState if state.is_final]
    active = [state for state in job_filter.states if not state.is_final]
    if active:
        raise InputError(
            f"Jobs in state {active[0]} cannot be pruned; they have work to do. Cancel them first: "
            "vectorlab jobs cancel JOB"
        )
    query = (
        sa.select(*JOB_COLUMNS)
        .where(
            *conditions(job_filter),
            _jobs.c.state.in_(job_filter.states or final),
            *_not_referred_to(),
        )
        .order_by(_jobs.c.id)
    )
    jobs = [job_of(row) for row in tx.execute(query)]
    if not dry_run:
        for job in jobs:
            _record(tx, job, actor)
        for start in range(0, len(jobs), _AT_ONCE):
            _delete(tx, [job.id for job in jobs[start : start + _AT_ONCE]])
    return jobs


def _not_referred_to() -> list[sa.ColumnElement[bool]]:
    keys = [
        key.parent
        for table in _all_tables()
        if table not in _PARTS
        for key in table.foreign_keys
        if key.column is _jobs.c.id
    ]
    return [~sa.exists().where(column == _jobs.c.id) for column in keys]


def _all_tables() -> list[sa.Table]:
    return list(schema.metadata.sorted_tables)


def _record(tx: Transaction, job: Job, actor: str) -> None:
    details = {
        "kind": job.kind,
        "state": job.state,
        "made": dict(job.result or {}),
        "error": job.error,
        "asked_by": job.created_by,
        "asked_at": job.created_at.isoformat(),
    }
    audit.record(
        tx, actor=actor, action="prune", object_kind="job", object_id=job.id, details=details
    )


def _delete(tx: Transaction, job_ids: list[int]) -> None:
    for table in _PARTS:
        tx.execute(table.delete().where(table.c.job_id.in_(job_ids)))
    tx.execute(_jobs.delete().where(_jobs.c.id.in_(job_ids)))
