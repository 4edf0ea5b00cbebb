import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from vectorlab.cli.main import main


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Result]


@pytest.fixture
def cli(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
    sqlite_template: Path,
) -> Cli:
    """Run one command line in this process, as the console script would; nobody types.

    The user's store is there already, and empty: making one takes longer than most commands.
    """
    shutil.copyfile(sqlite_template, home / "vectorlab.db")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    def run(*words: str, code: int = 0) -> Result:
        capsys.readouterr()
        try:
            main(list(words))
            actual = 0
        except SystemExit as exit_:
            actual = exit_.code if isinstance(exit_.code, int) else 1
        captured = capsys.readouterr()
        result = Result(code=actual, out=captured.out, err=captured.err)
        assert actual == code, f"exit code {actual}\n{result.out}\n{result.err}"
        return result

    return run


@pytest.fixture(scope="session")
def stores_made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Stores that commands have filled, and what the commands said."""
    return tmp_path_factory.mktemp("stores"), {}


@pytest.fixture
def made_once(
    cli: Cli, home: Path, stores_made: tuple[Path, dict[str, Any]]
) -> Callable[[str, Callable[[], Any]], Any]:
    """Fill the test's store by commands, or with a copy of what they made the first time."""
    folder, said = stores_made

    def fill(name: str, make: Callable[[], Any]) -> Any:
        copy = folder / f"{name}.db"
        if name in said:
            shutil.copyfile(copy, home / "vectorlab.db")
        else:
            said[name] = make()
            cli("db", "backup", str(copy))
        return said[name]

    return fill


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """A file of five pairs in the columns that the README uses."""
    path = tmp_path / "reviews.csv"
    path.write_text(
        "negative,positive\n"
        "The pizza was okay.,Wow the pizza was amazing!!!\n"
        "The room was fine.,Yay this room is totally awesome!!!\n"
        "It was a decent film.,OMG such a wonderful film!!!\n"
        "The soup was not bad.,Wow the soup was so incredible!!!\n"
        "We liked the park.,Yay we loved the park so much!!!\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def upbeat(cli: Cli, reviews: Path, made_once: Callable[[str, Callable[[], Any]], Any]) -> Any:
    """Set and vector ``upbeat`` in the user's store, and what the extraction said."""

    def make() -> Any:
        columns = ("--source-column", "negative", "--target-column", "positive")
        cli("sets", "import", str(reviews), "--set", "upbeat", *columns)
        return cli("vectors", "extract", "--set", "upbeat", "--name", "upbeat", "--json").json

    return made_once("upbeat", make)
