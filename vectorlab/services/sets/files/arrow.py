"""What Parquet files, datasets directories and data frames share: Arrow columns to values."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from vectorlab.errors import InputError
from vectorlab.services.sets.files.limits import BATCH_BYTES, FIELD_LIMIT
from vectorlab.services.sets.files.table import Records

_MOST_ROWS = 1024  # made into Python values at a time

# What pyarrow raises on data that is not what it says it is.
ERRORS = (
    pa.ArrowException,
    OSError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    OverflowError,
    EOFError,
    MemoryError,
)


def records(batches: Iterator[pa.RecordBatch], keys: tuple[str, ...], name: str) -> Records:
    """Rows of the wanted columns, numbered from 1 through all batches.

    Raises:
        InputError: If a batch cannot be read, or a text is too long.
    """
    number = 1
    while True:
        place = f"{name}, rows from {number}"
        try:
            batch = next(batches, None)
            if batch is None:
                return
            batch.validate(full=True)
            columns = [_column(batch, key, place) for key in keys]
            step = _rows_at_once(columns, place)
        except ERRORS as exc:
            raise InputError(f"{place}: the data is damaged ({one_line(exc)}).") from exc
        for start in range(0, batch.num_rows, step):
            values = [_values(column.slice(start, step), place) for column in columns]
            for row in zip(*values, strict=True):
                yield number, dict(zip(keys, row, strict=True))
                number += 1


def one_line(error: BaseException) -> str:
    """The first line of an error of pyarrow, without what follows."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _column(batch: pa.RecordBatch, name: str, place: str) -> pa.Array:
    column = batch.column(name)
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        try:  # old writers leave out that the bytes are text
            return column.cast(pa.large_string())
        except pa.ArrowInvalid as exc:
            raise InputError(f"{place}: column {name!r} holds bytes that are not UTF-8.") from exc
    return column


def _rows_at_once(columns: list[pa.Array], place: str) -> int:
    """How many rows may be copied out of Arrow's buffers together."""
    widest = 1
    for column in columns:
        texts = column.dictionary if pa.types.is_dictionary(column.type) else column
        if pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type):
            longest = pc.max(pc.binary_length(texts)).as_py() or 0
            if longest > 4 * FIELD_LIMIT:
                raise InputError(
                    f"{place}: a field has more than {FIELD_LIMIT} characters, the most there "
                    "may be."
                )
            widest = max(widest, longest)
    return max(1, min(_MOST_ROWS, BATCH_BYTES // widest))


def _values(column: pa.Array, place: str) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
    except ERRORS as exc:
        raise InputError(f"{place}: a value cannot be read ({one_line(exc)}).") from exc
    return values
