"""A sweep of nine arms reads well: few columns first, one prompt in full lines, marks, deltas."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from tests.store.builders import new_score
from tests.ui.filled_store import add_run, run_spec
from tests.ui.test_pages import press, shown
from ui import markup
from ui.runs import demonstration
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.runs.runs import Decoding, GenerationRun
from vectorlab.services import models
from vectorlab.services.database import Database
from vectorlab.services.runs import baselines
from vectorlab.services.sets import sets
from vectorlab.services.vectors import vectors
from vectorlab.store import schema
from vectorlab.store.runs import scores

STRENGTHS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
TEXTS = {
    0: "The soup was cold.",
    **{place: f"Wow, the soup was so cold{'!' * place}" for place in range(1, 6)},
    6: "cold cold cold cold cold cold cold cold cold cold",
    7: "The soup was lukewarm.",
    8: "The soup was warm.",
}


def sweep(
    db: Database, *, prompts: int = 60, decoding: Decoding | None = None, name: str | None = None
) -> GenerationRun:
    """Nine arms: a baseline, six strengths, and two random directions at the last; scored."""
    model, vector = models.get(db, "tiny"), vectors.get(db, "upbeat-icv")
    spec = run_spec(model, vector, [f"Review {number}: the soup." for number in range(prompts)])
    [acting] = spec.arms[1].interventions
    arms = [spec.arms[0]]
    arms += [
        Arm(label=f"upbeat-icv {strength:+g}", interventions=(replace(acting, strength=strength),))
        for strength in STRENGTHS
    ]
    for seed in range(2):
        control = baselines.random_direction(db, "upbeat-icv", seed=seed, actor="ada")
        other = replace(
            acting, strength=0.2, vector_id=control.id, vector_sha256=control.content_sha256
        )
        arms.append(Arm(label=f"{control.name} +0.2", interventions=(other,)))
    spec = replace(spec, arms=tuple(arms), decoding=decoding or spec.decoding)
    run = add_run(db, model, spec, name=name, said=TEXTS)
    score_arms(db, run, "sentiment", [0.0, 0.1, 0.2, 0.3, 0.5, 0.45, 0.2, 0.02, 0.04])
    score_arms(db, run, "kl", [0.0, 0.01, 0.03, 0.05, 0.08, 0.2, 0.9, 0.05, 0.06])
    return run


def score_arms(db: Database, run: GenerationRun, scorer: str, values: Sequence[float]) -> None:
    """Give every text the value of its arm, moved a little by its prompt."""
    g = schema.generations
    with db.write() as tx:
        rows = tx.execute(sa.select(g.c.id, g.c.arm, g.c.prompt).where(g.c.run_id == run.id)).all()
        scores.put_scores(
            tx,
            [
                new_score(
                    row.id,
                    values[row.arm] + (row.prompt % 7) / 100 * (row.arm > 0),
                    scorer=scorer,
                    version="1",
                )
                for row in rows
            ],
        )


def heads(said: str) -> int:
    return said.count('<th class="vl-arm')


@pytest.fixture
def swept(filled):
    return sweep(filled)


def test_a_sweep_begins_with_few_columns_and_no_control(swept, visit):
    app = visit("compare", run=str(swept.id))
    said = shown(app)
    assert heads(said) == 4
    assert app.multiselect(key="show").value == [
        "baseline",
        "upbeat-icv +0.05",
        "upbeat-icv +0.2",
        "upbeat-icv +0.3",
    ]
    assert app.selectbox(key="judged").value == "upbeat-icv +0.2"
    assert "control: random direction" not in said
    assert '<th class="vl-prompt vl-pin vl-pin-0">' in said
    assert said.count('<td class="vl-cell vl-pin vl-pin-1" data-label="baseline"') == 20


def test_columns_are_chosen_in_the_address_and_the_baseline_stays(swept, visit):
    control = "upbeat-icv-random-0 +0.2"
    said = shown(visit("compare", run=str(swept.id), show=[control, "upbeat-icv +0.3"]))
    assert heads(said) == 3  # the baseline that they are held against stands first
    assert said.index('data-label="baseline"') < said.index('data-label="upbeat-icv +0.3"')
    assert "control: random direction" in said
    assert "There is no column called gone here" in shown(
        visit("compare", run=str(swept.id), show="gone")
    )


def test_marks_are_off_for_sampled_runs_and_can_be_switched(filled, visit):
    greedy = sweep(filled, prompts=2)
    assert '<ins class="vl-added">' in shown(visit("compare", run=str(greedy.id)))
    off = shown(visit("compare", run=str(greedy.id), marks="false"))
    assert '<ins class="vl-added">' not in off
    sampled = sweep(filled, prompts=2, decoding=Decoding(max_new_tokens=8, do_sample=True))
    assert '<ins class="vl-added">' not in shown(visit("compare", run=str(sampled.id)))
    assert '<ins class="vl-added">' in shown(visit("compare", run=str(sampled.id), marks="true"))


def test_changes_of_the_figure_are_coloured_by_what_is_better(swept, visit):
    said = shown(visit("compare", run=str(swept.id), figure="sentiment"))
    assert '<span class="vl-badge vl-good">+0.5</span>' in said
    said = shown(visit("compare", run=str(swept.id), figure="kl"))
    assert '<span class="vl-badge vl-bad">+0.08</span>' in said
    said = shown(visit("compare", run=str(swept.id), figure="log-probability"))
    assert '<span class="vl-badge ">no change</span>' in said


def test_an_older_address_of_a_figure_still_names_it(swept, visit):
    app = visit("compare", run=str(swept.id), figure="kl@1")
    assert app.selectbox(key="figure").value == "kl"


def test_degenerate_texts_say_how(swept, visit):
    said = shown(visit("compare", run=str(swept.id)))
    assert (
        said.count("repeats itself") == 19
    )  # of the strongest arm alone, whose third text is another


def test_one_prompt_has_every_arm_in_a_line_of_its_own(swept, visit):
    app = visit("compare", run=str(swept.id), layout="one prompt", row="3", figure="sentiment")
    said = shown(app)
    assert "prompt 3 of 60" in said
    assert said.count('<div class="vl-line">') == 9
    assert heads(said) == 0
    assert markup.generated("Review 2: the soup.") in said
    assert "No such row" in shown(
        visit("compare", run=str(swept.id), layout="one prompt", row="61")
    )


def test_a_row_of_the_table_leads_to_its_prompt_in_long_form(swept, visit):
    said = shown(visit("compare", run=str(swept.id), page="2", figure="kl"))
    assert markup.escape(
        f"compare?run={swept.id}&figure=kl&layout=one+prompt&row=21"
    ) in said.replace("&amp;page=2", "")
    assert "prompt 21 of 60" in said


def test_samples_are_counted_from_one(filled, visit):
    model, vector = models.get(filled, "tiny"), vectors.get(filled, "upbeat-icv")
    run = add_run(filled, model, replace(run_spec(model, vector), samples=2))
    said = shown(visit("compare", run=str(run.id)))
    assert "sample 1 of 2" in said
    assert "sample 2 of 2" in said
    assert "sample 0" not in said


def test_any_text_in_long_form_can_be_made_a_pair(filled, visit):
    run = sweep(filled, prompts=2, name="soup")
    app = visit("compare", run=str(run.id), layout="one prompt")
    g = schema.generations
    query = sa.select(g.c.id).where(g.c.run_id == run.id, g.c.arm == 4, g.c.prompt == 0)
    with filled.read() as tx:
        number = tx.execute(query).scalar_one()
    app = app.button(key=f"runs.make.{number}").click().run()
    assert app.text_area(key="runs.make.source").value == "Review 0: the soup."
    assert app.text_area(key="runs.make.target").value == TEXTS[4]
    message = f"From run {run.id} (soup), upbeat-icv +0.2, prompt 1"
    assert app.text_input(key="runs.make.message").value == message


def _form() -> None:
    from ui.runs import demonstration

    demonstration.form("The soup.", "Wow, the soup!", "run 4")


def test_the_pair_is_frozen_at_the_end_of_the_set_with_the_checks_said(filled):
    app = AppTest.from_function(_form).run()
    app = app.selectbox(key="runs.make.set").set_value("upbeat").run()
    assert [item.value for item in app.caption] == ["The checks found nothing."]
    app = press(app, "Freeze upbeat@3")
    version = sets.get(filled, "upbeat")
    assert (version.number, version.count, version.message) == (3, 5, "From run 4")
    last = sets.demonstrations(filled, version)[-1]
    assert (last.source, last.target) == ("The soup.", "Wow, the soup!")
    assert app.session_state[demonstration.MADE] == "upbeat@3"


def test_the_page_says_once_which_version_has_the_new_pair(swept, visit):
    app = visit("compare", run=str(swept.id), layout="one prompt")
    app.session_state[demonstration.MADE] = "upbeat@2"
    assert "upbeat@2 ends with the new pair" in shown(app.run())
    assert "ends with the new pair" not in shown(app.run())


def test_what_the_checks_find_is_said_before_and_can_be_refused(filled):
    app = AppTest.from_function(_form).run()
    app = app.text_area(key="runs.make.target").set_value("The soup.").run()
    app = app.selectbox(key="runs.make.set").set_value("upbeat").run()
    assert "1 demonstration with the same source and target" in shown(app)
    app.checkbox(key="runs.make.strict").check()
    app = press(app, "Freeze upbeat@3")
    assert "That did not work" in shown(app)
    assert sets.get(filled, "upbeat").number == 2
