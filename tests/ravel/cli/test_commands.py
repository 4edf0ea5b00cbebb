"""``vectorlab ravel`` from import to export."""

import json

import pytest
from safetensors.numpy import load_file

from tests.ravel.unerased import add_unerased
from tests.store.builders import add_model, add_ravel
from vectorlab.config import Settings
from vectorlab.ravel.store import instances, results
from vectorlab.services.database import Database, open_store


@pytest.fixture
def filled() -> Database:
    """The default store with one of everything."""
    store = open_store(Settings.from_environment().database_url)
    with store.write() as tx:
        add_ravel(tx, add_model(tx))
    yield store
    store.dispose()


def test_cities_are_imported_once(cli):
    [first] = cli("ravel", "import", "cities", "--json").json
    assert (first["data"], first["new"], first["entities"]) == ("cities@1", True, 107)
    [again] = cli("ravel", "import", "cities", "--json").json
    assert (again["data"], again["new"]) == ("cities@1", False)
    shown = cli("ravel", "show", "cities", "--json").json
    assert shown["content_sha256"] == first["content_sha256"]
    assert [row["values"] for row in shown["attributes"][:2]] == [68, 6]
    assert "continent" in cli("ravel", "show", "cities@1").out


def test_what_is_there_is_listed_and_shown(cli, filled):
    listed = cli("ravel", "list", "--json").json
    assert [item["name"] for item in listed["instances"]] == ["things"]
    assert "things" in cli("ravel", "list").out
    instance = cli("ravel", "show", "things", "--examples", "2", "--json").json
    assert len(instance["examples"]) == 2
    run = cli("ravel", "show", "trial", "--json").json
    assert run["scores"][0]["cause"] == 1.0
    shown = cli("ravel", "show", "trial", "--examples", "1").out
    assert "do nothing" in shown
    assert "what edited runs said" in shown
    single = cli("ravel", "show", "trial", "--attribute", "colour", "--json").json
    assert single["scores"][0]["isolate"] == 1.0


@pytest.fixture
def unerased(filled) -> Database:
    """The same with a run of features that still tell the attribute once they are removed."""
    with filled.write() as tx:
        add_unerased(tx, made_of(tx))
    return filled


def made_of(tx) -> dict[str, object]:
    return {
        "instance": instances.get_instance(tx, "things"),
        "featurizer": results.featurizer_by_id(tx, 1),
    }


def test_what_was_measured_and_what_is_wrong_is_said_beside_scores(cli, unerased):
    run = cli("ravel", "show", "unerased", "--json").json
    assert run["measures"] == [
        {"arm": "rlap L1 k2", "target": "colour", "linear accuracy": 1.0, "after removal": 0.9,
         "majority": 0.25}
    ]  # fmt: skip
    assert run["scores"][0]["remark"].startswith("not erased: a linear classifier still tells 0.9")
    assert run["scores"][-1]["remark"] == ""
    words = " ".join(cli("ravel", "show", "unerased").out.split())
    assert "what making the features measured" in words
    assert "rlap L1 k2: not erased: a linear classifier still tells 0.900 of the states" in words
    assert "not erased" not in cli("ravel", "show", "trial").out


def test_a_featurizer_of_an_earlier_recipe_is_shown_with_a_remark(cli, filled):
    with filled.write() as tx:
        add_unerased(tx, made_of(tx), measures={})
    words = " ".join(cli("ravel", "show", "unerased").out.split())
    assert "made by an earlier recipe, which did not measure 'after removal'" in words


