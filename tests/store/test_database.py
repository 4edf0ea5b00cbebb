"""Opening a store, and what its transactions promise."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import sqlalchemy as sa

from tests.store.builders import add_job, add_model, add_vector, add_version
from vectorlab.errors import ConflictError, InputError, StoreError
from vectorlab.store import engines, models, schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Database, StoreUnavailable
from vectorlab.store.sets import sets


def count(tx: sa.Connection, table: sa.Table) -> int:
    return tx.scalar(sa.select(sa.func.count()).select_from(table))


def test_a_write_commits_at_the_end_of_its_block(database: Database):
    with database.write() as tx:
        model = add_model(tx)
    with database.read() as tx:
        assert models.list_models(tx) == [model]


def test_a_write_that_is_interrupted_leaves_no_trace(database: Database):
    def work() -> None:
        with database.write() as tx:
            add_vector(tx, add_model(tx), add_version(tx))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    with database.read() as tx:
        assert {
            table.name: count(tx, table) for table in schema.metadata.sorted_tables
        } == dict.fromkeys(schema.metadata.tables, 0)


def test_a_read_cannot_write(database: Database):
    def work() -> None:
        with database.read() as tx:
            sets.create_set(tx, name="a")

    with pytest.raises(StoreError, match=r"read-?only"):
        work()
    with database.write() as tx:  # the pooled connection writes again afterwards
        sets.create_set(tx, name="a")


def test_a_read_sees_one_moment_while_others_write(database: Database):
    with database.read() as reader:
        assert sets.list_sets(reader) == []
        with database.write() as tx:
            sets.create_set(tx, name="a")
        assert sets.list_sets(reader) == []
    with database.read() as reader:
        assert len(sets.list_sets(reader)) == 1


def test_two_writers_that_read_first_both_get_their_turn(database: Database):
    """Neither writes before the other has read, unless the store lets it wait for its turn."""
    begun, read = threading.Barrier(2), threading.Barrier(2)

    def add(name: str) -> int:
        begun.wait(timeout=30)
        with database.write() as tx:
            known = len(sets.list_sets(tx))
            with suppress(threading.BrokenBarrierError):  # the other's turn has not come yet
                read.wait(timeout=30 if database.dialect == "postgresql" else 0.5)
            sets.create_set(tx, name=name)
            return known

    with ThreadPoolExecutor() as threads:
        known = sorted(threads.map(add, ("a", "b")))
    assert known == ([0, 0] if database.dialect == "postgresql" else [0, 1])
    with database.read() as tx:
        assert [item.name for item, _ in sets.list_sets(tx)] == ["a", "b"]


def test_what_something_depends_on_cannot_be_deleted(database: Database):
    with database.write() as tx:
        add_version(tx)

    def work() -> None:
        with database.write() as tx:
            tx.execute(schema.demonstration_sets.delete())

    with pytest.raises(ConflictError, match="refused the change"):
        work()


def test_a_number_of_more_than_64_bits_is_refused(database: Database):
    def work() -> None:
        with database.write() as tx:
            tx.execute(schema.jobs.update().values(priority=2**70))

    with database.write() as tx:
        add_job(tx)
    with pytest.raises(InputError, match="cannot hold a"):
        work()


def test_an_enum_column_takes_only_its_values(database: Database):
    def work() -> None:
        with database.write() as tx:
            job = add_job(tx)
            tx.execute(schema.jobs.update().where(schema.jobs.c.id == job.id).values(state="odd"))

    with pytest.raises(InputError, match=r"jobs\.state 'odd'; expected one of queued, running"):
        work()
    with database.read() as tx:
        assert tx.scalar(sa.select(sa.func.count()).select_from(schema.jobs)) == 0


def test_a_value_that_a_check_refuses_is_named_among_many_rows(database: Database):
    def work(*levels: str) -> None:
        with database.write() as tx:
            job = add_job(tx)
            rows = [{"job_id": job.id, "attempt": 1, "level": x, "message": ""} for x in levels]
            tx.execute(schema.job_logs.insert().values(created_at=utc_now()), rows)

    with pytest.raises(InputError, match=r"job_logs\.level 'loud'; expected one of info, warning"):
        work("info", "loud", "error")


def test_a_check_on_numbers_says_what_was_given_and_expected(database: Database):
    def work() -> None:
        with database.write() as tx:
            add_job(tx, max_attempts=0)

    with pytest.raises(InputError, match=r"a row of jobs with max_attempts 0; expected max_att"):
        work()


def test_ids_of_purged_rows_are_never_given_again(database: Database):
    with database.write() as tx:
        first = sets.create_set(tx, name="a").id
        tx.execute(schema.demonstration_sets.delete())
        assert sets.create_set(tx, name="a").id > first


def test_sqlite_is_set_up_as_documented(sqlite_database: Database):
    expected = {
        "journal_mode": "wal",
        "synchronous": 1,
        "foreign_keys": 1,
        "busy_timeout": engines.BUSY_TIMEOUT_MS,
    }
    with sqlite_database.read() as tx:
        found = {name: tx.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in expected}
    assert found == expected


def test_a_locked_store_is_an_error_that_may_pass(sqlite_database: Database):
    impatient = Database.open(sqlite_database.url, patience_ms=0)

    def work() -> None:
        with impatient.write() as tx:
            sets.create_set(tx, name="a")

    with (
        sqlite_database.write(),
        pytest.raises(StoreUnavailable, match=r"database is locked.*Try again"),
    ):
        work()
    impatient.dispose()


def test_opening_a_store_again_leaves_the_journal_to_who_has_it_open(sqlite_database: Database):
    with sqlite_database.write() as tx:
        add_model(tx, "first")
    Database.open(sqlite_database.url).dispose()
    path = engines.sqlite_path(engines.parse_url(sqlite_database.url))
    another_process = (
        "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT * FROM jobs')"
    )
    subprocess.run([sys.executable, "-c", another_process, str(path)], check=True)
    # The last process to close a store takes its journal away. That one was not the last.
    assert path.with_name(path.name + "-wal").exists()


def test_a_server_that_does_not_answer_is_named_without_its_password():
    with pytest.raises(StoreUnavailable) as caught:
        Database.open("postgresql://someone:secret@127.0.0.1:1/lab")
    assert "someone:***@127.0.0.1:1/lab" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("store.db", "Write sqlite:///path/to/file.db or postgresql"),
        ("mysql://host/name", "kind 'mysql' are not supported"),
        ("sqlite://", "cannot be shared. Name a file"),
        ("sqlite:///:memory:", "cannot be shared. Name a file"),
    ],
)
def test_an_address_that_is_no_store_is_refused(url: str, message: str):
    with pytest.raises(InputError, match=message):
        Database.open(url)


@pytest.mark.slow
def test_the_store_imports_neither_torch_nor_the_layers_above():
    probe = (
        "import sys, vectorlab.store.jobs.queue, vectorlab.store.purge; "
        "import vectorlab.store.upkeep.maintenance; "
        "print([name for name in sys.modules if name == 'torch' or "
        "name.startswith(('vectorlab.services', 'vectorlab.steering', 'vectorlab.config'))])"
    )
    found = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"
