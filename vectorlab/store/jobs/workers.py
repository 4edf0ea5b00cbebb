"""Processes that claim jobs, and which of them are alive by the database's clock.

Whether a worker is busy is read from the leases: a worker is busy exactly while it holds one.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from vectorlab.domain.jobs.jobs import DEFAULT_QUEUE, JobState, WorkerInfo
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.jobs.notify import wake_workers

_workers = schema.workers
_jobs = schema.jobs
_models = schema.models

FORGET_AFTER_S = 7 * 24 * 3600.0  # rows of processes that are long gone only make the list longer
_TOUCH = (
    _workers.update()
    .where(_workers.c.id == sa.bindparam("of_worker"))
    .values(
        state=sa.bindparam("as"),
        last_seen=utc_now(),
        models_json=sa.func.coalesce(
            sa.bindparam("held", type_=schema.workers.c.models_json.type), _workers.c.models_json
        ),
        memory_bytes=sa.func.coalesce(
            sa.bindparam("memory", type_=sa.BigInteger), _workers.c.memory_bytes
        ),
    )
    .returning(_workers.c.stop_asked_at)
)


def register_worker(
    tx: Transaction,
    *,
    worker_id: str,
    host: str,
    pid: int,
    device: str,
    torch_version: str,
    queue: str = DEFAULT_QUEUE,
) -> None:
    """Note a process that begins to claim jobs; forget those unseen for a week.

    Args:
        tx: An open transaction that writes.
        worker_id: Its name, one of a kind.
        host: Name of its machine.
        pid: Of its process.
        device: Where its models run.
        torch_version: Of its torch.
        queue: Whose jobs it takes.
    """
    tx.execute(_workers.delete().where(_workers.c.last_seen < utc_now(-FORGET_AFTER_S)))
    # Again after a commit whose answer was lost.
    tx.execute(_workers.delete().where(_workers.c.id == worker_id))
    tx.execute(
        _workers.insert().values(
            id=worker_id,
            host=host,
            pid=pid,
            device=device,
            torch_version=torch_version,
            state="idle",
            started_at=utc_now(),
            last_seen=utc_now(),
            queue=queue,
        )
    )


def touch_worker(
    tx: Transaction,
    worker_id: str,
    state: str,
    *,
    model_ids: Sequence[int] | None = None,
    memory_bytes: int | None = None,
) -> bool:
    """Note that a worker is there and whether it is ``idle``, ``busy`` or ``stopped``.

    Args:
        tx: An open transaction.
        worker_id: Of the worker.
        state: What it does.
        model_ids: Models that it holds; None leaves what is on record.
        memory_bytes: That it takes on its device; None leaves what is on record.

    Returns:
        Whether somebody asked it to stop.
    """
    parameters = {
        "of_worker": worker_id,
        "as": state,
        "held": None if model_ids is None else list(model_ids),
        "memory": memory_bytes,
    }
    row = tx.execute(_TOUCH, parameters).one_or_none()
    return row is not None and row.stop_asked_at is not None


def ask_to_stop(tx: Transaction, worker_ids: Sequence[str]) -> list[str]:
    """Ask workers to finish their batch, hand their job back and end; returns those asked."""
    workers = tx.execute(
        _workers.update()
        .where(_workers.c.id.in_(worker_ids), _workers.c.state != "stopped")
        .values(stop_asked_at=utc_now())
        .returning(_workers.c.id, _workers.c.queue)
    ).all()
    for queue in {row.queue for row in workers}:
        wake_workers(tx, queue)
    return sorted(row.id for row in workers)


def stop_asked(tx: Transaction, worker_id: str) -> bool:
    """Whether somebody asked this worker to stop."""
    query = sa.select(_workers.c.stop_asked_at).where(_workers.c.id == worker_id)
    return tx.scalar(query) is not None


def list_workers(tx: Transaction, alive_within_s: float) -> list[WorkerInfo]:
    """Every known worker, last seen first."""
    query = sa.select(_workers, is_alive(alive_within_s).label("alive"))
    leases = sa.select(_jobs.c.lease_owner, _jobs.c.id).where(
        _jobs.c.state == JobState.RUNNING, _jobs.c.lease_until >= utc_now()
    )
    held: dict[str, list[int]] = {}
    for owner, job_id in tx.execute(leases.order_by(_jobs.c.id)):
        held.setdefault(owner, []).append(job_id)
    names = {row.id: row.name for row in tx.execute(sa.select(_models.c.id, _models.c.name))}
    return [
        WorkerInfo(
            id=row.id,
            host=row.host,
            pid=row.pid,
            device=row.device,
            torch_version=row.torch_version,
            queue=row.queue,
            state=row.state if row.state == "stopped" else "busy" if row.id in held else "idle",
            jobs=tuple(held.get(row.id, ())),
            stop_asked=row.stop_asked_at is not None,
            started_at=row.started_at,
            last_seen=row.last_seen,
            alive=row.alive,
            models=tuple(
                names[model_id] for model_id in row.models_json or () if model_id in names
            ),
            memory_bytes=row.memory_bytes,
        )
        for row in tx.execute(query.order_by(_workers.c.last_seen.desc(), _workers.c.id))
    ]


def any_worker_alive(tx: Transaction, within_s: float, *, queue: str = DEFAULT_QUEUE) -> bool:
    """Whether some worker of the queue was seen within that many seconds and has not stopped."""
    here = (is_alive(within_s), _workers.c.queue == queue, _workers.c.stop_asked_at.is_(None))
    return tx.scalar(sa.select(sa.exists().where(*here))) is True


def is_alive(within_s: float) -> sa.ColumnElement[bool]:
    """Whether a worker was seen within that many seconds and has not stopped."""
    return sa.and_(_workers.c.state != "stopped", _workers.c.last_seen > utc_now(-within_s))
