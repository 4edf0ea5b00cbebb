"""What came from what: set versions, vectors, models, runs and their scores."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.lineage import Edge, Thing
from vectorlab.store import schema
from vectorlab.store.database import Transaction
from vectorlab.store.runs.scores import is_newest

_scores = schema.scores
_generations = schema.generations
_parents = schema.vector_parents
_vectors = schema.steering_vectors


def edges_of(tx: Transaction, things: Iterable[Thing]) -> list[Edge]:
    """Every edge that begins or ends at one of the things."""
    ids: dict[str, set[int]] = defaultdict(set)
    for thing in things:
        ids[thing.kind].add(thing.id)
    view = _view(tx)
    touches = [
        condition
        for kind, of_kind in ids.items()
        for condition in (
            sa.and_(view.c.kind == kind, view.c.id.in_(of_kind)),
            sa.and_(view.c.parent_kind == kind, view.c.parent_id.in_(of_kind)),
        )
    ]
    # One query per condition: each then reaches into the parts of the view and finds an index,
    # where all of them joined by OR would read every run of the store.
    rows = [row for touch in touches for row in tx.execute(sa.select(view).where(touch))]
    return list(dict.fromkeys(_edge(row) for row in rows))


def score_counts(tx: Transaction, run_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """How many scores of each scorer the texts of some runs have."""
    query = (
        sa.select(_generations.c.run_id, _scores.c.scorer, sa.func.count())
        .join(_generations, _generations.c.id == _scores.c.generation_id)
        .where(_generations.c.run_id.in_(list(run_ids)), is_newest(_scores))
        .group_by(_generations.c.run_id, _scores.c.scorer)
        .order_by(_generations.c.run_id, _scores.c.scorer)
    )
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for run_id, scorer, count in tx.execute(query):
        counts[run_id][scorer] = count
    return counts


def versions_behind(tx: Transaction, vector_ids: Iterable[int]) -> list[int]:
    """Ids of the set versions that vectors, and those they were combined from, learned from."""
    version_ids: set[int] = set()
    seen: set[int] = set()
    waiting = set(vector_ids)
    while waiting:
        seen |= waiting
        own = sa.select(_vectors.c.set_version_id).where(_vectors.c.id.in_(waiting))
        version_ids.update(scalar for scalar in tx.scalars(own) if scalar is not None)
        more = sa.select(_parents.c.parent_id).where(_parents.c.steering_vector_id.in_(waiting))
        waiting = set(tx.scalars(more)) - seen
    return sorted(version_ids)


def _view(tx: Transaction) -> sa.TableClause:
    columns = ("kind", "id", "name", "relation", "parent_kind", "parent_id", "parent_name")
    schema_name = "analysis" if tx.dialect.name == "postgresql" else None
    return sa.table("v_lineage", *(sa.column(name) for name in columns), schema=schema_name)


def _edge(row: Any) -> Edge:
    return Edge(
        child=Thing(kind=row.kind, id=row.id, name=row.name or f"run {row.id}"),
        relation=row.relation,
        parent=Thing(
            kind=row.parent_kind,
            id=row.parent_id,
            name=row.parent_name or f"run {row.parent_id}",
        ),
    )
