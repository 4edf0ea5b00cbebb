"""Read-only queries on a SQLite store.

Source: https://www.sqlite.org/security.html (defence against hostile SQL): a read-only
connection, ``query_only``, an authorizer, low limits and a progress handler.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vectorlab.domain.queries import QueryLimits, QueryResult
from vectorlab.errors import InputError
from vectorlab.store.engines import BUSY_TIMEOUT_MS, lower_any_script, parse_url

STEPS_BETWEEN_LOOKS = 10_000  # of SQLite's machine, between two looks at the clock
# A single step cannot be interrupted, and searching one long text in another is a single step.
MOST_TEXT_BYTES = 1_000_000
_LIMITS = (
    (sqlite3.SQLITE_LIMIT_LENGTH, MOST_TEXT_BYTES),
    (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (sqlite3.SQLITE_LIMIT_COLUMN, 500),
    (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 200),
    (sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 50),
    (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
    (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
)
_AGGREGATES = "avg count group_concat max min sum total"
_WINDOWS = """row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value
    last_value nth_value"""
_NUMBERS = """abs acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln
    log log10 log2 mod pi pow power radians random round sign sin sinh sqrt tan tanh trunc"""
_TEXTS = """char concat concat_ws glob hex instr length like likely unlikely likelihood lower
    ltrim octet_length quote replace rtrim soundex substr substring trim unicode upper"""
_CHOICES = "coalesce ifnull iif nullif typeof"
_TIMES = """current_date current_time current_timestamp date datetime julianday strftime time
    unixepoch"""
_JSON = """json json_array json_array_length json_each json_extract json_group_array
    json_group_object json_object json_quote json_tree json_type json_valid -> ->>"""
# What a query may call; everything else, such as load_extension, is refused.
FUNCTIONS = frozenset(
    name
    for names in (_AGGREGATES, _WINDOWS, _NUMBERS, _TEXTS, _CHOICES, _TIMES, _JSON)
    for name in names.split()
)
# Tables that a function makes of its arguments and of nothing in the store.
_TABLE_FUNCTIONS = frozenset(("json_each", "json_tree"))
_OWN_TABLES = ("sqlite_", "pragma_", "dbstat")  # that SQLite makes of itself

_ReadColumn = tuple[str, str]  # of a table; "" for the table as a whole


def run_query(url: str, statement: str, *, limits: QueryLimits) -> QueryResult:
    """Run one query on a connection of its own; see ``analysis.run_query``.

    Raises:
        InputError: If the statement is no query, cannot be run, or takes too long.
    """
    began = time.monotonic()
    with _connection(url) as connection:
        guard = _Guard(connection)
        connection.set_progress_handler(
            lambda: time.monotonic() - began > limits.seconds, STEPS_BETWEEN_LOOKS
        )
        try:
            cursor = connection.execute(statement)
            if cursor.description is None:
                raise InputError("That is no query: it returns no columns. Write one SELECT.")
            rows = cursor.fetchmany(limits.rows + 1)
        except (sqlite3.Error, sqlite3.Warning, UnicodeError) as exc:
            raise InputError(_reason(exc, guard, limits)) from exc
    return QueryResult(
        columns=tuple(column[0] for column in cursor.description),
        rows=rows[: limits.rows],
        truncated=len(rows) > limits.rows,
        duration_s=time.monotonic() - began,
    )


class _Guard:
    """SQLite asks it about everything that a statement wants to do, before it does it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Find out which columns of which tables the views read, and watch from now on.

        A name of a view can be borrowed by a WITH clause, so that a table is read under it. What
        is read that way still has to be a column that some view reads.
        """
        objects = connection.execute("SELECT type, name FROM sqlite_master").fetchall()
        self._views = frozenset(name for kind, name in objects if kind == "view")
        self._tables = frozenset(name.lower() for kind, name in objects if kind == "table")
        self._columns: set[_ReadColumn] = set()  # of tables, that the views read
        self.refused = ""
        connection.set_authorizer(self._note)
        for view in sorted(self._views):
            connection.execute(f"SELECT * FROM {view} LIMIT 0")
        connection.set_authorizer(self._decide)

    def _note(
        self, action: int, table: str | None, column: str | None, _db: str | None, _in: str | None
    ) -> int:
        if action == sqlite3.SQLITE_READ:
            self._columns |= {(str(table), str(column)), (str(table), "")}
        return sqlite3.SQLITE_OK

    def _decide(
        self,
        action: int,
        first: str | None,
        second: str | None,
        db: str | None,
        inside: str | None,
    ) -> int:
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION:
            if str(second).lower() in FUNCTIONS:
                return sqlite3.SQLITE_OK
            return self._refuse(f"the function {second}")
        if action != sqlite3.SQLITE_READ:
            return self._refuse("anything but reading")
        if first in self._views or first in _TABLE_FUNCTIONS:
            return sqlite3.SQLITE_OK
        # The rows of a table as such are asked for from outside the view at times, too.
        if (inside is not None or second == "") and (first, second) in self._columns:
            return sqlite3.SQLITE_OK
        if db is None and not self._is_stored(str(first)):
            return sqlite3.SQLITE_OK  # rows that the query itself makes, as by WITH
        return self._refuse(f"the table {first}")

    def _is_stored(self, name: str) -> bool:
        return name.lower() in self._tables or name.lower().startswith(_OWN_TABLES)

    def _refuse(self, what: str) -> int:
        self.refused = self.refused or what
        return sqlite3.SQLITE_DENY


@contextmanager
def _connection(url: str) -> Iterator[sqlite3.Connection]:
    path = Path(str(parse_url(url).database)).absolute()
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, cached_statements=0
    )
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA query_only = ON")
        connection.create_function("lower", 1, lower_any_script, deterministic=True)
        for name, most in _LIMITS:
            connection.setlimit(name, most)
        yield connection
    finally:
        connection.close()


def _reason(exc: Exception, guard: _Guard, limits: QueryLimits) -> str:
    reason = str(exc)
    if guard.refused:
        return (
            f"The query may not use {guard.refused}. Queries only read the analysis views "
            "(docs/sql.md): v_runs, v_generations, v_scores and so on."
        )
    if reason == "interrupted":
        return (
            f"The query was stopped after {limits.seconds:g} s. Narrow it with WHERE or LIMIT, or "
            "give it more time (--seconds)."
        )
    if "too big" in reason:
        return f"The query makes a text of more than {MOST_TEXT_BYTES} bytes. Shorten it: substr()."
    if "one statement at a time" in reason:
        return "One query at a time: what stands behind the semicolon was not run, nor what before."
    return f"The query cannot be run: {reason}."
