"""The commands that compute, from pairs to a verdict, as a newcomer types them."""

import json

import pandas as pd
import pytest
from rich.console import Console

from vectorlab.cli import context
from vectorlab.domain.runs import margins
from vectorlab.store.runs import runs

PROMPT = "Please paraphrase the following sentence. Sentence: The bread was fine., paraphrase: "
GENERATE = ("runs", "generate", "--vector", "upbeat", "--max-new-tokens", "4", "--prompt", PROMPT)


def test_an_extraction_is_shown_and_found_again(cli, upbeat):
    assert (upbeat["name"], upbeat["set_label"], upbeat["found"]) == ("upbeat", "upbeat@1", False)
    again = cli("vectors", "extract", "--set", "upbeat", "--json")
    assert again.json["found"] is True
    assert "not computed" in again.err
    assert cli("vectors", "show", "upbeat", "--json").json["id"] == upbeat["id"]
    assert "explained variance" in cli("vectors", "show", upbeat["content_sha256"][:8]).out
    assert [item["name"] for item in cli("vectors", "list", "--json").json] == ["upbeat"]


def test_vectors_are_combined_ranked_exported_imported_and_purged(cli, upbeat, tmp_path):
    made = cli("vectors", "combine", "2*upbeat", "--name", "double", "--json").json
    assert made["parents"] == [{"vector_id": upbeat["id"], "weight": 2.0}]
    [ranked] = cli("vectors", "similar", "upbeat", "--json").json
    assert ranked["mean_cosine"] == pytest.approx(1.0)
    path = tmp_path / "double.safetensors"
    cli("vectors", "export", "double", "--out", str(path))
    copy = cli("vectors", "import", str(path), "--name", "copy", "--json").json
    assert copy["content_sha256"] == made["content_sha256"]
    cli("vectors", "purge", "upbeat", "--yes", code=1)  # a combined vector depends on it
    assert "double" in cli("vectors", "purge", "upbeat", "--cascade", "--yes").out
    missing = str(tmp_path / "none" / "x.safetensors")
    assert "Error: " in cli("vectors", "export", "copy", "--out", missing, code=1).err


def test_vectors_are_projected_orthogonalised_and_normalised(cli, upbeat):
    extract = ("vectors", "extract", "--set", "upbeat@1", "--method", "mean_difference")
    cli(*extract, "--write-site", "mlp_output", "--name", "mean")
    [made] = cli(
        "vectors", "project-out", "upbeat", "--from", "mean", "--name", "rest", "--json"
    ).json
    assert made["parameters"]["removed"] == ["mean"]
    shown = cli("vectors", "show", "rest", "--json").json
    assert [item["weight"] for item in shown["parents"]] == [1.0, 0.0]
    assert (
        "upbeat-apart stored"
        in cli("vectors", "orthogonalise", "mean", "upbeat", "--suffix=-apart").out
    )
    [unit] = cli("vectors", "normalise", "mean", "--name", "unit", "--json").json
    assert (unit["method"], unit["operator"]) == ("normalised", "add")
    assert (
        "Error: Nothing of vector"
        in cli("vectors", "project-out", "unit", "--from", "mean", "--name", "none", code=1).err
    )


def test_windows_schedules_and_written_arms_from_the_command_line(cli, upbeat):
    made = cli(
        *("runs", "generate", "--prompt", "Once", "--max-new-tokens", "4", "--json"),
        *("--vector", "upbeat", "--strength", "0", "0.1"),
        *("--positions", "prompt:last=1", "--schedule", "first:2", "--operator", "add"),
        *("--arm", "upbeat:0.2:layers=0-1,3:positions=response:40-,upbeat:0.1:site=block_output"),
    ).json
    swept, written = made["interventions"][1:]
    assert swept["interventions"][0]["positions"] == "prompt:last=1"
    assert swept["interventions"][0]["schedule"] == "first:2"
    assert written["interventions"][0]["layers"] == [0, 1, 3]
    assert written["interventions"][1]["site"] == "block_output"
    assert "was not steered at response:40-" in made["environment"]["events"][0]
    assert cli("runs", "replay", str(made["id"]), "--json").json["identical"]
    text = cli("runs", "show", str(made["id"])).out
    assert "was not steered at" in " ".join(text.split())
    for wrong, reason in (
        (("--positions", "prompt:last=none"), "not understood"),
        (("--schedule", "linear:0:nan:3"), "not finite"),
        (("--arm", "upbeat"), "not understood"),
    ):
        asked = ("runs", "generate", "--prompt", "Once", *wrong)
        assert reason in " ".join(cli(*asked, code=1).err.split())


