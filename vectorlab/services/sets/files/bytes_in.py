"""The bytes of a file, a pipe or standard input, counted as they are read."""

import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from os import fstat
from pathlib import Path
from typing import IO, BinaryIO

from vectorlab.errors import InputError
from vectorlab.services.sets.files.limits import CHUNK_BYTES
from vectorlab.services.sets.files.table import ImportProgress


class ByteSource:
    """An open binary input.

    Args:
        file: To read from; whoever opened it closes it.
        name: As messages call it.
        progress: Kept up to date; its total becomes the size where there is one.
    """

    def __init__(self, file: BinaryIO | IO[bytes], name: str, progress: ImportProgress) -> None:
        self.file = file
        self.name = name
        self.progress = progress
        size = _size(file)
        if size is not None:
            progress.total = (progress.total or 0) + size

    def chunks(self) -> Iterator[bytes]:
        """Everything from here to the end."""
        while chunk := _read(self.file, self.name):
            self.progress.done += len(chunk)
            yield chunk

    def seekable(self, stack: ExitStack) -> BinaryIO | IO[bytes]:
        """A file that can be read at any place; a pipe is copied to a temporary file first."""
        if self.file.seekable():
            return self.file
        copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        shutil.copyfileobj(self.file, copy)
        copy.seek(0)
        return copy


def open_bytes(path: Path, name: str, progress: ImportProgress, stack: ExitStack) -> ByteSource:
    """Open a file, which messages call ``name``; ``stack`` closes it.

    Raises:
        InputError: If there is none, or it cannot be read.
    """
    try:
        file = stack.enter_context(path.open("rb"))
    except FileNotFoundError as exc:
        raise InputError(f"File {str(path)!r} does not exist.") from exc
    except IsADirectoryError as exc:
        raise InputError(f"{str(path)!r} is a folder; give a file.") from exc
    except (OSError, ValueError) as exc:  # ValueError: a NUL character in the name
        raise InputError(f"{str(path)!r} cannot be read ({exc}).") from exc
    return ByteSource(file, name, progress)


def _read(file: BinaryIO | IO[bytes], name: str) -> bytes:
    try:
        return file.read(CHUNK_BYTES)
    except OSError as exc:
        raise InputError(f"{name} cannot be read ({exc}).") from exc


def _size(file: BinaryIO | IO[bytes]) -> int | None:
    try:
        status = fstat(file.fileno())
    except OSError:  # not a file of the operating system, as in tests
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
