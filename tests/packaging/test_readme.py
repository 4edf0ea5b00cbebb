"""What README and tutorial tell a newcomer to type works, and prints what they show."""

import re
import shutil
from pathlib import Path

import pytest

from scripts import steered_picture, transcripts
from vectorlab.lab import Lab

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.kernels
def test_the_tutorial_runs_as_shown(tmp_path):
    apart = transcripts.differences(TUTORIAL, transcripts.render(TUTORIAL, tmp_path))
    assert not apart, "\n".join(["run: python -m scripts.transcripts docs/tutorial.md", *apart])


@pytest.mark.kernels
def test_the_demo_prints_what_is_shown_and_the_readme_goes_on_from_there(tmp_path):
    [shown] = [block for block in blocks(TUTORIAL, "") if block.startswith("Wording")]
    printed = transcripts.run("vectorlab demo --no-serve", tmp_path)
    lines = [line.rstrip() for line in printed[printed.index("Wording") :].splitlines()]
    *same, _where = shown.splitlines()
    assert lines[: len(same)] == same
    assert lines[len(same)].startswith("Store:")  # and where that is: here in a folder of its own
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    [script] = blocks(README, "sh")
    enter, *commands = script.replace("\\\n", "").splitlines()
    assert enter == ". .venv/bin/activate"
    *_, replayed = [transcripts.run(command, tmp_path) for command in commands]
    assert replayed.startswith("Identical: run ")


def test_the_notebook_example_runs_as_shown(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    [code] = blocks(TUTORIAL, "python")
    names: dict[str, object] = {}
    exec(compile(code, "tutorial.md", "exec"), names)
    assert names["run"].replay().identical
    assert len(names["run"].to_frame()) == 3


def test_the_picture_shows_what_the_store_says(tmp_path):
    lab = Lab(f"sqlite:///{tmp_path / 'lab.db'}", device="cpu")
    drawn = steered_picture.draw(steered_picture.steer(lab))
    lab.db.dispose()
    kept = steered_picture.PICTURE.read_text("utf-8")
    assert _without_hashes(drawn) == _without_hashes(kept), "run: python -m scripts.steered_picture"


def _without_hashes(picture: str) -> str:
    """A vector has another hash on a processor that rounds otherwise, and so have runs with it."""
    return re.sub(r"\b[0-9a-f]{12}\b", "(hash)", picture)
