"""Filters, figures, settings and blind votes of the Compare page."""

from dataclasses import replace

from tests.ui.filled_store import HOSTILE, add_run, run_spec
from tests.ui.runs.test_side_by_side import sweep
from tests.ui.test_pages import press, shown
from ui import markup
from vectorlab.domain.runs.comparison import Column
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.runs.votes import Match
from vectorlab.services import models
from vectorlab.services.runs import runs, votes
from vectorlab.services.vectors import vectors

MATCH = Match(
    first=Column(run_id=1, arm=0, label="baseline", is_baseline=True),
    second=Column(run_id=1, arm=1, label="upbeat-icv +0.1", is_baseline=False),
    question="Which is better?",
)


def test_rows_whose_text_did_not_change_are_left_out_on_request(filled, visit):
    said = shown(visit("compare", run="1", only="changed"))
    assert "2 rows are changed" in said
    assert said.count('data-label="prompt"') == 2
    assert "No row fits" in shown(visit("compare", run="1", only="better"))


def test_a_page_beyond_the_last_leads_back(filled, visit):
    app = visit("compare", run="1", page="9")
    assert "No such page" in shown(app)
    assert markup.generated(HOSTILE) in shown(press(app, "First page"))


def test_whitespace_is_marked_on_request(filled, visit):
    assert "vl-space" not in shown(visit("compare", run="1")).split("<style>")[0]
    assert 'class="vl-unseen vl-space"' in shown(visit("compare", run="1", spaces="true"))


def test_figures_have_a_mean_a_change_and_its_interval(filled, visit):
    said = shown(visit("compare", run="1", look="figures", figure="tokens"))
    badge = markup.badge("not told apart")
    assert (
        f"<td>3</td><td>3</td><td>+0</td><td>{badge}</td><td>too few moved</td><td>1</td>" in said
    )
    assert "<td>0 / 3 / 0</td><td>1</td>" in said
    assert "not told apart" in said
    assert "tokens against strength" in said


def test_two_runs_show_only_the_settings_that_differ(filled, visit):
    model, vector = models.get(filled, "tiny"), vectors.get(filled, "upbeat-icv")
    other = replace(run_spec(model, vector), decoding=Decoding(max_new_tokens=9))
    add_run(filled, model, other)
    said = shown(visit("compare", run=["1", "4"], look="settings"))
    assert "<td>new tokens at most</td><td>8</td><td>9</td>" in said
    assert "<td>seed</td>" not in said
    assert "<td>seed</td><td>7</td><td>7</td>" in shown(
        visit("compare", run=["1", "4"], look="settings", same="true")
    )


def test_a_run_is_kept_under_a_name(filled, visit):
    app = visit("compare", run="2")
    app.text_input(key="name.2.text").set_value("kept-one")
    app = press(app, "Keep")
    assert runs.get(filled, "kept-one").id == 2
    assert app.title[0].value == "kept-one"
    assert "Run 2, a replay of run 1, on tiny" in shown(app)


def test_a_blind_vote_hides_the_names_until_it_is_over(filled, visit):
    pick = {"run": "1", "look": "blind vote", "and": "upbeat-icv +0.1"}
    app = visit("compare", **pick)
    # The names stand in the choice of the match alone, not beside the texts.
    assert "upbeat-icv +0.1" not in shown(app)
    app = press(app, "Left is better")
    assert votes.tally(filled, MATCH).votes == 1
    assert "1 vote so far on 2 pairs; both sides have the same text in 1 more" in shown(app)
    said = shown(press(app, "Both alike"))
    assert "upbeat-icv +0.1" in said
    assert "95 % interval" in said
    found = votes.tally(filled, MATCH)
    assert (found.votes, found.ties, found.pairs, found.equal) == (2, 1, 2, 1)


def test_votes_are_revealed_early_on_request(filled, visit):
    pick = {"run": "1", "look": "blind vote", "and": "upbeat-icv +0.1"}
    app = press(visit("compare", **pick), "Right is better")
    app = press(app, "Finish and reveal")
    said = shown(app)
    assert "What the votes say" in said
    assert markup.escape("upbeat-icv +0.1") in said
    # Only of that match: the next one is asked about without names.
    app = app.selectbox(key="and").set_value("upbeat-icv +0.2").run()
    assert "0 votes so far" in shown(app)


def test_a_question_of_a_vote_is_never_markup(filled, visit):
    question = "[Which](http://example.org) is **better** at $x^2$ :smile:?"
    app = visit("compare", run="1", look="blind vote", question=question)
    assert f'<h3 class="vl-heading">{markup.escape(question)}</h3>' in shown(app)


def test_a_blind_vote_is_between_the_baseline_and_an_arm_that_is_no_control(filled, visit):
    run = sweep(filled, prompts=2)
    app = visit("compare", run=str(run.id), look="blind vote")
    assert app.selectbox(key="between").value == "baseline"
    assert "random" in app.selectbox(key="and").options[-1]
    assert "random" not in app.selectbox(key="and").value
