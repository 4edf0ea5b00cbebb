"""Demonstrations from and to files: CSV, TSV, JSON and JSON Lines."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vectorlab.domain.sets import Demonstration
from vectorlab.errors import InputError
from vectorlab.store.references import storable_text

# Column names that people already have, tried in this order when none is given.
SOURCE_NAMES = ("source", "negative", "input", "prompt", "text")
TARGET_NAMES = ("target", "positive", "output", "completion")
FORMATS = ("csv", "tsv", "json", "jsonl")

Record = Mapping[str, Any]


def read_demonstrations(
    path: Path,
    *,
    format: str | None = None,
    source_column: str | None = None,
    target_column: str | None = None,
) -> list[Demonstration]:
    """Read one demonstration per row or object.

    Args:
        path: The file, UTF-8 with or without BOM.
        format: One of ``FORMATS``; None goes by the file's ending.
        source_column: Column or key of the source; None tries the usual names.
        target_column: Same for the target. A file without one holds bare prompts.

    Returns:
        Demonstrations in file order; a ``metadata`` column or key holds a JSON object.

    Raises:
        InputError: If the file cannot be read as that format; the message has the line.
    """
    kind = file_format(path, format)
    text = _read_text(path)
    records = list(_READERS[kind](path, text))
    if not records:
        raise InputError(f"{path} holds no rows. Give a file with one demonstration per row.")
    columns = list(dict.fromkeys(name for _, record in records for name in record))
    source = _pick(path, "source", source_column, SOURCE_NAMES, columns)
    target = _pick(path, "target", target_column, TARGET_NAMES, columns, required=False)
    return [_demonstration(path, line, record, source, target) for line, record in records]


def write_demonstrations(
    path: Path, demonstrations: Sequence[Demonstration], *, format: str | None = None
) -> None:
    """Write demonstrations so that reading the file back gives the same content hash.

    Columns are ``source``, ``target`` and, where any row has some, ``metadata`` (JSON).

    Raises:
        InputError: If the format is unknown, or cannot tell an empty target from none.
    """
    kind = file_format(path, format)
    rows = [_record(item) for item in demonstrations]
    if kind in ("csv", "tsv"):
        targets = {item.target is None for item in demonstrations}
        if len(targets) > 1:
            raise InputError(
                f"{kind.upper()} cannot mix pairs with bare prompts. Export to .jsonl instead."
            )
    path.write_text(_WRITERS[kind](rows), encoding="utf-8", newline="")


def file_format(path: Path, format: str | None) -> str:
    """The format asked for, or the one the file's ending names.

    Raises:
        InputError: If it is none of ``FORMATS``.
    """
    kind = (format or path.suffix.lstrip(".")).lower()
    if kind not in FORMATS:
        raise InputError(
            f"Format {kind!r} of {path.name!r} is not known. Use one of {', '.join(FORMATS)}, "
            "as the file's ending or with --format."
        )
    return kind


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as exc:
        raise InputError(f"File {str(path)!r} does not exist.") from exc
    except IsADirectoryError as exc:
        raise InputError(f"{str(path)!r} is a folder; give a file.") from exc
    except UnicodeDecodeError as exc:
        line = path.read_bytes()[: exc.start].count(b"\n") + 1
        raise InputError(
            f"{path}, line {line}: byte {exc.object[exc.start]:#04x} is not UTF-8. "
            "Save the file as UTF-8."
        ) from exc


def _read_csv(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, Record]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(reader, None)
        if header is None:
            return
        if len(set(header)) != len(header):
            raise InputError(f"{path}, line 1: a column name appears twice in {header}.")
        line = reader.line_num + 1
        for row in reader:
            if row:
                if len(row) != len(header):
                    raise InputError(
                        f"{path}, line {line}: {len(row)} fields, expected {len(header)} "
                        f"({', '.join(header)})."
                    )
                yield line, dict(zip(header, row, strict=True))
            line = reader.line_num + 1
    except csv.Error as exc:
        raise InputError(f"{path}, line {reader.line_num}: {exc}.") from exc


def _read_json(path: Path, text: str) -> Iterator[tuple[int, Record]]:
    try:
        data = _parse(text)
    except json.JSONDecodeError as exc:
        raise InputError(f"{path}, line {exc.lineno}, column {exc.colno}: {exc.msg}.") from exc
    if not isinstance(data, list):
        raise InputError(f"{path} holds a JSON {type(data).__name__}; a list of objects is needed.")
    for number, item in enumerate(data, start=1):
        yield number, _object(path, number, item)


def _read_jsonl(path: Path, text: str) -> Iterator[tuple[int, Record]]:
    for line, item in enumerate(text.split("\n"), start=1):
        if not item.strip():
            continue
        try:
            data = _parse(item)
        except json.JSONDecodeError as exc:
            raise InputError(f"{path}, line {line}, column {exc.colno}: {exc.msg}.") from exc
        yield line, _object(path, line, data)


def _parse(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> None:
    raise InputError(f"{name} is not JSON and cannot be stored. Write null or leave it out.")


def _object(path: Path, number: int, item: Any) -> Record:
    if not isinstance(item, dict):
        raise InputError(f"{path}, item {number}: {type(item).__name__}, expected an object.")
    return item


def _pick(
    path: Path,
    role: str,
    wanted: str | None,
    usual: Sequence[str],
    columns: Sequence[str],
    *,
    required: bool = True,
) -> str | None:
    if wanted is not None:
        if wanted not in columns:
            raise InputError(
                f"{path} has no column {wanted!r}; it has {', '.join(map(repr, columns))}. "
                f"Choose one with --{role}-column."
            )
        return wanted
    found = next((name for name in usual if name in columns), None)
    if found is None and required:
        raise InputError(
            f"Cannot tell which column of {path} is the {role}; it has "
            f"{', '.join(map(repr, columns))}. Choose one with --{role}-column."
        )
    return found


def _demonstration(
    path: Path, line: int, record: Record, source: str | None, target: str | None
) -> Demonstration:
    metadata = record.get("metadata") or {}
    if isinstance(metadata, str):
        try:
            metadata = _parse(metadata)
        except json.JSONDecodeError as exc:
            raise InputError(f"{path}, line {line}: metadata is not JSON ({exc.msg}).") from exc
    if not isinstance(metadata, dict):
        raise InputError(f"{path}, line {line}: metadata is not a JSON object.")
    return Demonstration(
        source=_text(path, line, "source", record.get(source or "")) or "",
        target=None if target is None else _text(path, line, "target", record.get(target)),
        metadata=metadata,
    )


def _text(path: Path, line: int, role: str, value: Any) -> str | None:
    if value is None and role == "target":
        return None
    if not isinstance(value, str):
        raise InputError(f"{path}, line {line}: {role} is {type(value).__name__}, expected text.")
    return storable_text(f"{path}, line {line}: {role}", value)


def _record(item: Demonstration) -> dict[str, Any]:
    record: dict[str, Any] = {"source": item.source}
    if item.target is not None:
        record["target"] = item.target
    if item.metadata:
        record["metadata"] = dict(item.metadata)
    return record


def _write_csv(rows: Sequence[dict[str, Any]], delimiter: str) -> str:
    columns = [name for name in ("source", "target", "metadata") if any(name in r for r in rows)]
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(columns or ["source"])
    for row in rows:
        cells = dict(row)
        if "metadata" in cells:
            cells["metadata"] = json.dumps(cells["metadata"], ensure_ascii=False, sort_keys=True)
        writer.writerow([cells.get(name, "") for name in columns])
    return out.getvalue()


def _write_json(rows: Sequence[dict[str, Any]]) -> str:
    return json.dumps(rows, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _write_jsonl(rows: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows)


_READERS: dict[str, Callable[[Path, str], Iterator[tuple[int, Record]]]] = {
    "csv": lambda path, text: _read_csv(path, text, ","),
    "tsv": lambda path, text: _read_csv(path, text, "\t"),
    "json": _read_json,
    "jsonl": _read_jsonl,
}
_WRITERS: dict[str, Callable[[Sequence[dict[str, Any]]], str]] = {
    "csv": lambda rows: _write_csv(rows, ","),
    "tsv": lambda rows: _write_csv(rows, "\t"),
    "json": _write_json,
    "jsonl": _write_jsonl,
}
