"""Scores of a run are asked for on its page, and its figures have them then."""

from tests.ui.test_browser import work_off
from tests.ui.test_pages import press, shown
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE, JobState
from vectorlab.domain.scores.catalogue import SCORERS
from vectorlab.services import jobs
from vectorlab.services.runs import runs, scores

BUTTON = "Score the texts"


def score_jobs(db):
    return [job for job in jobs.list_jobs(db) if job.kind == "score"]


def button(app):
    return next(item for item in app.button if item.label == BUTTON)


def test_every_scorer_is_a_chip_and_nothing_is_asked_without_one(filled, visit):
    app = visit("compare", run="1")
    assert "The texts have no scores yet" in shown(app)
    assert app.pills(key="scorer").options == list(SCORERS)
    assert button(app).disabled
    assert score_jobs(filled) == []


def test_scorers_are_asked_for_by_click_and_the_figures_have_them(filled, visit):
    app = visit("compare", run="1", look="figures")
    app = app.pills(key="scorer").set_value(["length", "repetition"]).run()
    app = app.text_input(key="of_length").set_value("unit=words").run()
    app = press(app, BUTTON)
    [job] = score_jobs(filled)
    assert (job.spec["run_id"], job.priority) == (1, PRIORITY_INTERACTIVE)
    assert [entry["label"] for entry in job.spec["scorers"]] == ["length:words", "repetition"]
    assert app.query_params["job"] == str(job.id)
    assert f"<b>Job {job.id}</b>" in shown(app)
    work_off(filled)
    assert jobs.get(filled, job.id).state is JobState.SUCCEEDED
    app = visit("compare", run="1", look="figures", job=str(job.id))
    assert "length:words, repetition: the figures have them now." in shown(app)
    assert "The texts have scores of length:words, repetition." in shown(app)
    [link] = [item.proto for item in app.get("page_link") if item.proto.label == "See the figures"]
    assert "figure=length%3Awords%401" in link.query_string
    assert "mean length:words" in shown(
        visit("compare", run="1", look="figures", figure="length:words@1")
    )
    assert set(scores.frame(filled, runs.get(filled, "1"))["scorer"]) == {
        "length:words",
        "repetition",
    }


def test_what_was_scored_is_found(filled, visit):
    scores.request_scores(filled, "1", ["length"], actor="ada")
    work_off(filled)
    said = shown(press(visit("compare", run="1", scorer="length"), BUTTON))
    assert "An equal request was answered before" in said
    assert len(score_jobs(filled)) == 1


def test_an_option_that_is_missing_or_wrong_is_said_and_not_asked(filled, visit):
    app = visit("compare", run="1", scorer="regex")
    assert "Scorer &#x27;regex&#x27; needs pattern" in shown(app)
    assert button(app).disabled
    app = app.text_input(key="of_regex").set_value("!!").run()
    assert not button(app).disabled
    app = visit("compare", run="1", scorer="length", of_length="unit=miles")
    assert "unit=&#x27;miles&#x27; of scorer &#x27;length&#x27; is unknown" in shown(app)
    assert button(app).disabled


def test_votes_are_explained_and_lead_to_the_vote(filled, visit):
    app = visit("compare", run="1", scorer="votes")
    assert "vote first, then score" in shown(app)
    [link] = [item.proto for item in app.get("page_link") if "Vote on" in item.proto.label]
    assert link.query_string == "run=1&look=blind+vote"


def test_several_runs_side_by_side_are_scored_each_on_its_own_page(filled, visit):
    app = visit("compare", run=["1", "2"])
    assert [item.label for item in app.pills] == []
