"""A chat model takes part in sweeps and calibrations, and they can say what a run can."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import vectorlab
from vectorlab.cli.main import app
from vectorlab.domain.interventions.arms import Combine
from vectorlab.domain.interventions.conditions import ThresholdSide
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.jobs.requests import GenerateRequest
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError
from vectorlab.lab import Lab
from vectorlab.services.runs.arms import SweepOptions
from vectorlab.services.vectors import calibrations

TEMPLATE = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
TINY = Path(vectorlab.__file__).parent / "models" / "tiny"
PROMPTS = ["It was ok.", "The soup was cold."]
WHEN = "upbeat@1 cosine > -1.0"
DRAWS = ("--sample", "--temperature", "0.7", "--top-k", "5", "--top-p", "0.9", "--min-p", "0.05")
READING = ("--system", "Be brief.", "--dtype", "bfloat16", "--no-special-tokens", "--stop", ".")
SHORT = Decoding(max_new_tokens=2)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat")
    shutil.copytree(TINY, folder / "model")
    (folder / "model" / "chat_template.jinja").write_text(TEMPLATE)
    made = Lab(f"sqlite:///{folder / 'store.db'}", device="cpu")
    made.models.add(str(folder / "model"), name="chatty")
    made.sets.commit("upbeat", [Demonstration(source="It was ok.", target="Wow, great!!!")] * 2)
    made.vectors.extract(set="upbeat", name="upbeat", model="chatty")
    yield made
    made.db.dispose()


def ask(lab, *words):
    done = CliRunner().invoke(app, ["--db", lab.db.url, *words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_sweep_says_what_a_run_says(lab):
    shared = ("--model", "chatty", "--vector", "upbeat", "--strength", "0.1", "--when", WHEN)
    shared += ("--combine", "sum", "--prompt", PROMPTS[0], "--max-new-tokens", "2", "--kl")
    shared += ("--schedule", "first:1", *DRAWS, *READING)
    swept = lab.runs.get(str(ask(lab, "runs", "sweep", *shared)["id"])).run
    generated = lab.runs.get(str(ask(lab, "runs", "generate", *shared)["id"])).run
    assert generated.id == swept.id  # the same request is found
    spec = swept.spec
    assert spec.chat is not None
    assert (spec.chat.system, spec.dtype, spec.add_special_tokens) == (
        "Be brief.",
        "bfloat16",
        False,
    )
    decoding = spec.decoding
    assert (decoding.temperature, decoding.top_k, decoding.top_p) == (0.7, 5, 0.9)
    assert (decoding.min_p, decoding.stop, decoding.kl) == (0.05, (".",), True)
    [item] = spec.arms[1].interventions
    assert item.condition is not None
    assert (str(item.schedule), spec.arms[1].combine) == ("first:1", Combine.SUM)


def test_a_budget_counts_what_a_chat_model_reads(lab):
    asked = {"vectors": "upbeat", "strengths": [0.1], "prompts": PROMPTS, "model": "chatty"}
    plain = lab.runs.request_sweep(**asked, decoding=SHORT).fitted
    chat = lab.runs.request_sweep(**asked, decoding=SHORT, system="Be brief.").fitted
    assert chat.tokens > plain.tokens
    view = lab.runs.sweep(**asked, decoding=SHORT, system="Be brief.")
    read = lab.runs.count_tokens(view.run, PROMPTS)
    written = len(PROMPTS) * len(view.run.spec.arms) * SHORT.max_new_tokens
    assert chat.tokens == len(view.run.spec.arms) * sum(read) + written


def test_a_calibration_says_what_a_run_says(lab):
    words = ("--effect", "length:characters", "--model", "chatty", "--max-new-tokens", "3")
    words += ("--prompt", PROMPTS[0], "--prompt", PROMPTS[1], "--damage", "kl<=5")
    words += ("--when", WHEN, "--schedule", "first:2", "--seed", "3", *DRAWS, *READING)
    made = ask(lab, "vectors", "calibrate", "upbeat", *words)
    spec = calibrations.get(lab.db, made["id"]).spec
    assert spec.chat is not None
    assert (spec.chat.system, spec.dtype, spec.seed) == ("Be brief.", "bfloat16", 3)
    assert spec.add_special_tokens is False
    assert (spec.decoding.min_p, spec.decoding.stop) == (0.05, (".",))
    assert spec.condition is not None
    assert spec.condition.comparison is ThresholdSide.ABOVE
    assert str(spec.schedule) == "first:2"
    assert made["request"]["condition"]["threshold"] == -1.0
    again = ask(lab, "vectors", "calibrate", "upbeat", *words)
    assert again["id"] == made["id"]


def test_a_calibrated_strength_is_that_of_the_same_course(lab):
    asked = {
        "effect": "length:characters",
        "prompts": PROMPTS,
        "model": "chatty",
        "damage": "kl<=0.05",
        "decoding": SHORT,
    }
    use = SweepOptions(calibrated=True, layers=(1, 2))
    run = {"prompts": PROMPTS, "model": "chatty", "vectors": "upbeat", "strengths": [1.0]}
    conditional = lab.vectors.calibrate("upbeat", when=WHEN, layers=((1, 2),), **asked)
    with pytest.raises(InputError, match="not calibrated"):
        lab.runs.request(**run, sweep=use)  # what holds under a condition does not hold always
    always = lab.vectors.calibrate("upbeat", layers=((1, 2),), first=0.01, **asked)

    def strength(**options):
        sweep = SweepOptions(calibrated=True, layers=(1, 2), **options)
        job = lab.runs.request(**run, sweep=sweep).job
        [intervention] = job.request(GenerateRequest).spec.arms[1].interventions
        return intervention.strength

    assert strength() == always.strength
    assert strength(when=WHEN) == conditional.strength
    assert strength(schedule=Schedule.parse("first:3")) == always.strength


def test_a_condition_that_comes_too_late_is_refused_before_anything_is_computed(lab):
    late = "upbeat@3 cosine > 0.1 over response:last=2"
    with pytest.raises(InputError, match="too late"):
        lab.vectors.request_calibration(
            "upbeat",
            effect="length",
            prompts=PROMPTS,
            model="chatty",
            when=late,
            positions=Positions.RESPONSE,
        )


def test_a_model_without_a_chat_template_is_told(lab):
    with pytest.raises(InputError, match="'tiny' has no chat template"):
        lab.runs.request_sweep(
            vectors="upbeat",
            strengths=[0.1],
            prompts=PROMPTS,
            model="tiny",
            other_model=True,
            chat=True,
        )
