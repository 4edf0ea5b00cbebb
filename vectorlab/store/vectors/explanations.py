"""How single demonstrations pull along a vector, and what the vector is without them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.explanations import DemonstrationPull, Explanation, LeftOut
from vectorlab.errors import NotFoundError
from vectorlab.store import evidence, schema
from vectorlab.store.database import Transaction
from vectorlab.store.sets import items

_explanations = schema.explanations
_omitted = schema.omitted_demonstrations
_alignments = schema.demonstration_alignments
_vectors = schema.steering_vectors

ExplanationOrder = Literal["strongest", "weakest", "largest_shift"]


def add_explanation(
    tx: Transaction,
    vector_id: int,
    left_out: Sequence[LeftOut],
    environment: Mapping[str, Any],
    created_by: str,
) -> None:
    """Store a leave-one-out study, unless the vector has one already.

    Args:
        tx: An open transaction that writes.
        vector_id: Of the vector.
        left_out: What the vector becomes without each demonstration.
        environment: Software and hardware.
        created_by: Who asked for it.
    """
    if find_explanation(tx, vector_id) is not None:
        return
    omitted = [
        {
            "position": omission.position,
            "norm_change": omission.norm_change,
            "cosine": omission.cosine,
            "norm_changes_json": omission.norm_changes,
            "cosines_json": omission.cosines,
        }
        for omission in left_out
    ]
    study = {
        "steering_vector_id": vector_id,
        "environment_json": dict(environment),
        "created_by": created_by,
    }
    evidence.add_record(tx, _explanations, study, {_omitted: omitted})


def get_explanation(tx: Transaction, vector_id: int) -> Explanation:
    """The vector's leave-one-out study.

    Raises:
        NotFoundError: If it was deleted.
    """
    explanation = find_explanation(tx, vector_id)
    if explanation is None:
        raise NotFoundError(
            "leave-one-out study of vector", str(vector_id), hint="Ask for it again."
        )
    return explanation


def find_explanation(tx: Transaction, vector_id: int) -> Explanation | None:
    """The vector's leave-one-out study, if there is one."""
    row = tx.execute(
        _explanations.select().where(_explanations.c.steering_vector_id == vector_id)
    ).one_or_none()
    if row is None:
        return None
    return Explanation(
        vector_id=row.steering_vector_id,
        environment=row.environment_json,
        created_at=row.created_at,
        created_by=row.created_by,
    )


def left_out(tx: Transaction, vector_id: int) -> list[LeftOut]:
    """The study itself, in the order of the set version; empty if there is none."""
    query = _omitted.select().where(_omitted.c.steering_vector_id == vector_id)
    return [_left_out(row) for row in tx.execute(query.order_by(_omitted.c.position))]


def pulls(
    tx: Transaction,
    vector_id: int,
    *,
    order: ExplanationOrder | None = None,
    contrary: bool | None = None,
    limit: int | None = None,
) -> list[DemonstrationPull]:
    """Demonstrations of a vector with their texts; only those that are wanted are read.

    Args:
        tx: An open transaction.
        vector_id: Of an extracted vector.
        order: ``"strongest"`` alignment first, ``"weakest"`` first, or the ``"largest_shift"`` of
            the vector by leaving it out; None keeps the order of the set version.
        contrary: Only those whose mean cosine is negative (True), or is not (False).
        limit: At most so many.
    """
    squared = _omitted.c.norm_change + 1
    shift = 1 + squared * squared - 2 * squared * _omitted.c.cosine
    query = (
        sa.select(
            _alignments.c.position,
            _alignments.c.mean,
            _alignments.c.cosines_json.label("alignments_json"),
            _omitted.c.norm_change,
            _omitted.c.cosine,
            _omitted.c.norm_changes_json,
            _omitted.c.cosines_json,
        )
        .outerjoin(
            _omitted,
            sa.and_(
                _omitted.c.steering_vector_id == _alignments.c.steering_vector_id,
                _omitted.c.position == _alignments.c.position,
            ),
        )
        .where(_alignments.c.steering_vector_id == vector_id)
    )
    if contrary is not None:
        query = query.where(_alignments.c.mean < 0 if contrary else _alignments.c.mean >= 0)
    first: dict[ExplanationOrder | None, sa.ColumnElement[Any]] = {
        None: _alignments.c.position.asc(),
        "strongest": _alignments.c.mean.desc(),
        "weakest": _alignments.c.mean.asc(),
        "largest_shift": shift.desc(),
    }
    query = query.order_by(first[order], _alignments.c.position).limit(limit)
    rows = tx.execute(query).all()
    version = sa.select(_vectors.c.set_version_id).where(_vectors.c.id == vector_id)
    positions = None if limit is None else [row.position for row in rows]
    texts = items.at_positions(tx, tx.execute(version).scalar_one(), positions)
    return [_pull(row, texts[row.position]) for row in rows]


def count_contrary(tx: Transaction, vector_id: int) -> int:
    """How many demonstrations have a negative mean cosine with the vector."""
    query = sa.select(sa.func.count()).where(
        _alignments.c.steering_vector_id == vector_id, _alignments.c.mean < 0
    )
    return int(tx.execute(query).scalar_one())


def _pull(row: Any, text: Demonstration) -> DemonstrationPull:
    return DemonstrationPull(
        position=row.position,
        source=text.source,
        target=text.target,
        alignment=row.mean,
        cosines=tuple(row.alignments_json),
        left_out=None if row.norm_change is None else _left_out(row),
    )


def _left_out(row: Any) -> LeftOut:
    return LeftOut(
        position=row.position,
        norm_change=row.norm_change,
        cosine=row.cosine,
        norm_changes=tuple(row.norm_changes_json),
        cosines=tuple(row.cosines_json),
    )
