"""Workbooks (.xlsx): the rows of one sheet under a row of headings, every cell as its text."""

import datetime
import re
import warnings
import xml.parsers.expat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import IO, Any, BinaryIO, TypeVar

from vectorlab.errors import InputError
from vectorlab.services.sets.files.arrow import one_line
from vectorlab.services.sets.files.limits import (
    CHUNK_BYTES,
    ELEMENT_LIMIT,
    RECORD_LIMIT,
    ROW_LIMIT,
    TEXT_LIMIT,
    WORKBOOK_LIMIT,
)
from vectorlab.services.sets.files.mapping import HAS_TARGET
from vectorlab.services.sets.files.table import ImportProgress, Records, RecordTable, check_columns

T = TypeVar("T")
Cells = Sequence[Any]  # of a row, as openpyxl has them
_DIGITS = 15  # of a number, as many as spreadsheets hold


def open_workbook(
    book: Any, name: str, progress: ImportProgress, *, sheet: str | None
) -> RecordTable:
    """Read the headings of a sheet; the rows follow as they are asked for.

    Args:
        book: As ``open_book`` gives it.
        name: As messages call it.
        progress: Of the input.
        sheet: Name of one; None is the first that is not hidden.

    Raises:
        InputError: If there is no such sheet, or a heading comes twice.
    """
    chosen, note = _choose_sheet(book, name, sheet)
    place = f"{name}, sheet {chosen.title!r}"
    rows = _Rows(chosen, place)
    at, columns = _headings(rows, place)
    check_columns(place, tuple(text for text, _ in columns), at=f", row {at}")
    places = dict(columns)
    # Cells cannot tell an empty target from none; where that column is, it does.
    empty = "" if HAS_TARGET in places else None
    progress.unit, progress.done, progress.total = "rows", 0, None

    def read(keys: tuple[str, ...]) -> Records:
        wanted = {key: places[key] for key in keys if key in places}
        for row, cells in rows:
            progress.done = row
            full = {number for number, cell in enumerate(cells) if _is_full(cell)}
            stray = full - set(places.values())
            if stray:
                raise InputError(
                    f"{place}: cell {cells[min(stray)].coordinate} has no heading over it in row "
                    f"{at}. Name its column there, or clear it."
                )
            if full:
                yield (
                    row,
                    {
                        key: _text(cells[number], place) if number in full else empty
                        for key, number in wanted.items()
                    },
                )

    return RecordTable(
        name=place,
        format="xlsx",
        columns=tuple(places),
        read=read,
        where=lambda row: f"{place}, row {row}",
        progress=progress,
        notes=(note,) if note else (),
    )


def sheet_names(book: Any, name: str) -> tuple[str, ...]:
    """The sheets of a workbook, the one that is read unless told otherwise first.

    Raises:
        InputError: If it has none.
    """
    first, _ = _choose_sheet(book, name, None)
    return (first.title, *(other.title for other in book.worksheets if other is not first))


def open_book(file: BinaryIO | IO[bytes], name: str, stack: ExitStack) -> Any:
    """Open a workbook and read the texts that its cells share; no sheet is read yet.

    Args:
        file: It can be read at any place.
        name: As messages call it.
        stack: Closes what is opened.

    Raises:
        InputError: If it is no workbook, or too large.
    """
    _check_archive(file, name)
    from vectorlab.services.sets.files import workbook_texts

    file.seek(0)
    book = _quietly(lambda: workbook_texts.load_workbook(file), name)
    stack.callback(book.close)
    return book


