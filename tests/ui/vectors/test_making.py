"""Vectors made of vectors, renamed and purged by click."""

from dataclasses import replace

import numpy as np
import pytest

from tests.store import builders
from tests.ui.filled_store import add_chat, add_run, description, run_spec
from tests.ui.test_pages import press, shown
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.jobs.requests import ThresholdRequest
from vectorlab.errors import NotFoundError
from vectorlab.services import jobs, models
from vectorlab.services.runs import conversations, runs
from vectorlab.services.vectors import vectors
from vectorlab.store.vectors import vectors as stored


def values(db, name):
    parts = vectors.layer_vectors(db, vectors.get(db, name))
    return np.stack([part.values for part in parts])


@pytest.fixture
def pair(filled):
    """Two vectors of different directions."""
    first = vectors.get(filled, "upbeat-icv")
    parts = vectors.layer_vectors(filled, first)
    rng = np.random.default_rng(1)
    layers = [
        type(part)(layer=part.layer, values=rng.normal(size=part.values.shape).astype(np.float32))
        for part in parts
    ]
    new = builders.new_vector(models.get(filled, "tiny"), name="other", layers=layers)
    with filled.write() as tx:
        stored.add_vector(tx, new, "ada")
    return filled


def opened(app):
    return app.query_params["vector"]


def test_a_weighted_sum_is_stored_and_opened(pair, visit):
    app = visit("vectors", vector=["upbeat-icv", "other"])
    app = app.text_input(key="sum").set_value("0.5*upbeat-icv - other").run()
    app = app.text_input(key="new_name").set_value("mixed").run()
    app = press(app, "Store the sum")
    expected = 0.5 * values(pair, "upbeat-icv") - values(pair, "other")
    np.testing.assert_allclose(values(pair, "mixed"), expected, rtol=1e-6)
    assert opened(app) == "mixed"
    assert app.title[0].value == "mixed"


def test_a_sum_that_cannot_be_read_stores_nothing(pair, visit):
    app = visit("vectors", vector=["upbeat-icv", "other"])
    app = app.text_input(key="sum").set_value("2 times other").run()
    app = press(app, "Store the sum")
    assert "Cannot read" in shown(app)
    assert len(vectors.list_vectors(pair)) == 2


def test_what_is_left_of_a_vector_is_stored(pair, visit):
    app = visit("vectors", vector=["upbeat-icv", "other"], make="project out", kept="other")
    press(app, "Store what is left")
    left = values(pair, "other-alone")
    assert np.abs((left * values(pair, "upbeat-icv")).sum(1)).max() < 1e-4
    assert vectors.get(pair, "other-alone").parameters["removed"] == ["upbeat-icv"]


def test_vectors_are_made_orthogonal_in_their_order(pair, visit):
    app = visit("vectors", vector=["upbeat-icv", "other"], make="make orthogonal", suffix="-o")
    app = press(app, "Store them")
    assert np.abs((values(pair, "other-o") * values(pair, "upbeat-icv")).sum(1)).max() < 1e-4
    assert opened(app) == "other-o"


def test_a_vector_of_unit_length_is_stored(filled, visit):
    press(visit("vectors", vector="upbeat-icv"), "Store it")
    np.testing.assert_allclose(
        np.linalg.norm(values(filled, "upbeat-icv-unit"), axis=1), 1.0, rtol=1e-5
    )


def test_equal_damage_is_measured_by_a_job(filled, visit):
    app = visit("vectors", vector="upbeat-icv", make="equal damage", kl_wanted="0.25")
    app = app.selectbox(key="texts").set_value("upbeat@1").run()
    press(app, "Measure and store it")
    [job] = [job for job in jobs.list_jobs(filled) if job.kind == "equalise"]
    assert (job.spec["kl"], job.spec["set_label"]) == (0.25, "upbeat@1")
    assert (job.spec["operator"], job.spec["name"]) == ("add", "upbeat-icv-equal")
    assert job.priority == PRIORITY_INTERACTIVE


def test_a_threshold_is_searched_by_a_job(filled, visit):
    app = visit("vectors", vector="upbeat-icv", positive="upbeat@1", negative="upbeat@2")
    press(app, "Search")
    [job] = [job for job in jobs.list_jobs(filled) if job.kind == "condition"]
    assert job.priority == PRIORITY_INTERACTIVE
    assert f"<b>Job {job.id}</b>" in shown(visit("vectors", vector="upbeat-icv", job=str(job.id)))


