"""Which revision a database is at, found out without changing a byte of it."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from vectorlab.errors import SchemaError, StoreError
from vectorlab.store.engines import (
    BUSY_TIMEOUT_MS,
    display,
    migration_engine,
    parse_url,
    sqlite_path,
)
from vectorlab.store.failures import StoreUnavailable, our_errors
from vectorlab.store.schema import REVISION

# Every store from before the first release has one of these tables, whatever revision it says it
# is at; the baseline has neither.
_DEVELOPMENT_TABLES = frozenset({"set_version_items", "set_version_merges"})
_QUERY = "SELECT version_num FROM alembic_version"


@dataclass(frozen=True, kw_only=True)
class SchemaStatus:
    """Where a database stands against this version of VectorLab."""

    current: str | None  # its revision
    head: str = REVISION  # the revision this version works with

    @property
    def state(self) -> str:
        """``"empty"``, ``"behind"``, ``"current"`` or ``"ahead"``; revision numbers sort."""
        if self.current is None:
            return "empty"
        if self.current == self.head:
            return "current"
        return "behind" if self.current < self.head else "ahead"


@dataclass(frozen=True, kw_only=True)
class MigrationResult:
    """What an upgrade of the schema did."""

    before: str | None  # revision; None: the database was empty
    after: str
    backup_path: Path | None  # copy of a SQLite file that held data


def status(url: str, *, patience_ms: int = BUSY_TIMEOUT_MS) -> SchemaStatus:
    """Where a database stands; nothing is created or changed.

    Raises:
        StoreError: If the file is not a database or the server cannot be reached.
    """
    return read_status(parse_url(url), patience_ms=patience_ms)


def read_status(url: sa.URL, *, patience_ms: int = BUSY_TIMEOUT_MS) -> SchemaStatus:
    """The revision of a database; a SQLite file that does not exist is empty.

    Raises:
        StoreError: If a SQLite file is not a database, or is one of another program.
        SchemaError: If a version from before the first release made it.
    """
    path = sqlite_path(url)
    with our_errors(display(url)):
        current = _postgresql_revision(url) if path is None else _sqlite_revision(path, patience_ms)
    return SchemaStatus(current=current)


def revision_of(connection: sa.Connection) -> str | None:
    """The revision as an open transaction sees it."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(sa.text(_QUERY))
    return revision


def refuse_newer(status: SchemaStatus, store: str) -> None:
    """Stop before a database that this version does not know.

    Raises:
        SchemaError: If it is ahead.
    """
    if status.state == "ahead":
        raise SchemaError(
            f"Database {store} is at revision {status.current}, this version knows up to "
            f"{status.head}: a newer version of VectorLab wrote it. "
            "Run: pip install --upgrade vectorlab"
        )


def refuse_development(tables: Iterable[str], store: str) -> None:
    """Stop before a store that a version from before the first release made.

    Raises:
        SchemaError: If it has a table that only those have.
    """
    if not _DEVELOPMENT_TABLES.isdisjoint(tables):
        raise SchemaError(
            f"Database {store} was made by a version of VectorLab from before the first release, "
            "and cannot be upgraded. It was left as it is. Begin a new store with --db, and bring "
            "over what you want to keep: export it with the version that made it (vectorlab sets "
            "export, vectorlab vectors export), then import the files."
        )


def _postgresql_revision(url: sa.URL) -> str | None:
    engine = migration_engine(url)
    with engine.connect() as connection:
        refuse_development(sa.inspect(connection).get_table_names(), display(url))
        return revision_of(connection)


def _sqlite_revision(path: Path, patience_ms: int) -> str | None:
    if not _holds_something(path):
        return None
    # Neither the pragmas of the store nor a journal: another program's file stays as it is.
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=patience_ms / 1000)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            refuse_development(tables, str(path))
            if "alembic_version" in tables:
                row = connection.execute(_QUERY).fetchone()
                return None if row is None else str(row[0])
    except sqlite3.DatabaseError as exc:
        if "unable to open" in str(exc):
            raise StoreError(
                f"{path} cannot be opened: its file or folder is not readable and writable. "
                "Change that, or name another file with --db."
            ) from exc
        if "locked" in str(exc):
            raise StoreUnavailable(f"{path} is locked by another process. Try again.") from exc
        if "not a database" in str(exc):
            raise StoreError(
                f"{path} is not a SQLite database, or a damaged one. It was left as it is; name "
                "another file with --db, or put a backup in its place: vectorlab db restore BACKUP"
            ) from exc
        raise StoreError(
            f"{path} cannot be read as a SQLite database: {exc}. Name another file with --db, "
            "or put a backup in its place: vectorlab db restore BACKUP"
        ) from exc
    if tables:
        raise StoreError(
            f"{path} is a SQLite database of another program (it has table "
            f"{sorted(tables)[0]!r}, but no revision). Name another file with --db."
        )
    return None


def _holds_something(path: Path) -> bool:
    """Whether there is a file that is not empty.

    It is not read here: closing a file that this process has open as a database as well would drop
    the locks of that database, and another process would take the journal away from under it.
    See https://www.sqlite.org/howtocorrupt.html, section 2.2.
    """
    if path.is_dir():
        raise StoreError(f"{path} cannot be opened: Is a directory. Name a file with --db.")
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise StoreError(
            f"{path} cannot be opened: {exc.strerror}. Name a file with --db."
        ) from exc
