"""Opening the store, and looking after it."""

from pathlib import Path

from vectorlab.store import engines
from vectorlab.store.database import Database
from vectorlab.store.engines import BUSY_TIMEOUT_MS
from vectorlab.store.failures import StoreUnavailable
from vectorlab.store.upkeep import inspection, revision
from vectorlab.store.upkeep.inspection import TableSize
from vectorlab.store.upkeep.revision import MigrationResult, SchemaStatus

__all__ = [
    "Database",
    "MigrationResult",
    "SchemaStatus",
    "StoreUnavailable",
    "TableSize",
    "backup",
    "display",
    "open_store",
    "restore",
    "status",
    "upgrade",
    "verify",
]


def open_store(url: str, *, patience_ms: int = BUSY_TIMEOUT_MS) -> Database:
    """Open the store, creating it first where there is none yet.

    Args:
        url: Of the store.
        patience_ms: How long a transaction waits while another process has a SQLite file locked.

    Raises:
        StoreError: If the file is not a database or the server cannot be reached.
        SchemaError: If the database is older or newer than this version needs.
    """
    return Database.open(url, patience_ms=patience_ms, make=upgrade)


def upgrade(url: str) -> MigrationResult:
    """Bring the database to the revision this version needs; SQLite files are backed up first."""
    from vectorlab.store.upkeep import migrate  # Alembic, which a store at the revision needs not

    return migrate.upgrade(url)


def status(url: str) -> SchemaStatus:
    """Which revision the database is at, and which this version needs."""
    return revision.status(url)


def backup(url: str, path: Path) -> Path:
    """Write a consistent copy of a SQLite store while it is in use."""
    from vectorlab.store.upkeep import maintenance

    return maintenance.backup(url, path)


def restore(url: str, path: Path) -> Path | None:
    """Put a backup in the place of the SQLite store; returns where the old file was kept."""
    from vectorlab.store.upkeep import maintenance

    return maintenance.restore(url, path)


def verify(db: Database) -> list[str]:
    """Recompute every stored hash; one line per problem, none when all is well."""
    from vectorlab.store.upkeep import maintenance

    with db.read() as tx:
        return maintenance.verify(tx)


def display(url: str) -> str:
    """The URL as it may be shown: without its password."""
    return engines.shown(url)


def check_there(db: Database) -> None:
    """Begin a transaction and end it.

    Raises:
        StoreUnavailable: If the store is locked, out of reach, or its file is gone.
    """
    with db.read():
        pass


def describe(db: Database) -> dict[str, object]:
    """Facts about the open store for ``vectorlab doctor``."""
    schema = revision.status(db.url)
    return {"dialect": db.dialect, "revision": schema.current, **inspection.settings(db)}


def warnings(db: Database) -> list[str]:
    """What is wrong or risky about where the store is; one line each."""
    return inspection.warnings(db)


def view_columns(db: Database) -> dict[str, list[str]]:
    """Columns of every analysis view, by view."""
    return inspection.view_columns(db)


def table_sizes(db: Database) -> list[TableSize]:
    """Rows and bytes of every table, largest first; it takes a while on a large SQLite file."""
    return inspection.table_sizes(db)


def file_bytes(db: Database) -> int | None:
    """Size of the file of a SQLite store; None elsewhere."""
    return inspection.file_bytes(db)
