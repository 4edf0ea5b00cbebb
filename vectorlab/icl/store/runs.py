"""Runs of in-context learning as gradient descent, with their reference points and layers."""

from hashlib import sha256

import sqlalchemy as sa

from vectorlab.errors import IntegrityError
from vectorlab.icl.domain.reference_points import Agreement, ReferenceCheck, ReferencePoint
from vectorlab.icl.domain.runs import HeadUpdate, IclKind, IclRun, LayerEffect, NewIclRun
from vectorlab.icl.store import tables
from vectorlab.store import evidence, schema
from vectorlab.store.database import Transaction
from vectorlab.store.references import must_exist

_runs = tables.icl_runs
_checks = tables.icl_checks
_layers = tables.icl_layers
_heads = tables.icl_heads
_weights = tables.icl_weights


def add_run(tx: Transaction, new: NewIclRun, created_by: str) -> int:
    """Store a run with all its parts; returns its id."""
    values = {
        "kind": new.kind,
        "spec_sha256": new.spec_sha256,
        "spec_json": dict(new.spec),
        "model_id": new.model_id,
        "set_version_id": new.set_version_id,
        "job_id": new.job_id,
        "result_json": dict(new.result),
        "environment_json": dict(new.environment),
        "duration_s": new.duration_s,
        "created_by": created_by,
    }
    weights = [] if new.weights is None else [new.weights]
    parts: evidence.Parts = {
        _checks: [_check_row(place, check) for place, check in enumerate(new.checks)],
        _layers: [dict(vars(layer)) for layer in new.layers],
        _heads: [_head_row(head) for head in new.heads],
        _weights: [{"sha256": sha256(data).hexdigest(), "data": data} for data in weights],
    }
    return evidence.add_record(tx, _runs, values, parts)


def get_run(tx: Transaction, reference: str) -> IclRun:
    """The run that is meant: by id or the beginning of its request's hash, the newest of those.

    Raises:
        NotFoundError: If there is none.
    """
    condition = _runs.c.id == int(reference) if _is_id(reference) else None
    if condition is None and len(reference) >= 6:
        condition = _runs.c.spec_sha256.startswith(reference.lower(), autoescape=True)
    run = None if condition is None else _find(tx, condition)
    return must_exist(run, "in-context run", reference, listed_by="icl list")


def find_run(tx: Transaction, spec_sha256: str) -> IclRun | None:
    """The newest run of an equal request."""
    return _find(tx, _runs.c.spec_sha256 == spec_sha256)


def list_runs(
    tx: Transaction, *, kind: IclKind | None = None, limit: int | None = None
) -> list[IclRun]:
    """In-context runs, newest first, perhaps of one kind."""
    query = _select().order_by(_runs.c.id.desc()).limit(limit)
    if kind is not None:
        query = query.where(_runs.c.kind == kind)
    return [_run(row) for row in tx.execute(query)]


def checks(tx: Transaction, run_id: int) -> list[ReferenceCheck]:
    """Reference points of a run, in order."""
    query = _checks.select().where(_checks.c.icl_run_id == run_id).order_by(_checks.c.position)
    return [
        ReferenceCheck(
            point=ReferencePoint(
                name=row.name,
                about=row.about,
                source=row.source,
                value=row.reference,
                tolerance=row.tolerance,
                comparison=Agreement(row.comparison),
            ),
            ours=row.value,
            low=row.low,
            high=row.high,
        )
        for row in tx.execute(query)
    ]


def layers(tx: Transaction, run_id: int) -> list[LayerEffect]:
    """Layers of a bridge, by condition."""
    columns = [column for column in _layers.c if column.name != "icl_run_id"]
    query = sa.select(*columns).where(_layers.c.icl_run_id == run_id)
    query = query.order_by(_layers.c.condition, _layers.c.layer)
    return [LayerEffect(**row._mapping) for row in tx.execute(query)]


def heads(tx: Transaction, run_id: int) -> list[HeadUpdate]:
    """Attention heads of a bridge, layer by layer."""
    query = _heads.select().where(_heads.c.icl_run_id == run_id)
    return [
        HeadUpdate(
            layer=row.layer,
            head=row.head,
            share=row.share,
            effect_cosine=row.effect_cosine,
            linear_cosine=row.linear_cosine,
            attention=row.attention,
            by_demonstration=tuple(row.by_demonstration_json),
        )
        for row in tx.execute(query.order_by(_heads.c.layer, _heads.c.head))
    ]


def weights(tx: Transaction, run_id: int) -> bytes | None:
    """Weights of a trained model as safetensors; None if the run has none.

    Raises:
        IntegrityError: If the bytes do not have the hash on record.
    """
    row = tx.execute(_weights.select().where(_weights.c.icl_run_id == run_id)).one_or_none()
    if row is None:
        return None
    if sha256(row.data).hexdigest() != row.sha256:
        raise IntegrityError(
            f"The weights of in-context run {run_id} do not have the hash on record, "
            f"{row.sha256[:12]}. Check the store: vectorlab db verify"
        )
    return bytes(row.data)


def _find(tx: Transaction, condition: sa.ColumnElement[bool]) -> IclRun | None:
    row = tx.execute(_select().where(condition).order_by(_runs.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _run(row)


def _select() -> sa.Select[tuple[object, ...]]:
    models, versions, sets = schema.models, schema.set_versions, schema.demonstration_sets
    label = sets.c.name + "@" + sa.cast(versions.c.number, sa.Text)
    return (
        sa.select(*_runs.c, models.c.name.label("model_name"), label.label("set_label"))
        .join_from(_runs, models, models.c.id == _runs.c.model_id, isouter=True)
        .join(versions, versions.c.id == _runs.c.set_version_id, isouter=True)
        .join(sets, sets.c.id == versions.c.set_id, isouter=True)
    )


def _run(row: sa.Row[tuple[object, ...]]) -> IclRun:
    return IclRun(
        id=row.id,
        kind=IclKind(row.kind),
        spec=row.spec_json,
        spec_sha256=row.spec_sha256,
        model_name=row.model_name,
        set_label=row.set_label,
        job_id=row.job_id,
        result=row.result_json,
        environment=row.environment_json,
        duration_s=row.duration_s,
        created_at=row.created_at,
        created_by=row.created_by,
    )


def _check_row(place: int, check: ReferenceCheck) -> dict[str, object]:
    return {
        "position": place,
        "name": check.point.name,
        "about": check.point.about,
        "source": check.point.source,
        "reference": check.point.value,
        "tolerance": check.point.tolerance,
        "comparison": check.point.comparison,
        "value": check.ours,
        "low": check.low,
        "high": check.high,
        "verdict": check.verdict,
    }


def _head_row(head: HeadUpdate) -> dict[str, object]:
    row = dict(vars(head))
    return row | {"by_demonstration_json": list(row.pop("by_demonstration"))}


def _is_id(reference: str) -> bool:
    return reference.isascii() and reference.isdigit() and len(reference) < 19
