"""Finding a row by what people type: its name, its id, or the beginning of its hash."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import sqlalchemy as sa

from vectorlab.errors import InputError, NotFoundError

MINIMUM_PREFIX = 6  # hex digits
_HASH = re.compile(rf"[0-9a-f]{{{MINIMUM_PREFIX},64}}")
_Thing = TypeVar("_Thing")
_BATCH = 1000  # values per IN list; both databases take far more


def find_id(
    tx: sa.Connection,
    table: sa.Table,
    reference: str,
    *,
    kind: str,
    hash_column: str,
    among: sa.ColumnElement[bool] | None = None,
) -> int | None:
    """Id of the row that a reference means, or None.

    A name goes before an id, an id before a hash; of rows with one and the same hash the newest
    is meant.

    Args:
        tx: An open transaction.
        table: With columns ``id`` and ``name``.
        reference: What the user typed.
        kind: Names the thing in messages.
        hash_column: The column that a prefix of at least six hex digits is matched against.
        among: Narrows the search by hash.

    Raises:
        InputError: If a prefix fits several hashes.
    """
    row_id = tx.scalar(sa.select(table.c.id).where(table.c.name == reference))
    if row_id is None and reference.isascii() and reference.isdigit() and len(reference) < 19:
        row_id = tx.scalar(sa.select(table.c.id).where(table.c.id == int(reference)))
    if row_id is None and _HASH.fullmatch(reference.lower()):
        row_id = _by_hash(tx, table.c.id, table.c[hash_column], reference.lower(), kind, among)
    return row_id


def get_id(
    tx: sa.Connection,
    table: sa.Table,
    reference: str,
    *,
    kind: str,
    hash_column: str,
    among: sa.ColumnElement[bool] | None = None,
) -> int:
    """Like ``find_id``, with its arguments and errors, but there must be one.

    Raises:
        NotFoundError: If there is none.
    """
    row_id = find_id(tx, table, reference, kind=kind, hash_column=hash_column, among=among)
    return must_exist(row_id, kind, reference, listed_by=f"{kind}s list")


def must_exist(thing: _Thing | None, kind: str, reference: object, *, listed_by: str) -> _Thing:
    """What a reader has found, which must be something.

    Args:
        thing: What it is, or None.
        kind: Names it in the message.
        reference: What it was looked for by.
        listed_by: The command that lists what there is: ``"vectors list"``.

    Raises:
        NotFoundError: If it is None.
    """
    if thing is None:
        hint = f"See what there is: vectorlab {listed_by}"
        raise NotFoundError(kind, str(reference), hint=hint)
    return thing


def batches(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Values in lists short enough for one statement."""
    listed = list(values)
    for start in range(0, len(listed), _BATCH):
        yield listed[start : start + _BATCH]


def storable_text(what: str, text: str) -> str:
    """The text itself, if both databases can hold it.

    Raises:
        InputError: If it has a NUL character, or half of a surrogate pair.
    """
    if "\x00" in text:
        raise InputError(f"{what} {text[:40]!r} holds a NUL character, which cannot be stored.")
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise InputError(
            f"{what} {text[:40]!r} holds {text[exc.start]!r}, half of a character. "
            "Give valid Unicode text."
        ) from exc
    return text


def _by_hash(
    tx: sa.Connection,
    id_column: sa.Column[int],
    column: sa.Column[str],
    prefix: str,
    kind: str,
    among: sa.ColumnElement[bool] | None,
) -> int | None:
    query = (
        sa.select(column, sa.func.max(id_column)).where(column.startswith(prefix)).group_by(column)
    )
    matches = tx.execute(query if among is None else query.where(among)).all()
    if len(matches) > 1:
        raise InputError(
            f"{prefix!r} is the beginning of {len(matches)} {kind} hashes. Give more digits."
        )
    return matches[0][1] if matches else None
