"""Migrations on both kinds of database: empty to head, every step down and up, on data too."""

import ast
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partialmethod
from pathlib import Path
from typing import Any

import alembic.command
import alembic.util
import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from tests.databases import execute_raw
from vectorlab.errors import SchemaError, StoreError
from vectorlab.store import schema
from vectorlab.store.database import Database
from vectorlab.store.engines import migration_engine, parse_url
from vectorlab.store.upkeep import migrate, views_and_triggers
from vectorlab.store.upkeep.revision import SchemaStatus


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(migrate.migrations_directory()))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def revisions() -> list[str]:
    return [item.revision for item in reversed(list(scripts().walk_revisions()))]


def go_to(url: str, revision: str) -> None:
    """Upgrade with Alembic itself, which also does what is behind."""
    with migrate.migration_transaction(url) as connection:
        migrate.run_alembic(connection, lambda config: alembic.command.upgrade(config, revision))


def shape(url: str) -> dict[str, Any]:
    """What the database itself says of its tables, views and triggers."""
    with migration_engine(parse_url(url)).connect() as connection:
        seen = sa.inspect(connection)
        tables = {
            table: {
                "columns": [
                    (item["name"], str(item["type"]), item["nullable"], item["default"])
                    for item in seen.get_columns(table)
                ],
                "primary key": seen.get_pk_constraint(table),
                "foreign keys": sorted(seen.get_foreign_keys(table), key=str),
                "unique": sorted(seen.get_unique_constraints(table), key=str),
                "checks": sorted(seen.get_check_constraints(table), key=str),
                "indexes": sorted(index(item) for item in seen.get_indexes(table)),
            }
            for table in sorted(seen.get_table_names())
            if table != "alembic_version"
        }
        views = seen.get_view_names(schema=None if is_sqlite(url) else "analysis")
        return {"tables": tables, "views": sorted(views), "triggers": triggers(connection)}


def index(item: Any) -> str:
    conditions = {name: str(value) for name, value in item.get("dialect_options", {}).items()}
    return str({**item, "dialect_options": conditions})


def triggers(connection: sa.Connection) -> list[str]:
    catalog = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.dialect.name == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    return sorted(connection.scalars(sa.text(catalog)))


def is_sqlite(url: str) -> bool:
    return url.startswith("sqlite")


def file_of(url: str) -> Path:
    return Path(str(sa.make_url(url).database))


def test_there_is_one_head_and_the_store_knows_it():
    assert scripts().get_heads() == [schema.REVISION]


def test_revision_files_sort_and_say_why():
    files = sorted((migrate.migrations_directory() / "versions").glob("*.py"))
    assert [file.name[:4] for file in files] == revisions()
    for file in files:
        assert ast.get_docstring(ast.parse(file.read_text())), file


def test_revisions_do_not_import_todays_tables():
    for file in (migrate.migrations_directory() / "versions").glob("*.py"):
        assert "vectorlab" not in {
            name.split(".")[0]
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.ImportFrom | ast.Import)
            for name in [getattr(node, "module", None) or node.names[0].name]
        }, file


def test_the_migrations_folder_does_not_shadow_the_library():
    assert not (migrate.migrations_directory() / "__init__.py").exists()


def test_head_equals_the_tables_of_the_store(database_url: str, empty_database_url: str):
    with migrate.migration_transaction(database_url) as connection:
        migrate.run_alembic(connection, alembic.command.check)
    with migration_engine(parse_url(empty_database_url)).begin() as connection:
        schema.metadata.create_all(connection)
    # Alembic compares neither checks nor the conditions of partial indexes.
    assert shape(database_url)["tables"] == shape(empty_database_url)["tables"]


def test_a_drift_is_noticed(database_url: str):
    execute_raw(database_url, "ALTER TABLE workers ADD COLUMN planted TEXT")
    with (
        migrate.migration_transaction(database_url) as connection,
        pytest.raises(alembic.util.AutogenerateDiffsDetected, match="planted"),
    ):
        migrate.run_alembic(connection, alembic.command.check)


def test_every_revision_goes_up_down_and_up_again(empty_database_url: str):
    before = shape(empty_database_url)
    assert before["tables"] == {}
    for revision in revisions():
        go_to(empty_database_url, revision)
        after = shape(empty_database_url)
        assert after != before
        migrate.downgrade(empty_database_url, "-1")
        assert shape(empty_database_url) == before
        go_to(empty_database_url, revision)
        assert shape(empty_database_url) == after
        before = after
    migrate.downgrade(empty_database_url, "base")
    assert migrate.status(empty_database_url).state == "empty"
    assert shape(empty_database_url)["tables"] == {}


