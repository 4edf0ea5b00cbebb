"""An experiment as people type it."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli


@pytest.fixture
def db(upbeat: object, home: Path) -> str:
    return f"sqlite:///{home / 'vectorlab.db'}"


ASKED = (
    *("experiment", "run", "--vector", "upbeat", "--effect", "length:characters"),
    *("--prompts", "upbeat", "--max-new-tokens", "5", "--shuffled", "0", "--shots", "1"),
)


def test_an_experiment_prints_its_verdict_its_figures_and_where_to_look(
    cli: Cli, db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "80")
    said = cli(*ASKED, "--instruction", "Be brief.", "--db", db)
    words = " ".join(said.out.split())
    assert words.startswith(
        "Too few prompts: 3 prompts cannot tell upbeat apart; it takes at least"
    )
    assert "The strength was chosen on 2 prompts, none of them among the 3 prompts" in words
    assert "Change of length:characters over baseline, and damage (kl)" in words
    assert "Texts: vectorlab runs compare 1" in words
    assert max(map(len, said.out.splitlines())) <= 80
    found = cli(*ASKED, "--instruction", "Be brief.", "--json", "--db", db)
    assert "Found, not computed: run 1 answers an equal request" in found.err
    data = found.json
    assert [row["role"] for row in data["frontier"]] == [
        "vector",
        "vector",
        "random direction",
        "prompting",
        "prompting",
    ]
    assert cli("experiment", "show", "1", "--json", "--db", db).json == data
    assert cli("experiment", "list", "--json", "--db", db).json == [data]
    assert "Too few prompts" in cli("experiment", "list", "--db", db).out
    page = tmp_path / "report.html"
    cli("experiment", "report", "1", "--out", str(page), "--db", db)
    html = page.read_text(encoding="utf-8")
    assert "<h2>Verdict</h2>" in html
    assert data["verdicts"][0]["verdict"].partition(";")[0] in html
    assert json.loads(json.dumps(data))["calibrations"] == [1]


def test_an_experiment_can_be_left_to_a_worker(cli: Cli, db: str):
    left = cli(*ASKED, "--detach", "--json", "--db", db).json
    assert "job" in " ".join(left)
    job = cli("jobs", "list", "--json", "--db", db).json[0]
    assert (job["kind"], job["state"]) == ("experiment", "queued")


def test_what_is_no_experiment_says_how_to_make_one(cli: Cli, db: str):
    assert "No experiment has ended yet" in cli("experiment", "list", "--db", db).out
    words = ("--vector", "upbeat", "--strength", "0.1", "--prompt", "x", "--max-new-tokens", "2")
    cli("runs", "generate", *words, "--db", db)
    refused = cli("experiment", "show", "1", "--db", db, code=1)
    assert "says nothing of an experiment" in refused.err
    assert "vectorlab experiment run --help" in refused.err
