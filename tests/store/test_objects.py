"""What can be purged, what goes with it and what holds it, as the foreign keys say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.store.full_store import fill_every_table
from vectorlab.store import objects, purge, schema
from vectorlab.store.database import Database, Transaction
from vectorlab.store.upkeep import maintenance
from vectorlab.systems import NAMES

ROOT = Path(__file__).parents[2]


def tables_of(kind: str) -> list[sa.Table]:
    return [table for table in schema.metadata.sorted_tables if objects.kind_of(table) == kind]


def ids_of(tx: Transaction, kind: str) -> list[int]:
    column = objects.KINDS[kind].c.id
    return list(tx.scalars(sa.select(column).order_by(column.desc())))


def count(tx: Transaction, table: sa.Table, *ids: int) -> int:
    query = sa.select(sa.func.count()).select_from(table)
    if not ids:
        return tx.scalar(query) or 0
    return tx.scalar(query.where(objects.belongs(table)), {"ids": ids}) or 0


def test_what_refers_to_an_object_is_part_of_one_or_depends_on_it():
    for table in schema.metadata.sorted_tables:
        for reference in table.foreign_key_constraints:
            kind = objects.kind_of(reference.referred_table)
            if kind is not None:
                own = objects.kind_of(table)
                assert own is not None, f"{table.name} outlives what it refers to"
                assert own == kind or own in dict(objects.dependents(kind)), table.name


def test_every_part_has_a_whole():
    for kind, own in objects.KINDS.items():
        for table in tables_of(kind):
            first = next(iter(column for column in table.c if column.foreign_keys), None)
            assert table is own or (first is not None and not first.nullable), table.name


def test_kinds_are_told_in_one_order_and_named_in_another():
    assert sorted(objects.NEEDING) == sorted(objects.KINDS)
    order = list(objects.KINDS)
    for kind in order:
        for needing, _ in objects.dependents(kind):
            assert order.index(needing) <= order.index(kind)


def test_a_full_store_can_be_purged_of_each_object_and_of_what_depends_on_it(
    sqlite_database: Database,
):
    with sqlite_database.write() as tx:
        fill_every_table(tx)
        for kind in objects.KINDS:
            assert all(count(tx, table) for table in tables_of(kind)), kind
            for row_id in ids_of(tx, kind):
                undone = tx.begin_nested()
                gone = purge.purge_thing(tx, kind, row_id, cascade=True, actor="ann")
                assert gone
                assert not any(count(tx, table, row_id) for table in tables_of(kind)), kind
                assert maintenance.verify(tx) == [], (kind, row_id)
                undone.rollback()


def test_purged_one_by_one_nothing_is_left_of_any_object(database: Database):
    with database.write() as tx:
        fill_every_table(tx)
        for kind in objects.KINDS:
            for row_id in ids_of(tx, kind):
                gone = purge.purge_thing(tx, kind, row_id, cascade=False, actor="ann")
                assert len(gone) == 1
            assert not any(count(tx, table) for table in tables_of(kind)), kind
        assert count(tx, schema.demonstrations) == 0
        assert maintenance.verify(tx) == []


# Each as if it were the first module of a store to be loaded.
_EACH_ALONE = """
import importlib, sys

for module in sys.argv[1:]:
    for loaded in [name for name in sys.modules if ".store" in name]:
        del sys.modules[loaded]
    importlib.import_module(module)
    print(len(sys.modules["vectorlab.store.schema"].metadata.tables))
"""


@pytest.mark.slow
def test_whichever_module_of_a_store_is_loaded_first_knows_all_tables():
    modules = ("store.database", "store.evidence", "store.upkeep.migrate", "icl.store.runs")
    done = subprocess.run(
        [sys.executable, "-c", _EACH_ALONE, *(f"vectorlab.{module}" for module in modules)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(len(schema.metadata.tables))] * len(modules)


def test_tables_come_from_the_store_through_the_module_that_has_them_all():
    """``columns.metadata`` is whole only after ``schema``: nobody else takes it from there."""
    own = {"vectorlab/store/schema.py", *(f"vectorlab/{name}/store/tables.py" for name in NAMES)}
    takes = re.compile(r"^from vectorlab.store.columns import[^)]*?\bmetadata\b", re.MULTILINE)
    files = (ROOT / "vectorlab").rglob("*.py")
    taking = {str(file.relative_to(ROOT)) for file in files if takes.search(file.read_text())}
    assert taking == own
