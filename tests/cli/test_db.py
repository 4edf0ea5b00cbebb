import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from vectorlab.services import models
from vectorlab.services.database import open_store
from vectorlab.steering.model.loading import describe_model


@pytest.fixture
def store(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "lab.db"
    monkeypatch.setenv("VECTORLAB_DATABASE_URL", f"sqlite:///{path}")
    return path


def test_a_fresh_machine_needs_no_upgrade_command(cli, store):
    assert cli("sets", "list", "--json").json == []
    assert cli("db", "status", "--json").json["state"] == "current"


def test_a_command_looks_up_the_revision_of_its_store_once(cli, monkeypatch):
    looks = []

    def connect(address, *, real=sqlite3.connect, **settings):
        looks.append(address)
        return real(address, **settings)

    monkeypatch.setattr(sqlite3, "connect", connect)
    cli("sets", "list")
    assert len(looks) == 1
    assert looks[0].endswith("vectorlab.db?mode=ro")


def test_path_prints_the_address(cli, store):
    assert cli("db", "path", "--json").json == {"url": f"sqlite:///{store}"}
    assert cli("--db", "sqlite:///other.db", "db", "path").out.strip() == "sqlite:///other.db"
    assert cli("db", "path", "--db", "sqlite:///other.db").out.strip() == "sqlite:///other.db"


def test_backup_and_restore_bring_a_set_back(cli, store, reviews, tmp_path):
    columns = ("--source-column", "negative", "--target-column", "positive")
    cli("sets", "import", str(reviews), "--set", "upbeat", *columns)
    copy = tmp_path / "copy.db"
    cli("db", "backup", str(copy))
    cli("sets", "purge", "upbeat", "--yes")
    cli("db", "restore", str(copy))
    assert [item["set"] for item in cli("sets", "list", "--json").json] == ["upbeat"]


def test_verify_finds_altered_bytes(cli, store, reviews):
    columns = ("--source-column", "negative", "--target-column", "positive")
    cli("sets", "import", str(reviews), "--set", "upbeat", *columns)
    assert cli("db", "verify", "--json").json == {"problems": []}
    with sqlite3.connect(store) as raw:
        for (name,) in raw.execute(
            "SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='demonstrations'"
        ).fetchall():
            raw.execute(f'DROP TRIGGER "{name}"')
        raw.execute("UPDATE demonstrations SET source = 'changed' WHERE id = 1")
    result = cli("db", "verify", code=1)
    assert "problems found" in result.err


def test_a_file_that_is_not_a_database_is_refused_and_left_alone(cli, store):
    store.write_bytes(b"my precious notes, not a database at all" * 40)
    before = store.read_bytes()
    assert "not a SQLite database" in cli("sets", "list", code=1).err
    assert store.read_bytes() == before


def test_a_database_from_a_newer_version_is_refused(cli, store):
    cli("sets", "list")
    with sqlite3.connect(store) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    error = cli("sets", "list", code=1).err
    assert "newer" in error
    assert "9999" in error
    assert "newer" in cli("db", "upgrade", code=1).err


def test_doctor_says_what_is_wrong(cli, store):
    healthy = cli("doctor", "--json").json
    assert healthy["problems"] == []
    assert healthy["database"] == f"sqlite:///{store}"
    store.write_bytes(b"not a database, only many letters" * 100)
    assert "not a SQLite database" in cli("doctor", "--json", code=1).json["problems"][0]


def test_doctor_tells_of_a_bundled_model_of_another_version(cli, store):
    older = replace(describe_model("bundled:tiny"), weights_sha256="0" * 64)
    db = open_store(f"sqlite:///{store}")
    models.register(db, name="tiny", description=older, actor="me")
    db.dispose()
    [problem] = cli("doctor", "--json", code=1).json["problems"]
    assert "other weights" in problem
    assert "vectorlab models add bundled:tiny --name tiny-" in problem
