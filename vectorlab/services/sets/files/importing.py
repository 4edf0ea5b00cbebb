"""An import in three steps: open and choose columns, show them, read.

with open_import(["reviews.csv"]) as found_set:
    print(found_set.columns.sentence())
    services.sets.commit(db, demonstrations=found_set.demonstrations(), ...)
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from vectorlab.domain.sets.checks import Finding, SetChecks
from vectorlab.domain.sets.versions import Demonstration, set_hasher
from vectorlab.errors import InputError
from vectorlab.services.sets.files.dataset_format import HUB
from vectorlab.services.sets.files.demonstrations import make_demonstrations
from vectorlab.services.sets.files.formats import (
    STDIN,
    ReaderInputs,
    ReadOptions,
    open_table,
    sheets_of,
)
from vectorlab.services.sets.files.frames import open_frame
from vectorlab.services.sets.files.manifest import ExportOrigin, find_origin, read_origin
from vectorlab.services.sets.files.mapping import ColumnChoice, Columns, choose_columns
from vectorlab.services.sets.files.table import ImportProgress, RecordTable
from vectorlab.store.sets.items import in_batches

Seen = Callable[[ImportProgress], None]
_EVERY = 500  # demonstrations between two reports of progress


@dataclass(frozen=True, kw_only=True)
class FoundSet:
    """An input that is open, with the columns that would be used; nothing is stored yet."""

    title: str  # names of the files, without folders
    table: RecordTable
    columns: Columns
    origin: ExportOrigin | None
    notes: tuple[str, ...]

    @property
    def progress(self) -> ImportProgress:
        """How far it has been read."""
        return self.table.progress

    def demonstrations(self, seen: Seen | None = None) -> Iterator[Demonstration]:
        """The demonstrations as they are read; can be asked for once.

        Args:
            seen: Called now and then with the progress, and at the end.

        Raises:
            InputError: At the first record that makes none, or if there is none at all.
        """
        progress, count = self.progress, 0
        for demonstration in make_demonstrations(self.table, self.columns):
            yield demonstration
            count += 1
            if seen is not None and count % _EVERY == 0:
                seen(progress)
        if not count:
            raise InputError(
                f"{self.table.name} holds no rows. Give a file with one demonstration per row."
            )
        if seen is not None:
            seen(progress)

    def sentences(self) -> list[str]:
        """What the user has to see before it is used, one line each."""
        lines = [] if self.origin is None else [self.origin.sentence(self.title)]
        if self.columns.guessed:
            help_ = "guessed; change it with --source-column and --target-column"
            lines.append(f"{self.title}: {self.columns.sentence()} ({help_})")
        return [*lines, *(f"{self.title}: {note}" for note in self.notes)]

    def message(self) -> str:
        """Why there is a version, where the user does not say."""
        if self.origin is None:
            return f"Import {self.title}"
        changed = ", changed since" if self.origin.unchanged is False else ""
        return f"Import {self.title}, an export of {self.origin.label}{changed}"

    def outcome(self, content_sha256: str) -> str:
        """What the content says about the export it comes from; empty where there is none."""
        if self.origin is None:
            return ""
        same = content_sha256 == self.origin.content_sha256
        return f"{'Exactly' if same else 'Not'} the content of {self.origin.label}."

    def plain(self) -> dict[str, Any]:
        """What was found, in JSON types."""
        about: dict[str, Any] = {
            "input": self.table.name,
            "format": self.table.format,
            "columns": self.columns.plain(),
            "notes": list(self.notes),
        }
        if self.origin is not None:
            about["origin"] = {
                "label": self.origin.label,
                "content_sha256": self.origin.content_sha256,
                "unchanged": self.origin.unchanged,
            }
        return about


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What an import would commit."""

    count: int
    content_sha256: str
    first: tuple[Demonstration, ...]
    findings: tuple[Finding, ...]  # what the checks found


@contextmanager
def open_import(
    names: Sequence[str | Path],
    options: ReadOptions | None = None,
    choice: ColumnChoice | None = None,
) -> Iterator[FoundSet]:
    """Open files and choose columns.

    Args:
        names: A path, ``-`` for standard input, ``hub:`` and a dataset's name, or two text files.
        options: How to read.
        choice: What is known of the columns; the rest is guessed from their names.

    Raises:
        InputError: If the beginning cannot be read, or the columns cannot be told.
    """
    with open_input(names, options) as opened:
        yield opened.found(choice, sheet=opened.sheet)


