"""Deleting for good: explicit, audited, and refused while something depends on the object.

What is part of an object and what depends on it follows from the foreign keys: see ``objects``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from vectorlab.errors import ConflictError
from vectorlab.store import audit, objects, schema
from vectorlab.store.database import Transaction
from vectorlab.store.references import batches
from vectorlab.store.runs import runs
from vectorlab.store.sets import sets
from vectorlab.store.vectors import vectors


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
    row_id = sets.get_set(tx, reference).id
    return purge_thing(tx, "set", row_id, cascade=cascade, actor=actor)


def purge_vector(tx: Transaction, reference: str, *, cascade: bool, actor: str) -> list[str]:
    """Delete a vector with its layers; see ``purge_set`` for arguments and errors."""
    row_id = vectors.get_vector(tx, reference).id
    return purge_thing(tx, "vector", row_id, cascade=cascade, actor=actor)


def purge_run(tx: Transaction, reference: str, *, cascade: bool, actor: str) -> list[str]:
    """Delete a run with its texts; see ``purge_set`` for arguments and errors."""
    row_id = runs.get_run(tx, reference).id
    return purge_thing(tx, "run", row_id, cascade=cascade, actor=actor)


def what_goes(tx: Transaction, kind: str, row_id: int) -> list[str]:
    """What a purge of an object takes along, a line each, itself first; see ``purge_thing``."""
    return [_label(tx, node) for node in _with_dependents(tx, _Node(kind=kind, id=row_id))]


def purge_thing(tx: Transaction, kind: str, row_id: int, *, cascade: bool, actor: str) -> list[str]:
    """Delete an object with its parts.

    Args:
        tx: An open transaction that writes.
        kind: One of ``objects.KINDS``.
        row_id: Of the object.
        cascade: Also delete everything that depends on it.
        actor: Recorded in the audit log.

    Returns:
        One line per object that went.

    Raises:
        ConflictError: If something depends on it and ``cascade`` is off.
    """
    root = _Node(kind=kind, id=row_id)
    nodes = _with_dependents(tx, root)
    if len(nodes) > 1 and not cascade:
        needed_by = ", ".join(_label(tx, node) for node in nodes[1:6])
        more = f" and {len(nodes) - 6} more" if len(nodes) > 6 else ""
        raise ConflictError(
            f"{_label(tx, root).capitalize()} is needed by {needed_by}{more}. "
            "Purge those first, or everything at once with --cascade."
        )
    kinds = list(objects.KINDS)
    nodes.sort(key=lambda node: (kinds.index(node.kind), -node.id))
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


def _with_dependents(tx: Transaction, root: _Node) -> list[_Node]:
    nodes, known = [root], {root}
    for node in nodes:  # grows while it is walked
        new = _dependents(tx, node) - known
        nodes += sorted(new, key=lambda found: (objects.NEEDING.index(found.kind), found.id))
        known |= new
    return nodes


def _dependents(tx: Transaction, node: _Node) -> set[_Node]:
    return {
        _Node(kind=kind, id=row_id)
        for kind, query in objects.dependents(node.kind)
        for row_id in tx.scalars(query, {"ids": [node.id]})
    }


def _label(tx: Transaction, node: _Node) -> str:
    name = objects.KINDS[node.kind].c.get("name")
    if name is None or name.nullable:  # not every object of the kind has one
        return str(node)
    return f"{node.kind} {tx.scalar(sa.select(name).where(name.table.c.id == node.id))!r}"


def _delete(tx: Transaction, nodes: Sequence[_Node]) -> None:
    for table in reversed(objects.TABLES):
        kind = objects.kind_of(table)
        ids = [node.id for node in nodes if node.kind == kind]
        if any(key.column.table is table for key in table.foreign_keys):
            _delete_newest_first(tx, table, ids)
        else:
            for some in batches(ids):
                tx.execute(table.delete().where(objects.belongs(table)), {"ids": some})
    if any(node.kind == "set" for node in nodes):
        _delete_unused_demonstrations(tx)


def _delete_newest_first(tx: Transaction, table: sa.Table, ids: Sequence[int]) -> None:
    """Delete rows of a table that refers to itself: what came later may refer to what was before.

    Versions of several sets are each other's parents, so they go together.
    """
    query = sa.select(table.c.id).where(objects.belongs(table))
    rows = [row_id for some in batches(ids) for row_id in tx.scalars(query, {"ids": some})]
    for row_id in sorted(rows, reverse=True):
        tx.execute(table.delete().where(table.c.id == row_id))


def _delete_unused_demonstrations(tx: Transaction) -> None:
    """Delete what the sets that went shared with no other: no reference says whose they are."""
    items, texts = schema.set_items, schema.demonstrations
    used = sa.exists().where(items.c.demonstration_id == texts.c.id)
    tx.execute(texts.delete().where(~used))
