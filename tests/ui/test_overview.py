"""The Overview: verdicts, what is under way, tries worth keeping, and what is next."""

from tests.ui.experiments import add_experiment
from tests.ui.filled_store import add_run, run_spec
from tests.ui.test_pages import running_job, shown
from vectorlab.services import models
from vectorlab.services.runs import runs
from vectorlab.services.vectors import vectors
from vectorlab.store.jobs import queue


def charts_of(app):
    return app.get("arrow_vega_lite_chart") or app.get("vega_lite_chart")


def test_a_verdict_stands_first_with_its_frontier_and_leads_to_its_experiment(filled, visit):
    assert "Last verdicts" not in shown(visit("overview"))
    run = add_experiment(filled)
    said = shown(app := visit("overview"))
    assert said.index("Last verdicts") < said.index("Next")
    assert f'href="experiment?run={run.id}"' in said
    assert "upbeat-icv moves sentiment more than every control does." in said
    assert len(charts_of(app)) == 1


def test_what_runs_is_said_in_words_and_nothing_where_nothing_does(filled, visit):
    job = running_job(filled)
    said = shown(visit("overview"))
    assert 'vl-heading">Now' in said
    assert f'href="jobs?job={job}"' in said
    assert "done about" in said  # half of it at a known pace
    with filled.write() as tx:
        queue.finish(tx, job, 1, {})
    assert 'vl-heading">Now' not in shown(visit("overview"))


def test_a_try_is_kept_where_it_is_read(filled, visit, monkeypatch):
    monkeypatch.setenv("VECTORLAB_USER", "ada")
    model, vector = models.get(filled, "tiny"), vectors.get(filled, "upbeat-icv")
    run = add_run(
        filled, model, run_spec(model, vector, ["The soup was cold."]), said={2: "Wow!!!"}
    )
    app = visit("overview")
    assert f'href="compare?run={run.id}">upbeat-icv +0.2' in shown(app)
    app.text_input(key=f"name.{run.id}.text").set_value("loud")
    [keep] = [item for item in app.button if item.form_id == f"name.{run.id}"]
    app = keep.click().run()
    assert runs.get(filled, "loud").id == run.id
    assert f'href="compare?run={run.id}">upbeat-icv +0.2' not in shown(app)


def test_what_is_next_leads_to_where_it_is_done(filled, visit):
    said = shown(visit("overview"))
    for where, words in (
        ("vectors?vector=upbeat-icv", "Calibrate upbeat-icv"),
        ("compare?run=1&amp;look=figures", "Score first-look"),
    ):
        assert f'<a href="{where}">{words}</a>' in said