@contextmanager
def open_input(
    names: Sequence[str | Path], options: ReadOptions | None = None
) -> Iterator["OpenInput"]:
    """Open files, to choose sheet and columns by what they hold; arguments as above.

    Raises:
        InputError: If the format is not known, or has no such options.
    """
    with ExitStack() as stack:
        yield OpenInput(_inputs(names, options, stack))


class OpenInput:
    """Files that are open once, whatever is asked about them."""

    def __init__(self, inputs: ReaderInputs) -> None:
        self._inputs = inputs
        self._tables: dict[str | None, RecordTable] = {}

    @property
    def sheet(self) -> str | None:
        """The sheet of a workbook that the options name."""
        return self._inputs.options.sheet

    def sheets(self) -> tuple[str, ...]:
        """The sheets of a workbook, the one that is read unless told otherwise first; else none.

        Raises:
            InputError: If it cannot be read.
        """
        return sheets_of(self._inputs)

    def columns(self, *, sheet: str | None = None) -> tuple[tuple[str, ...], Columns | None]:
        """All columns, and those that would be used; None where that cannot be told.

        Raises:
            InputError: If the beginning cannot be read.
        """
        table = self._table(sheet)
        try:
            return table.columns, choose_columns(table.name, table.columns, ColumnChoice())
        except InputError:
            return table.columns, None

    def found(self, choice: ColumnChoice | None = None, *, sheet: str | None = None) -> FoundSet:
        """What an import takes; its rows are read once.

        Raises:
            InputError: If the beginning cannot be read, or the columns cannot be told.
        """
        origin, note = _origin_beside(self._inputs)
        return _found(
            self._table(sheet), choice, origin=origin, note=note, title=_title(self._inputs)
        )

    def _table(self, sheet: str | None) -> RecordTable:
        if sheet not in self._tables:
            self._inputs.options = replace(self._inputs.options, sheet=sheet)
            self._tables[sheet] = open_table(self._inputs)
        return self._tables[sheet]


@contextmanager
def open_frame_import(
    frame: pd.DataFrame, choice: ColumnChoice | None = None
) -> Iterator[FoundSet]:
    """The same for a data frame."""
    table = open_frame(frame)
    yield _found(table, choice, origin=None, note="", title=table.name)


def survey(found_set: FoundSet, *, rows: int, seen: Seen | None = None) -> Survey:
    """Read and check everything and store nothing.

    Raises:
        InputError: As the import would.
    """
    hasher, checks, count = set_hasher(), SetChecks(), 0
    first: list[Demonstration] = []
    for items in in_batches(found_set.demonstrations(seen)):
        checks.look(items)
        for demonstration in items:
            hasher.add(demonstration.sha256)
        count += len(items)
        first += items[: rows - len(first)]
    return Survey(
        count=count,
        content_sha256=hasher.hexdigest(),
        first=tuple(first),
        findings=checks.findings(),
    )


def _inputs(
    names: Sequence[str | Path], options: ReadOptions | None, stack: ExitStack
) -> ReaderInputs:
    return ReaderInputs(
        names=[str(name) for name in names],
        options=options or ReadOptions(),
        progress=ImportProgress(),
        stack=stack,
    )


def _found(
    table: RecordTable,
    choice: ColumnChoice | None,
    *,
    origin: ExportOrigin | None,
    note: str,
    title: str,
) -> FoundSet:
    if not table.columns:
        raise InputError(f"{table.name} holds no rows. Give a file with one demonstration per row.")
    if origin is None and table.about is not None:
        try:
            origin = read_origin(table.about)
        except InputError:
            note = "its manifest is not one that this version reads; it is not used"
    return FoundSet(
        title=title,
        table=table,
        columns=choose_columns(table.name, table.columns, choice or ColumnChoice()),
        origin=origin,
        notes=(*table.notes, *filter(None, [note])),
    )


def _origin_beside(inputs: ReaderInputs) -> tuple[ExportOrigin | None, str]:
    paths = [Path(name) for name in inputs.names]
    if inputs.format in ("dataset", "hub") or not all(path.is_file() for path in paths):
        return None, ""
    return find_origin(paths)


def _title(inputs: ReaderInputs) -> str:
    names = [
        "standard input" if name == STDIN else name if name.startswith(HUB) else Path(name).name
        for name in inputs.names
    ]
    return " and ".join(names)
