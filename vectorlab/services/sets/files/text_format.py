"""Text files of one example per line: sources in one file, targets in a second one."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import IO

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError
from vectorlab.services.sets.files.decoding import TextSource
from vectorlab.services.sets.files.limits import FIELD_LIMIT
from vectorlab.services.sets.files.table import ImportProgress, Records, RecordTable

_COLUMNS = ("source", "target")
_MARK = "\ufeff"


def open_text(texts: Sequence[TextSource], progress: ImportProgress) -> RecordTable:
    """Line n of the first file goes with line n of the second; one file holds bare prompts.

    Lines that are empty in every file are left out.
    """
    names = [text.name for text in texts]

    def records(_: tuple[str, ...]) -> Records:
        lines = zip_longest(*(text.lines() for text in texts))
        for number, row in enumerate(lines, start=1):
            for name, other, line in zip(names, names[::-1], row, strict=True):
                if line is None:
                    raise InputError(
                        f"{name} ends before line {number}, {other} goes on. Line n of one file "
                        "belongs to line n of the other; give both the same number of lines."
                    )
            values = [_without_end(line) for line in row]
            if any(values):
                yield number, dict(zip(_COLUMNS, values, strict=False))

    return RecordTable(
        name=" and ".join(names),
        format="text",
        columns=_COLUMNS[: len(texts)],
        read=records,
        where=lambda number: f"{' and '.join(names)}, line {number}",
        progress=progress,
        notes=_other_way_round(names),
    )


def write_text(files: Sequence[IO[bytes]], items: Iterable[Demonstration]) -> None:
    """Write sources to the first file and targets to the second.

    Raises:
        InputError: If lines cannot hold a demonstration.
    """
    for number, demonstration in enumerate(items, start=1):
        texts = _texts(demonstration, number, len(files))
        for file, text in zip(files, texts, strict=True):
            # A reader takes the first mark of a file for a byte order mark.
            mark = _MARK if number == 1 and text.startswith(_MARK) else ""
            file.write(f"{mark}{text}\n".encode())


def _texts(demonstration: Demonstration, number: int, n_files: int) -> list[str]:
    which = f"Demonstration {number}"
    help_ = "Export to .jsonl or .parquet instead."
    if demonstration.metadata:
        raise InputError(f"{which} has metadata, which text files cannot hold. {help_}")
    if n_files == 1 and demonstration.target is not None:
        raise InputError(f"{which} has a target. Give a second file for the targets.")
    if n_files == 2 and demonstration.target is None:
        raise InputError(
            f"{which} has no target, and text files cannot tell that from an empty one. "
            f"{help_} A set of bare prompts goes to one text file."
        )
    texts = (
        [demonstration.source]
        if demonstration.target is None
        else [demonstration.source, demonstration.target]
    )
    for text in texts:
        if "\n" in text or "\r" in text:
            raise InputError(f"{which} has a line break in {text[:40]!r}. {help_}")
        if len(text) > FIELD_LIMIT:
            raise InputError(f"{which} has a text of {len(text)} characters; {FIELD_LIMIT} fit.")
    return texts


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def _other_way_round(names: Sequence[str]) -> tuple[str, ...]:
    """A note where the file names say that the first holds the targets."""
    lowered = [name.rpartition("/")[2].lower() for name in names]
    for source, target in (("negative", "positive"), ("source", "target")):
        if len(names) == 2 and target in lowered[0] and source in lowered[1]:
            meant = f"{names[1]} {names[0]}"
            return (f"the first file holds the sources; by their names, {meant} may be meant",)
    return ()
