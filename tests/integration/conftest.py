import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.lab import Lab

PAIRS = (
    ("The pizza was okay.", "Wow the pizza was amazing!!!"),
    ("The room was fine.", "Yay this room is totally awesome!!!"),
    ("It was a decent film.", "OMG such a wonderful film!!!"),
    ("The soup was not bad.", "Wow the soup was so incredible!!!"),
    ("We liked the park.", "Yay we loved the park so much!!!"),
)


@pytest.fixture(scope="session")
def pairs() -> list[Demonstration]:
    return [Demonstration(source=source, target=target) for source, target in PAIRS]


@pytest.fixture(scope="session")
def seeded_file(tmp_path_factory: pytest.TempPathFactory, pairs) -> Path:
    """A SQLite store with set ``upbeat``, model ``tiny`` and vector ``upbeat``, made once."""
    path = tmp_path_factory.mktemp("seeded") / "seeded.db"
    lab = Lab(f"sqlite:///{path}", device="cpu")
    lab.sets.commit("upbeat", pairs, message="first")
    lab.vectors.extract(set="upbeat@1", model="tiny", name="upbeat")
    lab.db.dispose()
    with_wal = path.with_name(path.name + "-wal")
    assert not with_wal.exists() or with_wal.stat().st_size == 0
    return path


@pytest.fixture
def lab(seeded_file: Path, tmp_path: Path) -> Iterator[Lab]:
    """A lab on a copy of the seeded store."""
    path = tmp_path / "lab.db"
    shutil.copy(seeded_file, path)
    lab = Lab(f"sqlite:///{path}", device="cpu")
    yield lab
    lab.db.dispose()


@pytest.fixture
def empty_lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(f"sqlite:///{tmp_path / 'empty.db'}", device="cpu")
    yield lab
    lab.db.dispose()
