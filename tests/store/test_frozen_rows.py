"""Evidence cannot be changed: every frozen column of every frozen table is tried."""

import pytest
import sqlalchemy as sa

from tests.store.builders import fill
from tests.store.full_store import fill_every_table
from vectorlab.errors import StoreError
from vectorlab.store import schema
from vectorlab.store.database import Database, Transaction


def refused(tx: Transaction, statement: sa.Update) -> bool:
    try:
        with tx.begin_nested():
            tx.execute(statement)
    except sa.exc.DBAPIError as exc:
        return f"{statement.table.name} rows are frozen" in str(exc.orig)
    return False


def test_no_frozen_column_of_any_table_can_be_updated(database: Database):
    with database.write() as tx:
        fill_every_table(tx)
        for name, open_columns in schema.FROZEN.items():
            table = schema.metadata.tables[name]
            assert tx.scalar(sa.select(sa.func.count()).select_from(table)), name
            for column in table.c:
                change = table.update().values({column: column})
                assert refused(tx, change) == (column.name not in open_columns), column


def test_a_refused_update_is_an_error_of_ours_and_changes_nothing(database: Database):
    with database.write() as tx:
        made = fill(tx)

    def tamper() -> None:
        with database.write() as tx:
            tx.execute(schema.generations.update().values(text="forged"))

    with pytest.raises(StoreError, match=r"generations rows are frozen.*purge"):
        tamper()
    with database.read() as tx:
        texts = set(tx.scalars(sa.select(schema.generations.c.text)))
    assert "forged" not in texts
    assert len(texts) == len(made["run"].spec.rows())


def test_every_frozen_table_has_its_trigger_and_no_other_table_has_one(database: Database):
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if database.dialect == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    with database.read() as tx:
        found = set(tx.scalars(sa.text(query)))
    assert found == {f"freeze_{table}" for table in schema.FROZEN}
