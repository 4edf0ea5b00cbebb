"""What the README tells a newcomer to type works, and prints what it shows."""

import re
import shutil
from pathlib import Path

import pytest

from scripts import transcripts

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.kernels
def test_the_first_minute_runs_as_shown(tmp_path):
    apart = transcripts.differences(TEXT, transcripts.render(TEXT, tmp_path))
    assert not apart, "\n".join(["run: python -m scripts.transcripts README.md", *apart])


@pytest.mark.kernels
def test_the_demo_prints_what_is_shown(tmp_path):
    [shown] = [block for block in blocks("") if block.startswith("Sentiment paraphrase")]
    printed = transcripts.run("vectorlab demo --no-serve", tmp_path)
    lines = [line.rstrip() for line in printed[printed.index("Sentiment") :].splitlines()]
    *same, _where = shown.splitlines()
    assert lines[: len(same)] == same
    assert lines[len(same)].startswith("Store:")  # and where that is: here in a folder of its own


def test_the_notebook_example_runs_as_shown(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    [code] = blocks("python")
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["run"].replay().identical
    assert len(names["run"].to_frame()) == 3
