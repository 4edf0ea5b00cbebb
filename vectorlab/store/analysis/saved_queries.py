"""Queries that analysts keep under a name."""

from vectorlab.domain.queries import Recipe
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction

_saved = schema.saved_queries


def list_saved(tx: Transaction) -> list[Recipe]:
    """Every saved query, by name."""
    return [
        Recipe(title=row.name, about=f"Kept by {row.created_by}.", sql=row.sql)
        for row in tx.execute(_saved.select().order_by(_saved.c.name))
    ]


def save(tx: Transaction, name: str, sql: str, actor: str) -> None:
    """Keep a query; one of that name is replaced."""
    forget(tx, name)
    values = {"name": name, "sql": sql, "created_by": actor, "created_at": utc_now()}
    tx.execute(_saved.insert().values(values))


def forget(tx: Transaction, name: str) -> None:
    """Delete a query of that name, if there is one."""
    tx.execute(_saved.delete().where(_saved.c.name == name))
