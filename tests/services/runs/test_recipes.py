"""A request written as a command or as Python asks for exactly the same run."""

import shlex
from dataclasses import fields, replace

import pytest
from typer.testing import CliRunner

from vectorlab.cli.main import app
from vectorlab.domain.interventions.arms import Combine
from vectorlab.domain.interventions.layer_ranges import parse_layers
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.runs.runs import Decoding, Prompt
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.vectors import Site
from vectorlab.lab import Lab
from vectorlab.services import jobs
from vectorlab.services.runs import recipes
from vectorlab.services.runs.arms import SweepOptions, Term
from vectorlab.services.runs.experiments import WantedExperiment
from vectorlab.services.runs.requests import GenerationRequest

PLAIN = GenerationRequest(
    model="tiny",
    prompts=(Prompt(text='It\'s "quoted" $HOME\n\\ naïve 😀 '),),
    arms=((Term(vector="upbeat", strength=0.1),),),
    decoding=Decoding(max_new_tokens=4),
    seed=3,
)
FULL = replace(
    PLAIN,
    arms=(
        (Term(vector="upbeat", strength=0.1), Term(vector="upbeat-2", strength=-0.2)),
        (Term(vector="upbeat", strength=1e-7, when="upbeat@2 cosine < 0.5"),),
    ),
    sweep=SweepOptions(
        operator=Operator.ADD,
        site=Site.BLOCK_OUTPUT,
        positions=Positions.parse("prompt:last=2"),
        layers=parse_layers("0-2"),
        schedule=Schedule.parse("first:3"),
        combine=Combine.SUM,
        when="upbeat@1 cosine > 0.1 over prompt:last=2",
        together=True,
    ),
    vectors=("upbeat", "upbeat-2"),
    strengths=(1234.567, -0.5),
    decoding=Decoding(
        max_new_tokens=4,
        do_sample=True,
        temperature=0.7,
        top_k=5,
        top_p=0.9,
        min_p=0.05,
        stop=("\n", "!"),
        kl=True,
    ),
    samples=2,
    dtype="bfloat16",
    add_special_tokens=False,
)


# All layers where one is usual, and no strength of the sweep.
WHOLE = replace(
    PLAIN,
    arms=((Term(vector="upbeat", strength=0.1, layers="all"),),),
    vectors=("upbeat",),
    sweep=SweepOptions(operator=Operator.ADD, layers="all"),
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipes") / "store.db"
    made = Lab(f"sqlite:///{path}", device="cpu")
    pairs = [Demonstration(source="It was ok.", target="Wow, great!!!")] * 2
    made.sets.commit("upbeat", pairs)
    made.vectors.extract(set="upbeat", name="upbeat")
    made.vectors.combine("2*upbeat", name="upbeat-2")
    yield made
    made.db.dispose()


def asked(lab):
    return jobs.list_jobs(lab.db)[0]


@pytest.mark.parametrize("request_", [PLAIN, FULL, WHOLE], ids=["plain", "full", "all"])
def test_command_and_code_ask_for_the_run_on_the_screen(lab, request_, monkeypatch):
    wanted = request_.spec(lab.db, lab.models.get("tiny"))
    words = shlex.split(recipes.command(request_).replace("\\\n", " "))
    assert words[0] == "vectorlab"
    done = CliRunner().invoke(app, ["--db", lab.db.url, *words[1:], "--detach"])
    assert done.exit_code == 0, done.output
    job = asked(lab)
    assert job.dedupe_key == f"generate:{wanted.sha256}"
    jobs.cancel(lab.db, job.id, actor="ada")

    monkeypatch.setenv("VECTORLAB_DATABASE_URL", lab.db.url)
    lines = recipes.code(request_)
    monkeypatch.setattr(
        "vectorlab.lab.runs.RunVerbs.generate", lambda self, **given: self.request(**given)
    )
    with pytest.raises(AttributeError, match="to_frame"):  # a request has none
        exec(lines, {})
    job = asked(lab)
    assert job.dedupe_key == f"generate:{wanted.sha256}"
    jobs.cancel(lab.db, job.id, actor="ada")


EXPERIMENT = WantedExperiment(
    vectors=("upbeat",), prompts=PLAIN.prompts, effect="length", decoding=Decoding(max_new_tokens=4)
)
FULL_EXPERIMENT = WantedExperiment(
    vectors=("upbeat", "upbeat-2"),
    pairs="upbeat@1",
    vector_name="mine",
    model="tiny",
    effect="regex:!!",
    prompts=PLAIN.prompts,
    prompt_set="upbeat@1",
    choose="upbeat@1",
    strengths=(0.25, 1.0),
    damage="reverse_kl<=0.2",
    lower_is_better=True,
    smallest=0.05,
    scorers=("length", "distinct"),
    random=2,
    shuffled=0,
    demonstrations=False,
    template="{source} -> {target}\n",
    shots=1,
    instruction="Be loud.\n",
    decoding=Decoding(max_new_tokens=4, stop=("\n",)),
    seed=3,
    add_special_tokens=False,
    dtype="bfloat16",
    name="mine",
)


@pytest.mark.parametrize("wanted", [EXPERIMENT, FULL_EXPERIMENT], ids=["plain", "full"])
def test_command_and_code_ask_for_the_experiment_on_the_screen(lab, wanted, monkeypatch):
    expected = lab.experiment.request(**{f.name: getattr(wanted, f.name) for f in fields(wanted)})
    jobs.cancel(lab.db, expected.job.id, actor="ada")
    words = shlex.split(recipes.command(wanted).replace("\\\n", " "))
    done = CliRunner().invoke(app, ["--db", lab.db.url, *words[1:], "--detach"])
    assert done.exit_code == 0, done.output
    job = asked(lab)
    assert job.spec == expected.job.spec
    jobs.cancel(lab.db, job.id, actor="ada")

    monkeypatch.setenv("VECTORLAB_DATABASE_URL", lab.db.url)
    monkeypatch.setattr(
        "vectorlab.lab.experiments.ExperimentVerbs.__call__",
        lambda self, **given: self.request(**given),
    )
    with pytest.raises(AttributeError, match="to_frame"):  # a request has none
        exec(recipes.code(wanted), {})
    job = asked(lab)
    assert job.spec == expected.job.spec
    jobs.cancel(lab.db, job.id, actor="ada")
