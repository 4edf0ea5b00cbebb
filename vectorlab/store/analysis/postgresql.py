"""Read-only queries on a PostgreSQL store, through the login of a role that can only read.

``SET ROLE`` in a session of the owner is no boundary: a function inside the query can set it back
(``set_config``). The login role has nothing to go back to.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from vectorlab.domain.queries import QueryLimits, QueryResult
from vectorlab.errors import InputError, StoreError
from vectorlab.store.engines import display, parse_url

# Whether the session's role could do more than read: by what it is, by what it may become, or by
# a right on any table of the store.
_POWERS = """
    SELECT r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls,
           EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid),
           EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'analysis')
                   AND n.nspname NOT LIKE 'pg_toast%' AND c.relkind IN ('r', 'p', 'v', 'm')
                   AND has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')),
           current_database()
    FROM pg_roles r WHERE r.rolname = session_user
"""
_HELP = "Make a reader: vectorlab db reader"


def run_query(
    url: str, statement: str, *, limits: QueryLimits, reader_url: str | None
) -> QueryResult:
    """Run one query in a session of the reader's; see ``analysis.run_query``.

    Raises:
        StoreError: If no login of a reader is named.
        InputError: If the query cannot be run, or takes too long.
    """
    import psycopg

    if reader_url is None:
        raise StoreError(
            "Queries on PostgreSQL need a login that can only read, and VECTORLAB_READER_URL names "
            f"none. {_HELP}"
        )
    began = time.monotonic()
    with _session(url, reader_url) as connection:
        milliseconds = max(1, round(limits.seconds * 1000))
        connection.execute(f"SET LOCAL statement_timeout = {milliseconds}")
        try:
            # DECLARE takes nothing but a query, and gives the rows that are asked for alone.
            with connection.cursor(name="query") as cursor:
                cursor.itersize = limits.rows + 1
                cursor.execute(statement.encode())
                rows = cursor.fetchmany(limits.rows + 1)
                columns = tuple(column.name for column in cursor.description or ())
        except (psycopg.Error, UnicodeError) as exc:
            raise InputError(_reason(exc, limits)) from exc
    return QueryResult(
        columns=columns,
        rows=[tuple(map(_plain, row)) for row in rows[: limits.rows]],
        truncated=len(rows) > limits.rows,
        duration_s=time.monotonic() - began,
    )


@contextmanager
def _session(url: str, reader_url: str) -> Iterator[Any]:
    """A read-only transaction of the reader, which is never committed."""
    import psycopg

    parsed = parse_url(reader_url)
    plain = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = psycopg.connect(plain, application_name="vectorlab sql")
    except psycopg.Error as exc:
        raise StoreError(
            f"The reader's login {display(parsed)} does not work: {str(exc).strip()}. {_HELP}"
        ) from exc
    try:
        _check_powerless(connection, url, display(parsed))
        connection.execute("SET TRANSACTION READ ONLY")
        connection.execute("SET LOCAL lock_timeout = '1s'")
        connection.execute("SET LOCAL search_path = analysis")
        yield connection
    finally:
        connection.close()


def _check_powerless(connection: Any, url: str, name: str) -> None:
    is_strong, has_roles, has_rights, database = connection.execute(_POWERS).fetchone()
    connection.rollback()
    if database != parse_url(url).database:
        raise StoreError(
            f"VECTORLAB_READER_URL leads to database {database!r}, the store is "
            f"{parse_url(url).database!r}. {_HELP}"
        )
    if is_strong or has_roles or has_rights:
        raise StoreError(
            f"The login {name} can do more than read the analysis views, so queries are refused. "
            f"{_HELP}"
        )


def _plain(value: Any) -> Any:
    """A value as SQLite would give it, times and truth values aside."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, memoryview):
        return bytes(value)
    return value


def _reason(exc: Exception, limits: QueryLimits) -> str:
    state = getattr(exc, "sqlstate", None)
    reason = str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
    if state == "57014":
        return (
            f"The query was stopped after {limits.seconds:g} s. Narrow it with WHERE or LIMIT, or "
            "give it more time (--seconds)."
        )
    if state in ("42501", "25006"):
        return (
            f"The query may not do that: {reason}. Queries only read the analysis views "
            "(docs/sql.md): v_runs, v_generations, v_scores and so on."
        )
    if "multiple commands" in reason:
        return "One query at a time: what stands behind the semicolon was not run, nor what before."
    return f"The query cannot be run: {reason}."
