"""Whatever is shown, compared or exported says all that was asked for."""

import json

import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from vectorlab.cli.main import app
from vectorlab.domain.codec import whole
from vectorlab.domain.interventions.arms import Combine
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.runs.comparison import settings_of
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.passages import ChatForm
from vectorlab.domain.vectors.vectors import ExtractionSpec, TokenRule
from vectorlab.lab import Lab
from vectorlab.services.runs import report
from vectorlab.services.runs.arms import SweepOptions, Term, parse_arm, spell_arm

PROMPTS = ["It was ok.", "The soup was cold."]
WHEN = "upbeat@2 cosine > -1.0"

OF_TOKENS = "KL(steered || unsteered) of every token"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "store.db"
    made = Lab(f"sqlite:///{path}", device="cpu")
    pairs = [
        Demonstration(source="It was ok.", target="Wow, great!!!", metadata={"kind": "food"}),
        Demonstration(source="The soup was cold.", target="The soup was superb!"),
    ]
    made.sets.commit("upbeat", [pairs[0], pairs[0]])
    made.vectors.extract(set="upbeat", name="upbeat")
    made.vectors.normalise("upbeat", name="unit")
    made.vectors.extract(
        set="upbeat",
        name="slots",
        template="A {kind} review: {text}",
        token_rule=TokenRule("slot:text"),
        strip_punctuation=True,
        dtype="bfloat16",
    )
    yield made
    made.db.dispose()


def generate(lab, **request):
    asked = {"prompts": PROMPTS[:1], "decoding": Decoding(max_new_tokens=2)} | request
    return lab.runs.generate(**asked).run


def show(lab, *words):
    done = CliRunner().invoke(app, ["--db", lab.db.url, *words], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def header_of(path):
    with safe_open(path, framework="numpy") as file:
        return json.loads(file.metadata()["vectorlab"])


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"decoding": Decoding(max_new_tokens=2, do_sample=True, min_p=0.3)}, "min-p"),
        (
            {"decoding": Decoding(max_new_tokens=2, do_sample=True, kl=True)},
            OF_TOKENS,
        ),
        ({"sweep": SweepOptions(combine=Combine.SUM)}, "arm upbeat +0.1, unit +0.1"),
        ({"add_special_tokens": False}, "special tokens"),
        ({"prompts": ["It was good."]}, "prompts"),
    ],
)
def test_two_runs_that_differ_in_one_setting_are_not_called_alike(lab, change, line):
    asked = {
        "decoding": Decoding(max_new_tokens=2, do_sample=True),
        "arms": ["upbeat:0.1,unit:0.1"],
    }
    one, other = generate(lab, **asked), generate(lab, **{**asked, **change})
    assert line in [item.name for item in settings_of([one, other]) if item.differs]


def test_a_conditional_arm_is_never_told_as_one_that_always_acts(lab):
    sweep = SweepOptions(when=WHEN, schedule=Schedule.parse("first:4"))
    swept = generate(lab, vectors=["upbeat"], strengths=[0.1], sweep=sweep)
    label = f"upbeat +0.1 (first:4, when {WHEN})"
    assert [arm.label for arm in swept.spec.arms] == ["baseline", label]
    for name, words in {
        "report": str(report.run_report(lab.db, [str(swept.id)])),
        "show": show(lab, "runs", "show", str(swept.id)),
        "settings": str(settings_of([swept, generate(lab)])),
    }.items():
        assert "schedule first:4" in words, name
        assert "when measure cosine, vector" in words, name
        assert "side >, threshold -1" in words, name
    written = generate(lab, arms=["upbeat:0.1"], sweep=SweepOptions(when=WHEN))
    assert written.spec.arms[1].label == f"upbeat +0.1 (when {WHEN})"
    own = generate(lab, arms=[f"upbeat:0.1:schedule=first:4:when={WHEN}"])
    assert own.spec.arms[1].label == label


def test_labels_of_arms_that_always_act_are_those_of_before(lab):
    """They are part of the hash of a request."""
    run = generate(
        lab,
        vectors=["upbeat"],
        strengths=[0.1],
        arms=["upbeat:0.2:positions=prompt,unit:-1:operator=add:layers=0-1"],
        sweep=SweepOptions(layers=(0, 1, 2)),
    )
    assert [arm.label for arm in run.spec.arms[1:]] == [
        "upbeat +0.1",
        "upbeat +0.2 (prompt), unit -1 (add, layers 0-1)",
    ]


@pytest.mark.parametrize("strength", [1234.567, 1e-7, -0.1, 0.1 + 0.2])
def test_a_strength_keeps_every_digit_on_its_way(strength):
    terms = (
        Term(vector="a", strength=strength),
        Term(
            vector="b",
            strength=2.0,
            layers=(0, 1, 3),
            schedule=Schedule.parse("first:8"),
            when=WHEN,
        ),
    )
    assert parse_arm(spell_arm(terms)) == terms


def test_an_exported_vector_says_how_its_texts_were_read(lab, tmp_path):
    path = tmp_path / "slots.safetensors"
    lab.vectors.export("slots", path)
    header, vector = header_of(path), lab.vectors.get("slots")
    [said] = header["extractions"].values()
    assert list(header["extractions"]) == [vector.content_sha256]
    expected = {
        "template": "A {kind} review: {text}",
        "token_rule": "slot:text",
        "chat": "none",
        "thinking": None,
        "strip_punctuation": True,
        "add_special_tokens": True,
        "dtype": "bfloat16",
    }
    assert {name: said[name] for name in expected} == expected
    spec = ExtractionSpec.from_json(said)
    assert spec.sha256 == vector.spec_sha256
    assert whole(spec) == said

    lab.vectors.normalise("slots", name="unit-slots")
    for name in ("slots", "unit-slots"):  # what is made of it says so too
        lab.vectors.export(name, path)
        assert header_of(path)["extractions"] == header["extractions"]
        assert header_of(path)["normalised"] is (name == "unit-slots")

    again = show(lab, "vectors", "import", str(path), "--name", "again")
    assert "again" in again
    lab.vectors.export("again", tmp_path / "again.safetensors")
    assert header_of(tmp_path / "again.safetensors")["extractions"] == header["extractions"]


def test_a_file_that_was_exported_before_still_imports(lab, tmp_path):
    path, old = tmp_path / "new.safetensors", tmp_path / "old.safetensors"
    lab.vectors.export("upbeat", path)
    header = header_of(path)
    del header["extractions"]
    save_file(load_file(path), old, metadata={"vectorlab": json.dumps(header)})
    show(lab, "vectors", "import", str(old), "--name", "old")
    assert lab.vectors.get("old").content_sha256 == lab.vectors.get("upbeat").content_sha256


def test_a_vector_shows_how_its_texts_were_read(lab):
    said = show(lab, "vectors", "show", "slots")
    for words in ("template 'A {kind} review: {text}'", "punctuation deleted yes", "bfloat16"):
        assert words in said
    assert ChatForm.NONE.value in said


def test_a_run_is_described_in_a_notebook(lab):
    view = lab.runs.generate(prompts=PROMPTS[:1], decoding=Decoding(max_new_tokens=2, kl=True))
    facts = view.settings().set_index("name")
    assert facts.loc[OF_TOKENS, "value"] == "yes"
    assert facts.loc["arm baseline", "value"] == "nothing"
