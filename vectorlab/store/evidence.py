"""Digests that bind evidence to what it says and to what it is about.

A record is a row that results, reports or defaults stand on: a run, a score, a calibration. Its
``record_sha256`` covers every column of the row and of the rows that belong to it, and, in the
place of the numbers that the database gave, the hashes of what they refer to: a score is bound to
the text that it is of, a calibration to model and vector. Left out are names that may change, times
by the database's clock, and nulls, so that a column which a later revision adds leaves older
records as they are.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeAlias

import sqlalchemy as sa

from vectorlab.domain.hashing import ListHasher, bytes_sha256, canonical_json
from vectorlab.errors import IntegrityError
from vectorlab.store import schema
from vectorlab.store.columns import UtcTime, utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.references import batches
from vectorlab.systems import systems

DIGEST = "record_sha256"
Row: TypeAlias = Mapping[str, Any]
Parts: TypeAlias = Mapping[sa.Table, Sequence[Row]]
_Spelling: TypeAlias = Callable[[Any], Any]
_UNREADABLE = (ValueError, TypeError, LookupError)  # what an odd value in a column leads to

# The tables of what belongs to a record, with the column that holds the record's id.
PARTS: dict[str, tuple[tuple[sa.Table, str], ...]] = {
    "steering_vectors": (
        (schema.layer_vectors, "steering_vector_id"),
        (schema.demonstration_alignments, "steering_vector_id"),
        (schema.vector_parents, "steering_vector_id"),
    ),
    "explanations": ((schema.omitted_demonstrations, "steering_vector_id"),),
    "generation_runs": ((schema.generations, "run_id"),),
    "replay_verdicts": ((schema.replay_departures, "run_id"),),
    **{
        table: tuple((schema.metadata.tables[part], owner) for part, owner in parts)
        for system in systems()
        for table, parts in system.sealed.items()
    },
}
RECORDS = tuple(table for table in schema.metadata.sorted_tables if DIGEST in table.c)

_runs, _texts = schema.generation_runs, schema.generations
# What stands for a row that a record refers to, where it is not the hash that ``_identity`` finds.
_IDENTITIES: dict[str, sa.Select[Any]] = {
    "generations": sa.select(
        _texts.c.id, _runs.c.result_sha256, _texts.c.prompt, _texts.c.arm, _texts.c.sample
    ).join(_runs, _runs.c.id == _texts.c.run_id),
    "generation_runs": sa.select(_runs.c.id, _runs.c.result_sha256),
}


def seal(tx: Transaction, table: sa.Table, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows about to be stored, with their digests."""
    written = _canonical(tx, table, rows)
    return [
        {**row, DIGEST: _digest(table, text, ())} for row, text in zip(rows, written, strict=True)
    ]


def add_record(
    tx: Transaction, table: sa.Table, values: Row, parts: Parts = MappingProxyType({})
) -> int:
    """Store a record with the rows that belong to it, whose owner is left out; returns its id."""
    (key, *_) = table.primary_key
    insert = table.insert().values(
        **seal_with_parts(tx, table, values, parts), created_at=utc_now()
    )
    row_id: int = tx.execute(insert.returning(key)).scalar_one()
    for part, owner in PARTS.get(table.name, ()):
        for some in batches(parts.get(part, ())):
            tx.execute(part.insert(), [{owner: row_id, **row} for row in some])
    return row_id


def seal_with_parts(tx: Transaction, table: sa.Table, row: Row, parts: Parts) -> dict[str, Any]:
    """A row about to be stored with the rows that belong to it, none of which has its id yet."""
    return {**row, DIGEST: _record_sha256(tx, table, row, parts)}


def check(tx: Transaction, table: sa.Table, row: sa.Row[Any]) -> None:
    """Return if a stored record has its digest.

    Raises:
        IntegrityError: If it, what belongs to it or what it is about was altered.
    """
    record = dict(row._mapping)
    (key, *_) = table.primary_key
    parts = {
        part: _rows(tx, part.select().where(part.c[owner] == record[key.name]))
        for part, owner in PARTS.get(table.name, ())
    }
    if _record_sha256(tx, table, record, parts) != record[DIGEST]:
        raise IntegrityError(
            f"{table.name.replace('_', ' ').capitalize()} {_name(table, record)} does not have the "
            f"digest on record, {record[DIGEST][:12]}: a row, what belongs to it or what it is "
            "about was altered. Put a backup in place: vectorlab db restore BACKUP"
        )