def test_demonstrations_are_explained_with_and_without_leaving_them_out(cli, upbeat):
    plain = cli("vectors", "explain", "upbeat", "--limit", "2", "--json").json
    assert (plain["vector"], plain["n_demonstrations"]) == ("upbeat", 5)
    assert [len(plain[kind]) for kind in ("strongest", "weakest", "contrary")] == [2, 2, 0]
    assert plain["leave_one_out"] is None
    assert plain["strongest"][0]["left_out"] is None
    assert "cosines" not in plain["strongest"][0]
    study = cli("vectors", "explain", "upbeat", "--leave-one-out", "--layers", "--json").json
    assert len(study["largest_shift"]) == 5
    first = study["largest_shift"][0]
    assert len(first["left_out"]["cosines"]) == len(study["layers"]) == len(first["cosines"])
    assert first["left_out"]["shift"] > 0
    assert "no forward pass" in study["leave_one_out"]["states"]
    shown = cli("vectors", "explain", "upbeat", "--layers")
    assert "Leaving out moves the vector most" in shown.out
    assert "norm_change" in shown.out
    assert "--limit" in cli("vectors", "explain", "upbeat", "--limit", "0", code=1).err
    with_study = cli("vectors", "explain", "upbeat", "--leave-one-out", "--detach", "--json").json
    assert (
        with_study["leave_one_out"]["created_by"] == "tester"
    )  # found: there is no job to wait for
    cli("vectors", "combine", "2*upbeat", "--name", "double")
    assert "vectors explain upbeat" in cli("vectors", "explain", "double", code=1).err


def test_a_study_can_be_queued_and_worked_off_later(cli, upbeat):
    job = cli("vectors", "explain", "upbeat", "--leave-one-out", "--detach", "--json").json[
        "job_id"
    ]
    assert cli("jobs", "show", str(job), "--json").json["kind"] == "explain"
    assert cli("jobs", "wait", str(job), "--json").json["result"] == {"vector_id": upbeat["id"]}


def test_a_convention_is_asked_for_said_and_followed(cli, upbeat):
    extract = ("vectors", "extract", "--set", "upbeat@1", "--convention", "caa")
    made = cli(*extract, "--keep-punctuation", "--name", "made", "--json").json
    assert (made["request"]["convention"], made["token_rule"]) == ("caa", "index:-2")
    other = cli(*extract, "--tokens", "last", "--name", "other").out
    assert "caa, but tokens last" in " ".join(other.split())
    generate = ("runs", "generate", "--prompt", "Once", "--max-new-tokens", "2", "--json")
    usual = cli(*generate, "--vector", "made")
    assert usual.json["arms"] == ["baseline", "made +1"]
    [used] = usual.json["interventions"][1]["interventions"]
    assert used["positions"] == "prompt:last=1+response"
    [layer] = used["layers"]
    said = " ".join(usual.err.split())
    assert f"made: add at layer {layer} of 0-9, the most separable (" in said
    assert "as caa does; --layers all for every layer." in said
    whole = cli(*generate, "--vector", "made", "--layers", "all", "--positions", "all")
    [used] = whole.json["interventions"][1]["interventions"]
    assert (used["layers"], used["positions"]) == (None, "all")
    assert "most separable" not in whole.err
    assert "cca" in cli(*extract[:-1], "cca", code=2).err


def test_kept_states_are_listed_reused_and_evicted(cli, upbeat):
    assert upbeat["environment"]["states_computed"] == 10
    assert "10 computed, 0 reused" in cli("vectors", "show", "upbeat").out
    listed = cli("db", "states", "--json").json
    [cache] = listed["caches"]
    assert (cache["model_name"], cache["site"], cache["n_texts"]) == ("tiny", "block_output", 10)
    assert listed["limit_bytes"] == 2**30
    assert "block_output" in cli("db", "states").out
    words = ("--set", "upbeat", "--method", "mean_difference", "--name", "mean", "--json")
    assert cli("vectors", "extract", *words).json["environment"]["states_reused"] == 10
    assert cli("db", "evict", "--keep", "1000000000", "--json").json["n_texts"] == 0
    assert "No model 'none'" in cli("db", "evict", "--model", "none", code=1).err
    assert "--keep" in cli("db", "evict", "--keep", "-1", code=1).err
    assert "10 texts" in cli("db", "evict", "--model", "tiny").out
    assert cli("db", "states", "--json").json["caches"] == []
    assert cli("db", "verify", "--json").json["problems"] == []
    again = cli("vectors", "explain", "mean", "--leave-one-out", "--json").json
    assert "not kept any more" in again["leave_one_out"]["states"]


