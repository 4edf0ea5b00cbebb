"""Echoes in the store."""

from vectorlab.echo.domain.echoes import Echo
from vectorlab.echo.store.tables import echoes

from vectorlab.errors import IntegrityError, NotFoundError
from vectorlab.store import evidence
from vectorlab.store.database import Transaction


def add(tx: Transaction, called: str, heard: str, created_by: str) -> int:
    """Store an echo; returns its id."""
    values = {"called": called, "heard": heard, "created_by": created_by}
    return evidence.add_record(tx, echoes, values)


def get(tx: Transaction, echo_id: int) -> Echo:
    """An echo by its id.

    Raises:
        NotFoundError: If there is none.
        IntegrityError: If it is no echo of the call.
    """
    row = tx.execute(echoes.select().where(echoes.c.id == echo_id)).one_or_none()
    if row is None:
        raise NotFoundError("echo", str(echo_id), hint="See the page Echoes.")
    if row.heard != row.called.upper():
        raise IntegrityError(f"Echo {echo_id} is none of its call.")
    return Echo(id=row.id, called=row.called, heard=row.heard)


def every(tx: Transaction) -> list[Echo]:
    """All of them, oldest first."""
    return [get(tx, row.id) for row in tx.execute(echoes.select().order_by(echoes.c.id))]
