"""The formats by name and ending, and which reader opens what."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vectorlab.domain.sets.formats import FORMATS, READ_FORMATS
from vectorlab.errors import InputError
from vectorlab.services.sets.files.bytes_in import ByteSource, open_bytes
from vectorlab.services.sets.files.csv_format import open_csv
from vectorlab.services.sets.files.dataset_format import HUB, open_dataset, open_hub
from vectorlab.services.sets.files.decoding import TextSource
from vectorlab.services.sets.files.json_format import open_json, open_jsonl
from vectorlab.services.sets.files.parquet_format import open_parquet
from vectorlab.services.sets.files.table import ImportProgress, RecordTable
from vectorlab.services.sets.files.text_format import open_text
from vectorlab.services.sets.files.workbook_format import open_book, open_workbook, sheet_names

STDIN = "-"
ENDINGS = {
    "csv": "csv",
    "tsv": "tsv",
    "tab": "tsv",
    "json": "json",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "parquet": "parquet",
    "pq": "parquet",
    "txt": "text",
    "text": "text",
    "xlsx": "xlsx",
    "xlsm": "xlsx",
}
TEXT_FORMATS = frozenset(ENDINGS.values()) - {"parquet", "xlsx"}  # which have an encoding
DELIMITERS = {"csv": ",", "tsv": "\t"}


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How to read; None leaves it to the reader.

    Attributes:
        format: Of the file; None goes by the ending.
        encoding: Of text; None is UTF-8.
        delimiter: Of CSV.
        sheet: Of a workbook; None is the first that is not hidden.
        split: Of a dataset.
        config: Of a dataset of the hub.
        revision: Same.
        without_folders: Messages leave out folders, which nobody chose for an upload.
    """

    format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    split: str | None = None
    config: str | None = None
    revision: str | None = None
    without_folders: bool = False


@dataclass(kw_only=True)
class ReaderInputs:
    """What a reader opens, and what closes it again.

    Raises:
        InputError: If the format is not known, or options or the number of inputs are not for it.
    """

    names: Sequence[str]  # paths, ``-`` for standard input, or ``hub:`` and a name
    options: ReadOptions
    progress: ImportProgress
    stack: ExitStack
    format: str = field(init=False)
    _book: tuple[Any, str] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.format = inputs_format(self.names, self.options.format)
        _check_options(self.format, self.options)
        counts = (1, 2) if self.format == "text" else (1,)
        if len(self.names) not in counts:
            raise InputError(
                f"{len(self.names)} files given. Give one file, or two text files of one example "
                "per line: vectorlab sets import negative.txt positive.txt --set NAME"
            )

    def bytes(self, number: int = 0) -> ByteSource:
        """An input opened as bytes."""
        name = self.names[number]
        if name == STDIN:
            return ByteSource(sys.stdin.buffer, "standard input", self.progress)
        path = Path(name)
        shown = path.name if self.options.without_folders else name
        return open_bytes(path, shown, self.progress, self.stack)

    def book(self) -> tuple[Any, str]:
        """A workbook, opened once, and what messages call it."""
        if self._book is None:
            source = self.bytes()
            file = source.seekable(self.stack)
            self._book = (open_book(file, source.name, self.stack), source.name)
        return self._book

    def text(self, number: int = 0, *, universal: bool) -> TextSource:
        """An input opened as decoded text."""
        return TextSource(self.bytes(number), self.options.encoding, universal=universal)


def open_table(inputs: ReaderInputs) -> RecordTable:
    """Open an input with the reader of its format."""
    return _READERS[inputs.format](inputs)


def inputs_format(names: Sequence[str], format: str | None) -> str:
    """The format asked for, or the one that the names tell.

    Raises:
        InputError: If it is none of ``READ_FORMATS``.
    """
    if not names:
        raise InputError("No file is given. Give one, or - for standard input.")
    if any(name.startswith(HUB) for name in names):
        return "hub"
    if format is None and names[0] == STDIN:
        raise InputError(
            f"Standard input has no ending. Name its format: --format {'|'.join(FORMATS[:6])}"
        )
    if format is None and Path(names[0]).is_dir():
        return "dataset"
    return file_format(Path(names[0]), format, READ_FORMATS)


def file_format(path: Path, format: str | None, known: Sequence[str] = FORMATS) -> str:
    """The format asked for, or the one that the file's ending names.

    Raises:
        InputError: If it is none of those that are known.
    """
    kind = (format or path.suffix.lstrip(".")).lower()
    kind = ENDINGS.get(kind, kind)
    if kind not in known:
        hub = f" A dataset of the hub is {HUB}OWNER/NAME." if _may_be_hub(path, format) else ""
        raise InputError(
            f"Format {kind!r} of {path.name!r} is not known. Use one of {', '.join(known)}, "
            f"as the file's ending or with --format.{hub}"
        )
    return kind


def _may_be_hub(path: Path, format: str | None) -> bool:
    return format is None and len(path.parts) == 2 and not path.exists()


def _check_options(format: str, options: ReadOptions) -> None:
    """Refuse what a format has no use for: it would be a misunderstanding."""
    uses = {
        "encoding": ("csv", "tsv", "json", "jsonl", "text"),
        "delimiter": ("csv", "tsv"),
        "sheet": ("xlsx",),
        "split": ("dataset", "hub"),
        "config": ("hub",),
        "revision": ("hub",),
    }
    for name, formats in uses.items():
        if getattr(options, name) is not None and format not in formats:
            raise InputError(
                f"--{name} belongs to {', '.join(formats)}; the input is read as {format}."
            )


def _csv(inputs: ReaderInputs) -> RecordTable:
    return open_csv(
        inputs.text(universal=True),
        inputs.progress,
        format=inputs.format,
        delimiter=inputs.options.delimiter or DELIMITERS[inputs.format],
    )


def _parquet(inputs: ReaderInputs) -> RecordTable:
    source = inputs.bytes()
    return open_parquet(source.seekable(inputs.stack), source.name, inputs.progress)


def _workbook(inputs: ReaderInputs) -> RecordTable:
    book, name = inputs.book()
    return open_workbook(book, name, inputs.progress, sheet=inputs.options.sheet)


def sheets_of(inputs: ReaderInputs) -> tuple[str, ...]:
    """The sheets of a workbook, the one that is read unless told otherwise first; else none."""
    return sheet_names(*inputs.book()) if inputs.format == "xlsx" else ()


def _text(inputs: ReaderInputs) -> RecordTable:
    numbers = range(len(inputs.names))
    return open_text([inputs.text(number, universal=False) for number in numbers], inputs.progress)


def _dataset(inputs: ReaderInputs) -> RecordTable:
    return open_dataset(
        Path(inputs.names[0]),
        split=inputs.options.split,
        progress=inputs.progress,
        stack=inputs.stack,
    )


def _hub(inputs: ReaderInputs) -> RecordTable:
    return open_hub(
        inputs.names[0].removeprefix(HUB),
        config=inputs.options.config,
        split=inputs.options.split,
        revision=inputs.options.revision,
        progress=inputs.progress,
    )


_READERS: Mapping[str, Callable[[ReaderInputs], RecordTable]] = {
    "csv": _csv,
    "tsv": _csv,
    "json": lambda inputs: open_json(inputs.text(universal=False), inputs.progress),
    "jsonl": lambda inputs: open_jsonl(inputs.text(universal=False), inputs.progress),
    "parquet": _parquet,
    "text": _text,
    "xlsx": _workbook,
    "dataset": _dataset,
    "hub": _hub,
}
