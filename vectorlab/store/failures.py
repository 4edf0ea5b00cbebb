"""Database errors turned into ours, with the cure where there is one."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from vectorlab.errors import ConflictError, InputError, StoreError, VectorLabError

FROZEN_MARK = "rows are frozen"  # what the freeze triggers say


class StoreUnavailable(StoreError):
    """The store is locked, full or out of reach at the moment; the same call may succeed later."""


# What SQLite says when a commit does not fit on the disk; the second when the shared memory beside
# the log does not.
_FULL = ("database or disk is full", "disk i/o error")


@contextmanager
def our_errors(store: str) -> Iterator[None]:
    """Raise SQLAlchemy's errors from inside as ours.

    Args:
        store: Names the store in messages.

    Raises:
        StoreUnavailable: If no connection is free, or the store is away.
        InputError: If a number is too large for the store.
    """
    try:
        yield
    except sa.exc.TimeoutError as exc:
        raise StoreUnavailable(f"Store {store} has no free connection: {exc}") from exc
    except sa.exc.DBAPIError as exc:
        raise _translated(store, exc) from exc
    except OverflowError as exc:  # sqlite3 raises it bare
        raise InputError(f"Store {store} cannot hold a number: {exc}") from exc


def _translated(store: str, exc: sa.exc.DBAPIError) -> VectorLabError:
    reason = str(exc.orig).strip()
    if FROZEN_MARK in reason:
        return StoreError(
            f"{reason.splitlines()[0]}. Write a new version instead; to delete, use purge."
        )
    if isinstance(exc, sa.exc.IntegrityError):
        return ConflictError(f"Store {store} refused the change: {reason}")
    if isinstance(exc, sa.exc.DataError):
        return InputError(f"Store {store} cannot hold a value: {reason}")
    if _is_full(exc, reason):
        return StoreUnavailable(
            f"Store {store} cannot be written: {reason}. Free space on its disk; work goes on then."
        )
    if _may_pass(exc, reason):
        return StoreUnavailable(f"Store {store} is not available: {reason}. Try again.")
    return StoreError(f"Store {store} failed: {reason}. Look at it with: vectorlab doctor")


def _is_full(exc: sa.exc.DBAPIError, reason: str) -> bool:
    if type(exc.orig).__module__.startswith("sqlite3"):
        return reason.lower().startswith(_FULL)
    return getattr(exc.orig, "sqlstate", None) == "53100"  # disk_full


def _may_pass(exc: sa.exc.DBAPIError, reason: str) -> bool:
    if type(exc.orig).__module__.startswith("sqlite3"):
        return "locked" in reason or "busy" in reason
    return exc.connection_invalidated or isinstance(
        exc, sa.exc.OperationalError | sa.exc.InterfaceError
    )
