"""The page of experiments: what is asked, what is under way, and what was shown."""

import json
import shlex
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from tests.ui.experiments import add_experiment
from tests.ui.filled_store import add_chat, description
from tests.ui.frame.test_downloads import offered  # noqa: F401 (a fixture)
from tests.ui.test_pages import press, shown
from vectorlab.cli.main import app as command_line
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE, PartialText
from vectorlab.domain.jobs.requests import ExperimentRequest
from vectorlab.services import jobs, models
from vectorlab.services.runs import conversations, verdicts
from vectorlab.services.sets import sets
from vectorlab.store.jobs import queue

PASTED = "pairs that I paste"
PAIRS = "The soup was cold.\tWow, so cold!!!\n\nIt was late. -> Ugh, so very late!!!"
PROMPTS = "One:\nTwo:\nThree:"


def newest(db):
    return jobs.list_jobs(db)[0]


def labels(app):
    return [item.label for item in app.button]


def test_pasted_pairs_become_a_set_and_a_job_that_is_followed(filled, visit):
    app = visit("experiment", about=PASTED, pairs=PAIRS, prompt=PROMPTS, model="tiny")
    assert "2 pairs." in shown(app)
    app = press(app, "Run the experiment")
    frozen = sets.get(filled, "pasted@1")
    assert [(d.source, d.target) for d in sets.demonstrations(filled, frozen)] == [
        ("The soup was cold.", "Wow, so cold!!!"),
        ("It was late.", "Ugh, so very late!!!"),
    ]
    job = newest(filled)
    request = job.request(ExperimentRequest)
    assert (job.priority, request.extracted_from) == (PRIORITY_INTERACTIVE, frozen.id)
    assert [prompt.text for prompt in request.spec.judging] == ["One:", "Three:"]
    assert [prompt.text for prompt in request.spec.choosing] == ["Two:"]
    assert [arm.label for arm in request.spec.prompting] == ["2 demonstrations in the prompt"]
    assert app.title[0].value == "Experiment under way"
    assert "It goes on when this page is closed." in shown(app)


def test_fields_of_the_form_are_what_is_asked(filled, visit):
    app = visit(
        "experiment",
        vector="upbeat-icv",
        prompts="upbeat@1",
        choose="upbeat@2",
        effect="regex:!!",
        lower="true",
        damage="reverse_kl<=0.2",
        smallest="0.1",
        shares="0.25 1",
        random="2",
        shuffled="0",
        demonstrations="false",
        instruction="Be calm.",
        tokens="9",
        stop="\\n",
        run_name="mine",
    )
    command = next(block.value for block in app.code if block.language == "bash")
    press(app, "Run the experiment")
    job = newest(filled)
    spec = job.request(ExperimentRequest).spec
    assert (spec.effect.label, spec.damage.label, spec.budget) == ("regex:!!", "reverse_kl", 0.2)
    assert (spec.lower_is_better, spec.smallest, spec.shares) == (True, 0.1, (0.25, 1.0))
    assert (spec.random, spec.shuffled) == (2, 0)
    assert [arm.prefix for arm in spec.prompting] == ["Be calm.\n"]
    assert (spec.decoding.max_new_tokens, spec.decoding.stop) == (9, ("\n",))
    assert len(spec.judging) == len(spec.choosing) == 4
    # The command on the page asks for the same.
    jobs.cancel(filled, job.id, actor="ada")
    words = shlex.split(command.replace("\\\n", " "))
    done = CliRunner().invoke(command_line, ["--db", filled.url, *words[1:], "--detach"])
    assert done.exit_code == 0, done.output
    assert newest(filled).spec == job.spec


