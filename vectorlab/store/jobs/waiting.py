"""Where jobs stand in their queues, in a statement each for any number of them."""

from collections.abc import Sequence

import sqlalchemy as sa

from vectorlab.domain.jobs.jobs import Job, JobState
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.jobs.rows import JOB_COLUMNS, job_of
from vectorlab.store.jobs.workers import is_alive

_jobs = schema.jobs
_workers = schema.workers
_TAKEN = (_jobs.c.priority.desc(), _jobs.c.id)  # the order of a queue


def running(tx: Transaction, queues: Sequence[str]) -> list[Job]:
    """Jobs of some queues that a worker holds, or held until its lease lapsed."""
    query = sa.select(*JOB_COLUMNS).where(
        _jobs.c.state == JobState.RUNNING, _jobs.c.queue.in_(queues)
    )
    return [job_of(row) for row in tx.execute(query.order_by(_jobs.c.id))]


def queued(tx: Transaction, *, limit: int) -> list[Job]:
    """Jobs that wait, in the order in which they are taken."""
    query = sa.select(*JOB_COLUMNS).where(_jobs.c.state == JobState.QUEUED).order_by(*_TAKEN)
    return [job_of(row) for row in tx.execute(query.limit(limit))]


def ranks(tx: Transaction, queues: Sequence[str], job_ids: Sequence[int]) -> dict[int, int]:
    """At which place from 1 some queued jobs are taken; others have none."""
    rank = sa.func.row_number().over(partition_by=_jobs.c.queue, order_by=_TAKEN)
    queued = (
        sa.select(_jobs.c.id, rank.label("rank"))
        .where(_jobs.c.state == JobState.QUEUED, _jobs.c.queue.in_(queues))
        .subquery()
    )
    query = sa.select(queued.c.id, queued.c.rank).where(queued.c.id.in_(job_ids))
    return {row.id: row.rank for row in tx.execute(query)}


def counts(tx: Transaction, queues: Sequence[str]) -> dict[str, int]:
    """How many jobs are queued, by queue."""
    query = (
        sa.select(_jobs.c.queue, sa.func.count().label("n"))
        .where(_jobs.c.state == JobState.QUEUED, _jobs.c.queue.in_(queues))
        .group_by(_jobs.c.queue)
    )
    return {row.queue: row.n for row in tx.execute(query)}


def workers(tx: Transaction, queues: Sequence[str], *, within_s: float) -> dict[str, int]:
    """How many workers of some queues are there and go on taking jobs, by queue."""
    query = (
        sa.select(_workers.c.queue, sa.func.count().label("n"))
        .where(is_alive(within_s), _workers.c.queue.in_(queues), _workers.c.stop_asked_at.is_(None))
        .group_by(_workers.c.queue)
    )
    return {row.queue: row.n for row in tx.execute(query)}


def overtaker(tx: Transaction, queue: str, priority: int) -> int | None:
    """Id of a queued job that goes before a running one of that priority, or None."""
    query = (
        sa.select(_jobs.c.id)
        .where(
            _jobs.c.queue == queue,
            _jobs.c.state == JobState.QUEUED,
            _jobs.c.priority > priority,
            _jobs.c.run_after <= utc_now(),
            sa.not_(_jobs.c.cancel_requested),
        )
        .order_by(*_TAKEN)
        .limit(1)
    )
    found: int | None = tx.scalar(query)
    return found
