"""A SQLite store whose file is gone, replaced or locked: it is said, and takes no work."""

import shutil
import sqlite3
import time

import pytest

from vectorlab.domain.jobs.jobs import NewJob
from vectorlab.services import database, jobs
from vectorlab.store.database import Database, StoreUnavailable
from vectorlab.store.jobs import queue


@pytest.fixture
def path(tmp_path, sqlite_template):
    return shutil.copyfile(sqlite_template, tmp_path / "store.db")


@pytest.fixture
def db(path):
    opened = Database.open(f"sqlite:///{path}", patience_ms=200)
    yield opened
    opened.dispose()


def put(db):
    with db.write() as tx:
        queue.enqueue(tx, NewJob(kind="generate", spec={}, dedupe_key=None, created_by="ada"))


def test_a_store_whose_file_is_gone_is_neither_read_nor_written_nor_made_anew(db, path):
    put(db)
    path.rename(path.with_name("elsewhere.db"))
    for use in (lambda: jobs.list_jobs(db), lambda: put(db)):
        with pytest.raises(StoreUnavailable, match=r"store\.db is gone .* vectorlab db restore"):
            use()
    db.dispose()  # no connection is left, and none may make an empty file of that name
    with pytest.raises(StoreUnavailable, match="is gone"):
        jobs.list_jobs(db)
    assert not path.exists()
    assert database.file_bytes(db) is None
    path.with_name("elsewhere.db").rename(path)
    assert len(jobs.list_jobs(db)) == 1
    put(db)
    assert len(jobs.list_jobs(db)) == 2


def test_a_file_that_was_put_in_its_place_is_used_from_then_on(db, path, sqlite_template):
    put(db)
    assert len(jobs.list_jobs(db)) == 1
    path.unlink()
    for rest in ("-wal", "-shm"):
        path.with_name(path.name + rest).unlink(missing_ok=True)
    shutil.copyfile(sqlite_template, path)
    assert jobs.list_jobs(db) == []
    put(db)
    with sqlite3.connect(path) as plain:
        assert plain.execute("SELECT count(*) FROM jobs").fetchone() == (1,)


def test_a_locked_store_is_said_when_the_patience_is_over(db, path):
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="locked"):
            put(db)
        assert 0.15 < time.monotonic() - began < 2
        other.execute("ROLLBACK")
    put(db)
