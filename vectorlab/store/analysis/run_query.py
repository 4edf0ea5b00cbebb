"""Queries of analysts against the views: they can only read, whatever they say.

Nothing here trusts the text of a query. What it may do is decided by the database: on SQLite by an
authorizer on a read-only connection that knows which columns the views read, on PostgreSQL by a
login role that has no right but to read the views (``analysis_role``). Every query has a
connection of its own, a deadline and a limit of rows.
"""

from vectorlab.domain.queries import QueryLimits, QueryResult
from vectorlab.errors import InputError
from vectorlab.store.analysis import postgresql, sqlite
from vectorlab.store.database import Database


def run_query(
    db: Database, sql: str, *, limits: QueryLimits, reader_url: str | None = None
) -> QueryResult:
    """Run one query against the analysis views.

    Args:
        db: The store.
        sql: One SELECT.
        limits: Of time and rows; rows beyond are left out, and the result says so.
        reader_url: The login of the reader role; PostgreSQL alone needs it.

    Raises:
        InputError: If it is no single query, reads something else than the views, takes too long
            or is wrong.
        StoreError: If there is no login that can only read.
    """
    statement = sql.strip().rstrip(";").strip()
    if not statement:
        raise InputError("The query is empty. Write for example: SELECT * FROM v_runs")
    if "\x00" in statement:
        raise InputError("The query holds a NUL character; a query is text.")
    if limits.rows < 1 or limits.seconds <= 0:
        raise InputError(
            f"Limits of {limits.rows} rows and {limits.seconds:g} s leave nothing to answer. "
            "Both must be above 0."
        )
    if db.dialect == "sqlite":
        return sqlite.run_query(db.url, statement, limits=limits)
    return postgresql.run_query(db.url, statement, limits=limits, reader_url=reader_url)