def check_id(tx: Transaction, table: sa.Table, row_id: int) -> None:
    """As ``check``, for the record with that id."""
    check(tx, table, tx.execute(table.select().where(table.c.id == row_id)).one())


def problems(tx: Transaction) -> Iterator[str]:
    """One line for every record that does not have its digest or cannot be read."""
    for table in RECORDS:
        keys = _rows(tx, sa.select(*table.primary_key).order_by(*table.primary_key))
        for some in batches(keys):
            if table.name in PARTS or not _all_hold(tx, table, some):
                yield from _problems_of(tx, table, some)


def _all_hold(tx: Transaction, table: sa.Table, keys: Sequence[Row]) -> bool:
    """Whether records without parts have their digests: many at once, which costs less."""
    (first, *_) = table.primary_key
    ids = [key[first.name] for key in keys]
    try:
        rows = _rows(tx, table.select().where(first.in_(ids)))
        sealed = seal(tx, table, rows)
    except _UNREADABLE:
        return False
    return all(new[DIGEST] == row[DIGEST] for new, row in zip(sealed, rows, strict=True))


def _problems_of(tx: Transaction, table: sa.Table, keys: Sequence[Row]) -> Iterator[str]:
    for key in keys:
        same = [column == key[column.name] for column in table.primary_key]
        try:
            check(tx, table, tx.execute(table.select().where(*same)).one())
        except IntegrityError as exc:
            yield str(exc)
        except _UNREADABLE as exc:
            yield f"Row {_name(table, key)} of {table.name} cannot be read: {exc}"


def _rows(tx: Transaction, query: sa.Select[Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in tx.execute(query)]


def _name(table: sa.Table, row: Row) -> str:
    return ", ".join(str(row[column.name]) for column in table.primary_key)


def _record_sha256(tx: Transaction, table: sa.Table, row: Row, parts: Parts) -> str:
    (written,) = _canonical(tx, table, [row])
    own = (
        (part, sorted(_canonical(tx, part, parts.get(part, ()), without=owner)))
        for part, owner in PARTS.get(table.name, ())
    )
    return _digest(table, written, own)


def _digest(table: sa.Table, row: str, parts: Iterable[tuple[sa.Table, list[str]]]) -> str:
    hasher = ListHasher(f"record {table.name}")
    hasher.add(row)
    for part, rows in parts:
        hasher.add(part.name)
        for text in rows:
            hasher.add(text)
    return hasher.hexdigest()


def _canonical(
    tx: Transaction, table: sa.Table, rows: Sequence[Row], *, without: str = ""
) -> list[str]:
    """Rows in one spelling, whether they come from Python or from a database."""
    left_out = {"id", DIGEST, without, *schema.FROZEN[table.name]}
    spellings = {
        column.name: _spelling(tx, column, rows)
        for column in table.c
        if column.name not in left_out and not isinstance(column.type, UtcTime)
    }
    return [
        canonical_json(
            {
                name: value
                for name, spell in spellings.items()
                if (raw := row.get(name)) is not None and (value := spell(raw)) is not None
            }
        )
        for row in rows
    ]


def _spelling(tx: Transaction, column: sa.Column[Any], rows: Sequence[Row]) -> _Spelling:
    target = _target(column)
    if target is not None:
        ids = {row[column.name] for row in rows if row.get(column.name) is not None}
        return _identities(tx, target, ids).__getitem__
    if isinstance(column.type, sa.Double):
        # SQLite keeps no sign of a zero.
        return lambda value: None if math.isnan(value) else float(value) + 0.0
    if isinstance(column.type, sa.Boolean):
        return bool
    if isinstance(column.type, sa.LargeBinary):
        return lambda value: bytes_sha256(bytes(value))
    return lambda value: value.value if isinstance(value, Enum) else value


def _target(column: sa.Column[Any]) -> sa.Table | None:
    """The table whose rows a column refers to by their ids alone."""
    for constraint in column.table.foreign_key_constraints:
        if constraint.column_keys == [column.name]:
            return constraint.referred_table
    return None


def _identities(tx: Transaction, table: sa.Table, ids: Iterable[int]) -> dict[int, Any]:
    query = _IDENTITIES.get(table.name)
    if query is None:
        query = sa.select(table.c.id, table.c[_identity(table)])
    identities: dict[int, Any] = {}
    for some in batches(sorted(ids)):
        for row_id, *identity in tx.execute(query.where(table.c.id.in_(some))):
            identities[row_id] = identity
    return identities


def _identity(table: sa.Table) -> str:
    names = ("content_sha256", "fingerprint", DIGEST, "spec_sha256")
    return next(name for name in names if name in table.c)
