"""What is an object of its own in the store, what its parts are, and what depends on what.

``KINDS`` names the objects; the rest is read off the foreign keys. A table of no kind holds parts
of what its first reference leads to: a calibration is part of its vector, though it refers to a
model too. Any other reference of an object or of its parts is a dependence: a run depends on the
vectors that its arms refer to.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeAlias

import sqlalchemy as sa

from vectorlab.store import schema
from vectorlab.systems import systems

_Column: TypeAlias = sa.Column[Any]

TABLES = schema.metadata.sorted_tables  # what is referred to comes before what refers to it
# The ids of objects in the statements below.
IDS: sa.BindParameter[int] = sa.bindparam("ids", expanding=True)
_OF_SYSTEMS = {
    kind: schema.metadata.tables[table]
    for system in systems()
    for kind, table in system.purged.items()
}
# What people call it, and its table; dependents first.
KINDS: dict[str, sa.Table] = {
    "score": schema.scores,
    "vote": schema.votes,
    "run": schema.generation_runs,
    "condition search": schema.condition_searches,
    **_OF_SYSTEMS,
    "vector": schema.steering_vectors,
    "set": schema.demonstration_sets,
}
# The order in which people are told what needs an object.
NEEDING = ("vector", "run", "score", "vote", "condition search", *reversed(_OF_SYSTEMS), "set")


@cache
def kind_of(table: sa.Table) -> str | None:
    """Of what kind the rows of a table are, or what they are parts of; None if of no kind."""
    if _is_kind(table):
        return next(kind for kind, own in KINDS.items() if own is table)
    return kind_of(_whole(table)[1].table) if table.foreign_keys else None


def belongs(table: sa.Table) -> sa.ColumnElement[bool]:
    """Which rows of a table are the objects with those ``IDS``, or parts of them."""
    if _is_kind(table):
        return table.c.id.in_(IDS)
    column, target = _whole(table)
    return column.in_(IDS) if _is_kind(target.table) else _leads(column, target)


@cache
def dependents(kind: str) -> tuple[tuple[str, sa.Select[Any]], ...]:
    """Kinds that depend on one, each with the query for those that need objects with ``IDS``."""
    return tuple(
        (needing, _objects(table, _leads(column, target)).distinct())
        for table in TABLES
        if (needing := kind_of(table)) is not None
        for column, target in _dependences(table)
        if kind_of(target.table) == kind
    )


def _is_kind(table: sa.Table) -> bool:
    return table in KINDS.values()


def _whole(part: sa.Table) -> tuple[_Column, _Column]:
    """The first column of a table that refers to another, and the column that it refers to."""
    column = next(column for column in part.c if column.foreign_keys)
    targets = (key.column for key in column.foreign_keys)
    return column, min(targets, key=lambda target: TABLES.index(target.table))


def _leads(column: _Column, target: _Column) -> sa.ColumnElement[bool]:
    """Whether a column refers to a row of those objects."""
    return column.in_(sa.select(target).where(belongs(target.table)).correlate(None))


def _objects(table: sa.Table, condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The ids of the objects that rows of a table are, or are parts of."""
    if _is_kind(table):
        return sa.select(table.c.id).where(condition)
    column, target = _whole(table)
    rows = sa.select(column).where(condition)
    return rows if _is_kind(target.table) else _objects(target.table, target.in_(rows))


def _dependences(table: sa.Table) -> Iterator[tuple[_Column, _Column]]:
    """What a table refers to other than the whole that its rows are parts of."""
    own = None if _is_kind(table) else _whole(table)[0].name
    for constraint in table.foreign_key_constraints:
        if own not in constraint.column_keys:
            (key,) = constraint.elements
            yield key.parent, key.column
