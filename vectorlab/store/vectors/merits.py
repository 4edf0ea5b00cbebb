"""What is known of many vectors beside what they are, in a statement for each kind of fact."""

from collections.abc import Sequence

import sqlalchemy as sa

from vectorlab.domain.vectors.lists import Calibrated, MostSeparable
from vectorlab.store import schema
from vectorlab.store.database import Transaction

_layers = schema.layer_vectors
_calibrations = schema.calibrations
_vectors = schema.steering_vectors
_used = schema.arm_interventions


def most_separable(tx: Transaction, vector_ids: Sequence[int]) -> dict[int, MostSeparable]:
    """The layer of each vector along which unseen sources and targets come apart best."""
    rank = sa.func.row_number().over(
        partition_by=_layers.c.steering_vector_id,
        order_by=(_layers.c.separability.desc(), _layers.c.layer),
    )
    ranked = (
        sa.select(
            _layers.c.steering_vector_id,
            _layers.c.layer,
            _layers.c.separability,
            rank.label("rank"),
        )
        .where(_layers.c.steering_vector_id.in_(vector_ids), _layers.c.separability.is_not(None))
        .subquery()
    )
    return {
        row.steering_vector_id: MostSeparable(layer=row.layer, accuracy=row.separability)
        for row in tx.execute(sa.select(ranked).where(ranked.c.rank == 1))
    }


def calibrated(tx: Transaction, vector_ids: Sequence[int]) -> dict[int, Calibrated]:
    """The newest calibration of each vector on its own model; one that met its budget first."""
    c = _calibrations.c
    query = (
        sa.select(
            c.steering_vector_id,
            c.strength,
            c.is_met,
            c.effect,
            c.damage,
            c.budget,
            c.effect_value,
        )
        .join(_vectors, _vectors.c.id == c.steering_vector_id)
        .where(c.steering_vector_id.in_(vector_ids), c.model_id == _vectors.c.model_id)
        .order_by(c.is_met, c.id)  # the last of a vector stays
    )
    return {
        row.steering_vector_id: Calibrated(
            strength=row.strength,
            is_met=row.is_met,
            effect=row.effect,
            effect_value=row.effect_value,
            damage=row.damage,
            budget=row.budget,
        )
        for row in tx.execute(query)
    }


def count_runs(tx: Transaction, vector_ids: Sequence[int]) -> dict[int, int]:
    """In how many runs each vector acts; those in none are left out."""
    query = (
        sa.select(
            _used.c.steering_vector_id,
            sa.func.count(sa.distinct(_used.c.run_id)).label("n"),
        )
        .where(_used.c.steering_vector_id.in_(vector_ids))
        .group_by(_used.c.steering_vector_id)
    )
    return {row.steering_vector_id: row.n for row in tx.execute(query)}
