"""INSERT that knows what to do with a row that is there, which SQLAlchemy has by database."""

from typing import Any

import sqlalchemy as sa

from vectorlab.store.database import Transaction


def insert_into(tx: Transaction, table: sa.Table) -> Any:
    """``INSERT INTO table``, to which ``on_conflict_do_nothing`` and ``_update`` can be said."""
    if tx.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # takes as long to load as SQLAlchemy itself

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)
