"""The form of a run has a widget for every field of its request, on both pages that draw it."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace

import pytest

from tests.ui.filled_store import add_chat, description
from tests.ui.test_browser import work_off
from tests.ui.test_pages import press, shown
from vectorlab.domain.jobs.jobs import NewJob
from vectorlab.domain.runs.runs import Decoding
from vectorlab.services import jobs, models
from vectorlab.services.runs import scores
from vectorlab.services.runs.arms import SweepOptions
from vectorlab.services.runs.requests import GenerationRequest
from vectorlab.services.vectors import vectors
from vectorlab.store.jobs import queue

PAGES = ("new_run", "playground")
PARTS = {"decoding": Decoding, "sweep": SweepOptions}  # of a request, with fields of their own
USED = {"vector": "upbeat-icv", "strength": "0.3"}
SAMPLED = {"decoding": "sampled"}
# Field -> what an address says to set it, and what the command for the same run says then.
CHOICES = {
    "model": ({"model": "talks"}, "--model talks"),
    "other_model": ({"model": "talks", "other_model": "true"}, "--other-model"),
    "prompts": ({"prompt": "Another: "}, "--prompt 'Another: '"),
    "vectors": (USED, "--vector upbeat-icv"),
    "strengths": (USED, "--strength 0.3"),
    "arms": ({"arms": "upbeat-icv:0.7"}, "--arm upbeat-icv:0.7"),
    "samples": ({**SAMPLED, "samples": "3"}, "--samples 3"),
    "seed": ({"seed": "5"}, "--seed 5"),
    "add_special_tokens": ({"special_tokens": "false"}, "--no-special-tokens"),
    "dtype": ({"dtype": "bfloat16"}, "--dtype bfloat16"),
    "chat": ({"model": "talks", "as_chat": "true"}, "--chat"),
    "system": ({"model": "talks", "system": "Be brief."}, "--system 'Be brief.'"),
    "after": ({"model": "talks", "after": "begun:0"}, "--after begun:0"),
    "sweep.operator": ({"operator": "add"}, "--operator add"),
    "sweep.site": ({"site": "block_output"}, "--site block_output"),
    "sweep.positions": ({"positions": "prompt:last=2"}, "--positions prompt:last=2"),
    "sweep.layers": ({"layers": "0-2"}, "--layers 0-2"),
    "sweep.schedule": ({"schedule": "first:8"}, "--schedule first:8"),
    "sweep.when": ({"when": "upbeat-icv@1 cosine > 0.2"}, "--when 'upbeat-icv@1 cosine > 0.2'"),
    "sweep.together": ({"vector": ["upbeat-icv", "twice"], "together": "true"}, "--together"),
    "sweep.combine": ({"combine": "sum"}, "--combine sum"),
    "sweep.calibrated": ({"calibrated": "true"}, "--calibrated"),
    "decoding.do_sample": (SAMPLED, "--sample"),
    "decoding.temperature": ({**SAMPLED, "temperature": "0.5"}, "--temperature 0.5"),
    "decoding.top_k": ({**SAMPLED, "top_k": "7"}, "--top-k 7"),
    "decoding.top_p": ({**SAMPLED, "top_p": "0.9"}, "--top-p 0.9"),
    "decoding.min_p": ({**SAMPLED, "min_p": "0.2"}, "--min-p 0.2"),
    "decoding.max_new_tokens": ({"tokens": "9"}, "--max-new-tokens 9"),
    "decoding.stop": ({"stop": "end\n\\n"}, "--stop end --stop '\\n'"),
    "decoding.kl": ({"kl": "true"}, "--kl"),
}


@pytest.fixture
def store(filled):
    """With a model of the same shape that chats and what it said, and a second vector."""
    described = replace(description(), chat_template_sha256="c" * 64, weights_sha256="9" * 64)
    talks = models.register(filled, name="talks", description=described, actor="ada")
    add_chat(filled, talks, name="begun")
    vectors.combine(filled, name="twice", terms=[(2.0, "upbeat-icv")], actor="ada")
    return filled


def leaves(kind: type, before: str = "") -> Iterator[str]:
    for field in fields(kind):
        if field.name in PARTS:
            assert is_dataclass(PARTS[field.name])
            yield from leaves(PARTS[field.name], f"{field.name}.")
        else:
            yield before + field.name


def said(app) -> str:
    """The command for the same run; empty where the form is not whole."""
    assert not app.exception
    return next((item.value for item in app.code if "runs generate" in item.value), "")


def test_every_field_of_a_request_is_among_the_choices():
    assert set(leaves(GenerationRequest)) == set(CHOICES)


@pytest.mark.parametrize("page", PAGES)
def test_every_field_of_a_request_is_set_by_a_widget(store, visit, page):
    usual = {"model": "tiny", "prompt": "Say: "}
    plain = said(visit(page, **usual))
    assert plain
    lost = {
        field
        for field, (selection, words) in CHOICES.items()
        if words in plain or words not in said(visit(page, **{**usual, **selection}))
    }
    assert not lost


@pytest.mark.parametrize("page", PAGES)
def test_written_prompts_and_those_of_a_set_version_are_asked_for_together(store, visit, page):
    app = visit(page, prompt="Say: ", prompts="upbeat@1")
    assert "--prompts upbeat@1" in said(app)
    assert "--prompt 'Say: '" in said(app)
    press(app, "Generate")
    job = jobs.list_jobs(store)[0]
    texts = [text for text, _ in job.spec["spec"]["prompts"]]
    assert (texts[0], len(texts)) == ("Say: ", 5)
    assert job.spec["prompt_set_version_id"] == 1


@pytest.mark.parametrize("page", PAGES)
def test_what_was_chosen_for_a_new_vector_is_not_taken_for_a_run(store, visit, page):
    app = visit("new_vector", set="upbeat@1").switch_page(f"app_pages/{page}.py").run()
    app = app.text_area(key="prompt").set_value("Say: ").run()
    assert "--prompt 'Say: '" in said(app)
    assert "--chat" not in said(app)


@pytest.mark.parametrize("page", PAGES)
def test_the_rest_of_the_form_stands_where_a_field_cannot_be_read(store, visit, page):
    app = visit(page, prompt="Say: ", vector="upbeat-icv", positions="nowhere")
    assert "not understood" in shown(app)
    assert app.text_area(key="prompt").value == "Say: "
    assert next(item for item in app.button if item.label == "Generate").disabled


def test_scorers_are_chips_of_a_new_run_those_without_options_first(filled, visit):
    app = visit("new_run", scorer=["length", "regex"], of_regex="!!", prompt="Say: ")
    chips = app.pills(key="scorer")
    assert chips.value == ["length", "regex"]
    assert "votes" not in chips.options  # there is nothing to vote on yet
    first, last = chips.options.index("regex"), chips.options.index("distinct")
    assert last < first
    said = shown(app)
    assert "vectorlab runs score RUN --scorer length --scorer &#x27;regex:!!&#x27;" in said or (
        "vectorlab runs score RUN --scorer length --scorer 'regex:!!'" in said
    )
    assert "run.score('length', 'regex:!!')" in said
    app = press(app, "Generate")
    job = jobs.list_jobs(filled)[0]
    assert [entry["label"] for entry in job.spec["scorers"]] == ["length", "regex:!!"]
    assert app.query_params["job"] == str(job.id)
    assert "then scores by length, regex:!!" in shown(app)


def test_a_scorer_that_cannot_be_read_is_said_and_not_asked(filled, visit):
    app = visit("new_run", scorer="length", of_length="unit=miles", prompt="Say: ")
    assert "unit=&#x27;miles&#x27; of scorer &#x27;length&#x27; is unknown" in shown(app)
    [generate] = [item for item in app.button if item.label == "Generate"]
    assert generate.disabled


def test_the_scores_of_a_new_run_are_followed_to_its_figures(filled, visit):
    scoring = scores.request_scores(filled, "1", ["length"], actor="ada").job
    with filled.write() as tx:
        new = NewJob(kind="generate", spec={}, dedupe_key=None, created_by="ada")
        job = queue.claim(
            tx, worker_id="host-1-abc", lease_s=60, job_id=queue.enqueue(tx, new)[0].id
        )
        queue.finish(tx, job.id, job.attempt, {"run_id": 1, "score_job_id": scoring.id})
    said = shown(visit("new_run", job=str(job.id)))
    assert f"<b>Job {job.id}</b>" in said
    assert f"<b>Job {scoring.id}</b>" in said
    with filled.write() as tx:
        queue.cancel(tx, 2)  # of a made-up model
    work_off(filled)
    app = visit("new_run", job=str(job.id))
    assert "length: the figures have them now." in shown(app)
    [link] = [item.proto for item in app.get("page_link") if item.proto.label == "See the figures"]
    assert "figure=length%401" in link.query_string


def test_a_name_that_is_taken_is_said_of_its_field(filled, visit):
    app = press(visit("new_run", prompt="Say: ", run_name="first-look"), "Generate")
    assert "Choose another with “Name of the run”." in shown(app)
    assert "job" not in app.query_params
