"""Lists a page at a time: no prompt list, no blob and no count of what is not shown is read."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.runs.lists import (
    Inventory,
    RunFilter,
    RunKind,
    RunSummary,
    VectorChoice,
    VectorFilter,
)
from vectorlab.domain.runs.runs import record_of, recorded
from vectorlab.domain.vectors.vectors import Site, SteeringVector
from vectorlab.store import schema
from vectorlab.store.database import Transaction
from vectorlab.store.vectors import vectors

_runs = schema.generation_runs
_arms = schema.run_arms
_prompts = schema.run_prompts
_used = schema.arm_interventions
_models = schema.models
_vectors = schema.steering_vectors
_versions = schema.set_versions
_sets = schema.demonstration_sets

PREVIEW = 200  # characters of a prompt


def inventory(tx: Transaction) -> Inventory:
    """How many sets, versions, vectors, runs and models there are."""
    tables = (_sets, _versions, _vectors, _runs, _models)
    counts = [sa.select(sa.func.count()).select_from(table).scalar_subquery() for table in tables]
    sets, versions, n_vectors, runs, models = tx.execute(sa.select(*counts)).one()
    return Inventory(sets=sets, versions=versions, vectors=n_vectors, runs=runs, models=models)


def list_runs(
    tx: Transaction, run_filter: RunFilter, *, limit: int, offset: int = 0
) -> list[RunSummary]:
    """Runs that pass the filter, newest first."""
    n_prompts = (
        sa.select(sa.func.count())
        .where(_prompts.c.run_id == _runs.c.id)
        .correlate(_runs)
        .scalar_subquery()
    )
    first_prompt = (
        sa.select(sa.func.substr(_prompts.c.text, 1, PREVIEW))
        .where(_prompts.c.run_id == _runs.c.id, _prompts.c.position == 0)
        .correlate(_runs)
        .scalar_subquery()
    )
    query = (
        sa.select(
            _runs.c.id,
            _runs.c.name,
            _runs.c.decoding_json,
            _runs.c.samples,
            _runs.c.seed,
            _runs.c.replay_of,
            _runs.c.created_at,
            *(_runs.c[name] for name in recorded()),
            _models.c.name.label("model_name"),
            n_prompts.label("n_prompts"),
            first_prompt.label("first_prompt"),
        )
        .join(_models, _models.c.id == _runs.c.model_id)
        .where(*_run_conditions(run_filter))
        .order_by(_runs.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    rows = tx.execute(query).all()
    labels = _labels(tx, [row.id for row in rows])
    return [
        RunSummary(
            id=row.id,
            name=row.name,
            model_name=row.model_name,
            n_prompts=row.n_prompts,
            first_prompt=row.first_prompt or "",
            arms=tuple(labels[row.id]),
            samples=row.samples,
            is_sampled=bool(row.decoding_json.get("do_sample")),
            seed=row.seed,
            replay_of=row.replay_of,
            created_at=row.created_at,
            **record_of(row),
        )
        for row in rows
    ]


def count_runs(tx: Transaction, run_filter: RunFilter, *, most: int) -> int:
    """How many runs pass the filter; nothing is counted beyond ``most``."""
    some = sa.select(_runs.c.id).where(*_run_conditions(run_filter)).limit(most).subquery()
    return int(tx.scalar(sa.select(sa.func.count()).select_from(some)) or 0)


def runs_with_arms(tx: Transaction, labels: Sequence[str]) -> list[int]:
    """For every arm of those labels the newest run that has it, newest first, each once."""
    query = (
        sa.select(sa.func.max(_arms.c.run_id))
        .where(_arms.c.label.in_(labels))
        .group_by(_arms.c.label)
    )
    return sorted(set(tx.scalars(query)), reverse=True)


def list_vectors(
    tx: Transaction, vector_filter: VectorFilter, *, limit: int, offset: int = 0
) -> list[SteeringVector]:
    """Vectors that pass the filter, newest first, with their records but without numbers."""
    ids = (
        sa.select(_vectors.c.id)
        .where(*_vector_conditions(vector_filter))
        .order_by(_vectors.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return vectors.vectors_by_id(tx, list(tx.scalars(ids)))


def choices(tx: Transaction) -> list[VectorChoice]:
    """Every vector with what decides whether and how it can be applied, newest first."""
    query = (
        sa.select(
            _vectors.c.id,
            _vectors.c.name,
            _vectors.c.method,
            _vectors.c.operator,
            _vectors.c.write_site,
            _vectors.c.n_layers,
            _vectors.c.d_model,
            _models.c.name.label("model_name"),
        )
        .join(_models, _models.c.id == _vectors.c.model_id)
        .order_by(_vectors.c.id.desc())
    )
    return [
        VectorChoice(
            **{
                **row._mapping,
                "operator": Operator(row.operator),
                "write_site": Site(row.write_site),
            }
        )
        for row in tx.execute(query)
    ]


def version_labels(tx: Transaction, *, limit: int) -> list[str]:
    """``name@number`` of the newest versions, by set name and newest first within a set."""
    newest = (
        sa.select(_versions.c.id).order_by(_versions.c.id.desc()).limit(limit).scalar_subquery()
    )
    query = (
        sa.select(_sets.c.name, _versions.c.number)
        .join(_sets, _sets.c.id == _versions.c.set_id)
        .where(_versions.c.id.in_(newest))
        .order_by(_sets.c.name, _versions.c.number.desc())
    )
    return [f"{row.name}@{row.number}" for row in tx.execute(query)]


def methods(tx: Transaction) -> list[str]:
    """Methods that made the vectors there are."""
    return list(tx.scalars(sa.select(_vectors.c.method).distinct().order_by(_vectors.c.method)))


def is_kept() -> sa.ColumnElement[bool]:
    """Whether a run is more than a try: it has a name, or several prompts."""
    many = sa.exists().where(_prompts.c.run_id == _runs.c.id, _prompts.c.position == 1)
    many = many.correlate(_runs)  # a query that reads prompts has a row of its own for them
    return sa.or_(_runs.c.name.is_not(None), many)


def _run_conditions(run_filter: RunFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if run_filter.kind is RunKind.KEPT:
        conditions.append(is_kept())
    if run_filter.kind is RunKind.TRIES:
        conditions.append(sa.not_(is_kept()))
    if run_filter.kind is RunKind.NAMED:
        conditions.append(_runs.c.name.is_not(None))
    if run_filter.kind is RunKind.ORIGINALS:
        conditions.append(_runs.c.replay_of.is_(None))
    if run_filter.kind is RunKind.REPLAYS:
        conditions.append(_runs.c.replay_of.is_not(None))
    if run_filter.model is not None:
        model = sa.select(_models.c.id).where(_models.c.name == run_filter.model).scalar_subquery()
        conditions.append(_runs.c.model_id == model)
    if run_filter.vector_id is not None:
        applied = sa.select(_used.c.run_id).where(
            _used.c.steering_vector_id == run_filter.vector_id
        )
        conditions.append(_runs.c.id.in_(applied))
    if run_filter.words:
        conditions.append(
            sa.or_(
                _runs.c.name.icontains(run_filter.words, autoescape=True),
                *(
                    sa.exists().where(
                        table.c.run_id == _runs.c.id,
                        column.icontains(run_filter.words, autoescape=True),
                    )
                    for table, column in ((_arms, _arms.c.label), (_prompts, _prompts.c.text))
                ),
            )
        )
    return conditions


def _vector_conditions(vector_filter: VectorFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if vector_filter.model is not None:
        model = (
            sa.select(_models.c.id).where(_models.c.name == vector_filter.model).scalar_subquery()
        )
        conditions.append(_vectors.c.model_id == model)
    if vector_filter.method is not None:
        conditions.append(_vectors.c.method == vector_filter.method)
    if vector_filter.set_name is not None:
        versions = (
            sa.select(_versions.c.id)
            .join(_sets, _sets.c.id == _versions.c.set_id)
            .where(_sets.c.name == vector_filter.set_name)
        )
        conditions.append(_vectors.c.set_version_id.in_(versions))
    if vector_filter.words:
        conditions.append(_vectors.c.name.icontains(vector_filter.words, autoescape=True))
    return conditions


def _labels(tx: Transaction, run_ids: Sequence[int]) -> dict[int, list[str]]:
    labels: dict[int, list[Any]] = defaultdict(list)
    query = sa.select(_arms.c.run_id, _arms.c.label).where(_arms.c.run_id.in_(run_ids))
    for row in tx.execute(query.order_by(_arms.c.run_id, _arms.c.position)):
        labels[row.run_id].append(row.label)
    return labels
