"""What every test gets: a home of its own, no network, one thread."""

import os
from pathlib import Path

import pytest

# Before anything imports these libraries; workers started by a test inherit them.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's threads, when a test imports torch

pytest_plugins = ["tests.databases"]


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
