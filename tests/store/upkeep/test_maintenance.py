import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.databases import execute_raw
from tests.store.builders import add_model, fill
from vectorlab.errors import ConflictError, StoreError
from vectorlab.store import models
from vectorlab.store.database import Database
from vectorlab.store.runs import runs
from vectorlab.store.upkeep import maintenance


def names(url: str) -> list[str]:
    database = Database.open(url)
    with database.read() as tx:
        found = [item.name for item in models.list_models(tx)]
    database.dispose()
    return found


def test_a_sound_store_has_no_problems(database: Database):
    with database.write() as tx:
        fill(tx)
    with database.read() as tx:
        assert maintenance.verify(tx) == []


ALTERED = [
    ("layer_vectors", "sha256 = 'x' WHERE layer = 0", "Layer 0 of vector 'combined'"),
    ("layer_vectors", "layer = 7 WHERE layer = 2", "Vector 'other' has content hash"),
    ("demonstrations", "source = 'x' WHERE target IS NULL", "Set version upbeat@1 has content"),
    ("demonstrations", "sha256 = 'x' WHERE target IS NULL", "Demonstration "),
    ("run_prompts", "text = 'x' WHERE position = 0", "The request of run 1 has hash"),
    ("generation_runs", "seed = 8 WHERE replay_of IS NULL", "The request of run 1 has hash"),
    ("arm_interventions", "vector_sha256 = 'x'", "Run 1 used other bytes than vector"),
]


def test_verify_names_what_was_altered(database: Database):
    with database.write() as tx:
        fill(tx)
        for table, change, problem in ALTERED:
            altered = tx.begin_nested()
            on = "" if database.dialect == "sqlite" else f" ON {table}"
            tx.execute(sa.text(f"DROP TRIGGER freeze_{table}{on}"))
            tx.execute(sa.text(f"UPDATE {table} SET {change}"))
            problems = maintenance.verify(tx)
            assert any(line.startswith(problem) for line in problems), (change, problems)
            altered.rollback()
        assert maintenance.verify(tx) == []


def test_verify_reports_broken_references(sqlite_database: Database):
    with sqlite_database.write() as tx:
        fill(tx)
    execute_raw(sqlite_database.url, "DELETE FROM models")  # without the foreign key pragma
    with sqlite_database.read() as tx:
        assert any("refers to a row of models" in line for line in maintenance.verify(tx))


def test_a_backup_of_a_store_in_use_can_be_opened(sqlite_database: Database, tmp_path: Path):
    with sqlite_database.write() as tx:
        fill(tx)
    with sqlite_database.write() as tx:
        add_model(tx, "not committed yet")
        path = maintenance.backup(sqlite_database.url, tmp_path / "copy.db")
    assert names(f"sqlite:///{path}") == ["tiny"]
    copy = Database.open(f"sqlite:///{path}")
    with copy.read() as tx:
        assert maintenance.verify(tx) == []
        assert len(runs.list_runs(tx)) == 2
    copy.dispose()


def test_a_backup_never_writes_over_a_file(sqlite_database: Database, tmp_path: Path):
    taken = tmp_path / "taken.db"
    taken.write_text("mine")
    with pytest.raises(ConflictError, match="exists already"):
        maintenance.backup(sqlite_database.url, taken)
    assert taken.read_text() == "mine"


def test_there_is_no_backup_of_a_store_that_is_not_there(tmp_path: Path):
    with pytest.raises(StoreError, match="There is no store"):
        maintenance.backup(f"sqlite:///{tmp_path / 'none.db'}", tmp_path / "copy.db")
    assert list(tmp_path.glob("*.db")) == []


def test_a_restored_backup_replaces_the_store_and_the_old_one_is_kept(
    sqlite_database: Database, tmp_path: Path
):
    with sqlite_database.write() as tx:
        add_model(tx, "old")
    backup = maintenance.backup(sqlite_database.url, tmp_path / "copy.db")
    with sqlite_database.write() as tx:
        add_model(tx, "newer")
    kept = maintenance.restore(sqlite_database.url, backup)
    assert names(sqlite_database.url) == ["old"]
    assert names(f"sqlite:///{kept}") == ["newer", "old"]
    with sqlite_database.read() as tx:  # a connection that was open all the time
        assert [item.name for item in models.list_models(tx)] == ["old"]


def test_a_restore_works_where_the_store_is_missing_or_ruined(
    sqlite_database: Database, tmp_path: Path
):
    with sqlite_database.write() as tx:
        add_model(tx, "old")
    backup = maintenance.backup(sqlite_database.url, tmp_path / "copy.db")
    missing = tmp_path / "new" / "store.db"
    assert maintenance.restore(f"sqlite:///{missing}", backup) is None
    ruined = tmp_path / "ruined.db"
    ruined.write_text("coffee")
    kept = maintenance.restore(f"sqlite:///{ruined}", backup)
    assert kept.read_text() == "coffee"
    assert names(f"sqlite:///{missing}") == names(f"sqlite:///{ruined}") == ["old"]


@pytest.mark.parametrize(
    ("ruin", "message"),
    [
        (lambda path: path.write_text("coffee"), "is not a SQLite database"),
        (lambda path: path.unlink(), "is not a backup of a VectorLab store"),
        (
            lambda path: execute_raw(
                f"sqlite:///{path}", "UPDATE alembic_version SET version_num = '9999'"
            ),
            "a newer version of VectorLab wrote it",
        ),
    ],
)
def test_a_backup_that_is_none_replaces_nothing(
    sqlite_database: Database, tmp_path: Path, ruin: object, message: str
):
    with sqlite_database.write() as tx:
        add_model(tx, "here")
    backup = maintenance.backup(sqlite_database.url, tmp_path / "copy.db")
    ruin(backup)
    with pytest.raises(StoreError, match=message):
        maintenance.restore(sqlite_database.url, backup)
    assert names(sqlite_database.url) == ["here"]


def test_a_damaged_backup_replaces_nothing(sqlite_database: Database, tmp_path: Path):
    with sqlite_database.write() as tx:
        fill(tx)
    backup = maintenance.backup(sqlite_database.url, tmp_path / "copy.db")
    content = bytearray(backup.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20000] = b"\xff" * 20000
    backup.write_bytes(content)
    shutil.copyfile(backup, tmp_path / "damaged.db")
    with pytest.raises(StoreError, match=r"is damaged|cannot be read"):
        maintenance.restore(sqlite_database.url, tmp_path / "damaged.db")
    assert names(sqlite_database.url) == ["tiny"]


def test_postgresql_has_tools_of_its_own(postgres_database: Database, tmp_path: Path):
    with pytest.raises(StoreError, match=r"is not SQLite.*pg_dump"):
        maintenance.backup(postgres_database.url, tmp_path / "copy.db")
    with pytest.raises(StoreError, match=r"is not SQLite.*pg_restore"):
        maintenance.restore(postgres_database.url, tmp_path / "copy.db")