def test_an_upgrade_says_what_it_did_and_a_second_one_does_nothing(empty_database_url: str):
    first = migrate.upgrade(empty_database_url)
    assert (first.before, first.after, first.backup_path) == (None, schema.REVISION, None)
    second = migrate.upgrade(empty_database_url)
    assert (second.before, second.after) == (schema.REVISION, schema.REVISION)
    assert migrate.status(empty_database_url).state == "current"


STARTER = """
import sys
from vectorlab.store.upkeep import migrate
print("ready", flush=True)
for url in sys.stdin:
    print(migrate.upgrade(url.rstrip()).before, flush=True)
"""


@pytest.fixture(scope="module")
def starters() -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes that migrate the addresses they are told, and never complain."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", STARTER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    yield processes
    assert [process.communicate(timeout=60) for process in processes] == [("", "")] * 2


@pytest.mark.slow
def test_two_processes_may_migrate_a_fresh_database_at_once(
    empty_database_url: str, starters: list[subprocess.Popen[str]]
):
    for starter in starters:
        starter.stdin.write(f"{empty_database_url}\n")
        starter.stdin.flush()
    answers = [starter.stdout.readline() for starter in starters]
    assert sorted(answers) == [f"{schema.REVISION}\n", "None\n"]
    Database.open(empty_database_url).dispose()


def behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be a revision after today's, so that today's stores are behind."""
    monkeypatch.setattr(SchemaStatus, "__init__", partialmethod(SchemaStatus.__init__, head="9998"))


def test_a_sqlite_file_with_data_is_copied_before_it_is_upgraded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    migrate.upgrade(url)
    execute_raw(
        url,
        "INSERT INTO audit_log (created_at, actor, action, object_kind, object_id, details_json) "
        "VALUES ('2026-01-01 00:00:00', 'a', 'b', 'c', 'd', '{}')",
    )
    behind(monkeypatch)
    result = migrate.upgrade(url)
    assert result.before == schema.REVISION
    assert result.backup_path is not None
    assert result.backup_path.parent == tmp_path
    assert migrate.status(f"sqlite:///{result.backup_path}").current == schema.REVISION
    with closing(sqlite3.connect(result.backup_path)) as copy:
        assert copy.execute("SELECT actor FROM audit_log").fetchall() == [("a",)]


def test_a_database_behind_is_not_opened_and_the_cure_is_named(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    behind(monkeypatch)
    with pytest.raises(
        SchemaError, match=rf"at revision {schema.REVISION}.*Run: vectorlab db upgrade"
    ):
        Database.open(database_url)


@pytest.mark.parametrize(
    ("revision", "table"),
    [("0001", "set_version_items"), ("0003", "set_version_items"), ("0020", "set_version_merges")],
)
def test_a_store_from_before_the_first_release_is_refused_and_left_alone(
    empty_database_url: str, revision: str, table: str
):
    execute_raw(
        empty_database_url,
        "CREATE TABLE alembic_version (version_num VARCHAR(32))",
        f"INSERT INTO alembic_version VALUES ('{revision}')",
        f"CREATE TABLE {table} (id INTEGER)",
    )
    before = shape(empty_database_url)
    content = file_of(empty_database_url).read_bytes() if is_sqlite(empty_database_url) else b""
    for act in (migrate.status, migrate.upgrade, Database.open):
        with pytest.raises(SchemaError, match=r"before the first release.*--db.*sets export"):
            act(empty_database_url)
    assert shape(empty_database_url) == before
    if is_sqlite(empty_database_url):
        assert file_of(empty_database_url).read_bytes() == content


def test_views_and_triggers_are_those_of_their_source(database_url: str):
    dialect = "sqlite" if is_sqlite(database_url) else "postgresql"
    with migration_engine(parse_url(database_url)).begin() as connection:
        made = definitions(connection)
        views_and_triggers.drop_all(connection)
        assert definitions(connection) == {}
        views_and_triggers.create_all(connection)
        assert definitions(connection) == made
    assert set(made) == {
        *views_and_triggers.view_statements(dialect),
        *(f"freeze_{table}" for table in schema.FROZEN),
    }


def test_what_was_changed_by_hand_is_made_anew_by_an_upgrade(database_url: str):
    with migration_engine(parse_url(database_url)).connect() as connection:
        made = definitions(connection)
    views = "" if is_sqlite(database_url) else "analysis."
    on = "" if is_sqlite(database_url) else " ON generations"
    execute_raw(
        database_url,
        f"DROP VIEW {views}v_runs",
        f"CREATE VIEW {views}v_old AS SELECT 1 AS one",
        f"DROP TRIGGER freeze_generations{on}",
    )
    go_to(database_url, "head")
    with migration_engine(parse_url(database_url)).connect() as connection:
        assert definitions(connection) == made


def definitions(connection: sa.Connection) -> dict[str, str]:
    """What the database keeps of every view and trigger of ours."""
    if connection.dialect.name == "sqlite":
        catalog = "SELECT name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')"
    else:
        catalog = (
            "SELECT viewname, definition FROM pg_views WHERE schemaname = 'analysis' UNION ALL "
            "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
        )
    return dict(tuple(row) for row in connection.execute(sa.text(catalog)))


def test_an_empty_database_is_not_opened_and_nothing_is_created(empty_database_url: str):
    assert migrate.status(empty_database_url).state == "empty"
    with pytest.raises(SchemaError, match=r"is empty.*Run: vectorlab db upgrade"):
        Database.open(empty_database_url)
    assert not (is_sqlite(empty_database_url) and file_of(empty_database_url).exists())


def test_a_database_of_a_newer_version_is_refused_and_left_alone(database_url: str):
    execute_raw(database_url, "UPDATE alembic_version SET version_num = '9999'")
    content = file_of(database_url).read_bytes() if is_sqlite(database_url) else b""
    assert migrate.status(database_url).state == "ahead"
    for act in (migrate.upgrade, Database.open):
        with pytest.raises(SchemaError, match=r"at revision 9999.*a newer version of VectorLab"):
            act(database_url)
    assert migrate.status(database_url).current == "9999"
    if is_sqlite(database_url):
        assert file_of(database_url).read_bytes() == content


def other_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")


def damaged(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text("dear diary"), "is not a SQLite database"),
        (other_program, r"of another program \(it has table 'recipes'"),
        (damaged, "is not a SQLite database, or a damaged one.*vectorlab db restore"),
    ],
)
def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path, make: Any, message: str):
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "store.db"
    make(path)
    content = path.read_bytes()
    for act in (migrate.status, migrate.upgrade, Database.open):
        with pytest.raises(StoreError, match=message):
            act(f"sqlite:///{path}")
    assert path.read_bytes() == content
    assert list(folder.iterdir()) == [path]


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path):
    with pytest.raises(StoreError, match=r"cannot be opened: Is a directory.*--db"):
        migrate.upgrade(f"sqlite:///{tmp_path}")


def test_an_empty_file_and_an_odd_path_become_a_store(tmp_path: Path):
    path = tmp_path / "100% new" / "störe.db"
    path.parent.mkdir()
    path.touch()
    migrate.upgrade(f"sqlite:///{path}")
    Database.open(f"sqlite:///{path}").dispose()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be (opened|created): Not a directory"):
        migrate.upgrade(f"sqlite:///{tmp_path / 'file' / 'store.db'}")


def test_an_upgrade_that_fails_half_way_leaves_nothing(postgres_server: Any):
    with postgres_server.database() as url:
        execute_raw(url, "CREATE TABLE workers (id TEXT)")  # in the way of a later table
        with pytest.raises(StoreError, match="already exists"):
            migrate.upgrade(url)
        assert migrate.status(url).state == "empty"
        assert list(shape(url)["tables"]) == ["workers"]


def test_replacing_a_table_in_batch_mode_keeps_the_rows_that_refer_to_it(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    migrate.upgrade(url)
    execute_raw(
        url,
        "INSERT INTO demonstration_sets VALUES (1, 'a', '', '', '[]', '2026-01-01 00:00:00')",
        "INSERT INTO set_versions VALUES (1, 1, 1, NULL, NULL, NULL, 'x', 1, 1, '', 'a', NULL, "
        "'2026-01-01 00:00:00')",
    )
    with migrate.migration_transaction(url) as connection:
        operations = Operations(MigrationContext.configure(connection))
        with (
            views_and_triggers.set_aside(connection),
            operations.batch_alter_table("demonstration_sets", recreate="always") as batch,
        ):
            batch.add_column(sa.Column("planted", sa.Text))
    with closing(sqlite3.connect(file_of(url))) as connection:
        assert connection.execute("SELECT count(*) FROM set_versions").fetchone() == (1,)
        assert connection.execute("SELECT planted FROM demonstration_sets").fetchall() == [(None,)]


def test_a_migration_that_breaks_references_is_undone(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    migrate.upgrade(url)

    def break_references() -> None:
        with migrate.migration_transaction(url) as connection:
            connection.exec_driver_sql("INSERT INTO set_items VALUES (1, 1, 0, 1, 1)")

    with pytest.raises(StoreError, match=r"2 references without target.*set_items"):
        break_references()
    with closing(sqlite3.connect(file_of(url))) as connection:
        assert connection.execute("SELECT count(*) FROM set_items").fetchone() == (0,)
