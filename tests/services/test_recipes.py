"""A request written as a command or as Python asks for exactly the same run."""

import shlex
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from vectorlab.cli.main import app
from vectorlab.domain.layers import parse_layers
from vectorlab.domain.positions import Positions
from vectorlab.domain.runs import Combine, Decoding, Operator
from vectorlab.domain.schedules import Schedule
from vectorlab.domain.sets import Demonstration
from vectorlab.domain.vectors import Site
from vectorlab.lab import Lab
from vectorlab.services import jobs, recipes
from vectorlab.services.arms import SweepOptions
from vectorlab.services.recipes import Request

PLAIN = Request(
    model="tiny",
    prompts=('It\'s "quoted" $HOME\n\\ naïve 😀 ',),
    arms=("upbeat:0.1",),
    decoding=Decoding(max_new_tokens=4),
    seed=3,
)
FULL = replace(
    PLAIN,
    arms=("upbeat:0.1,upbeat-2:-0.2", "upbeat:0.25"),
    options=SweepOptions(
        operator=Operator.ADD,
        site=Site.BLOCK_OUTPUT,
        positions=Positions.parse("prompt:last=2"),
        layers=parse_layers("0-2"),
        schedule=Schedule.parse("first:3"),
        combine=Combine.SUM,
    ),
    decoding=Decoding(max_new_tokens=4, do_sample=True, temperature=0.7, top_k=5, top_p=0.9),
    samples=2,
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


@pytest.mark.parametrize("request_", [PLAIN, FULL], ids=["plain", "full"])
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
        "vectorlab.lab.RunVerbs.generate", lambda self, **given: self.request(**given)
    )
    with pytest.raises(AttributeError, match="to_frame"):  # a request has none
        exec(lines, {})
    job = asked(lab)
    assert job.dedupe_key == f"generate:{wanted.sha256}"
    jobs.cancel(lab.db, job.id, actor="ada")
