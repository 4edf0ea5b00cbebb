"""Stores of every release, on both databases, come up to today's revision and answer questions."""

import lzma
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from tests.migrations.test_migrations import shape
from tests.store.analysis.view_columns import VIEWS
from tests.store.builders import PAIRS
from vectorlab.domain.jobs.jobs import JobState
from vectorlab.domain.jobs.requests import ExtractRequest
from vectorlab.domain.runs.texts import compare_generations
from vectorlab.services import jobs
from vectorlab.store import schema
from vectorlab.store.database import Database, Transaction
from vectorlab.store.runs import runs, scores, verdicts
from vectorlab.store.sets import sets
from vectorlab.store.upkeep import maintenance, migrate
from vectorlab.store.vectors import vectors
from vectorlab.worker.loop import Worker

FOLDER = Path(__file__).parent / "stores"
RELEASED = ("0001",)  # revisions of which stores are out there; written by scripts.store_assets


@pytest.fixture(params=RELEASED)
def old_store(request: pytest.FixtureRequest, empty_database_url: str, dialect: str) -> str:
    """URL of a store as a release left it."""
    if dialect == "sqlite":
        packed = FOLDER / f"{request.param}.sqlite.xz"
        path = Path(str(sa.make_url(empty_database_url).database))
        path.write_bytes(lzma.decompress(packed.read_bytes()))
    else:
        dump = (FOLDER / f"{request.param}.postgresql.sql").read_text("utf-8")
        plain = empty_database_url.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(dump.encode())
    return empty_database_url


def test_a_store_of_every_release_is_kept_for_both_databases():
    kept = {file.name for file in FOLDER.iterdir()}
    assert kept == {
        f"{revision}.{ending}"
        for revision in RELEASED
        for ending in ("sqlite.xz", "postgresql.sql")
    }


def test_an_old_store_comes_up_to_date_and_answers(old_store: str, database_url: str):
    had = shape(old_store)  # what came later has no rows in it
    migrate.upgrade(old_store, backup=False)
    assert shape(old_store) == shape(database_url)
    database = Database.open(old_store)
    with database.read() as tx:
        assert maintenance.verify(tx) == []
        assert sets.demonstrations(tx, 1) == list(PAIRS)
        vector = vectors.get_vector(tx, "upbeat-v1")
        assert len(vectors.layer_vectors(tx, vector.id)) == vector.n_layers
        run = runs.get_run(tx, "first")
        (replay,) = runs.replays(tx, run.id)
        texts = runs.generations(tx, run.id)
        assert len(texts) == len(run.spec.rows())
        (parted,) = compare_generations(texts, runs.generations(tx, replay.id))
        (kept,) = verdicts.find(tx, run, replay).departures
        assert (parted.key, parted.position) == (kept.key, kept.position)
        assert [item.score.value for item in scores.scores_of_run(tx, run.id)] == [0.5, None]
        for table in schema.metadata.sorted_tables:
            is_filled = tx.scalar(sa.select(sa.func.count()).select_from(table)) != 0
            assert is_filled == (table.name in had["tables"]), table.name
        for view in VIEWS.keys() & set(had["views"]):
            assert asked(tx, f"SELECT count(*) FROM {view}") != [(0,)], view
        assert asked(tx, "SELECT vector_name FROM v_vectors WHERE method = 'combined'") == [
            ("combined",)
        ]
    database.dispose()


def test_jobs_of_an_old_store_are_shown_and_retried(old_store: str):
    migrate.upgrade(old_store, backup=False)
    database = Database.open(old_store)
    assert [(job.kind, job.state) for job in jobs.list_jobs(database)] == [
        ("extract", JobState.RUNNING),
        ("extract", JobState.FAILED),
    ]
    failed = jobs.get(database, 1)
    assert failed.spec == {"set": "upbeat@1"}
    assert failed.request(ExtractRequest) is None  # no version of today's wrote that
    assert jobs.retry(database, 1, actor="me").state is JobState.QUEUED
    done = Worker(database, device="cpu").work_one(1)
    assert done is not None
    assert done.state is JobState.FAILED
    assert "A stored ExtractRequest cannot be read" in (done.error or "")
    database.dispose()


def asked(tx: Transaction, query: str) -> list[Any]:
    """Rows of a query on the views."""
    if tx.dialect.name == "postgresql":
        query = query.replace("FROM ", "FROM analysis.")
    return [tuple(row) for row in tx.execute(sa.text(query))]
