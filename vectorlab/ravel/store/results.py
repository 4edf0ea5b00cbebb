"""Featurizers, evaluations with every outcome, and the runs that made them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from vectorlab.domain.hashing import bytes_sha256
from vectorlab.errors import IntegrityError
from vectorlab.ravel.domain.instances import ExamplePart
from vectorlab.ravel.domain.measures import AttributeMeasure, AttributeScore, Outcome
from vectorlab.ravel.domain.specs import (
    VECTOR,
    AttributeArm,
    Evaluation,
    FeaturizerArm,
    FeaturizerSpec,
    Measures,
    NamedTensor,
    NewEvaluation,
    NewFeaturizer,
    RavelRun,
    RavelRunSpec,
    StoredFeaturizer,
    VectorArm,
)
from vectorlab.ravel.store import tables
from vectorlab.store import evidence
from vectorlab.store.database import Transaction
from vectorlab.store.references import batches, find_id, must_exist

CHUNK_BYTES = 4 << 20  # both databases slow down with larger values

_featurizers = tables.ravel_featurizers
_tensors = tables.ravel_tensors
_chunks = tables.ravel_tensor_chunks
_evaluations = tables.ravel_evaluations
_used = tables.ravel_evaluation_featurizers
_outcomes = tables.ravel_outcomes
_scores = tables.ravel_scores
_runs = tables.ravel_runs
_of_run = tables.ravel_run_evaluations


def add_featurizer(tx: Transaction, new: NewFeaturizer, created_by: str) -> StoredFeaturizer:
    """Store a featurizer, unless one of an equal request is there."""
    existing = find_featurizer(tx, new.spec.sha256)
    if existing is not None:
        return existing
    spec = new.spec
    values = {
        "spec_sha256": spec.sha256,
        "instance_id": new.instance_id,
        "method": spec.method,
        "attribute": spec.attribute,
        "layer": spec.layer,
        "location": spec.location.value,
        "k": spec.k,
        "n_features": new.n_features,
        "spec_json": spec.to_json(),
        "curve_json": [dict(point) for point in new.curve],
        "measures_json": dict(new.measures),
        "environment_json": dict(new.environment),
        "created_by": created_by,
    }
    rows = [
        {
            "position": place,
            "name": tensor.name,
            "shape_json": list(tensor.values.shape),
            "dtype": "float32",
            "sha256": tensor.sha256,
        }
        for place, tensor in enumerate(new.tensors)
    ]
    featurizer_id = evidence.add_record(tx, _featurizers, values, {_tensors: rows})
    for place, tensor in enumerate(new.tensors):
        for seq, start in enumerate(range(0, len(tensor.data), CHUNK_BYTES)):
            tx.execute(
                _chunks.insert().values(
                    featurizer_id=featurizer_id,
                    tensor=place,
                    seq=seq,
                    data=tensor.data[start : start + CHUNK_BYTES],
                )
            )
    return featurizer_by_id(tx, featurizer_id)


def find_featurizer(tx: Transaction, spec_sha256: str) -> StoredFeaturizer | None:
    """The featurizer of an equal request, or None."""
    return next(iter(_select_featurizers(tx, _featurizers.c.spec_sha256 == spec_sha256)), None)


def featurizer_by_id(tx: Transaction, featurizer_id: int) -> StoredFeaturizer:
    """The featurizer with that row id.

    Raises:
        NotFoundError: If there is none.
    """
    featurizer = next(iter(_select_featurizers(tx, _featurizers.c.id == featurizer_id)), None)
    return must_exist(featurizer, "featurizer", featurizer_id, listed_by="ravel list")


def list_featurizers(tx: Transaction, instance_id: int | None = None) -> list[StoredFeaturizer]:
    """Featurizers that are kept, newest first, perhaps of one instance."""
    own = sa.true() if instance_id is None else _featurizers.c.instance_id == instance_id
    return _select_featurizers(tx, own)


def tensors(tx: Transaction, featurizer_id: int) -> dict[str, NamedTensor]:
    """The arrays of a featurizer by name, every byte checked against its hash.

    Raises:
        IntegrityError: If stored bytes do not have the hash or length on record.
    """
    arrays = {}
    rows = tx.execute(
        _tensors.select()
        .where(_tensors.c.featurizer_id == featurizer_id)
        .order_by(_tensors.c.position)
    ).all()
    for row in rows:
        parts = tx.scalars(
            sa.select(_chunks.c.data)
            .where(_chunks.c.featurizer_id == featurizer_id, _chunks.c.tensor == row.position)
            .order_by(_chunks.c.seq)
        )
        data = b"".join(parts)
        size = 4 * int(np.prod(row.shape_json))
        if bytes_sha256(data) != row.sha256 or len(data) != size or row.dtype != "float32":
            raise IntegrityError(
                f"Array {row.name!r} of featurizer {featurizer_id} does not have the hash, dtype "
                f"or length on record, {row.sha256[:12]}. Check the store: vectorlab db verify"
            )
        values = np.frombuffer(data, dtype="<f4").reshape(row.shape_json)
        arrays[row.name] = NamedTensor(name=row.name, values=values)
    return arrays


def add_evaluation(tx: Transaction, new: NewEvaluation, created_by: str) -> Evaluation:
    """Store an evaluation with its outcomes, unless one of an equal request is there."""
    existing = find_evaluation(tx, new.sha256)
    if existing is not None:
        return existing
    values = {
        "spec_sha256": new.sha256,
        "instance_id": new.instance_id,
        "part": new.part.value,
        "label": new.arm.label,
        "spec_json": new.arm.to_json(),
        "n_outcomes": len(new.outcomes),
        "environment_json": dict(new.environment),
        "created_by": created_by,
        **_shape(tx, new),
    }
    outcomes = [
        {
            "target": outcome.target,
            "example": outcome.example,
            "output": outcome.output.replace("\x00", "\N{REPLACEMENT CHARACTER}"),
            "changed": outcome.changed,
            "kept": outcome.kept,
        }
        for outcome in new.outcomes
    ]
    parts: evidence.Parts = {
        _used: [
            {"position": place, "featurizer_id": featurizer_id}
            for place, featurizer_id in enumerate(new.featurizer_ids)
        ],
        _outcomes: outcomes,
        _scores: [{"position": place, **vars(score)} for place, score in enumerate(new.scores)],
    }
    return evaluation_by_id(tx, evidence.add_record(tx, _evaluations, values, parts))


def find_evaluation(tx: Transaction, spec_sha256: str) -> Evaluation | None:
    """The evaluation of an equal request, or None."""
    return next(iter(_select_evaluations(tx, _evaluations.c.spec_sha256 == spec_sha256)), None)


def evaluation_by_id(tx: Transaction, evaluation_id: int) -> Evaluation:
    """The evaluation with that row id.

    Raises:
        NotFoundError: If there is none.
    """
    evaluation = next(iter(_select_evaluations(tx, _evaluations.c.id == evaluation_id)), None)
    return must_exist(evaluation, "evaluation", evaluation_id, listed_by="ravel list")


def list_evaluations(
    tx: Transaction, *, instance_id: int | None = None, run_id: int | None = None
) -> list[Evaluation]:
    """Evaluations of an instance, oldest first, or of a run in its order."""
    if run_id is not None:
        ids = tx.scalars(
            sa.select(_of_run.c.evaluation_id)
            .where(_of_run.c.run_id == run_id)
            .order_by(_of_run.c.position)
        ).all()
        by_id = {
            evaluation.id: evaluation
            for evaluation in _select_evaluations(tx, _evaluations.c.id.in_(ids))
        }
        return [by_id[evaluation_id] for evaluation_id in ids]
    own = sa.true() if instance_id is None else _evaluations.c.instance_id == instance_id
    return _select_evaluations(tx, own)


def outcomes(tx: Transaction, evaluation_id: int) -> list[Outcome]:
    """What every edited run of an evaluation said."""
    query = _outcomes.select().where(_outcomes.c.evaluation_id == evaluation_id)
    return [
        Outcome(
            target=row.target,
            example=row.example,
            output=row.output,
            changed=row.changed,
            kept=row.kept,
        )
        for row in tx.execute(query.order_by(_outcomes.c.target, _outcomes.c.example))
    ]


def featurizers_of(tx: Transaction, evaluation_id: int) -> list[StoredFeaturizer]:
    """The featurizers that an evaluation used, one per target."""
    ids = tx.scalars(
        sa.select(_used.c.featurizer_id)
        .where(_used.c.evaluation_id == evaluation_id)
        .order_by(_used.c.position)
    ).all()
    return [featurizer_by_id(tx, featurizer_id) for featurizer_id in ids]


def add_run(
    tx: Transaction,
    *,
    name: str | None,
    spec: RavelRunSpec,
    instance_id: int,
    evaluation_ids: Sequence[int],
    environment: Mapping[str, Any],
    duration_s: float,
    created_by: str,
) -> RavelRun:
    """Store a run over evaluations that are there.

    Args:
        tx: An open transaction that writes.
        name: Of the run; None gives it none.
        spec: What was asked for.
        instance_id: Of the instance.
        evaluation_ids: In the order of the arms and parts.
        environment: Software and hardware.
        duration_s: How long it took, seconds.
        created_by: Who asked for it.
    """
    values = {
        "name": name,
        "spec_sha256": spec.sha256,
        "instance_id": instance_id,
        "spec_json": spec.to_json(),
        "environment_json": dict(environment),
        "duration_s": duration_s,
        "created_by": created_by,
    }
    evaluations = [
        {"position": place, "evaluation_id": evaluation_id}
        for place, evaluation_id in enumerate(evaluation_ids)
    ]
    return run_by_id(tx, evidence.add_record(tx, _runs, values, {_of_run: evaluations}))


def find_run(tx: Transaction, reference: str) -> RavelRun | None:
    """The run with that name, id or request hash prefix, or None."""
    run_id = find_id(tx, _runs, reference, kind="run", hash_column="spec_sha256")
    return None if run_id is None else run_by_id(tx, run_id)


def find_run_by_spec(
    tx: Transaction, spec_sha256: str, *, name: str | None = None
) -> RavelRun | None:
    """What an equal request made: the run of that name, else the newest, or None."""
    runs = _select_runs(tx, _runs.c.spec_sha256 == spec_sha256)
    return next((run for run in runs if run.name == name), next(iter(runs), None))


def rename_run(tx: Transaction, run_id: int, name: str) -> RavelRun:
    """Give a run a name; the caller has checked that it is free."""
    tx.execute(_runs.update().where(_runs.c.id == run_id).values(name=name))
    return run_by_id(tx, run_id)


def run_by_id(tx: Transaction, run_id: int) -> RavelRun:
    """The run with that row id."""
    (run,) = _select_runs(tx, _runs.c.id == run_id)
    return run


def run_spec(tx: Transaction, run_id: int) -> RavelRunSpec:
    """What a run was asked for."""
    row = tx.execute(sa.select(_runs.c.spec_json).where(_runs.c.id == run_id)).one()
    return RavelRunSpec.from_json(row.spec_json)


def list_runs(tx: Transaction, instance_id: int | None = None) -> list[RavelRun]:
    """RAVEL runs, newest first, perhaps of one instance."""
    own = sa.true() if instance_id is None else _runs.c.instance_id == instance_id
    return _select_runs(tx, own)


def run_name_is_free(tx: Transaction, name: str) -> bool:
    """Whether no run has that name."""
    return tx.scalar(sa.select(_runs.c.id).where(_runs.c.name == name)) is None


def _shape(tx: Transaction, new: NewEvaluation) -> dict[str, Any]:
    """Columns that say which kind of arm it is."""
    arm = new.arm
    if isinstance(arm, FeaturizerArm):
        used = [
            featurizer_by_id(tx, featurizer_id).n_features for featurizer_id in new.featurizer_ids
        ]
        return {
            "steering_vector_id": None,
            "method": arm.first.method,
            "layer": arm.first.layer,
            "location": arm.first.location.value,
            "k": arm.first.k,
            "n_features": sum(used) / len(used),
        }
    return {
        "steering_vector_id": arm.vector_id,
        "method": VECTOR,
        "layer": arm.layers[0] if arm.layers is not None and len(arm.layers) == 1 else None,
        "location": arm.positions,
        "k": None,
        "n_features": None,
    }


def _select_featurizers(
    tx: Transaction, condition: sa.ColumnElement[bool]
) -> list[StoredFeaturizer]:
    names = tables.ravel_instances
    query = (
        sa.select(_featurizers, names.c.name.label("instance_name"))
        .join(names, names.c.id == _featurizers.c.instance_id)
        .where(condition)
        .order_by(_featurizers.c.id.desc())
    )
    return [
        StoredFeaturizer(
            id=row.id,
            spec=FeaturizerSpec.from_json(row.spec_json),
            instance_id=row.instance_id,
            instance_name=row.instance_name,
            n_features=row.n_features,
            curve=tuple(row.curve_json),
            measures=row.measures_json,
            environment=row.environment_json,
            created_at=row.created_at,
            created_by=row.created_by,
        )
        for row in tx.execute(query)
    ]


def _select_evaluations(tx: Transaction, condition: sa.ColumnElement[bool]) -> list[Evaluation]:
    rows = tx.execute(_evaluations.select().where(condition).order_by(_evaluations.c.id)).all()
    scores: dict[int, list[AttributeScore]] = {}
    for some in batches(row.id for row in rows):
        query = _scores.select().where(_scores.c.evaluation_id.in_(some))
        for row in tx.execute(query.order_by(_scores.c.evaluation_id, _scores.c.position)):
            scores.setdefault(row.evaluation_id, []).append(_score(row))
    measures = _measures_of(tx, [row.id for row in rows])
    return [
        Evaluation(
            id=row.id,
            arm=_arm(row),
            label=row.label,
            method=row.method,
            layer=row.layer,
            location=row.location,
            k=row.k,
            n_features=row.n_features,
            part=ExamplePart(row.part),
            instance_id=row.instance_id,
            n_outcomes=row.n_outcomes,
            scores=tuple(scores[row.id]),
            measures=measures.get(row.id, {}),
            created_at=row.created_at,
        )
        for row in rows
    ]


def _measures_of(tx: Transaction, evaluation_ids: Sequence[int]) -> dict[int, dict[str, Measures]]:
    """By evaluation and target what the making of its featurizers measured."""
    measures: dict[int, dict[str, Measures]] = {}
    for some in batches(evaluation_ids):
        query = (
            sa.select(_used.c.evaluation_id, _featurizers.c.attribute, _featurizers.c.measures_json)
            .join(_featurizers, _featurizers.c.id == _used.c.featurizer_id)
            .where(_used.c.evaluation_id.in_(some))
            .order_by(_used.c.evaluation_id, _used.c.position)
        )
        for row in tx.execute(query):
            measures.setdefault(row.evaluation_id, {})[row.attribute] = row.measures_json
    return measures


def _arm(row: sa.Row[Any]) -> AttributeArm:
    beside = {"label": row.label}
    if "vector" in row.spec_json:
        return VectorArm.from_json({**row.spec_json, **beside, "vector_id": row.steering_vector_id})
    return FeaturizerArm.from_json({**row.spec_json, **beside})


def _select_runs(tx: Transaction, condition: sa.ColumnElement[bool]) -> list[RavelRun]:
    names = tables.ravel_instances
    count = (
        sa.select(sa.func.count())
        .select_from(_of_run)
        .where(_of_run.c.run_id == _runs.c.id)
        .scalar_subquery()
    )
    query = (
        sa.select(_runs, names.c.name.label("instance_name"), count.label("n_evaluations"))
        .join(names, names.c.id == _runs.c.instance_id)
        .where(condition)
        .order_by(_runs.c.id.desc())
    )
    return [
        RavelRun(
            id=row.id,
            name=row.name,
            spec_sha256=row.spec_sha256,
            instance_id=row.instance_id,
            instance_name=row.instance_name,
            n_evaluations=row.n_evaluations,
            duration_s=row.duration_s,
            created_at=row.created_at,
            created_by=row.created_by,
        )
        for row in tx.execute(query)
    ]


def _score(row: sa.Row[Any]) -> AttributeScore:
    return AttributeScore(
        measure=AttributeMeasure(row.measure),
        target=row.target,
        attribute=row.attribute,
        template=row.template,
        n=row.n,
        value=row.value,
        low=row.low,
        high=row.high,
    )
