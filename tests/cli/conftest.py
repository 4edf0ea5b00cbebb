import io
import json
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
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run one command line in this process, as the console script would; nobody types."""
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
