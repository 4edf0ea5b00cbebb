"""Bringing a database to the newest revision; the only part that imports Alembic."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config

from alembic import command
from vectorlab.errors import StoreError
from vectorlab.store.engines import display, migration_engine, parse_url, sqlite_path
from vectorlab.store.failures import our_errors
from vectorlab.store.upkeep.revision import (
    MigrationResult,
    SchemaStatus,
    read_status,
    refuse_newer,
    revision_of,
    status,
)
from vectorlab.store.upkeep.sqlite_files import copy_database

__all__ = [
    "MigrationResult",
    "SchemaStatus",
    "downgrade",
    "migration_transaction",
    "migrations_directory",
    "run_alembic",
    "status",
    "upgrade",
]

_LOCK_KEY = 0x766C6D67  # "vlmg": any number that nobody else takes an advisory lock on


def upgrade(url: str, *, backup: bool = True) -> MigrationResult:
    """Bring a database to the newest revision, wholly or not at all.

    Two processes may try at once: the second waits and finds nothing left to do.

    Args:
        url: Where the database is; a SQLite file and its folder are created when missing.
        backup: Copy a SQLite file that holds data before it is changed.

    Raises:
        StoreError: If the file is not a database or the server cannot be reached.
        SchemaError: If a newer version of VectorLab wrote the database.
    """
    parsed = parse_url(url)
    refuse_newer(read_status(parsed), display(parsed))
    path = sqlite_path(parsed)
    if path is not None:
        _create_folder(path)
    with migration_transaction(url) as connection:
        now = SchemaStatus(current=revision_of(connection))
        refuse_newer(now, display(parsed))
        copy = None
        if now.state == "behind" and path is not None and backup:
            copy = copy_database(path, _backup_path(path, now.current))
        if now.state != "current":
            run_alembic(connection, lambda config: command.upgrade(config, "head"))
    return MigrationResult(before=now.current, after=now.head, backup_path=copy)


def downgrade(url: str, revision: str) -> None:
    """Go back to an older revision, ``"base"`` for an empty database; data may be lost.

    Tests use it to walk the revisions down and up again.
    """
    with migration_transaction(url) as connection:
        run_alembic(connection, lambda config: command.downgrade(config, revision))


@contextmanager
def migration_transaction(url: str) -> Iterator[sa.Connection]:
    """One locked transaction for all revisions of an upgrade.

    It spans the reading of the current revision, which Alembic does before its own transactions
    begin; else two starters would both find an empty database.
    """
    parsed = parse_url(url)
    with our_errors(display(parsed)), migration_engine(parsed).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_KEY)))
        yield connection
        if connection.dialect.name == "sqlite":
            _check_foreign_keys(connection)


def run_alembic(connection: sa.Connection, action: Callable[[Config], object]) -> None:
    """Run one of Alembic's commands on an open connection, silently."""
    config = Config(stdout=io.StringIO())
    # Config reads % as the start of a placeholder.
    config.set_main_option("script_location", str(migrations_directory()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    action(config)


def migrations_directory() -> Path:
    """The folder with ``env.py``: inside an installed package, else beside the package.

    Raises:
        StoreError: If it is in neither place.
    """
    package = Path(__file__).resolve().parents[2]
    for folder in (package / "_alembic", package.parent / "alembic"):
        if (folder / "env.py").is_file():
            return folder
    raise StoreError(
        f"The migrations are missing beside {package}. Run: pip install --force-reinstall vectorlab"
    )


def _create_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StoreError(
            f"Folder {path.parent} cannot be created: {exc.strerror}. Name a file with --db."
        ) from exc


def _backup_path(path: Path, revision: str | None) -> Path:
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    return path.with_name(f"{path.name}.{revision}-{moment}.backup")


def _check_foreign_keys(connection: sa.Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        table, row_id, parent, _ = broken[0]
        raise StoreError(
            f"The migration was undone: it left {len(broken)} references without target, "
            f"the first in {table}, row {row_id}, to {parent}."
        )
