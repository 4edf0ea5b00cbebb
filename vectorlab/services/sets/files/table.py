"""What every reader makes of its input: numbered records, read as they are asked for."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

from vectorlab.errors import InputError
from vectorlab.services.sets.files.limits import COLUMN_LIMIT, PEEK_CHARACTERS, PEEK_RECORDS
from vectorlab.store.references import storable_text

Record = Mapping[str, Any]
# Where a record stands: a line, a row, or an item with its line; ``RecordTable.where`` says it in
# words.
RecordPlace = Any
Records = Iterator[tuple[RecordPlace, Record]]


@dataclass(kw_only=True)
class ImportProgress:
    """How far an input has been read; readers keep it up to date."""

    unit: Literal["bytes", "rows"] = "bytes"
    done: int = 0
    total: int | None = None  # None: a stream without a known end
    demonstrations: int = 0  # made so far


@dataclass(frozen=True, kw_only=True)
class RecordTable:
    """An input that was opened, as numbered records."""

    name: str  # as messages call it
    format: str
    columns: tuple[str, ...]  # those seen before the first record is handed out
    read: Callable[[tuple[str, ...]], Records]  # takes the wanted columns; to be called once
    where: Callable[[RecordPlace], str]  # "pairs.csv, line 7"
    progress: ImportProgress
    fixed_columns: bool = True  # False: later records may have further keys
    about: Mapping[str, Any] | None = None  # manifest inside the file, as it was found
    notes: tuple[str, ...] = field(default=())  # what the user should know before it is used


def check_columns(name: str, columns: tuple[str, ...], *, at: str = "") -> tuple[str, ...]:
    """The column names themselves, if each can be told from the others and printed.

    Raises:
        InputError: If one comes twice or is no valid text, or there are too many.
    """
    place = f"{name}{at}"
    if len(columns) > COLUMN_LIMIT:
        raise InputError(f"{place}: {len(columns)} columns, expected at most {COLUMN_LIMIT}.")
    if len(set(columns)) != len(columns):
        [(twice, _)] = Counter(columns).most_common(1)
        raise InputError(
            f"{place}: column name {twice!r} appears twice among {list_names(columns)}."
        )
    for column in columns:
        storable_text(f"{place}: column name", column)
    return columns


def first_records(
    name: str,
    format: str,
    records: Iterator[tuple[RecordPlace, Record, int]],
    where: Callable[[Any], str],
    progress: ImportProgress,
) -> RecordTable:
    """A table whose columns are the keys of the first records.

    Args:
        name: As messages call it.
        format: Of the input.
        records: Place, record and about how many characters it has.
        where: Says a place in words.
        progress: Of the input.
    """
    first: list[tuple[RecordPlace, Record]] = []
    size = 0
    for place, record, length in records:
        first.append((place, record))
        size += length
        if len(first) == PEEK_RECORDS or size > PEEK_CHARACTERS:
            break
    columns = tuple(dict.fromkeys(key for _, record in first for key in record))
    rest = ((place, record) for place, record, _ in records)
    return RecordTable(
        name=name,
        format=format,
        columns=check_columns(name, columns),
        read=lambda _: chain(first, rest),
        where=where,
        progress=progress,
        fixed_columns=False,
    )


def list_names(names: tuple[str, ...]) -> str:
    """Column names for a message, quoted, the first twenty."""
    listed = ", ".join(repr(name if len(name) <= 60 else f"{name[:57]}...") for name in names[:20])
    return f"{listed}, and {len(names) - 20} more" if len(names) > 20 else listed
