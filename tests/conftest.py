"""What every test gets: a home of its own, no network, one thread; and the order of tests."""

import os
from pathlib import Path

import pytest

from tests.scratch import scratch

# Before anything imports these libraries; workers started by a test inherit them.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's threads, when a test imports torch
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(scratch()))  # the folders of tests

pytest_plugins = ["tests.databases"]

_FIRST = ("browser", "slow")


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a PostgreSQL server, and begin with what takes long.

    A worker that meets a long test last lets the others wait. The order hangs on marks alone, so
    all workers agree on it, and tests of one kind stay beside those that share their fixtures.
    """
    for item in items:
        if _needs_postgres(item):
            item.add_marker("postgres")
    items.sort(key=_turn)


def _needs_postgres(item: pytest.Item) -> bool:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    needed = getattr(item, "fixturenames", ())
    return "postgres_server" in needed or parameters.get("dialect") == "postgresql"


def _turn(item: pytest.Item) -> int:
    turns = [turn for turn, mark in enumerate(_FIRST) if item.get_closest_marker(mark)]
    return min(turns, default=len(_FIRST))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own, instead of the user's."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("VECTORLAB_HOME", str(folder))
    monkeypatch.setenv("VECTORLAB_USER", "tester")
    for name in ("VECTORLAB_DATABASE_URL", "VECTORLAB_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    return folder