def _check_archive(file: BinaryIO | IO[bytes], name: str) -> None:
    """Refuse what would grow without end, before anything of it is held.

    The archive says how large its parts are, and no part is unpacked further than that.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            size = sum(part.file_size for part in parts)
            if size <= WORKBOOK_LIMIT:
                for part in parts:
                    _check_part(archive, part, name)
    except InputError:
        raise
    except Exception as exc:  # whatever a damaged archive makes the unpacking stumble over
        raise InputError(
            f"{name} is not a whole workbook in .xlsx format ({one_line(exc)}). An older or an "
            "encrypted one has to be saved as .xlsx without a password, or as CSV."
        ) from exc
    if size > WORKBOOK_LIMIT:
        raise InputError(
            f"{name} takes {size} bytes unpacked; at most {WORKBOOK_LIMIT} are taken. Save the "
            "sheet as CSV, which is read as a stream."
        )


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, name: str) -> None:
    """Refuse a part that would take far more memory than it has bytes.

    Parts are read row by row and text by text, so that what one of them holds is what counts.
    """
    place = f"{name}, its part {part.filename!r}"
    guard = _PartGuard(place)
    # What is no XML, such as a picture, ends at once; what is broken is told when it is read.
    with archive.open(part) as data, suppress(xml.parsers.expat.ExpatError):
        fed = 0
        while piece := data.read(CHUNK_BYTES):
            fed += len(piece)
            guard.parser.Parse(piece)
            if fed - guard.parser.CurrentByteIndex > RECORD_LIMIT:
                raise InputError(f"{place}: a tag of more than {RECORD_LIMIT} bytes.")


class _PartGuard:
    """Counts what a parser would hold at once, and refuses declarations, which no workbook has.

    Args:
        place: As messages call it.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._held = 0  # elements since a row or text ended
        self._done = 0  # rows or texts that have ended
        self.parser = xml.parsers.expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._declared
        self.parser.StartElementHandler = self._begun
        self.parser.EndElementHandler = self._ended

    def _declared(self, *_: Any) -> None:
        raise InputError(f"{self._place}, declares a document type; it is not read.")

    def _begun(self, *_: Any) -> None:
        self._held += 1
        if self._held > ELEMENT_LIMIT:
            raise InputError(
                f"{self._place}: more than {ELEMENT_LIMIT} elements in one row, the most there may "
                "be."
            )

    def _ended(self, tag: str) -> None:
        if tag.endswith(("row", "si")):
            self._held = 0
            self._done += 1
            if self._done > TEXT_LIMIT:
                raise InputError(
                    f"{self._place}: more than {TEXT_LIMIT} rows or texts, the most there may be."
                )


def _headings(rows: "_Rows", place: str) -> tuple[int, list[tuple[str, int]]]:
    """The first row that is not empty, its number and the places of its cells."""
    for number, cells in rows:
        found = [(_text(cell, place), at) for at, cell in enumerate(cells) if _is_full(cell)]
        if found:
            return number, found
    return 1, []


def _choose_sheet(book: Any, name: str, sheet: str | None) -> tuple[Any, str]:
    """A sheet, and what the user should know of the choice."""
    sheets = book.worksheets
    titles = [each.title for each in sheets]
    if not sheets:
        raise InputError(f"{name} has no sheet with cells.")
    if sheet is None:
        shown = [each for each in sheets if each.sheet_state == "visible"] or sheets
        others = ", ".join(repr(title) for title in titles if title != shown[0].title)
        note = f"sheet {shown[0].title!r} is read, not {others}; choose with --sheet"
        return shown[0], note if others else ""
    if sheet not in titles:
        listed = ", ".join(map(repr, titles))
        raise InputError(f"{name} has no sheet {sheet!r}; it has {listed}. Choose with --sheet.")
    return sheets[titles.index(sheet)], ""


class _Rows:
    """The rows of a sheet with their numbers; goes on where it was left."""

    def __init__(self, sheet: Any, place: str) -> None:
        sheet.reset_dimensions()  # what it says of its size may be wrong
        self._rows = sheet.iter_rows()
        self._place = place
        self._number = 0

    def __iter__(self) -> Iterator[tuple[int, Cells]]:
        return self

    def __next__(self) -> tuple[int, Cells]:
        cells = _quietly(lambda: next(self._rows, None), f"{self._place}, row {self._number + 1}")
        if cells is None:
            raise StopIteration
        self._number += 1
        if self._number > ROW_LIMIT:
            raise InputError(
                f"{self._place} has more than {ROW_LIMIT} rows, the most there may be."
            )
        return self._number, cells


def _quietly(read: Callable[[], T], place: str) -> T:
    """What is read, without the warnings of openpyxl about what it leaves out.

    Raises:
        InputError: If it cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read()
    except Exception as exc:  # openpyxl lets through whatever a damaged part makes it stumble over
        raise InputError(f"{place}: the workbook is damaged ({one_line(exc)}).") from exc


def _is_full(cell: Any) -> bool:
    return cell.value is not None and cell.value != ""


def _text(cell: Any, place: str) -> str:
    """A cell as people read it; formats of numbers, such as percent, are left out.

    Raises:
        InputError: If it holds an error of the spreadsheet.
    """
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "e":
        raise InputError(f"{place}: cell {cell.coordinate} holds the error {value}.")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}"
    if isinstance(value, datetime.datetime):
        is_day = value.time() == datetime.time()
        return value.date().isoformat() if is_day else value.isoformat(sep=" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return re.sub("_x000[dD]_", "\r", str(value))  # as workbooks write a carriage return
