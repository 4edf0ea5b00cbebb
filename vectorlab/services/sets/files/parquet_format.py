"""Parquet: columns source, target and metadata (JSON), and the version they are in the footer."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError
from vectorlab.services.sets.files.arrow import ERRORS, one_line, records
from vectorlab.services.sets.files.limits import BATCH_BYTES, RECORD_LIMIT
from vectorlab.services.sets.files.metadata import metadata_text
from vectorlab.services.sets.files.table import ImportProgress, Records, RecordTable, check_columns

MANIFEST_KEY = b"vectorlab"
SCHEMA = pa.schema(
    [
        pa.field("source", pa.large_string(), nullable=False),
        pa.field("target", pa.large_string()),
        pa.field("metadata", pa.large_string()),
    ]
)
_BUFFER = 2**20  # bytes of a column that are read from the file at a time
_MOST_ROWS = 8192  # of a row group that is written, or a batch that is read


def open_parquet(file: BinaryIO | IO[bytes], name: str, progress: ImportProgress) -> RecordTable:
    """Read the footer; the rows follow as they are asked for.

    Raises:
        InputError: If it is not a Parquet file.
    """
    try:
        parquet = _open(file)
        schema = parquet.schema_arrow
        about = schema.metadata or {}
        rows = parquet.metadata.num_rows
        names = tuple(schema.names)
    except ERRORS as exc:
        raise InputError(f"{name} is not a whole Parquet file ({one_line(exc)}).") from exc
    progress.unit, progress.done, progress.total = "rows", 0, rows
    columns = check_columns(name, names)

    def read(keys: tuple[str, ...]) -> Records:
        present = tuple(key for key in keys if key in columns)
        for number, record in records(_batches(parquet, file, present), present, name):
            progress.done = number
            yield number, record

    return RecordTable(
        name=name,
        format="parquet",
        columns=columns,
        read=read,
        where=lambda number: f"{name}, row {number}",
        progress=progress,
        about=manifest_of(about),
    )


def write_parquet(
    file: IO[bytes], items: Iterable[Demonstration], about: Mapping[str, Any]
) -> None:
    """Write in row groups of a size that depends on the content alone, so that bytes are stable."""
    schema = SCHEMA.with_metadata({MANIFEST_KEY: json.dumps(about, sort_keys=True).encode()})
    with pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=False) as writer:
        for batch in record_batches(items, schema):
            writer.write_batch(batch)


def record_batches(
    items: Iterable[Demonstration], schema: pa.Schema, most_rows: int = _MOST_ROWS
) -> Iterator[pa.RecordBatch]:
    """Demonstrations as Arrow data, a bounded batch at a time."""
    rows: list[tuple[str, str | None, str | None]] = []
    size = 0
    for demonstration in items:
        metadata = metadata_text(demonstration.metadata) if demonstration.metadata else None
        rows.append((demonstration.source, demonstration.target, metadata))
        size += len(demonstration.source) + len(demonstration.target or "") + len(metadata or "")
        if len(rows) == most_rows or size > RECORD_LIMIT:
            yield _batch(rows, schema)
            rows, size = [], 0
    if rows:
        yield _batch(rows, schema)


def manifest_of(metadata: Mapping[bytes, bytes]) -> Mapping[str, Any] | None:
    """The manifest among the notes of an Arrow schema, if it can be read."""
    try:
        manifest = json.loads(metadata.get(MANIFEST_KEY, b"null"))
    except (ValueError, RecursionError):
        return None
    return manifest if isinstance(manifest, dict) else None


def _batch(rows: list[tuple[str, str | None, str | None]], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [
        pa.array(column, type=field.type)
        for column, field in zip(zip(*rows, strict=True), schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _batches(
    parquet: pq.ParquetFile, file: BinaryIO | IO[bytes], columns: tuple[str, ...]
) -> Iterator[pa.RecordBatch]:
    """Batches that hold no more data than the limit, as far as the footer tells the sizes."""
    for group in range(parquet.num_row_groups):
        rows = parquet.metadata.row_group(group).num_rows
        if rows and columns:
            widest = _widest_repeated(parquet, file, group, columns)
            each = max(widest, _group_size(parquet, group, columns) // rows, 1)
            step = max(1, min(_MOST_ROWS, BATCH_BYTES // each))
            yield from _open(file, parquet.metadata).iter_batches(
                batch_size=step, row_groups=[group], columns=list(columns), use_threads=False
            )


def _open(
    file: BinaryIO | IO[bytes], metadata: Any = None, dictionaries: tuple[str, ...] = ()
) -> pq.ParquetFile:
    return pq.ParquetFile(
        file,
        metadata=metadata,
        read_dictionary=list(dictionaries),
        pre_buffer=False,
        buffer_size=_BUFFER,
    )


def _widest_repeated(
    parquet: pq.ParquetFile, file: BinaryIO | IO[bytes], group: int, columns: tuple[str, ...]
) -> int:
    """Bytes of the longest text that a column of the group holds once for all its rows.

    A file of a kilobyte can repeat a text of megabytes in every row. With dictionaries kept, one
    row brings all such texts without their repetitions.
    """
    texts = tuple(name for name in columns if _is_text(parquet.schema_arrow.field(name).type))
    kept = _open(file, parquet.metadata, texts)
    batches = kept.iter_batches(
        batch_size=1, row_groups=[group], columns=list(columns), use_threads=False
    )
    first = next(batches, None)
    widest = 0
    for column in () if first is None else first.columns:
        if pa.types.is_dictionary(column.type):
            widest = max(widest, pc.max(pc.binary_length(column.dictionary)).as_py() or 0)
    return widest


def _is_text(kind: Any) -> bool:
    """Whether a column of the type is one column of byte arrays in the file."""
    return any(
        test(kind)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_dictionary,
        )
    )


def _group_size(parquet: pq.ParquetFile, group: int, columns: tuple[str, ...]) -> int:
    about = parquet.metadata.row_group(group)
    chunks = (about.column(index) for index in range(about.num_columns))
    return sum(
        chunk.total_uncompressed_size
        for chunk in chunks
        if chunk.path_in_schema.split(".")[0] in columns
    )
