"""Engines for SQLite and PostgreSQL, each set up in one place.

The driver's own transactions are off on SQLite: SQLAlchemy's begin event opens them, DEFERRED to
read and IMMEDIATE to write, because a transaction that reads first and writes later fails at
once, without waiting, when somebody else wrote in between.
"""

import sqlite3
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from vectorlab.domain.hashing import canonical_json
from vectorlab.errors import InputError, StoreError
from vectorlab.store.failures import StoreUnavailable
from vectorlab.store.refused_values import explain_refused_values

BUSY_TIMEOUT_MS = 30_000
_BEGIN = "vectorlab_begin"
_FILE = "vectorlab_file"  # of a pooled connection


def parse_url(url: str) -> sa.URL:
    """The address of a store, checked.

    Raises:
        InputError: If it is neither a SQLite file nor a PostgreSQL database.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as exc:
        raise InputError(
            f"Database URL {url!r} is not understood. "
            "Write sqlite:///path/to/file.db or postgresql://user@host/name."
        ) from exc
    name = parsed.get_backend_name()
    if name in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if name != "sqlite":
        raise InputError(f"Databases of kind {name!r} are not supported; use sqlite or postgresql.")
    if parsed.database in (None, "", ":memory:"):
        raise InputError("A store in memory cannot be shared. Name a file: sqlite:///file.db.")
    return parsed


def sqlite_path(url: sa.URL) -> Path | None:
    """The file of a SQLite store; None for PostgreSQL."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def display(url: sa.URL) -> str:
    """How a message names the store: the file, or the URL without its password."""
    return str(sqlite_path(url) or url.render_as_string(hide_password=True))


def shown(url: str) -> str:
    """The URL itself without its password.

    Raises:
        InputError: If it names no SQLite file and no PostgreSQL database.
    """
    return parse_url(url).render_as_string(hide_password=True)


def store_engine(url: sa.URL, *, patience_ms: int = BUSY_TIMEOUT_MS) -> sa.Engine:
    """The engine of an open store.

    Args:
        url: Of the store, which is there.
        patience_ms: How long a transaction waits while another process has a SQLite file locked.
    """
    path = sqlite_path(url)
    if path is None:
        engine = _postgresql_engine(url)
    else:
        engine = _sqlite_engine(url, foreign_keys=True, patience_ms=patience_ms)
        _watch_file(engine, path)
    event.listen(engine, "handle_error", explain_refused_values)
    return engine


def migration_engine(url: sa.URL) -> sa.Engine:
    """An engine for changing the schema, without a pool.

    Foreign keys are off on SQLite: batch mode replaces tables, and dropping the old one must not
    be taken for deleting its rows.
    """
    if url.get_backend_name() == "sqlite":
        return writing(_sqlite_engine(url, foreign_keys=False, poolclass=sa.NullPool))
    return _postgresql_engine(url, poolclass=sa.NullPool)


def reading(engine: sa.Engine) -> sa.Engine:
    """The same pool, for transactions that see one moment of the store and cannot write."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(**{_BEGIN: "DEFERRED"})
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def writing(engine: sa.Engine) -> sa.Engine:
    """The same pool, for transactions that write."""
    return engine.execution_options(**{_BEGIN: "IMMEDIATE"})


def _sqlite_engine(
    url: sa.URL, *, foreign_keys: bool, patience_ms: int = BUSY_TIMEOUT_MS, **options: Any
) -> sa.Engine:
    engine = sa.create_engine(url, json_serializer=canonical_json, **options)
    pragmas = (
        f"busy_timeout = {patience_ms}",
        "synchronous = NORMAL",  # never corrupt; power loss may take the last commits
        f"foreign_keys = {'ON' if foreign_keys else 'OFF'}",
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        # SQLite's own knows the ASCII letters alone, and a search is for any case of any script.
        connection.create_function("lower", 1, lower_any_script, deterministic=True)
        _use_wal(connection, patience_ms)

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        mode = connection.get_execution_options().get(_BEGIN, "DEFERRED")
        connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if mode == 'IMMEDIATE' else 'ON'}")
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


def _watch_file(engine: sa.Engine, path: Path) -> None:
    """Refuse every transaction of a store whose file is gone.

    SQLite would go on with the file that nothing leads to any more, and all that is written there
    would be lost with the last process; a new connection would make an empty store of that name.
    """

    @event.listens_for(engine, "do_connect")
    def _is_there(*_: Any) -> None:
        _identity(path)

    @event.listens_for(engine, "connect")
    def _remember(_connection: Any, record: Any) -> None:
        record.info[_FILE] = _identity(path)

    @event.listens_for(engine, "checkout")
    def _is_the_same(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info[_FILE] != _identity(path):  # a backup was put in its place
            raise sa.exc.DisconnectionError(f"{path} is another file now")


def _identity(path: Path) -> tuple[int, int]:
    """What tells a file from another in its place.

    Raises:
        StoreUnavailable: If it is gone.
    """
    try:
        found = path.stat()
    except OSError as exc:
        raise StoreUnavailable(
            f"The file of store {path} is gone ({exc.strerror}). Nothing is read from it or "
            "written to it. Put it back, or a backup in its place: vectorlab db restore BACKUP"
        ) from exc
    return found.st_dev, found.st_ino


def lower_any_script(text: Any) -> Any:
    """SQL's ``lower`` for the letters of every script; other values stay as they are."""
    return text.lower() if isinstance(text, str) else text


def _postgresql_engine(url: sa.URL, **options: Any) -> sa.Engine:
    try:
        return sa.create_engine(
            url,
            json_serializer=canonical_json,
            pool_pre_ping="poolclass" not in options,
            connect_args={
                "application_name": "vectorlab",
                # A client that hangs inside a transaction must not hold its locks for ever.
                "options": "-c idle_in_transaction_session_timeout=300000",
            },
            **options,
        )
    except ModuleNotFoundError as exc:
        raise StoreError(
            f"PostgreSQL needs the package {exc.name!r}. Run: pip install 'vectorlab[postgres]'"
        ) from exc


def _use_wal(connection: sqlite3.Connection, patience_ms: int) -> None:
    """Let readers and the writer not block each other; the file remembers it.

    Two starters that switch a fresh file at once are told "locked" without any waiting, whatever
    the busy timeout, so the waiting is done here.
    """
    deadline = time.monotonic() + patience_ms / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
