"""Copying SQLite databases while they are in use."""

import sqlite3
from contextlib import closing
from pathlib import Path


def copy_database(source: Path, target: Path) -> Path:
    """A consistent copy, made by SQLite's own backup; a plain file copy could miss the WAL.

    Args:
        source: The database to read.
        target: The file to write; a database that is there is replaced in one transaction.
    """
    uri = f"{source.absolute().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(uri, uri=True)) as reader,
        closing(sqlite3.connect(target)) as writer,
    ):
        reader.backup(writer)
    return target
