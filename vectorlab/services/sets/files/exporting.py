"""A set version as a file: written beside its final name, put in place when it is whole."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

from vectorlab.domain.sets.formats import FORMATS
from vectorlab.domain.sets.versions import Demonstration, SetVersion
from vectorlab.errors import InputError
from vectorlab.services.sets.files.csv_format import write_csv
from vectorlab.services.sets.files.dataset_format import write_dataset
from vectorlab.services.sets.files.formats import DELIMITERS, STDIN, file_format
from vectorlab.services.sets.files.json_format import write_json, write_jsonl
from vectorlab.services.sets.files.limits import FIELD_LIMIT
from vectorlab.services.sets.files.manifest import sidecar, sidecar_text
from vectorlab.services.sets.files.metadata import check_metadata
from vectorlab.services.sets.files.parquet_format import write_parquet
from vectorlab.services.sets.files.text_format import write_text
from vectorlab.store.database import Database
from vectorlab.store.sets import sets

Files = Sequence[IO[bytes]]
_ONE_FILE: Mapping[str, Callable[[IO[bytes], Iterable[Demonstration], Mapping[str, Any]], None]] = {
    "csv": lambda file, items, _: write_csv(file, items, delimiter=DELIMITERS["csv"]),
    "tsv": lambda file, items, _: write_csv(file, items, delimiter=DELIMITERS["tsv"]),
    "json": lambda file, items, _: write_json(file, items),
    "jsonl": lambda file, items, _: write_jsonl(file, items),
    "parquet": write_parquet,
}


class Readable:
    """Demonstrations that can be gone through several times, checked as they go by.

    Args:
        read: Opens a new pass.
    """

    def __init__(self, read: Callable[[], Iterator[Demonstration]]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[Demonstration]:
        for number, demonstration in enumerate(self._read(), start=1):
            longest = max(len(demonstration.source), len(demonstration.target or ""))
            if longest > FIELD_LIMIT:
                raise InputError(
                    f"Demonstration {number} has a text of {longest} characters; files hold "
                    f"{FIELD_LIMIT} at most."
                )
            if demonstration.metadata:
                check_metadata(demonstration.metadata)
            yield demonstration


def read_version(db: Database, version: SetVersion) -> Readable:
    """The demonstrations of a version; every pass checks them against its content hash."""

    def read() -> Iterator[Demonstration]:
        with db.read() as tx:
            yield from sets.iter_demonstrations(tx, version.id)

    return Readable(read)


def export_format(paths: Sequence[str | Path], format: str | None) -> str:
    """The format to write, by name or by the ending of the first file.

    Raises:
        InputError: If it is unknown, or not one for so many files.
    """
    first = Path(paths[0])
    if format is None and str(first) == STDIN:
        raise InputError(f"Standard output has no ending. Give --format, one of {FORMATS}.")
    kind = file_format(first, format)
    if len(paths) > (2 if kind == "text" else 1):
        raise InputError(f"{len(paths)} files given; {kind} is written to one, text to two.")
    return kind


def write_files(
    paths: Sequence[str | Path],
    items: Readable,
    *,
    format: str,
    about: Mapping[str, Any],
) -> list[Path]:
    """Write demonstrations and their manifest; an error leaves no file behind, or the old ones.

    Args:
        paths: One file, or two for text; ``-`` is standard output and gets no manifest.
        items: What to write.
        format: As ``export_format`` says.
        about: The manifest, see ``manifest.describe_version``.

    Returns:
        The files that were written.

    Raises:
        InputError: If the format cannot hold a demonstration, or a file cannot be written.
    """
    if str(paths[0]) == STDIN:
        _to_stdout(items, format=format, about=about)
        return []
    targets = [Path(path).resolve() for path in paths]
    if len(set(targets)) < len(targets):
        raise InputError(f"Both files are {str(targets[0])!r}. Give two.")
    try:
        if format == "dataset":
            return [_dataset(targets[0], items, about)]
        return _files(targets, items, format=format, about=about)
    except OSError as exc:
        raise InputError(f"{' and '.join(map(str, targets))} cannot be written ({exc}).") from exc


def _files(
    targets: list[Path], items: Readable, *, format: str, about: Mapping[str, Any]
) -> list[Path]:
    with ExitStack() as stack:
        drafts = [stack.enter_context(_draft(path)) for path in targets]
        with ExitStack() as opened:
            _write([opened.enter_context(path.open("wb")) for path in drafts], items, format, about)
        written = dict(zip(targets, drafts, strict=True))
        note = sidecar(targets[0])
        if format == "parquet":
            note.unlink(missing_ok=True)  # of another format under the same name
        else:
            draft = stack.enter_context(_draft(note))
            hashed = {path.name: where for path, where in written.items()}
            draft.write_text(sidecar_text(about, hashed), encoding="utf-8", newline="")
            written[note] = draft
        for path, draft in written.items():
            draft.replace(path)
    return list(written)


def _write(files: Files, items: Readable, format: str, about: Mapping[str, Any]) -> None:
    if format == "text":
        write_text(files, items)
    else:
        _ONE_FILE[format](files[0], items, about)


def _dataset(folder: Path, items: Readable, about: Mapping[str, Any]) -> Path:
    if folder.exists():
        raise InputError(f"{str(folder)!r} exists already. Give a new folder, or remove it first.")
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        write_dataset(draft, items, about)
        draft.chmod(0o755)  # mkdtemp makes it private
        draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _to_stdout(items: Readable, *, format: str, about: Mapping[str, Any]) -> None:
    if format not in _ONE_FILE:
        raise InputError(f"{format} cannot be written to standard output. Give a file.")
    out: BinaryIO = sys.stdout.buffer
    # Through a file: a version that turns out damaged at its end must not look whole.
    with tempfile.TemporaryFile() as file:
        _ONE_FILE[format](file, items, about)
        file.seek(0)
        shutil.copyfileobj(file, out)
    out.flush()


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """A new file beside the path, gone afterwards unless it was put in its place."""
    if path.exists() and not path.is_file():
        raise InputError(
            f"{str(path)!r} is no regular file. Give a file, or - for standard output."
        )
    with tempfile.NamedTemporaryFile(
        prefix=f".{path.name}-", dir=path.parent, delete=False
    ) as file:
        draft = Path(file.name)
    try:
        draft.chmod(_mode(path))
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _mode(path: Path) -> int:
    """Permissions of the file that is replaced, or what a new file usually has."""
    return path.stat().st_mode & 0o777 if path.exists() else 0o644
