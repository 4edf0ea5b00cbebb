"""JSON and JSON Lines: one object per demonstration, or one object of lists.

The parser is the standard library's, driven piece by piece: unlike streaming parsers it knows the
position of an error, and it keeps half a surrogate pair for us to refuse instead of replacing it.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import IO, Any, NamedTuple

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError
from vectorlab.services.sets.files.contrast import expand_lists
from vectorlab.services.sets.files.decoding import TextSource
from vectorlab.services.sets.files.limits import OBJECT_LIMIT, RECORD_LIMIT
from vectorlab.services.sets.files.metadata import DECODER, RefusedValueError, guarded, parse_json
from vectorlab.services.sets.files.table import (
    ImportProgress,
    Record,
    RecordTable,
    check_columns,
    first_records,
)

_SPACE = re.compile(r"[ \t\n\r]*")
_COMPACT = 2**20  # characters of a buffer that are dropped together


class ItemPlace(NamedTuple):
    """Where an item of a JSON list begins."""

    item: int
    line: int
    column: int


def open_json(text: TextSource, progress: ImportProgress) -> RecordTable:
    """A list of objects or of texts, or one object of lists (see ``contrast``).

    Raises:
        InputError: If the beginning is not JSON or something else.
    """
    stream = _JsonStream(text)
    first = stream.peek()
    if first == "{":
        return _object_of_lists(stream, text.name, progress)
    if first != "[":
        what = "nothing" if first == "" else f"{first!r}"
        raise stream.error(f"{what} found, expected a list of objects or an object of lists")
    records = (
        (place, _record(value, f"{text.name}, {_words(place)}"), size)
        for place, value, size in stream.items()
    )

    def where(place: ItemPlace) -> str:
        return f"{text.name}, {_words(place)}"

    return first_records(text.name, "json", records, where, progress)


def open_jsonl(text: TextSource, progress: ImportProgress) -> RecordTable:
    """One object, or one text, per line.

    Raises:
        InputError: If the first lines are not.
    """

    def where(line: int) -> str:
        return f"{text.name}, line {line}"

    def records() -> Iterator[tuple[int, Record, int]]:
        for number, line in enumerate(text.lines(), start=1):
            if not line.strip(" \t\r\n"):
                continue
            try:
                value = parse_json(line.rstrip())
            except json.JSONDecodeError as exc:
                raise InputError(f"{where(number)}, column {exc.colno}: {exc.msg}.") from exc
            except RefusedValueError as exc:
                raise InputError(f"{where(number)}: {exc}.") from exc
            yield number, _record(value, where(number)), len(line)

    return first_records(text.name, "jsonl", records(), where, progress)


def write_json(file: IO[bytes], items: Iterable[Demonstration]) -> None:
    """Write a list with one object per line."""
    before = "[\n"
    for demonstration in items:
        file.write(f"{before}{_line(demonstration)}".encode())
        before = ",\n"
    file.write(b"\n]\n")


def write_jsonl(file: IO[bytes], items: Iterable[Demonstration]) -> None:
    """Write one object per line."""
    for demonstration in items:
        file.write(f"{_line(demonstration)}\n".encode())


class _JsonStream:
    """A JSON text of any length, of which one value at a time is held."""

    def __init__(self, text: TextSource) -> None:
        self._name = text.name
        self._chunks = text.chunks()
        self._buffer = ""
        self._at = 0  # where to read on
        self._ended = False
        self._marked = 0  # up to where lines were counted
        self._line, self._line_start = 1, 0  # line of the mark, and where it starts, perhaps < 0

    def peek(self) -> str:
        """The next character that is not white space, or an empty string at the end."""
        while True:
            space = _SPACE.match(self._buffer, self._at)
            assert space is not None, "the pattern matches nothing as well"
            self._at = space.end()
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._fill():
                return ""

    def items(self) -> Iterator[tuple[ItemPlace, Any, int]]:
        """The values of the list that begins here, with their places and lengths."""
        number = 0
        self._take("[")
        while self.peek() != "]" or number:
            if number:
                if self.peek() == "]":
                    break
                self._take(",")
                self.peek()
            number += 1
            place = ItemPlace(number, *self._mark())
            begun = self._at
            value = self.value(RECORD_LIMIT, f"item {number}")
            yield place, value, self._at - begun
            self._compact()
        self._take("]")
        self.finish()

    def value(self, limit: int, what: str) -> Any:
        """The value that begins here; more text is read until it is whole."""
        while True:
            held = len(self._buffer) - self._at
            try:
                value, end = guarded(lambda: DECODER.raw_decode(self._buffer, self._at))
            except RefusedValueError as exc:
                raise self.error(f"{what}: {exc}") from exc
            except json.JSONDecodeError as exc:
                if held > limit:
                    raise self.error(
                        f"{what} is broken, or has more than {limit} characters, the most there "
                        f"may be ({exc.msg} at line {self._position(exc.pos)[0]})"
                    ) from exc
                if self._ended:
                    raise self.error(exc.msg, at=exc.pos) from exc
            else:
                # A number at the end of the buffer may go on in the next piece.
                if end < len(self._buffer) or self._ended:
                    if end - self._at > limit:
                        raise self.error(f"{what} has more than {limit} characters")
                    self._at = end
                    return value
            # Twice as much each time, so that a long value is not parsed again for every piece.
            self._fill(min(2 * held, limit) + 1)

    def finish(self) -> None:
        """Check that nothing follows."""
        if self.peek():
            raise self.error(f"{self._buffer[self._at]!r} after the end of the JSON value")

    def error(self, message: str, *, at: int | None = None) -> InputError:
        """An error at a place of the buffer, or where reading goes on."""
        line, column = self._position(self._at if at is None else at)
        return InputError(f"{self._name}, line {line}, column {column}: {message}.")

    def _take(self, expected: str) -> None:
        character = self.peek()
        if character != expected:
            shown = repr(character) if character else "the end of the file"
            raise self.error(f"{shown} found, expected {expected!r}")
        self._at += 1

    def _position(self, at: int) -> tuple[int, int]:
        """Line and column of a place that is not before the last mark."""
        newlines = self._buffer.count("\n", self._marked, at)
        if not newlines:
            return self._line, at - self._line_start + 1
        return self._line + newlines, at - self._buffer.rfind("\n", self._marked, at)

    def _mark(self) -> tuple[int, int]:
        """Line and column of where reading goes on; lines before it are not counted again."""
        line, column = self._position(self._at)
        self._line, self._line_start, self._marked = line, self._at - column + 1, self._at
        return line, column

    def _compact(self) -> None:
        if self._at > _COMPACT:
            self._mark()
            self._buffer = self._buffer[self._at :]
            self._line_start -= self._at
            self._marked = self._at = 0

    def _fill(self, count: int = 1) -> bool:
        """Read on until so many characters wait, or the text ends; whether there was more."""
        self._compact()
        pieces = [self._buffer]
        held = len(self._buffer) - self._at
        while held < count and not self._ended:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._ended = True
            else:
                pieces.append(chunk)
                held += len(chunk)
        self._buffer = "".join(pieces)
        return len(pieces) > 1


def _object_of_lists(stream: _JsonStream, name: str, progress: ImportProgress) -> RecordTable:
    value = stream.value(OBJECT_LIMIT, "the object")
    stream.finish()
    lists = expand_lists(name, value)
    return RecordTable(
        name=name,
        format="json",
        columns=check_columns(name, lists.columns),
        read=lambda _: iter(lists),
        where=lambda number: f"{name}, entry {number}",
        progress=progress,
        notes=lists.notes,
    )


def _record(value: Any, place: str) -> Record:
    if isinstance(value, str):
        return {"text": value}
    if not isinstance(value, dict):
        raise InputError(f"{place}: {type(value).__name__}, expected an object or a text.")
    return value


def _words(place: ItemPlace) -> str:
    return f"line {place.line}, column {place.column} (item {place.item})"


def _line(demonstration: Demonstration) -> str:
    record: dict[str, Any] = {"source": demonstration.source, "target": demonstration.target}
    if demonstration.metadata:
        record["metadata"] = dict(demonstration.metadata)
    return json.dumps(record, ensure_ascii=False, sort_keys=True, allow_nan=False)
