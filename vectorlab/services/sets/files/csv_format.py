"""CSV and TSV: a header line, then one demonstration per row."""

import csv
from collections.abc import Iterable, Iterator
from typing import IO

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError
from vectorlab.services.sets.files.decoding import TextSource
from vectorlab.services.sets.files.limits import FIELD_LIMIT, RECORD_LIMIT
from vectorlab.services.sets.files.mapping import HAS_TARGET
from vectorlab.services.sets.files.metadata import metadata_text
from vectorlab.services.sets.files.table import (
    ImportProgress,
    Records,
    RecordTable,
    check_columns,
    list_names,
)

_YES, _NO = "true", "false"


def open_csv(
    text: TextSource, progress: ImportProgress, *, format: str, delimiter: str
) -> RecordTable:
    """Read the header; the rows follow as they are asked for.

    Raises:
        InputError: If the header has a name twice, or the delimiter is not one character.
    """
    if len(delimiter) != 1 or delimiter in '\r\n"\ufeff\x00':
        raise InputError(f"Delimiter {delimiter!r} cannot be used. Give one character, as in ';'.")
    rows = _NumberedRows(text, delimiter)
    header = tuple(next((row for _, row in rows), ()))
    check_columns(text.name, header, at=", line 1")

    def records(_: tuple[str, ...]) -> Records:
        for line, row in rows:
            if len(row) != len(header):
                raise InputError(
                    f"{text.name}, line {line}: {len(row)} fields, expected {len(header)} "
                    f"({list_names(header)}). A field that holds {delimiter!r} needs quotes."
                )
            yield line, dict(zip(header, row, strict=True))

    return RecordTable(
        name=text.name,
        format=format,
        columns=header,
        read=records,
        where=lambda line: f"{text.name}, line {line}",
        progress=progress,
    )


def write_csv(file: IO[bytes], items: Iterable[Demonstration], *, delimiter: str) -> None:
    """Write every cell in quotes, with as few of the four columns as hold everything.

    Args:
        file: To write to.
        items: Gone through twice: the columns have to be known before the first row.
        delimiter: Between cells.
    """
    pairs = bare = described = False
    for demonstration in items:
        pairs = pairs or demonstration.target is not None
        bare = bare or demonstration.target is None
        described = described or bool(demonstration.metadata)
    columns = {"source": True, "target": pairs, HAS_TARGET: pairs and bare, "metadata": described}
    names = [name for name, needed in columns.items() if needed]
    writer = csv.writer(
        _Encoded(file), delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL
    )
    writer.writerow(names)
    for demonstration in items:
        cells = _cells(demonstration)
        writer.writerow([cells[name] for name in names])


def has_target(cell: object, place: object) -> bool:
    """What the column ``has_target`` says.

    Raises:
        InputError: If it is neither ``true`` nor ``false``.
    """
    if cell not in (_YES, _NO):
        raise InputError(f"{place}: {HAS_TARGET} is {cell!r:.60}, expected {_YES} or {_NO}.")
    return cell == _YES


def _cells(demonstration: Demonstration) -> dict[str, str]:
    return {
        "source": demonstration.source,
        "target": demonstration.target or "",
        HAS_TARGET: _NO if demonstration.target is None else _YES,
        "metadata": metadata_text(demonstration.metadata) if demonstration.metadata else "",
    }


class _NumberedRows:
    """Rows that are not blank, each with the line it begins on; goes on where it was left."""

    def __init__(self, text: TextSource, delimiter: str) -> None:
        # The limit belongs to the process; it is only ever raised here, and ours is held below.
        csv.field_size_limit(max(csv.field_size_limit(), FIELD_LIMIT))
        self._name = text.name
        self._size = 0  # characters since the row began
        self._line = 1  # on which it began
        self._reader = csv.reader(self._counted(text.lines()), delimiter=delimiter, strict=True)

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        return self

    def __next__(self) -> tuple[int, list[str]]:
        while True:
            self._line = self._reader.line_num + 1
            self._size = 0
            row = self._next_row()
            if row:
                if self._size > FIELD_LIMIT:
                    self._check_fields(row)
                return self._line, row

    def _next_row(self) -> list[str]:
        try:
            return next(self._reader)
        except csv.Error as exc:
            if "field limit" in str(exc):
                raise self._too_large(f"a field has more than {FIELD_LIMIT} characters") from exc
            line = self._reader.line_num
            begun = f" (the row begins on line {self._line})" if line != self._line else ""
            raise InputError(f"{self._name}, line {line}: {exc}{begun}.") from exc

    def _counted(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self._size += len(line)
            if self._size > RECORD_LIMIT:
                raise self._too_large(f"a row has more than {RECORD_LIMIT} characters")
            yield line

    def _check_fields(self, row: list[str]) -> None:
        if any(len(cell) > FIELD_LIMIT for cell in row):
            raise self._too_large(f"a field has more than {FIELD_LIMIT} characters")

    def _too_large(self, what: str) -> InputError:
        return InputError(
            f"{self._name}, line {self._line}: {what}, the most there may be. "
            "Perhaps a quote is not closed."
        )


class _Encoded:
    """The text file that the csv module wants, on a binary one."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode())