def test_a_run_is_generated_found_compared_replayed_exported_and_purged(cli, upbeat, tmp_path):
    run = cli(*GENERATE, "--strength", "0", "0.1", "--name", "first", "--json").json
    assert run["arms"] == ["baseline", "upbeat +0.1"]
    assert [item["arm"] for item in run["generations"]] == run["arms"]
    found = cli(*GENERATE, "--strength", "0", "0.1", "--json")
    assert (found.json["id"], found.json["found"]) == (run["id"], True)
    assert "run 1 answers an equal request" in found.err
    shown = cli("runs", "show", "first").out
    assert "relative to the norm" in shown.replace("\n", " ")
    [row] = cli("runs", "compare", "first", "--json").json
    assert row["baseline"] == run["generations"][0]["text"]
    verdict = cli("runs", "replay", "first", "--json").json
    assert (verdict["identical"], verdict["generations"]) == (True, 2)
    assert "Identical" in cli("runs", "replay", "first").out
    listed = cli("runs", "list", "--json").json
    assert [item["replay_of"] for item in listed] == [run["id"], run["id"], None]
    for ending, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        path = tmp_path / f"texts.{ending}"
        cli("runs", "export", "first", str(path))
        assert list(read(path)["arm"]) == run["arms"]
    assert "not known" in cli("runs", "export", "first", str(tmp_path / "x.exe"), code=1).err
    cli("runs", "purge", "first", "--yes", code=1)  # its replays depend on it
    cli("runs", "purge", "first", "--cascade", "--yes")
    assert cli("runs", "list", "--json").json == []


def test_a_run_that_does_not_repeat_is_exit_code_1_and_names_the_token(cli, upbeat, monkeypatch):
    cli(*GENERATE, "--strength", "0.1")
    original = runs.token_ids

    def with_another_token(tx, run_id):
        return {key: (*ids[:-1], 0) for key, ids in original(tx, run_id).items()}

    monkeypatch.setattr(runs, "token_ids", with_another_token)
    out = cli("runs", "replay", "1", code=1).out.replace("\n", " ")
    assert "Different: nothing on record that changes rounding differs; 0 of 2 texts" in out
    assert "was 0 (" in out
    assert "Nothing recorded of the environment changed" in out
    found = cli("runs", "replay", "1", "--json", code=1).json
    assert (found["verdict"], found["unit"]) == ("unexplained", "nats")
    assert found["explanation"].startswith("nothing on record")


def test_a_run_shows_which_of_its_texts_rounding_may_change(cli, upbeat, monkeypatch):
    monkeypatch.setitem(margins.ROUNDING_NATS, "float32", 1e-9)
    run = cli(*GENERATE, "--strength", "0.1", "--json").json
    assert [item["fragile"] for item in run["generations"]] == [False, False]
    least = min(item["choice_margin"] for item in run["generations"])
    said = cli("runs", "show", "1").out.replace("\n", " ")
    assert "0 of 2 texts" in said
    assert f"the nearest: {least:.2g}" in said
    monkeypatch.setitem(margins.ROUNDING_NATS, "float32", 100.0)
    said = " ".join(cli("runs", "show", "1").out.split())
    assert "2 of 2 texts had a choice within what rounding can move, 1e+02 (nats)" in said
    assert f"sample 0: {least:.2g}" in said


def test_a_detached_job_is_listed_shown_cancelled_retried_and_worked_off(cli, upbeat):
    job = cli(*GENERATE, "--strength", "0.2", "--detach", "--json").json["job_id"]
    [queued] = cli("jobs", "list", "--state", "queued", "--json").json
    assert (queued["id"], queued["priority"]) == (job, 0)
    assert cli("jobs", "cancel", str(job), "--json").json["state"] == "cancelled"
    assert "jobs retry" in cli("jobs", "wait", str(job), code=1).err
    assert cli("jobs", "retry", str(job), "--json").json["state"] == "queued"
    assert "job" in cli("worker", "--drain", "--device", "cpu").out
    shown = cli("jobs", "show", str(job), "--json").json
    assert shown["state"] == "succeeded"
    assert [item["outcome"] for item in shown["attempts"]] == ["succeeded"]
    assert "run_id" in json.dumps(shown["result"])
    assert "succeeded" in cli("jobs", "show", str(job)).out
    assert "No job '99'" in cli("jobs", "show", "99", code=1).err


def test_what_takes_seconds_to_load_is_announced_to_a_terminal_alone(cli, monkeypatch):
    add = ("models", "add", "bundled:tiny")
    assert cli(*add).err == ""
    terminal = Console(stderr=True, force_terminal=True, width=200)
    monkeypatch.setattr(context, "stderr", terminal)
    assert "loading torch, then the files of bundled:tiny ..." in cli(*add).err


def test_models_are_listed_and_shown(cli, upbeat):
    [listed] = cli("models", "list", "--json").json
    assert (listed["name"], listed["source"]) == ("tiny", "bundled:tiny")
    assert cli("models", "show", "tiny", "--json").json["fingerprint"] == listed["fingerprint"]
    assert "models add" in cli("models", "show", "none", code=1).err
