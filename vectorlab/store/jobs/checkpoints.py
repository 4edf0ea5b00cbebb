"""Curves and checkpoints of long jobs.

Both are written under the fence of the attempt, in the transaction of whoever calls. Curves stay
with the job for good; the checkpoint goes when nobody will resume from it.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

import sqlalchemy as sa

from vectorlab.domain.jobs.jobs import Checkpoint, CurvePoint
from vectorlab.errors import InputError, IntegrityError
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.upserts import insert_into

POINTS_PER_SERIES = 1000  # at most; beyond it every second point goes
SERIES_PER_JOB = 64
CHECKPOINT_BYTES = 512 * 1024**2  # at most; what both databases take in one value with room

_points = schema.job_points
_checkpoints = schema.job_checkpoints


def add_points(tx: Transaction, job_id: int, points: Sequence[CurvePoint]) -> None:
    """Add points to the curves of a job; the caller holds the job.

    A point of the same series and step is replaced. Where a series has more points than
    ``POINTS_PER_SERIES``, every second one goes, never the newest.

    Raises:
        InputError: If the job would have more series than ``SERIES_PER_JOB``.
    """
    if not points:
        return
    newest = {(point.series, point.step): point.value for point in points}
    insert = insert_into(tx, _points)
    tx.execute(
        insert.on_conflict_do_update(
            index_elements=[_points.c.job_id, _points.c.series, _points.c.step],
            set_={"value": insert.excluded.value},
        ),
        [
            {"job_id": job_id, "series": series, "step": step, "value": value}
            for (series, step), value in newest.items()
        ],
    )
    counts = _count(tx, job_id)
    if len(counts) > SERIES_PER_JOB:
        raise InputError(
            f"Job {job_id} draws {len(counts)} curves; at most {SERIES_PER_JOB} are kept."
        )
    for series in {series for series, _ in newest}:
        for _ in range(_halvings(counts[series])):
            _thin(tx, job_id, series)


def curves(
    tx: Transaction, job_id: int, *, after_step: int = -1
) -> dict[str, list[tuple[int, float]]]:
    """Steps and values of every series of a job, in order of steps; only those after a step."""
    query = (
        sa.select(_points.c.series, _points.c.step, _points.c.value)
        .where(_points.c.job_id == job_id, _points.c.step > after_step)
        .order_by(_points.c.series, _points.c.step)
    )
    by_series: dict[str, list[tuple[int, float]]] = {}
    for series, step, value in tx.execute(query):
        by_series.setdefault(series, []).append((step, value))
    return by_series


def cut_curves(tx: Transaction, job_id: int, *, after_step: int) -> None:
    """Forget the points after a step, where another attempt goes on; the caller holds the job."""
    tx.execute(_points.delete().where(_points.c.job_id == job_id, _points.c.step > after_step))


def save_checkpoint(tx: Transaction, job_id: int, attempt: int, step: int, data: bytes) -> None:
    """Replace the checkpoint of a job; the caller holds the job.

    Args:
        tx: An open transaction that writes.
        job_id: Of the job.
        attempt: Number of the attempt that saves it.
        step: Steps that are done.
        data: State of the training.

    Raises:
        InputError: If there are more bytes than ``CHECKPOINT_BYTES``.
    """
    if len(data) > CHECKPOINT_BYTES:
        raise InputError(
            f"The checkpoint of job {job_id} has {len(data)} bytes; at most {CHECKPOINT_BYTES} "
            "can be kept. Train something smaller."
        )
    values = {
        "attempt": attempt,
        "step": step,
        "sha256": sha256(data).hexdigest(),
        "data": data,
        "created_at": utc_now(),
    }
    tx.execute(
        insert_into(tx, _checkpoints)
        .values(job_id=job_id, **values)
        .on_conflict_do_update(index_elements=[_checkpoints.c.job_id], set_=values)
    )


def checkpoint(tx: Transaction, job_id: int) -> Checkpoint | None:
    """What an earlier attempt saved last; None if there is nothing to go on from.

    Raises:
        IntegrityError: If the bytes are not those that were saved.
    """
    row = tx.execute(_checkpoints.select().where(_checkpoints.c.job_id == job_id)).one_or_none()
    if row is None:
        return None
    if sha256(row.data).hexdigest() != row.sha256:
        raise IntegrityError(
            f"The checkpoint of job {job_id} does not have the hash on record, {row.sha256[:12]}. "
            f"Check the store: vectorlab db verify. To train from the start: vectorlab jobs cancel "
            f"{job_id}, then retry."
        )
    return Checkpoint(attempt=row.attempt, step=row.step, data=row.data, created_at=row.created_at)


def _count(tx: Transaction, job_id: int) -> Mapping[str, int]:
    query = sa.select(_points.c.series, sa.func.count()).where(_points.c.job_id == job_id)
    rows = tx.execute(query.group_by(_points.c.series)).all()
    return {row[0]: row[1] for row in rows}


def _halvings(count: int) -> int:
    times = 0
    while count > POINTS_PER_SERIES:
        # The newest stays even where its turn to go has come.
        count, times = count // 2 + 1, times + 1
    return times


def _thin(tx: Transaction, job_id: int, series: str) -> None:
    """Drop every second point of a series: not the first, not the newest."""
    of_series = sa.and_(_points.c.job_id == job_id, _points.c.series == series)
    place = sa.func.row_number().over(order_by=_points.c.step)
    ranked = sa.select(_points.c.step, place.label("place")).where(of_series).subquery()
    newest = sa.select(sa.func.max(_points.c.step)).where(of_series).scalar_subquery()
    even = sa.select(ranked.c.step).where(ranked.c.place % 2 == 0, ranked.c.step < newest)
    tx.execute(_points.delete().where(of_series, _points.c.step.in_(even)))
