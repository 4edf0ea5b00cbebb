"""How much a store holds, table by table, and of what size its file is."""

import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.store.builders import PAIRS, add_version
from vectorlab.errors import StoreError
from vectorlab.store import schema
from vectorlab.store.database import Database
from vectorlab.store.engines import parse_url
from vectorlab.store.upkeep import inspection
from vectorlab.store.upkeep.revision import read_status


def test_every_table_has_its_rows_and_its_bytes(database: Database):
    with database.write() as tx:
        add_version(tx)
    sizes = inspection.table_sizes(database)
    assert {size.name for size in sizes} == set(schema.metadata.tables)
    rows = {size.name: size.rows for size in sizes}
    assert (rows["demonstrations"], rows["set_versions"], rows["jobs"]) == (len(PAIRS), 1, 0)
    assert sizes == sorted(sizes, key=lambda size: (-size.n_bytes, size.name))
    least = 1 if database.dialect == "sqlite" else 0
    assert all(size.n_bytes >= least for size in sizes)


def test_the_bytes_of_the_tables_are_those_of_the_file(sqlite_database: Database):
    with sqlite_database.read() as tx:
        page = tx.scalar(sa.text("PRAGMA page_size"))
    sizes = inspection.table_sizes(sqlite_database)
    together = sum(size.n_bytes for size in sizes)
    whole = inspection.file_bytes(sqlite_database)
    path = Path(sqlite_database.url.removeprefix("sqlite:///"))
    assert whole == path.stat().st_size
    assert all(size.n_bytes % page == 0 for size in sizes)
    # What is left belongs to the list of all tables and to that of revisions.
    assert 0.8 * whole < together < whole


def test_a_server_has_no_file(postgres_database: Database):
    assert inspection.file_bytes(postgres_database) is None


def test_a_file_that_is_gone_has_no_size(sqlite_database: Database):
    sqlite_database.dispose()
    os.remove(sqlite_database.url.removeprefix("sqlite:///"))
    assert inspection.file_bytes(sqlite_database) is None


@pytest.mark.parametrize("content", [None, "", "x"])
def test_an_empty_file_is_taken_for_a_new_store(tmp_path: Path, content: str | None):
    path = tmp_path / "store.db"
    if content is not None:
        path.write_text(content)  # SQLite takes one byte for none
    assert read_status(parse_url(f"sqlite:///{path}")).state == "empty"


def test_a_file_with_anything_else_in_it_is_left_alone(tmp_path: Path):
    path = tmp_path / "store.db"
    path.write_text("xy")
    with pytest.raises(StoreError, match="is not a SQLite database"):
        read_status(parse_url(f"sqlite:///{path}"))
    assert path.read_text() == "xy"
