"""An open store and the one way to a transaction."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import sqlalchemy as sa

from vectorlab.errors import SchemaError
from vectorlab.store.engines import (
    BUSY_TIMEOUT_MS,
    display,
    parse_url,
    reading,
    store_engine,
    writing,
)
from vectorlab.store.failures import StoreUnavailable, our_errors
from vectorlab.store.upkeep.revision import read_status, refuse_newer

__all__ = ["Database", "StoreUnavailable", "Transaction"]

# What every repository function takes first. It is opened by ``Database.read`` or ``.write``.
Transaction: TypeAlias = sa.Connection


class Database:
    """A store at the right revision. Threads may share it; processes open their own."""

    def __init__(self, url: str, engine: sa.Engine) -> None:
        """Use ``Database.open``, which checks the revision."""
        self.url = url
        self._engine = engine
        self._reader = reading(engine)
        self._writer = writing(engine)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        patience_ms: int = BUSY_TIMEOUT_MS,
        make: Callable[[str], object] | None = None,
    ) -> "Database":
        """Open a store that was migrated before.

        Args:
            url: Of the store.
            patience_ms: How long a transaction waits while another process has a SQLite file
                locked.
            make: Makes a store at the URL where there is none yet.

        Raises:
            InputError: If the URL names no SQLite file and no PostgreSQL database.
            StoreError: If the file is not a database or the server cannot be reached.
            SchemaError: If the database is older or newer than this version needs.
        """
        parsed = parse_url(url)
        status = read_status(parsed, patience_ms=patience_ms)
        if status.state == "empty" and make is not None:
            make(url)
            status = read_status(parsed, patience_ms=patience_ms)
        refuse_newer(status, display(parsed))
        if status.state != "current":
            described = "empty" if status.current is None else f"at revision {status.current}"
            raise SchemaError(
                f"Database {display(parsed)} is {described}, this version needs {status.head}. "
                "Run: vectorlab db upgrade"
            )
        return cls(url, store_engine(parsed, patience_ms=patience_ms))

    @property
    def dialect(self) -> str:
        """Which database it is, ``"sqlite"`` or ``"postgresql"``."""
        return self._engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that sees one moment of the store and cannot write."""
        with our_errors(self.name), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that commits when the block ends well and else leaves no trace.

        On SQLite it holds the only write lock from its first statement, so keep it short.
        """
        with our_errors(self.name), self._writer.begin() as connection:
            yield connection

    def driver_connection(self) -> Any:
        """A connection of the driver, outside the pool and any transaction; the caller closes it.

        For the few things that are no transactions: notices and the version of the file.
        """
        with our_errors(self.name):
            pooled = self._engine.raw_connection()
            connection = pooled.driver_connection
            pooled.detach()
            return connection

    @property
    def name(self) -> str:
        """How messages name the store; never holds a password."""
        return display(self._engine.url)

    def dispose(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()
