"""Telling idle workers at once that there is something to do.

Only ever a speed-up: a worker that is never woken still looks by itself every few seconds.
PostgreSQL carries a notice to whoever listens when the transaction commits. On SQLite a worker
asks its own connection several times a second whether the file has changed, which costs
microseconds and takes no lock.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import sqlalchemy as sa

from vectorlab.store.database import Database, Transaction

CHANNEL = "vectorlab_jobs"
LOOK_EVERY_S = 0.1  # on SQLite; also how soon a request to stop is noticed


class Waker(Protocol):
    """Waits for a sign that the queue has changed."""

    def wait(self, timeout_s: float, is_over: Callable[[], bool]) -> bool:
        """Wait for a sign, ``timeout_s`` or ``is_over``; True if there was a sign."""

    def close(self) -> None:
        """Give the connection back to the pool."""


def wake_workers(tx: Transaction, queue: str) -> None:
    """Give a sign to the idle workers of a queue, as soon as the transaction has committed."""
    if tx.dialect.name == "postgresql":
        tx.execute(sa.select(sa.func.pg_notify(CHANNEL, queue)))


def open_waker(db: Database, queue: str) -> Waker:
    """A waker for one thread; opens its connection when it is first waited on."""
    if db.dialect == "postgresql":
        return _Listener(db, queue)
    return _FileWatch(db)


class _OwnConnection:
    """A connection beside the pool, made when it is first needed."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._connection: Any = None

    def close(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()
            self._connection = None


class _FileWatch(_OwnConnection):
    """Any commit to a SQLite file by another connection."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self._version: int | None = None  # of the file, as this connection sees it

    def wait(self, timeout_s: float, is_over: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + timeout_s
        while not is_over() and (left := deadline - time.monotonic()) > 0:
            # Before the look: somebody who writes all the time must not keep us busy.
            time.sleep(min(LOOK_EVERY_S, left))
            try:
                if self._changed():
                    return True
            except Exception:  # the file is out of reach: the next regular look says so
                self.close()
        return False

    def _changed(self) -> bool:
        if self._connection is None:
            self._connection = self._db.driver_connection()
        version: int
        [(version,)] = self._connection.execute("PRAGMA data_version").fetchall()
        # At the first look something may have been written just before: then look at the queue.
        is_new = self._version != version
        self._version = version
        return is_new


class _Listener(_OwnConnection):
    """Notices on a PostgreSQL channel."""

    def __init__(self, db: Database, queue: str) -> None:
        super().__init__(db)
        self._queue = queue

    def wait(self, timeout_s: float, is_over: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + timeout_s
        try:
            if self._connection is None:
                self._listen()
                return True  # what came before the listening began is looked for once
            while not is_over() and (left := deadline - time.monotonic()) > 0:
                notices = self._connection.notifies(timeout=min(LOOK_EVERY_S, left), stop_after=1)
                if any(notice.payload == self._queue for notice in notices):
                    return True
        except Exception:  # whatever the driver raises: without notices a worker still polls
            self.close()
            while not is_over() and (left := deadline - time.monotonic()) > 0:
                time.sleep(min(LOOK_EVERY_S, left))
        return False

    def _listen(self) -> None:
        connection = self._db.driver_connection()
        try:
            connection.autocommit = True
            connection.execute(f"LISTEN {CHANNEL}")
        except Exception:
            connection.close()
            raise
        self._connection = connection