def test_a_threshold_is_searched_in_a_conversation(filled, visit):
    described = replace(description(), chat_template_sha256="c" * 64, weights_sha256="9" * 64)
    talks = models.register(filled, name="talks", description=described, actor="ada")
    begun = add_chat(filled, talks, name="begun")
    layers = vectors.layer_vectors(filled, vectors.get(filled, "upbeat-icv"))
    with filled.write() as tx:
        stored.add_vector(tx, builders.new_vector(talks, name="spoken", layers=layers), "ada")
    sides = {"positive": "upbeat@1", "negative": "upbeat@2"}
    press(visit("vectors", vector="spoken", search_after="begun:0", **sides), "Search")
    [job] = [job for job in jobs.list_jobs(filled) if job.kind == "condition"]
    assert job.request(ThresholdRequest).spec.chat == conversations.up_to(filled, str(begun.id))
    # The vector's own model has no chat template.
    app = press(visit("vectors", vector="upbeat-icv", search_as_chat="true", **sides), "Search")
    assert "has no chat template" in shown(app)


def test_a_vector_is_renamed_and_found_under_its_new_name(filled, visit):
    app = visit("vectors", vector="upbeat-icv")
    app.text_input(key="verbs.rename.vector.upbeat-icv.name").set_value("glad")
    app = press(app, "Keep this name")
    assert vectors.get(filled, "glad").id == 1
    assert opened(app) == "glad"


def test_a_name_that_is_taken_is_refused(pair, visit):
    app = visit("vectors", vector="upbeat-icv")
    app.text_input(key="verbs.rename.vector.upbeat-icv.name").set_value("other")
    app = press(app, "Keep this name")
    assert "is taken by vector" in shown(app)
    assert vectors.get(pair, "upbeat-icv").id == 1


def ask_to_purge(app, noun, name):
    app.session_state[f"verbs.purge.{noun}.{name}"] = True
    return app.run()


def test_nothing_is_counted_before_somebody_asks(filled, visit, monkeypatch):
    monkeypatch.setattr(vectors, "what_goes", None)
    monkeypatch.setattr(runs, "what_goes", None)
    assert "Purge all" not in str(visit("vectors", vector="upbeat-icv").button)
    assert "Purge the run" not in str(visit("compare", run="1").button)


def test_a_purge_counts_what_goes_with_a_vector_and_takes_it(filled, visit):
    app = ask_to_purge(visit("vectors", vector="upbeat-icv"), "vector", "upbeat-icv")
    said = shown(app)
    assert "The vector upbeat-icv is needed by 3 others, which go with it: 3 × run." in said
    assert "<li>run 1</li><li>run 2</li><li>run 3</li>" in said
    press(app, "Purge all 4")
    with pytest.raises(NotFoundError):
        vectors.get(filled, "upbeat-icv")
    with pytest.raises(NotFoundError):
        runs.get(filled, "1")


def test_a_run_that_nothing_needs_goes_alone(filled, visit):
    model, vector = models.get(filled, "tiny"), vectors.get(filled, "upbeat-icv")
    alone = add_run(filled, model, run_spec(model, vector, prompts=("Alone",)))
    app = ask_to_purge(visit("compare", run=str(alone.id)), "run", str(alone.id))
    assert f"The run {alone.id} goes for good. Nothing else depends on it." in shown(app)
    app = press(app, "Purge the run")
    assert app.title[0].value == "Generation runs"
    with pytest.raises(NotFoundError):
        runs.get(filled, str(alone.id))
    assert runs.get(filled, "1").id == 1


def test_many_things_that_would_go_are_counted(filled, visit):
    model, vector = models.get(filled, "tiny"), vectors.get(filled, "upbeat-icv")
    for number in range(12):
        add_run(filled, model, run_spec(model, vector, prompts=(f"Say {number}: ",)))
    said = shown(ask_to_purge(visit("vectors", vector="upbeat-icv"), "vector", "upbeat-icv"))
    assert "needed by 15 others, which go with it: 15 × run." in said
    assert "<li>and 3 more</li>" in said
    assert "<li>run 13</li>" not in said
