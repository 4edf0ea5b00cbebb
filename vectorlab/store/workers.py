"""Processes that claim jobs, and which of them are alive by the database's clock."""

import sqlalchemy as sa

from vectorlab.domain.jobs import WorkerInfo
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction

_workers = schema.workers

FORGET_AFTER_S = 7 * 24 * 3600.0  # rows of processes that are long gone only make the list longer


def register_worker(
    tx: Transaction, *, worker_id: str, host: str, pid: int, device: str, torch_version: str
) -> None:
    """Note a process that begins to claim jobs; forget those unseen for a week."""
    tx.execute(_workers.delete().where(_workers.c.last_seen < utc_now(-FORGET_AFTER_S)))
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
        )
    )


def touch_worker(tx: Transaction, worker_id: str, state: str) -> None:
    """Note that a worker is there and whether it is ``idle``, ``busy`` or ``stopped``."""
    tx.execute(
        _workers.update().where(_workers.c.id == worker_id).values(state=state, last_seen=utc_now())
    )


def list_workers(tx: Transaction, alive_within_s: float) -> list[WorkerInfo]:
    """Every known worker, last seen first."""
    query = sa.select(_workers, _is_alive(alive_within_s).label("alive"))
    return [
        WorkerInfo(**row._mapping)
        for row in tx.execute(query.order_by(_workers.c.last_seen.desc()))
    ]


def any_worker_alive(tx: Transaction, within_s: float) -> bool:
    """Whether some worker was seen within that many seconds and has not stopped."""
    return tx.scalar(sa.select(sa.exists().where(_is_alive(within_s)))) is True


def _is_alive(within_s: float) -> sa.ColumnElement[bool]:
    return sa.and_(_workers.c.state != "stopped", _workers.c.last_seen > utc_now(-within_s))
