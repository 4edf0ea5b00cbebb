"""Calibrations of vectors: what was asked, the curve, the choice and the evidence."""

from typing import Any

import sqlalchemy as sa

from vectorlab.domain.interventions.calibration import (
    Calibration,
    CalibrationSpec,
    NewCalibration,
    TriedStrength,
)
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.vectors.vectors import Site
from vectorlab.store import evidence, models, schema
from vectorlab.store.database import Transaction
from vectorlab.store.references import must_exist

_calibrations = schema.calibrations
_vectors = schema.steering_vectors


def add_calibration(tx: Transaction, new: NewCalibration, created_by: str) -> int:
    """Store a calibration; returns its id."""
    spec = new.spec
    values = {
        "steering_vector_id": spec.vector_id,
        "vector_sha256": spec.vector_sha256,
        "model_id": models.get_model(tx, spec.model_fingerprint).id,
        "spec_sha256": spec.sha256,
        "spec_json": spec.to_json(),
        "operator": spec.operator,
        "site": spec.site,
        "layers_json": None if spec.layers is None else list(spec.layers),
        "effect": spec.effect.label,
        "damage": spec.damage.label,
        "budget": spec.budget,
        "is_met": new.is_met,
        "strength": new.strength,
        "effect_value": new.effect_value,
        "damage_value": new.damage_value,
        "n_prompts": len(spec.prompts),
        "curve_json": [point.to_json() for point in new.curve],
        "evidence_json": dict(new.evidence),
        "environment_json": dict(new.environment),
        "created_by": created_by,
    }
    return evidence.add_record(tx, _calibrations, values)


def get_calibration(tx: Transaction, calibration_id: int) -> Calibration:
    """The calibration with that id.

    Raises:
        NotFoundError: If there is none.
        IntegrityError: If it was altered.
    """
    row = next(iter(_select(tx, _calibrations.c.id == calibration_id)), None)
    calibration = must_exist(row, "calibration", calibration_id, listed_by="vectors calibrations")
    evidence.check_id(tx, _calibrations, calibration_id)
    return calibration


def find_by_spec(tx: Transaction, sha256: str) -> Calibration | None:
    """The newest calibration that answers an equal request, or None."""
    return next(iter(_select(tx, _calibrations.c.spec_sha256 == sha256)), None)


def calibrations_of(
    tx: Transaction,
    vector_id: int | None = None,
    *,
    model_id: int | None = None,
    operator: Operator | None = None,
    site: Site | None = None,
) -> list[Calibration]:
    """Calibrations, newest first, of one vector or all, perhaps on one model.

    Args:
        tx: An open transaction.
        vector_id: Only of this vector.
        model_id: Only on this model.
        operator: Only by this operator.
        site: Only at this write site.
    """
    filters = {
        _calibrations.c.steering_vector_id: vector_id,
        _calibrations.c.model_id: model_id,
        _calibrations.c.operator: operator,
        _calibrations.c.site: site,
    }
    conditions = [column == value for column, value in filters.items() if value is not None]
    return _select(tx, sa.and_(sa.true(), *conditions))


def _select(tx: Transaction, condition: sa.ColumnElement[bool]) -> list[Calibration]:
    query = (
        sa.select(
            _calibrations,
            _vectors.c.name.label("vector_name"),
            schema.models.c.name.label("model_name"),
        )
        .join(_vectors, _vectors.c.id == _calibrations.c.steering_vector_id)
        .join(schema.models, schema.models.c.id == _calibrations.c.model_id)
        .where(condition)
        .order_by(_calibrations.c.id.desc())
    )
    return [_calibration(row) for row in tx.execute(query)]


def _ids(row: sa.Row[Any]) -> dict[str, int]:
    """Row ids of the vectors that a calibration names; its condition reads along another one."""
    read: dict[str, int] = row.evidence_json.get("vector_ids", {})
    return read | {row.vector_sha256: row.steering_vector_id}


def _calibration(row: sa.Row[Any]) -> Calibration:
    return Calibration(
        id=row.id,
        spec=CalibrationSpec.from_json(row.spec_json, _ids(row)),
        is_met=row.is_met,
        strength=row.strength,
        effect_value=row.effect_value,
        damage_value=row.damage_value,
        curve=[TriedStrength.from_json(point) for point in row.curve_json],
        evidence=row.evidence_json,
        environment=row.environment_json,
        vector_name=row.vector_name,
        model_id=row.model_id,
        model_name=row.model_name,
        created_at=row.created_at,
        created_by=row.created_by,
    )
