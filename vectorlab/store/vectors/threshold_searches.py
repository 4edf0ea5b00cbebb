"""Searches for the threshold of a condition, with their evidence."""

from typing import Any

import sqlalchemy as sa

from vectorlab.domain.interventions.conditions import ConditionSearch, NewSearch, SearchSpec
from vectorlab.store import evidence, schema
from vectorlab.store.database import Transaction
from vectorlab.store.references import must_exist
from vectorlab.store.runs.runs import condition_columns, condition_of

_searches = schema.condition_searches


def add_search(tx: Transaction, new: NewSearch, created_by: str) -> ConditionSearch:
    """Store a search for a threshold that is finished."""
    values = {
        "spec_sha256": new.spec.sha256,
        "spec_json": new.spec.to_json(),
        "model_id": new.model_id,
        "positive_version_id": new.positive_version_id,
        "negative_version_id": new.negative_version_id,
        **condition_columns(new.condition),
        "accuracy": new.chosen.accuracy,
        "f1": new.chosen.f1,
        "evidence_json": dict(new.evidence),
        "environment_json": dict(new.environment),
        "created_by": created_by,
    }
    return get_search(tx, evidence.add_record(tx, _searches, values))


def get_search(tx: Transaction, search_id: int) -> ConditionSearch:
    """The search with that id.

    Raises:
        NotFoundError: If there is none.
        IntegrityError: If it was altered.
    """
    row = next(iter(_select(tx, _searches.c.id == search_id)), None)
    search = must_exist(row, "threshold search", search_id, listed_by="vectors thresholds")
    evidence.check_id(tx, _searches, search_id)
    return search


def find_by_spec(tx: Transaction, sha256: str) -> ConditionSearch | None:
    """The newest search that answers an equal request, or None."""
    return next(iter(_select(tx, _searches.c.spec_sha256 == sha256)), None)


def list_searches(tx: Transaction, *, vector_id: int | None = None) -> list[ConditionSearch]:
    """Searches, newest first, of all vectors or of one."""
    condition = sa.true() if vector_id is None else _searches.c.condition_vector_id == vector_id
    return _select(tx, condition)


def _select(tx: Transaction, condition: sa.ColumnElement[bool]) -> list[ConditionSearch]:
    positive, negative = schema.set_versions.alias("pv"), schema.set_versions.alias("nv")
    positives, negatives = (
        schema.demonstration_sets.alias("ps"),
        schema.demonstration_sets.alias("ns"),
    )
    query = (
        sa.select(
            _searches,
            schema.steering_vectors.c.name.label("vector_name"),
            schema.models.c.name.label("model_name"),
            positives.c.name.label("positive_name"),
            positive.c.number.label("positive_number"),
            negatives.c.name.label("negative_name"),
            negative.c.number.label("negative_number"),
        )
        .join(
            schema.steering_vectors, schema.steering_vectors.c.id == _searches.c.condition_vector_id
        )
        .join(schema.models, schema.models.c.id == _searches.c.model_id)
        .join(positive, positive.c.id == _searches.c.positive_version_id)
        .join(positives, positives.c.id == positive.c.set_id)
        .join(negative, negative.c.id == _searches.c.negative_version_id)
        .join(negatives, negatives.c.id == negative.c.set_id)
        .where(condition)
        .order_by(_searches.c.id.desc())
    )
    return [_search(row) for row in tx.execute(query)]


def _search(row: sa.Row[Any]) -> ConditionSearch:
    spec = SearchSpec.from_json(row.spec_json)
    return ConditionSearch(
        id=row.id,
        spec=spec,
        condition=condition_of(row, spec.vector_model),
        vector_name=row.vector_name,
        model_id=row.model_id,
        model_name=row.model_name,
        positive_label=f"{row.positive_name}@{row.positive_number}",
        negative_label=f"{row.negative_name}@{row.negative_number}",
        accuracy=row.accuracy,
        f1=row.f1,
        evidence=row.evidence_json,
        environment=row.environment_json,
        created_at=row.created_at,
    )
