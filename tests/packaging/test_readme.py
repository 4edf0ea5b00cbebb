"""What the README tells a newcomer to type works."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from vectorlab.cli.main import main

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def newcomer(tmp_path, monkeypatch):
    """A folder with the example file, and the store that the home fixture provides."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)


def test_the_first_minute_runs_as_shown(capsys):
    session = next(block for block in blocks("console") if "sets import" in block)
    joined = session.replace("\\\n", " ")
    commands = [line[2:] for line in joined.splitlines() if line.startswith("$ ")]
    assert len(commands) >= 4
    for command in commands:
        program, *words = shlex.split(command)
        assert program == "vectorlab"
        with pytest.raises(SystemExit) as end:
            main(words)
        assert not end.value.code
    shown = [line.strip() for line in session.splitlines() if line.startswith("Identical")]
    assert shown[0] in re.sub(r"\s+", " ", capsys.readouterr().out)


def test_the_notebook_example_runs_as_shown():
    [code] = blocks("python")
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["run"].replay().identical
    assert len(names["run"].to_frame()) == 3
