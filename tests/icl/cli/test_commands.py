"""``vectorlab icl``: what the commands print, find again and refuse."""

import csv
from pathlib import Path

import pytest

from vectorlab.icl.engine import comparison, features, reproduction

CONSTRUCT = ["icl", "construct", "--steps", "3", "--tasks", "20", "--dx", "3"]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WATCHED_TASKS", "ALIGNMENT_TASKS", "CHANGED_TASKS"):
        monkeypatch.setattr(comparison, name, 50)
    monkeypatch.setattr(features, "CHOICE_TASKS", 50)
    scope = reproduction.Scope(tasks=500, searched=False, trainings=(), alignment_tasks=1)
    monkeypatch.setattr(reproduction, "SHORT", scope)


def test_a_construction_prints_every_route_and_is_found_again(cli):
    first = cli(*CONSTRUCT, "--json").json
    assert first["result"]["largest_difference"] < 1e-10
    assert cli(*CONSTRUCT, "--json").json["id"] == first["id"]
    assert cli(*CONSTRUCT, "--force", "--json").json["id"] != first["id"]
    told = cli(*CONSTRUCT).out
    assert "Loss by step" in told
    assert "limit for many steps" in told


def test_a_construction_says_how_exactly_separate_tokens_are_joined(cli):
    asked = [*CONSTRUCT, "--separate-tokens", "--damping", "0.5", "--noise", "0.5"]
    found = cli(*asked, "--json").json["result"]
    assert found["copying"]["difference"] < 1e-9
    assert {"layer", "separate"} <= set(found["steps"][0])
    told = " ".join(cli(*asked).out.split())
    for words in (
        "Separate tokens, joined at temperature 0.03",
        "Loss of least squares in closed form",
        "Loss of ridge in closed form",
        "Other temperatures",
    ):
        assert words in told
    assert "Separate tokens" not in cli(*CONSTRUCT).out


def test_features_are_compared_in_one_table_and_predictions_in_another(cli):
    asked = ["icl", "features", "--training-steps", "2", "--batch", "8", "--tasks", "10"]
    found = cli(*asked, "--json").json
    assert (found["kind"], len(found["result"]["maps"])) == ("features", 6)
    assert set(found["curves"]) == {"mlp", "mlp_gd"}
    told = cli(*asked).out
    assert "Loss by m(x)" in told
    assert "Predictions for queries of one task" in told
    untrained = cli(*asked[:2], "--training-steps", "0", "--tasks", "10", "--json").json
    assert (len(untrained["result"]["maps"]), untrained["curves"]) == (4, {})


def test_a_training_on_noisy_targets_is_held_against_ridge(cli):
    asked = ["icl", "train", "--dx", "2", "--steps", "3", "--batch", "16", "--noise", "0.5"]
    found = cli(*asked, "--json").json["result"]
    assert found["closed form"]["penalty"] == 0.25
    told = " ".join(cli(*asked).out.split())
    assert "loss of ridge" in told
    assert "Loss of repeated passes, damping 0.75" in told
    assert "loss of least squares" in cli(*asked[:-2]).out


def test_a_reproduction_prints_a_verdict_per_reference_point(cli):
    found = cli("icl", "reproduce", "--short", "--json").json
    assert found["result"]["of"] == len(found["checks"]) == 9
    assert {item["verdict"] for item in found["checks"]} <= {"ok", "differs"}
    [best] = [item for item in found["checks"] if item["name"] == "U(-1, 1): best eta, one step"]
    assert (best["published"], best["verdict"]) == (1.515, "ok")
    assert "reference points are ok" in cli("icl", "reproduce", "--short").out


def test_a_training_is_listed_shown_and_purged_and_its_weights_are_written(cli, tmp_path: Path):
    asked = ["--dx", "2", "--scale", "1", "--steps", "5", "--batch", "16", "--json"]
    run = cli("icl", "train", *asked).json
    assert run["kind"] == "train"
    assert [step for step, _ in run["curves"]["loss"]] == list(range(6))
    listed = cli("icl", "list", "--kind", "train", "--json").json
    assert [item["id"] for item in listed] == [run["id"]]
    file = tmp_path / "weights.safetensors"
    shown = cli("icl", "show", str(run["id"]), "--weights", str(file)).out
    assert "cosine of sensitivities, gd" in shown
    assert file.stat().st_size > 4 * 4 * 3 * 3
    assert "in-context run" in cli("icl", "purge", str(run["id"]), "--yes").out
    assert cli("icl", "show", str(run["id"]), code=1).err.startswith("Error: No in-context run")


def test_a_bridge_compares_layers_and_heads(cli, tmp_path: Path):
    file = tmp_path / "pairs.csv"
    with file.open("w", newline="") as opened:
        rows = csv.writer(opened)
        rows.writerow(("source", "target"))
        rows.writerows((f"The {thing} was fine.", f"Wow, {thing}!") for thing in "abcd")
    cli("sets", "import", str(file), "--set", "upbeat")
    asked = ["icl", "bridge", "--set", "upbeat", "--shots", "2", "--queries", "1"]
    found = cli(*asked, "--json").json
    assert {item["condition"] for item in found["layers"]} == {
        "demonstrations",
        "shuffled",
        "random",
    }
    assert len(found["heads"][0]["by_demonstration"]) == 2
    told = cli(*asked).out
    assert "Heads through which" in told


def test_a_detached_run_prints_its_job(cli):
    found = cli(*CONSTRUCT, "--detach", "--json").json
    assert list(found) == ["job_id"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["construct", "--n", "0"], "n = 0; a task needs at least 1"),
        (["construct", "--steps", "9", "--eta", "90"], "The limit for these demonstrations is eta"),
        (["construct", "--steps", "9", "--eta", "1", "--gamma", "9"], "gamma = 9 diverges"),
        (["construct", "--damping", "2"], "damping = 2.0; it must be above 0 and at most 1"),
        (["construct", "--temperature", "1"], "Ask for those too: --separate-tokens"),
        (["features", "--steps", "0"], "steps = 0; it must lie between 1 and 1000"),
        (["train", "--layers", "0"], "layers = 0; it must be at least 1"),
        (["train", "--variant", "mlp", "--layers", "2"], "mlp has one layer"),
        (["bridge", "--set", "nothing"], "nothing"),
        (["show", "77"], "No in-context run '77'"),
    ],
)
def test_bad_input_is_one_clear_line(cli, words: list[str], said: str):
    result = cli("icl", *words, code=1)
    assert said in result.err.replace("\n", " ")