def test_an_experiment_goes_on_with_a_conversation_as_a_run_does(filled, visit):
    described = replace(description(), chat_template_sha256="c" * 64, weights_sha256="9" * 64)
    talks = models.register(filled, name="talks", description=described, actor="ada")
    begun = add_chat(filled, talks, name="begun")
    asked = {"about": PASTED, "pairs": PAIRS, "prompt": PROMPTS, "model": "talks"}
    chat = {"after": "begun:0", "system": "Be brief.", "special_tokens": "false"}
    app = visit("experiment", **asked, **chat)
    command = next(block.value for block in app.code if block.language == "bash")
    app = press(app, "Run the experiment")
    job = newest(filled)
    spec = job.request(ExperimentRequest).spec
    assert spec.chat == replace(conversations.up_to(filled, f"{begun.id}:0"), system="Be brief.")
    assert not spec.add_special_tokens
    # The command on the page asks for the same.
    jobs.cancel(filled, job.id, actor="ada")
    words = shlex.split(command.replace("\\\n", " "))
    done = CliRunner().invoke(command_line, ["--db", filled.url, *words[1:], "--detach"])
    assert done.exit_code == 0, done.output
    assert newest(filled).spec == job.spec
    for wrong, words in (({"after": "begun:3"}, "has no arm"), ({"as_chat": "true"}, None)):
        app = press(visit("experiment", **asked, **wrong), "Run the experiment")
        assert words is None or words in shown(app)
    begins = newest(filled).request(ExperimentRequest).spec.chat
    assert (begins.system, begins.earlier) == (None, ())


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ({"about": PASTED, "pairs": "no pair", "prompt": "x"}, "Line 1 is no pair"),
        ({"vector": "upbeat-icv", "prompt": "x", "shares": "much"}, "are not numbers"),
        ({"vector": "upbeat-icv"}, "Choose a set version of prompts, or type some."),
        ({"about": PASTED, "prompt": "x"}, "Paste pairs to extract a vector from."),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_nothing_is_asked(filled, visit, selection, words):
    before = newest(filled).id
    app = visit("experiment", **selection)
    assert words in shown(app)
    assert next(item for item in app.button if item.label == "Run the experiment").disabled
    assert newest(filled).id == before


def test_a_budget_that_cannot_be_read_is_refused_in_words(filled, visit):
    app = visit("experiment", vector="upbeat-icv", prompt="x\ny", damage="little")
    app = press(app, "Run the experiment")
    assert "is not understood. Write for example kl&lt;=0.1" in shown(app)
    assert newest(filled).kind == "generate"


def test_parts_and_texts_are_shown_while_they_grow(filled, visit):
    app = press(
        visit("experiment", vector="upbeat-icv", prompt=PROMPTS, shuffled="0"),
        "Run the experiment",
    )
    job = newest(filled)
    with filled.write() as tx:
        queue.claim(tx, worker_id="host-1-abc", lease_s=60, job_id=job.id)
        waiting = 2  # the generation of the filled store
        queue.claim(tx, worker_id="host-1-abc", lease_s=60, job_id=waiting)
        text = PartialText(prompt=0, arm=0, sample=0, text="It was <b>")
        queue.report_progress(tx, waiting, 1, 1, 2, "tokens", rate=None, partials=[text])
        for seq, part in enumerate(
            ({"what": "calibration of x", "job_id": None}, {"what": "texts", "job_id": waiting})
        ):
            queue.save_chunk(tx, job.id, 1, seq, json.dumps(part).encode())
    said = shown(app.run())
    assert "calibration of x" in said
    assert "found" in said
    assert "It was &lt;b&gt;" in said
    assert f"job={waiting}" in said


def test_the_verdict_comes_first_then_the_frontier_then_the_texts(filled, visit, offered):  # noqa: F811
    run = add_experiment(filled)
    app = visit("experiment", run=str(run.id))
    [verdict] = verdicts.get(filled, str(run.id)).verdicts
    said = shown(app)
    assert verdict.headline == "upbeat-icv moves sentiment more than every control does."
    places = [
        said.index(words)
        for words in (verdict.headline, "Effect against damage", "vector, calibrated", "Texts")
    ]
    assert places == sorted(places)
    assert "p0 a0 s0" in said
    chart = json.loads(app.get("vega_lite_chart")[0].proto.spec)
    words = json.dumps(chart)
    assert "change of sentiment" in words
    assert "datum.chosen" in words  # a ring around the calibrated strength
    page = offered[None]()
    assert verdict.text.split(";")[0] in page.replace("&#x27;", "'")


def test_a_run_that_is_no_experiment_says_so(filled, visit):
    assert "says nothing of an experiment" in shown(visit("experiment", run="1"))


def test_experiments_that_have_ended_are_listed_and_found_again(filled, visit):
    run = add_experiment(filled)
    said = shown(visit("experiment"))
    assert "upbeat-icv moves sentiment more than every control does." in said
    assert f"run={run.id}" in said
    job = next(job for job in jobs.list_jobs(filled) if job.kind == "experiment")
    app = visit("experiment", job=str(job.id))
    assert app.title[0].value == f"Experiment: run {run.id}"
