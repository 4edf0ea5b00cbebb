"""Controls beside the vectors of a new run: the request is that of ``runs sweep``."""

import shlex

import pytest
from typer.testing import CliRunner

from tests.ui.filled_store import PAIRS
from tests.ui.test_browser import work_off
from tests.ui.test_pages import press, shown
from vectorlab.cli.main import app as command_line
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.lab import Lab
from vectorlab.services import jobs
from vectorlab.services.runs import runs
from vectorlab.services.sets import sets
from vectorlab.services.vectors import vectors

SWEPT = {"vector": "upbeat-icv", "strength": "0.1 0.2", "prompt": "Say: "}
NAMES = ("upbeat-icv", "upbeat-icv-random-0", "upbeat-icv-random-1")


def arms(job):
    return [arm["label"] for arm in job.spec["spec"]["arms"]]


def newest(db):
    return jobs.list_jobs(db)[0]


def expanders(app):
    assert not app.exception
    return [item.label for item in app.expander]


def test_without_vectors_or_strengths_there_is_nothing_to_control(filled, visit):
    assert "Add controls" not in expanders(visit("new_run"))
    assert "Add controls" not in expanders(visit("new_run", vector="upbeat-icv", strength=""))
    assert "Add controls" in expanders(visit("new_run", **SWEPT))
    assert "Add controls" not in expanders(visit("playground", vector="upbeat-icv"))


def test_random_directions_and_demonstrations_are_arms_of_the_run(filled, visit):
    app = visit("new_run", random="2", in_context="upbeat@2", **SWEPT)
    assert "8 texts." in shown(app)
    assert ".." not in shown(app)
    assert len(vectors.list_vectors(filled)) == 1  # nothing is made before it is asked for
    press(app, "Generate")
    job = newest(filled)
    steered = [f"{name} {strength}" for name in NAMES for strength in ("+0.1", "+0.2")]
    assert arms(job) == ["baseline", *steered, "4 demonstrations in the prompt"]


def test_what_no_sweep_can_do_is_said_in_the_form(filled, visit):
    vectors.combine(filled, name="twice", terms=[(2.0, "upbeat-icv")], actor="ada")
    two = SWEPT | {"vector": ["upbeat-icv", "twice"]}
    app = visit("new_run", random="1", together="true", **two)
    assert "A sweep tries its vectors one by one" in shown(app)
    assert next(item for item in app.button if item.label == "Generate").disabled
    app = visit("new_run", random="1", arms="missing:0.1", **SWEPT)
    assert "No vector &#x27;missing&#x27;" in shown(app)
    assert next(item for item in app.button if item.label == "Generate").disabled


@pytest.fixture
def real(db):
    """A store with a vector of the bundled model."""
    lab = Lab(device="cpu")
    pairs = [Demonstration(source=source, target=target) for source, target in PAIRS[:3]]
    sets.commit(db, name="upbeat", demonstrations=pairs, message="first", actor="ada")
    lab.vectors.extract(set="upbeat@1", model="tiny", name="upbeat-icv")
    yield db
    lab.db.dispose()


def test_shuffled_vectors_are_extracted_first_and_the_run_is_asked_for_then(real, visit):
    app = visit("new_run", shuffled="2", tokens="2", **SWEPT)
    app = press(app, "Generate")
    assert [job.kind for job in jobs.list_jobs(real)][:2] == ["extract", "extract"]
    assert "Control vectors are extracted first" in shown(app)
    work_off(real)
    app = app.run()
    job = newest(real)
    assert app.query_params["job"] == str(job.id)
    assert arms(job)[3:] == [
        f"upbeat-icv-shuffled-{seed} {strength}" for seed in (0, 1) for strength in ("+0.1", "+0.2")
    ]
    assert "Control vectors are extracted first" not in shown(app)
    work_off(real)
    assert len(runs.get(real, "1").spec.arms) == 7


def test_the_command_asks_for_exactly_the_same(real, visit):
    more = {"random": "1", "in_context": "upbeat@1", "layers": "0-1", "samples": "2"}
    app = visit("new_run", decoding="sampled", tokens="2", **more, **SWEPT)
    command = next(block.value for block in app.code if block.language == "bash")
    assert command.startswith("vectorlab runs sweep")
    press(app, "Generate")
    job = newest(real)
    words = [*shlex.split(command.replace("\\\n", " "))[1:], "--detach", "--json"]
    said = CliRunner().invoke(command_line, words, catch_exceptions=False)
    assert said.exit_code == 0, said.output
    assert newest(real).id == job.id


def test_a_vector_without_demonstrations_has_no_shuffled_control(filled, visit):
    vectors.combine(filled, name="twice", terms=[(2.0, "upbeat-icv")], actor="ada")
    app = visit("new_run", shuffled="1", **SWEPT | {"vector": "twice"})
    app = press(app, "Generate")
    assert "it has no demonstrations to shuffle" in shown(app)
    assert "job" not in app.query_params
