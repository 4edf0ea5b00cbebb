"""The strength of a vector where nobody says another: calibrated, and never another use's."""

from dataclasses import replace

import pytest

from tests.store import builders
from tests.ui.filled_store import description
from tests.ui.test_pages import press, shown
from ui import markup
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.vectors.vectors import Site
from vectorlab.services import jobs, models
from vectorlab.services.runs.arms import SweepOptions
from vectorlab.services.vectors import vectors
from vectorlab.services.vectors.strengths import usual_strength
from vectorlab.store.vectors import calibrations as stored

LIMIT = {"limit": 0.25, "limit_is_reached": True}
PLAY = {"vector": "upbeat-icv", "prompt": "Say: "}
NUMBER, SLIDER = "play.number.upbeat-icv", "play.slider.upbeat-icv"


def calibrate(db, strength, *, evidence=LIMIT, is_met=True, **spec):
    new = builders.calibration(vectors.get(db, "upbeat-icv"), strength=strength)
    spec = {"layers": None, "model_fingerprint": models.get(db, "tiny").fingerprint} | spec
    with db.write() as tx:
        stored.add_calibration(
            tx,
            replace(new, spec=replace(new.spec, **spec), evidence=evidence, is_met=is_met),
            "ada",
        )


@pytest.fixture
def usual(filled):
    def find(model="tiny", **options):
        return usual_strength(
            filled,
            vectors.get(filled, "upbeat-icv"),
            models.get(filled, model),
            SweepOptions(**options),
        )

    return find


def arms(db):
    job = next(job for job in jobs.list_jobs(db) if job.kind == "generate" and job.spec)
    return [arm["label"] for arm in job.spec["spec"]["arms"]]


def test_without_a_calibration_it_is_the_operators_first_guess(usual):
    found = usual()
    assert (found.strength, found.calibration, found.limit) == (0.1, None, None)
    assert found.in_words(0.1) == "Not calibrated here; +0.1 is the first guess of rotate."
    assert usual(operator=Operator.ABLATE).strength == 1.0


def test_a_calibrated_one_is_taken_with_what_it_does(filled, usual):
    calibrate(filled, 0.2)
    found = usual()
    assert (found.strength, found.limit) == (0.2, 0.25)
    assert found.in_words(0.2) == (
        "Calibrated: +0.2 has sentiment 0.5 at kl 0.08, within 0.1, measured on 1 prompt with tiny."
    )
    assert found.in_words(0.1) == "Calibrated at +0.2, within kl 0.1."
    assert found.in_words(-0.1).endswith("the other way was not measured.")
    assert not found.is_beyond(0.25)
    assert found.is_beyond(0.3)
    assert not found.is_beyond(-0.3)
    assert found.in_words(0.3).startswith("Beyond the budget: from about +0.25 on")


def test_beyond_the_budget_is_said_only_where_it_was_measured(filled, usual):
    calibrate(filled, 0.2, evidence={"limit": 0.25, "limit_is_reached": False})
    assert not usual().is_beyond(4.0)
    assert usual().in_words(4.0) == "Calibrated at +0.2, within kl 0.1."


@pytest.mark.parametrize(
    "other",
    [
        {"operator": Operator.ABLATE},
        {"site": Site.BLOCK_OUTPUT},
        {"layers": (0, 1)},
        {"positions": Positions.parse("prompt:last=2")},
        {"schedule": Schedule.parse("first:8")},
    ],
    ids=lambda other: next(iter(other)),
)
def test_it_is_never_taken_from_another_use(filled, usual, other):
    calibrate(filled, 0.2, **other)
    assert usual().calibration is None
    assert usual(**other).strength == 0.2


def test_it_is_never_taken_from_another_model_or_from_one_that_met_no_budget(filled, usual):
    talks = replace(description(), chat_template_sha256="c" * 64, weights_sha256="9" * 64)
    fingerprint = models.register(filled, name="talks", description=talks, actor="a").fingerprint
    calibrate(filled, 0.2, model_fingerprint=fingerprint, vector_model="f" * 64)
    calibrate(filled, 0.3, is_met=False)
    assert usual().calibration is None
    assert usual("talks").strength == 0.2


def test_where_strengths_count_in_the_calibrated_one_it_is_one(filled, usual):
    calibrate(filled, 0.2)
    found = usual(calibrated=True)
    assert (found.strength, found.limit) == (1.0, 1.25)
    assert found.is_beyond(1.5)
    assert not found.is_beyond(1.25)