def test_arms_are_compared_by_the_rule_of_all_verdicts(cli, unerased):
    words = ("ravel", "compare", "trial", "unerased", "--baseline", "mdas L1 k2")
    rows = {(row["measure"], row["arm"]): row for row in cli(*words, "--json").json}
    assert set(rows) == {
        (measure, arm)
        for measure in ("cause", "isolate", "disentangle")
        for arm in ("rlap L1 k2", "do nothing", "copy everything")
    }
    lost = rows["cause", "rlap L1 k2"]
    assert (lost["mean"], lost["baseline"], lost["difference"]) == (0, 1, -1)
    # A single prompt tells nothing apart, however far it moved.
    assert (lost["p"], lost["verdict"]) == (1, "not told apart")
    assert lost["remark"].startswith("not erased")
    shown = " ".join(cli(*words).out.split())
    assert "disentangle on entity_test against mdas L1 k2 by base prompt; 3 verdicts" in shown
    assert "rlap L1 k2: not erased" in shown
    assert cli("ravel", "compare", "trial", "--attribute", "colour", "--json").json


def test_everything_can_be_written_to_files(cli, filled, tmp_path):
    data, instance = tmp_path / "thing.json", tmp_path / "instance.json"
    cli("ravel", "export", "thing@1", str(data))
    [again] = cli("ravel", "import", str(data), "--json").json
    assert (again["data"], again["new"]) == ("thing@1", False)
    cli("ravel", "export", "things", str(instance))
    written = json.loads(instance.read_text(encoding="utf-8"))
    assert len(written["examples"]) == 4
    assert {"input", "label", "source_input", "inv_label"} <= set(written["examples"][0])
    cli("ravel", "export", "trial", str(tmp_path / "run.csv"))
    assert "c1" in (tmp_path / "run.csv").read_text(encoding="utf-8")
    cli("ravel", "export", "featurizer:1", str(tmp_path / "f.safetensors"))
    assert load_file(tmp_path / "f.safetensors")["rows"].shape == (2, 8)


def test_runs_can_be_asked_for_without_waiting(cli, filled):
    words = ("ravel", "train", "things", "--method", "mdas", "--layer", "1", "--k", "2", "4")
    asked = cli(*words, "--detach", "--json").json
    job = cli("jobs", "show", str(asked["job_id"]), "--json").json
    spec = job["job"]["spec"] if "job" in job else job["spec"]
    assert [arm["label"] for arm in spec["spec"]["arms"]] == ["mdas L1 k2", "mdas L1 k4"]
    sweep = cli(
        "ravel", "sweep", "things", "--method", "full", "--layer", "0-2", "--detach", "--json"
    ).json
    assert sweep["job_id"] != asked["job_id"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("import", "nowhere"), "No built-in data 'nowhere'"),
        (("build", "thing@9"), "No entity data 'thing@9'"),
        (("train", "other", "--method", "full", "--layer", "0"), "No instance 'other'"),
        (("train", "things", "--method", "das", "--layer", "0", "--k", "9"), "k is 9"),
        (("score", "things", "--method", "full", "--layer", "3"), "Layer 3 does not exist"),
        (("score", "things", "--method", "full"), "No layer is given"),
        (("score", "things", "--vector", "v"), "give --attribute once, --from and --to"),
        (("score", "things"), "A run of 0 arms"),
        (("sweep", "things", "--method", "full", "--layer", "x"), "not understood"),
        (
            ("compare", "trial", "--baseline", "pca"),
            "There is no arm 'pca' on entity_test.",
        ),
        (("compare", "trial", "--attribute", "age"), "has no attribute 'age'. Use one of"),
        (("compare", "trial", "--part", "context_val"), "Nothing was scored in trial"),
        (("compare", "other"), "No run 'other'"),
        (("show", "nothing"), "No entity data, instance or run 'nothing'"),
        (("export", "featurizer:9", "out"), "No featurizer '9'"),
        (
            ("train", "things", "--method", "das", "--layer", "0", "--k", "2", "--parameter", "x"),
            "is not NAME=NUMBER",
        ),
    ],
)
def test_bad_input_is_one_line(cli, filled, words, message):
    failed = cli("ravel", *words, code=1)
    assert message in " ".join(failed.err.split())
