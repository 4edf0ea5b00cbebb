"""What a query gives back beside its rows: names of columns, and how long it took."""

import time

from vectorlab.domain.queries import QueryLimits, QueryResult
from vectorlab.store.analysis import reader_role
from vectorlab.store.analysis.run_query import run_query
from vectorlab.store.database import Database

QUERY = "SELECT 1 AS one, 'b' AS other"


def timed(database: Database, reader_url: str | None = None) -> tuple[QueryResult, float]:
    began = time.monotonic()
    found = run_query(database, QUERY, limits=QueryLimits(), reader_url=reader_url)
    return found, time.monotonic() - began


def test_a_query_on_sqlite_names_its_columns_and_its_time(sqlite_database: Database):
    found, most = timed(sqlite_database)
    assert (found.columns, found.rows) == (("one", "other"), [(1, "b")])
    assert 0 <= found.duration_s <= most


def test_a_query_on_postgresql_names_its_columns_and_its_time(postgres_database: Database):
    role = f"reader_{time.monotonic_ns()}"
    reader = reader_role.create_reader(postgres_database, role, actor="tester")
    try:
        found, most = timed(postgres_database, reader)
        assert (found.columns, found.rows) == (("one", "other"), [(1, "b")])
        assert 0 <= found.duration_s <= most
    finally:
        reader_role.drop_reader(postgres_database, role, actor="tester")