def test_the_slider_begins_at_the_calibrated_strength_and_marks_it(filled, visit):
    calibrate(filled, 0.2)
    app = visit("playground", **PLAY)
    assert app.slider(key=SLIDER).value == 0.2
    assert app.text_input(key=NUMBER).value == "0.2"
    said = shown(app)
    assert "Calibrated: +0.2 has sentiment 0.5 at kl 0.08" in said
    assert markup.marks(-0.5, 0.5, at=0.2, beyond=0.25) in said
    press(app, "Generate")
    assert arms(filled) == ["baseline", "upbeat-icv +0.2"]


def test_another_operator_or_model_moves_a_slider_that_nobody_moved(filled, visit):
    calibrate(filled, 0.2)
    app = visit("playground", **PLAY)
    app = app.selectbox(key="operator").set_value(Operator.ABLATE).run()
    assert app.text_input(key=NUMBER).value == "1"
    assert "the first guess of ablate" in shown(app)
    app = app.selectbox(key="operator").set_value(None).run()
    assert app.text_input(key=NUMBER).value == "0.2"
    app = app.slider(key=SLIDER).set_value(0.3).run()
    app = app.selectbox(key="site").set_value(Site.BLOCK_OUTPUT).run()
    assert app.text_input(key=NUMBER).value == "0.3"  # somebody chose it


def test_beyond_the_budget_the_slider_says_so(filled, visit):
    calibrate(filled, 0.2)
    said = shown(visit("playground", **PLAY, at="upbeat-icv:0.4"))
    assert '<span class="vl-badge vl-bad">Beyond the budget: from about +0.25 on' in said


def test_an_uncalibrated_vector_leads_to_its_calibration(filled, visit):
    said = shown(visit("playground", **PLAY))
    assert 'href="vectors?vector=upbeat-icv&amp;effect=sentiment">Calibrate it' in said
    assert "vl-mark" not in said.split("<style>")[0]


def test_in_calibrated_units_the_slider_begins_at_one(filled, visit):
    calibrate(filled, 0.2)
    app = visit("playground", **PLAY, calibrated="true")
    assert app.text_input(key=NUMBER).value == "1"
    press(app, "Generate")
    job = next(job for job in jobs.list_jobs(filled) if job.kind == "generate" and job.spec)
    [item] = job.spec["spec"]["arms"][1]["interventions"]
    assert item["strength"] == 0.2


@pytest.mark.parametrize("strength", [1e-9, -1e-9, 123456.5])
def test_no_strength_is_rounded_away(filled, visit, strength):
    app = visit("playground", **PLAY)
    app = app.text_input(key=NUMBER).set_value(f"{strength:g}" if strength < 1 else "123456.5")
    app = app.run()
    assert app.query_params["at"] == f"upbeat-icv:{strength!r}"
    press(app, "Generate")
    job = next(job for job in jobs.list_jobs(filled) if job.kind == "generate" and job.spec)
    [item] = job.spec["spec"]["arms"][1]["interventions"]
    assert item["strength"] == strength


def test_a_decimal_comma_is_read_in_a_number_and_refused_in_a_list(filled, visit):
    app = visit("playground", **PLAY)
    app = app.text_input(key=NUMBER).set_value("0,15").run()
    assert app.query_params["at"] == "upbeat-icv:0.15"
    said = shown(visit("new_run", vector="upbeat-icv", strength="0,1", prompt="Say: "))
    assert "may mean 0.1 or 0 and 1" in said


def test_a_number_that_cannot_be_read_is_said_and_nothing_is_asked(filled, visit):
    app = visit("playground", **PLAY)
    app = app.text_input(key=NUMBER).set_value("much").run()
    assert "Strength &#x27;much&#x27; is no number" in shown(app)
    assert next(item for item in app.button if item.label == "Generate").disabled
    app = app.slider(key=SLIDER).set_value(0.3).run()
    assert "is no number" not in shown(app)
    assert app.text_input(key=NUMBER).value == "0.3"


def test_a_new_run_says_what_is_known_of_each_vector(filled, visit):
    calibrate(filled, 0.2)
    said = shown(visit("new_run", vector="upbeat-icv"))
    assert "upbeat-icv: Calibrated: +0.2 has sentiment 0.5" in said
