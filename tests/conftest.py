"""What every test gets: a home of its own, no network, one thread; and the order of tests."""

import gc
import os
from collections.abc import Iterator
from itertools import chain, groupby
from pathlib import Path

import pytest

from tests.scratch import scratch

# Before anything imports these libraries; workers started by a test inherit them.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's threads, when a test imports torch
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(scratch()))  # the folders of tests

pytest_plugins = ["tests.databases", "tests.judge_server"]

# What collecting makes stays to the end, so looking for garbage in it finds none.
gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage again, in what tests make.

    Less often than usual: a test process holds so much that looking took a twelfth of its time.
    """
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    gc.enable()


@pytest.hookimpl(wrapper=True, tryfirst=True)  # the marks are there before -m looks at them
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark what needs a PostgreSQL server, and let every worker begin with what takes long."""
    for item in items:
        if _needs_postgres(item):
            item.add_marker("postgres")
    yield
    items[:] = _dealt(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def _dealt(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """In equal parts, one after the other, as worksteal gives them out; long tests begin each.

    A worker that has done its part takes from the end of another's, so long tests at the end would
    be waited for. Those of a browser stay together, and those of a file, to share their fixtures.
    """
    browser, slow, rest = ([item for item in items if _kind(item) == kind] for kind in range(3))
    files = [list(group) for _, group in groupby(slow, key=lambda item: item.path)]
    others = range(workers - 1)
    firsts = [browser, *[list(chain(*files[n :: workers - 1])) for n in others]]
    if workers == 1:
        firsts = [browser + slow]
    order: list[pytest.Item] = []
    for part, first in enumerate(firsts, start=1):
        order += first
        taken = max(0, len(items) * part // workers - len(order))
        order += rest[:taken]
        del rest[:taken]
    return order


def _kind(item: pytest.Item) -> int:
    marks = ("browser", "slow")
    return next((n for n, mark in enumerate(marks) if item.get_closest_marker(mark)), len(marks))


def _needs_postgres(item: pytest.Item) -> bool:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    needed = getattr(item, "fixturenames", ())
    return "postgres_server" in needed or "postgresql" in (
        parameters.get("dialect"),
        parameters.get("kept_in"),
    )


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
