"""Deleting for good: explicit, audited, and refused while something depends on the object.

What depends on what: a set is needed by vectors, runs and in-context runs made from it and by
sets forked from it; a vector by combined vectors, by runs and by searches for thresholds; a run
by its replays, scores and votes. What of RAVEL depends on what is said in ``ravel_purge``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from vectorlab.errors import ConflictError
from vectorlab.icl.store import runs as icl
from vectorlab.ravel.store import purge as ravel_purge
from vectorlab.store import audit, schema
from vectorlab.store.database import Transaction
from vectorlab.store.runs import runs
from vectorlab.store.sets import sets
from vectorlab.store.vectors import vectors

_versions = schema.set_versions
_vectors = schema.steering_vectors
_runs = schema.generation_runs
_generations = schema.generations
_icl_runs = schema.icl_runs
_scores = schema.scores
_votes = schema.votes
_searches = schema.condition_searches

# In this order nothing is deleted before what depends on it.
_KINDS = (
    *("score", "vote", "run", "in-context run", "condition search"),
    *ravel_purge.KINDS,
    "vector",
    "set",
)


@dataclass(frozen=True, kw_only=True)
class _Node:
    kind: str
    id: int

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


def purge_set(tx: Transaction, reference: str, *, cascade: bool, actor: str) -> list[str]:
    """Delete a set with all its versions, and demonstrations that no other set contains.

    Args:
        tx: An open transaction that writes.
        reference: Name of the set.
        cascade: Also delete everything that depends on it.
        actor: Recorded in the audit log.

    Returns:
        One line per object that went.

    Raises:
        NotFoundError: If there is no such set.
        ConflictError: If something depends on it and ``cascade`` is off.
    """
    return _purge(
        tx, _Node(kind="set", id=sets.get_set(tx, reference).id), cascade=cascade, actor=actor
    )


def purge_vector(tx: Transaction, reference: str, *, cascade: bool, actor: str) -> list[str]:
    """Delete a vector with its layers; see ``purge_set`` for arguments and errors."""
    return _purge(
        tx,
        _Node(kind="vector", id=vectors.get_vector(tx, reference).id),
        cascade=cascade,
        actor=actor,
    )


def purge_run(tx: Transaction, reference: str, *, cascade: bool, actor: str) -> list[str]:
    """Delete a run with its texts; see ``purge_set`` for arguments and errors."""
    return _purge(
        tx, _Node(kind="run", id=runs.get_run(tx, reference).id), cascade=cascade, actor=actor
    )


def purge_icl_run(tx: Transaction, reference: str, *, cascade: bool, actor: str) -> list[str]:
    """Delete an in-context run with its parts; see ``purge_set`` for arguments and errors."""
    return _purge(
        tx,
        _Node(kind="in-context run", id=icl.get_run(tx, reference).id),
        cascade=cascade,
        actor=actor,
    )


def purge_ravel(tx: Transaction, kind: str, row_id: int, *, cascade: bool, actor: str) -> list[str]:
    """Delete an object of RAVEL.

    Args:
        tx: An open transaction that writes.
        kind: One of ``ravel_purge.KINDS``.
        row_id: Of the object.
        cascade: Also delete everything that depends on it.
        actor: Recorded in the audit log.

    Returns:
        One line per object that went.

    Raises:
        ConflictError: If something depends on it and ``cascade`` is off.
    """
    return _purge(tx, _Node(kind=kind, id=row_id), cascade=cascade, actor=actor)


def _purge(tx: Transaction, root: _Node, *, cascade: bool, actor: str) -> list[str]:
    nodes = [root]
    for node in nodes:  # grows while it is walked
        nodes += [
            fromkey for fromkey in dict.fromkeys(_dependents(tx, node)) if fromkey not in nodes
        ]
    if len(nodes) > 1 and not cascade:
        needed_by = ", ".join(_label(tx, node) for node in nodes[1:6])
        more = f" and {len(nodes) - 6} more" if len(nodes) > 6 else ""
        raise ConflictError(
            f"{_label(tx, root).capitalize()} is needed by {needed_by}{more}. "
            "Purge those first, or everything at once with --cascade."
        )
    # Newest first: what came later may refer to what was there before, never the reverse.
    nodes.sort(key=lambda node: (_KINDS.index(node.kind), -node.id))
    gone = [_label(tx, node) for node in nodes]
    _delete(tx, nodes)
    for node, label in zip(nodes, gone, strict=True):
        audit.record(
            tx,
            actor=actor,
            action="purge",
            object_kind=node.kind,
            object_id=node.id,
            details={"what": label, "with": str(root)},
        )
    return gone


def _dependents(tx: Transaction, node: _Node) -> Iterator[_Node]:
    find = _DEPENDENTS.get(node.kind)
    for kind, query in () if find is None else find(node.id):
        for row_id in tx.scalars(query.distinct()):
            yield _Node(kind=kind, id=row_id)


def _of_set(set_id: int) -> Sequence[tuple[str, sa.Select[Any]]]:
    own = sa.select(_versions.c.id).where(_versions.c.set_id == set_id)
    return (
        ("vector", sa.select(_vectors.c.id).where(_vectors.c.set_version_id.in_(own))),
        ("run", sa.select(_runs.c.id).where(_runs.c.prompt_set_version_id.in_(own))),
        ("in-context run", sa.select(_icl_runs.c.id).where(_icl_runs.c.set_version_id.in_(own))),
        (
            "condition search",
            sa.select(_searches.c.id).where(
                sa.or_(
                    _searches.c.positive_version_id.in_(own),
                    _searches.c.negative_version_id.in_(own),
                )
            ),
        ),
        (
            "set",
            sa.select(_versions.c.set_id).where(
                sa.or_(_versions.c.parent_id.in_(own), _versions.c.merged_id.in_(own)),
                _versions.c.set_id != set_id,
            ),
        ),
    )


def _of_vector(vector_id: int) -> Sequence[tuple[str, sa.Select[Any]]]:
    parents, used = schema.vector_parents, schema.arm_interventions
    return (
        ("vector", sa.select(parents.c.steering_vector_id).where(parents.c.parent_id == vector_id)),
        ("run", sa.select(used.c.run_id).where(used.c.steering_vector_id == vector_id)),
        ("run", sa.select(used.c.run_id).where(used.c.condition_vector_id == vector_id)),
        (
            "condition search",
            sa.select(_searches.c.id).where(_searches.c.condition_vector_id == vector_id),
        ),
    )


def _of_run(run_id: int) -> Sequence[tuple[str, sa.Select[Any]]]:
    texts = sa.select(_generations.c.id).where(_generations.c.run_id == run_id)
    voted = sa.or_(_votes.c.left_generation_id.in_(texts), _votes.c.right_generation_id.in_(texts))
    return (
        ("run", sa.select(_runs.c.id).where(_runs.c.replay_of == run_id)),
        ("score", sa.select(_scores.c.id).where(_scores.c.generation_id.in_(texts))),
        ("vote", sa.select(_votes.c.id).where(voted)),
    )


_DEPENDENTS = {
    "set": _of_set,
    "vector": lambda row_id: (*_of_vector(row_id), *ravel_purge.of_vector(row_id)),
    "run": _of_run,
    **ravel_purge.DEPENDENTS,
}
_NAMED = {
    "set": schema.demonstration_sets,
    "vector": _vectors,
    ravel_purge.INSTANCE: schema.ravel_instances,
}


def _label(tx: Transaction, node: _Node) -> str:
    table = _NAMED.get(node.kind)
    if table is None:
        return str(node)
    return f"{node.kind} {tx.scalar(sa.select(table.c.name).where(table.c.id == node.id))!r}"


def _delete(tx: Transaction, nodes: Sequence[_Node]) -> None:
    set_ids = [node.id for node in nodes if node.kind == "set"]
    for node in nodes:
        if node.kind == "run":
            texts = sa.select(_generations.c.id).where(_generations.c.run_id == node.id)
            read = schema.generation_tokens
            tx.execute(read.delete().where(read.c.generation_id.in_(texts)))
        for column in _PARTS[node.kind]:
            tx.execute(sa.delete(column.table).where(column == node.id))
    if set_ids:
        _delete_versions(tx, set_ids)
        for set_id in set_ids:
            row = schema.demonstration_sets
            tx.execute(row.delete().where(row.c.id == set_id))


# Columns that hold the object's id, parts before the row they belong to.
_PARTS: dict[str, tuple[sa.Column[Any], ...]] = {
    **ravel_purge.PARTS,
    "score": (_scores.c.id,),
    "vote": (_votes.c.id,),
    "condition search": (_searches.c.id,),
    "run": (
        schema.replay_departures.c.run_id,
        schema.replay_verdicts.c.run_id,
        _generations.c.run_id,
        schema.arm_interventions.c.run_id,
        schema.run_arms.c.run_id,
        schema.run_prompts.c.run_id,
        _runs.c.id,
    ),
    "in-context run": (
        schema.icl_weights.c.icl_run_id,
        schema.icl_heads.c.icl_run_id,
        schema.icl_layers.c.icl_run_id,
        schema.icl_checks.c.icl_run_id,
        _icl_runs.c.id,
    ),
    "vector": (
        schema.nearest_tokens.c.steering_vector_id,
        schema.omitted_demonstrations.c.steering_vector_id,
        schema.explanations.c.steering_vector_id,
        schema.calibrations.c.steering_vector_id,
        schema.layer_vectors.c.steering_vector_id,
        schema.demonstration_alignments.c.steering_vector_id,
        schema.vector_parents.c.steering_vector_id,
        _vectors.c.id,
    ),
    "set": (),  # versions of several sets go together, since they may be each other's parents
}


def _delete_versions(tx: Transaction, set_ids: Sequence[int]) -> None:
    items, texts, tags = schema.set_items, schema.demonstrations, schema.version_tags
    own = sa.select(_versions.c.id).where(_versions.c.set_id.in_(set_ids))
    for column in (
        items.c.set_id,
        tags.c.set_id,
        schema.set_version_findings.c.set_version_id,
    ):
        owners = own if column.name == "set_version_id" else set_ids
        tx.execute(sa.delete(column.table).where(column.in_(owners)))
    for version_id in tx.scalars(own.order_by(_versions.c.id.desc())).all():
        tx.execute(_versions.delete().where(_versions.c.id == version_id))
    used = sa.exists().where(items.c.demonstration_id == texts.c.id)
    tx.execute(texts.delete().where(~used))
