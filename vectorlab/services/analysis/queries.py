"""SQL for analysts: run a query, make the login that may, and the cookbook."""

from functools import cache
from importlib.resources import files

import pandas as pd

from vectorlab.domain.queries import DEFAULT_READER, QueryLimits, QueryResult, Recipe
from vectorlab.errors import InputError
from vectorlab.store.analysis import reader_role, saved_queries
from vectorlab.store.analysis import run_query as analysis
from vectorlab.store.database import Database
from vectorlab.store.references import storable_text

_HEAD = "-- # "


def run_query(
    db: Database,
    sql: str,
    *,
    reader_url: str | None = None,
    limits: QueryLimits | None = None,
) -> QueryResult:
    """Run one query against the analysis views; it cannot write, whatever it says.

    Args:
        db: The store.
        sql: One SELECT; the views are ``v_runs``, ``v_generations`` and so on.
        reader_url: The login of the reader role (``Settings.reader_url``); for PostgreSQL alone.
        limits: 10 s and 10,000 rows unless told.

    Raises:
        InputError: If it is no single query, reads something else than the views, takes too long
            or is wrong.
        StoreError: If there is no login that can only read.
    """
    return analysis.run_query(db, sql, limits=limits or QueryLimits(), reader_url=reader_url)


def frame(result: QueryResult) -> pd.DataFrame:
    """A result as a frame; columns called ``..._at`` hold moments in UTC on both databases.

    Columns of the same name get numbers: ``a``, ``a_2``.
    """
    seen: dict[str, int] = {}
    names = []
    for name in result.columns:
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    table = pd.DataFrame(list(result.rows), columns=names)
    for name in names:
        if name.endswith("_at"):
            moments = pd.to_datetime(table[name], utc=True, errors="coerce", format="ISO8601")
            if moments.notna().sum() == table[name].notna().sum():
                table[name] = moments
    return table


def create_reader(db: Database, name: str = DEFAULT_READER, *, actor: str) -> str:
    """Make the reader role of a PostgreSQL store; returns the URL to log in with.

    A role that is there already gets a new password.

    Raises:
        InputError: If the store is a SQLite file, or the name is unusable.
        StoreError: If the role has rights of its own, or the store's login may not make roles.
    """
    return reader_role.create_reader(db, name, actor=actor)


def drop_reader(db: Database, name: str = DEFAULT_READER, *, actor: str) -> None:
    """Take the reader role away."""
    reader_role.drop_reader(db, name, actor=actor)


def saved(db: Database) -> list[Recipe]:
    """Queries that somebody kept, by name."""
    with db.read() as tx:
        return saved_queries.list_saved(tx)


def save(db: Database, name: str, sql: str, *, actor: str) -> None:
    """Keep a query under a name; one of that name is replaced.

    Raises:
        InputError: If the name or the query is empty.
    """
    if not name.strip() or not sql.strip():
        raise InputError("A saved query needs a name and a text.")
    with db.write() as tx:
        saved_queries.save(
            tx, storable_text("Name", name.strip()), storable_text("SQL", sql), actor
        )


def forget(db: Database, name: str) -> None:
    """Delete a saved query; nothing happens where there is none."""
    with db.write() as tx:
        saved_queries.forget(tx, name)


@cache
def cookbook() -> tuple[Recipe, ...]:
    """The queries of ``docs/sql.md``, in its order; each runs on both databases as it stands."""
    text = (files("vectorlab.services.analysis") / "cookbook.sql").read_text(encoding="utf-8")
    return tuple(_recipe(part) for part in text.split(_HEAD)[1:])


def find_recipe(reference: str) -> Recipe:
    """A recipe by its number from 1, or by its title.

    Raises:
        InputError: If there is none.
    """
    known = cookbook()
    for number, recipe in enumerate(known, start=1):
        if reference.strip().lower() in (str(number), recipe.title.lower()):
            return recipe
    raise InputError(
        f"No recipe {reference!r}; there are 1 to {len(known)}. See: vectorlab sql --recipes"
    )


def _recipe(part: str) -> Recipe:
    title, *lines = part.strip().splitlines()
    about = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    sql = [line for line in lines if not line.startswith("--")]
    return Recipe(title=title.strip(), about=" ".join(about), sql="\n".join(sql).strip())
