"""Sweep, score, calibrate, report and export as people type them."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Cli


@pytest.fixture
def db(upbeat: object, home: Path) -> str:
    return f"sqlite:///{home / 'vectorlab.db'}"


def sweep(cli: Cli, db: str, *more: str) -> dict[str, object]:
    words = ("runs", "sweep", "--vector", "upbeat", "--strength", "0.1", "--prompts", "upbeat")
    return cli(*words, "--max-new-tokens", "5", *more, "--json", "--db", db).json


def test_from_a_sweep_to_a_report_that_needs_nothing_else(cli: Cli, db: str, tmp_path: Path):
    made = sweep(cli, db, "--random", "1", "--in-context", "upbeat@1", "--shots", "1")
    assert [row["arm"] for row in made["arms"]] == [
        "baseline",
        "upbeat +0.1",
        "upbeat-random-0 +0.1",
        "1 demonstrations in the prompt",
    ]
    said = cli("runs", "score", "1", "-s", "kl", "-s", "chrf", "-s", "sentiment", "--db", db)
    assert "chrf" in said.out
    found = cli("runs", "score", "1", "-s", "kl", "--json", "--db", db)
    assert "Found, not computed" in found.err
    assert {row["n"] + row["missing"] for row in found.json["summary"]} == {5}
    page, text = tmp_path / "report.html", tmp_path / "report.md"
    cli("runs", "report", "1", "--out", str(page), "--title", "<Mine> & *yours*", "--db", db)
    html = page.read_text(encoding="utf-8")
    assert "&lt;Mine&gt; &amp; *yours*" in html
    assert "<svg" in html
    assert "vectorlab runs replay 1" in html
    assert "0 of 20 texts had a choice within what rounding can move" in html
    outside = set(re.findall(r"(?:src|href)=\"([^#\"][^\"]*)\"", html))
    assert not outside
    assert "<script" not in html
    files = cli("runs", "report", "1", "--out", str(text), "--json", "--db", db).json["files"]
    markdown = text.read_text(encoding="utf-8")
    for file in files[1:]:
        assert f"({Path(file).parent.name}/{Path(file).name})" in markdown
        assert Path(file).read_text(encoding="utf-8").startswith("<svg")
    for ending, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        path = tmp_path / f"run.{ending}"
        cli("runs", "export", "1", str(path), "--db", db)
        frame = read(path)
        assert len(frame) == 20
        assert {"text", "baseline_text", "kl", "chrf", "sentiment"} <= set(frame.columns)
    path = tmp_path / "run.jsonl"
    cli("runs", "export", "1", str(path), "--db", db)
    assert "kl" in json.loads(path.read_text(encoding="utf-8").splitlines()[0])


def test_calibration_is_found_again_listed_and_used(cli: Cli, db: str):
    words = ("vectors", "calibrate", "upbeat", "--effect", "length:characters")
    more = ("--damage", "kl<=0.02", "--prompts", "upbeat", "--max-new-tokens", "4", "--db", db)
    made = cli(*words, *more, "--json").json
    assert made["is_met"]
    assert made["damage_value"] <= 0.02
    assert [point["strength"] for point in made["curve"]] == sorted(
        point["strength"] for point in made["curve"]
    )
    again = cli(*words, *more, "--json")
    assert "Found, not computed" in again.err
    assert again.json == made
    [listed] = cli("vectors", "calibrations", "upbeat", "--json", "--db", db).json
    assert listed == made
    swept = sweep(cli, db, "--calibrated")
    assert swept["arms"][1]["strength"] == pytest.approx(0.1 * made["strength"])
    view = cli("sql", "SELECT strength, is_met FROM v_calibrations", "--json", "--db", db).json
    assert view["rows"][0]["strength"] == pytest.approx(made["strength"])


def test_a_budget_nothing_can_meet_is_exit_code_1_and_says_how_close_it_came(cli: Cli, db: str):
    words = ("vectors", "calibrate", "upbeat", "--effect", "length", "--damage", "kl<=-0.5")
    more = ("--prompt", "Once", "--max-new-tokens", "2")
    result = cli(*words, *more, "--db", db, code=1)
    assert "Nothing keeps within the budget" in result.err
    assert "the budget is -0.5" in " ".join(result.err.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("runs", "score", "7"), "No run '7'"),
        (("runs", "sweep", "--vector", "upbeat", "--strength", "0.1"), "at least one prompt"),
        (
            (
                *("runs", "sweep", "--vector", "upbeat", "--strength", "0.1"),
                "--prompts",
                "upbeat",
                "--budget",
                "5",
            ),
            "does not pay for one prompt",
        ),
        (
            (
                *("vectors", "calibrate", "upbeat", "--effect", "length"),
                *("--damage", "kl", "--prompt", "x"),
            ),
            "is not understood",
        ),
        (
            (
                *("runs", "sweep", "--vector", "upbeat", "--strength", "0.1", "--prompt", "x"),
                *("--temperature", "0.7"),
            ),
            "--temperature 0.7 does nothing where the most likely token is taken",
        ),
        (
            ("runs", "generate", "--prompt", "x", "--top-k", "5"),
            "--top-k 5 does nothing where the most likely token is taken",
        ),
        (("vectors", "calibrate", "upbeat", "--effect", "length"), "needs prompts"),
        (
            (
                *("vectors", "calibrate", "upbeat", "--effect", "length", "--prompt", "x"),
                *("--layers", "0-3", "--choose-layers"),
            ),
            "exclude each other",
        ),
        (
            (
                *("vectors", "calibrate", "upbeat", "--effect", "length", "--prompt", "x"),
                *("--damage", "exact<=0.5", "--max-new-tokens", "2"),
            ),
            "says nothing of any of the 1 texts (no reference text",
        ),
        (
            ("vectors", "calibrate", "upbeat", "--effect", "votes", "--prompt", "x"),
            "cannot be calibrated on",
        ),
        (
            (
                "runs",
                "generate",
                "--vector",
                "upbeat",
                "--strength",
                "1",
                "--calibrated",
                "--prompt",
                "x",
            ),
            "is not calibrated",
        ),
    ],
)
def test_bad_use_is_one_line(cli: Cli, db: str, words: tuple[str, ...], said: str):
    result = cli(*words, "--db", db, code=1)
    assert said in result.err
    assert result.err.count("\n") == 1


def test_bad_scorers_and_endings_are_one_line(cli: Cli, db: str, tmp_path: Path):
    sweep(cli, db)
    for words, said in (
        (("score", "1", "-s", "nonsense"), "Known are"),
        (("score", "1", "-s", "kl", "-s", "kl:baseline"), "named twice"),
        (("score", "1", "-s", "kl", "--baseline", "other"), "has no arm 'other'"),
        (("score", "1", "-s", "kl", "--metric", "mode"), "Known are mean"),
        (("report", "1", "--out", str(tmp_path / "x.pdf")), "End it in .html or .md"),
        (("export", "1", str(tmp_path / "x.txt")), "Use one of .csv"),
    ):
        result = cli("runs", *words, "--db", db, code=1)
        assert said in result.err, words
    counted = cli("sql", "SELECT count(*) AS n FROM v_scores", "--json", "--db", db).json
    assert counted["rows"] == [{"n": 0}]  # nothing was scored in vain


def test_scorers_are_listed_with_how_they_are_written(cli: Cli):
    found = {row["scorer"]: row for row in cli("runs", "scorers", "--json").json}
    assert found["kl"]["options"] == "kl:text=baseline"
    assert found["judge"]["needs"] == "endpoint"
