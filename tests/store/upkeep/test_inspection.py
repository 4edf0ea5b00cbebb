import pytest

from vectorlab.store.upkeep import inspection


def test_the_server_and_its_settings_are_named(database):
    found = inspection.settings(database)
    if database.dialect == "postgresql":
        assert found["server"].startswith("PostgreSQL ")
    else:
        assert (found["journal mode"], found["synchronous"]) == ("wal", "NORMAL")
    assert inspection.warnings(database) == []


@pytest.mark.parametrize(("kind", "risky"), [("nfs4", True), ("ext4", False)])
def test_sqlite_on_a_network_file_system_is_a_warning(
    sqlite_database, tmp_path, monkeypatch, kind, risky
):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"root / ext4 rw 0 0\nhost:/data {tmp_path.resolve()} {kind} rw 0 0\n")
    monkeypatch.setattr(inspection, "MOUNTS", mounts)
    found = inspection.warnings(sqlite_database)
    assert bool(found) is risky
    assert all(kind in line for line in found)
