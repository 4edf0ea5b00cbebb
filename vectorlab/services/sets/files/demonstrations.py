"""Records become demonstrations; every text is checked where it comes in."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError
from vectorlab.services.sets.files.csv_format import has_target
from vectorlab.services.sets.files.limits import FIELD_LIMIT, METADATA_LIMIT
from vectorlab.services.sets.files.mapping import HAS_TARGET, METADATA, Columns, known_name
from vectorlab.services.sets.files.metadata import (
    RefusedValueError,
    json_value,
    metadata_text,
    parse_json,
)
from vectorlab.services.sets.files.table import Record, RecordTable
from vectorlab.store.references import storable_text


def make_demonstrations(
    table: RecordTable, columns: Columns, seen: Callable[[], None] = lambda: None
) -> Iterator[Demonstration]:
    """One demonstration per record, as the records are read.

    Args:
        table: The opened input.
        columns: What makes source, target and metadata.
        seen: Called after each demonstration.

    Raises:
        InputError: At the first record that makes none; the message says where it stands.
    """
    late = _Late(table, columns)
    for place, record in table.read(columns.wanted):
        late.check(place, record)
        where = _Where(table, place)
        bare = columns.marked and not has_target(record[HAS_TARGET], where)
        demonstration = Demonstration(
            source=_source(record, columns, where),
            target=None if bare else _target(record, columns, where),
            metadata=_metadata(record, columns, where),
        )
        table.progress.demonstrations += 1
        seen()
        yield demonstration


class _Where:
    """A place in words, worked out only when a message needs it."""

    def __init__(self, table: RecordTable, place: Any) -> None:
        self._table, self._place = table, place

    def __str__(self) -> str:
        return self._table.where(self._place)


class _Late:
    """Notices keys that would have mattered, had they come before the columns were guessed."""

    def __init__(self, table: RecordTable, columns: Columns) -> None:
        self._table = table
        self._open = columns.guessed and not table.fixed_columns
        self._known = {*table.columns, METADATA}

    def check(self, place: Any, record: Record) -> None:
        if not self._open or record.keys() <= self._known:
            return
        for key in record.keys() - self._known:
            if known_name(key):
                raise InputError(
                    f"{self._table.where(place)}: {key!r} comes here for the first time, after "
                    "the columns were guessed. Choose with --source-column and --target-column."
                )
            self._known.add(key)


def _source(record: Record, columns: Columns, where: _Where) -> str:
    text = _joined(record, columns.source, columns.join, "source", where)
    if text is None or not text.strip():
        what = "missing" if text is None else "empty"
        raise InputError(f"{where}: the source ({_names(columns.source)}) is {what}.")
    return text


def _target(record: Record, columns: Columns, where: _Where) -> str | None:
    if not columns.target:
        return None
    return _joined(record, columns.target, columns.join, "target", where)


def _joined(
    record: Record, names: tuple[str, ...], join: str | None, role: str, where: _Where
) -> str | None:
    """The texts of the columns one after the other; None where a single one is missing."""
    if len(names) == 1:
        return _text(record.get(names[0]), role, where)
    whole = ""
    for name in names:
        part = _text(record.get(name), role, where)
        if part is None:
            raise InputError(f"{where}: {name!r} is missing, a part of the {role}.")
        seam = join if join is not None else _seam(whole, part)
        whole = part if name == names[0] else f"{whole}{seam}{part}"
    return _bounded(whole, role, where)


def _seam(before: str, after: str) -> str:
    """One space, unless a side brings white space of its own."""
    return "" if before[-1:].isspace() or after[:1].isspace() else " "


def _text(value: Any, role: str, where: _Where) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise InputError(f"{where}: {role} is {type(value).__name__}, expected text.")
    return _bounded(value, role, where)


def _bounded(text: str, role: str, where: _Where) -> str:
    if len(text) > FIELD_LIMIT:
        raise InputError(
            f"{where}: {role} has {len(text)} characters; at most {FIELD_LIMIT} are taken."
        )
    # Asked first, because the words for the place are not needed almost always.
    if "\x00" in text or not text.isascii():
        return storable_text(f"{where}: {role}", text)
    return text


def _metadata(record: Record, columns: Columns, where: _Where) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    # JSON records may have the key where the first ones had not.
    names = columns.metadata or ((METADATA,) if columns.late_metadata else ())
    for name in names:
        value = record.get(name)
        if value is None:
            continue
        try:
            new = _object(value) if name == METADATA else {name: json_value(value)}
        except json.JSONDecodeError as exc:
            raise InputError(
                f"{where}: {METADATA} is not JSON ({exc.msg} at its character {exc.pos + 1}). "
                "Leave it out with --no-metadata."
            ) from exc
        except RefusedValueError as exc:
            raise InputError(f"{where}: {name} cannot be kept: {exc}.") from exc
        twice = metadata.keys() & new.keys()
        if twice:
            raise InputError(f"{where}: metadata {min(twice)!r:.80} comes from two columns.")
        metadata |= new
    if metadata:
        _check_texts(metadata, where)
    return metadata


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        if not value:
            return {}
        value = parse_json(value)
    if not isinstance(value, dict):
        raise RefusedValueError(
            f"{type(value).__name__}, expected a JSON object (or leave it out with --no-metadata)"
        )
    kept: dict[str, Any] = json_value(value)
    return kept


def _check_texts(metadata: dict[str, Any], where: _Where) -> None:
    text = metadata_text(metadata)
    if len(text) > METADATA_LIMIT:
        raise InputError(
            f"{where}: metadata has {len(text)} characters; at most {METADATA_LIMIT} are taken."
        )
    if not text.isascii():
        storable_text(f"{where}: metadata", text)


def _names(columns: tuple[str, ...]) -> str:
    return " + ".join(map(repr, columns))
