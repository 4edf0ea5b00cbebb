"""A vector is calibrated on its page, and its page says what calibrations found."""

import json
from dataclasses import fields, replace

import pytest

from tests.store import builders
from tests.ui.filled_store import HOSTILE, add_chat, description
from tests.ui.test_browser import work_off
from tests.ui.test_pages import press, shown
from ui import markup
from vectorlab.domain.interventions.calibration import TriedStrength, measured_as
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.runs.runs import Decoding
from vectorlab.domain.scores.statistics import estimate
from vectorlab.lab import Lab
from vectorlab.services import jobs, models
from vectorlab.services.vectors import calibrations, vectors
from vectorlab.services.vectors.calibrations import CalibrationOptions
from vectorlab.store.jobs import leases, queue
from vectorlab.store.vectors import calibrations as stored

PROMPT = {"prompt": "Say it: "}
# Field -> what an address says to set it, and what the request of the job has then, by its path.
CHOICES = {
    "effect": ({"effect": "regex", "of_effect": "!!"}, ("effect", "label"), "regex:!!"),
    "damage": ({"damage": "repetition<=0.5"}, ("damage", "label"), "repetition"),
    "lower_is_better": ({"lower_sentiment": "true"}, ("lower_is_better",), True),
    "smallest": ({"smallest": "0.25"}, ("smallest",), 0.25),
    "layers": ({"layers": "0-2,4"}, ("layers",), [0, 1, 2, 4]),
    "first": ({"first": "0,25"}, ("first",), 0.25),
    "other_model": ({"model": "talks"}, ("model_fingerprint",), None),
    "operator": ({"operator": "ablate"}, ("operator",), "ablate"),
    "site": ({"site": "block_output"}, ("site",), "block_output"),
    "positions": ({"positions": "prompt:last=2"}, ("positions",), "prompt:last=2"),
    "schedule": ({"schedule": "first:8"}, ("schedule",), None),
    "when": ({"when": "upbeat-icv@1 cosine > 0.2"}, ("condition", "threshold"), 0.2),
    "seed": ({"seed": "5"}, ("seed",), 5),
    "add_special_tokens": ({"special_tokens": "false"}, ("add_special_tokens",), False),
    "dtype": ({"dtype": "bfloat16"}, ("dtype",), "bfloat16"),
    "chat": ({"model": "talks", "as_chat": "true"}, ("chat",), None),
    "system": ({"model": "talks", "system": "Be brief."}, ("chat", "system"), "Be brief."),
    "after": (
        {"model": "talks", "after": "begun"},
        ("chat", "earlier"),
        [["Hello", "the soup was cold."]],
    ),
    "decoding.do_sample": ({"decoding": "sampled"}, ("decoding", "do_sample"), True),
    "decoding.max_new_tokens": ({"tokens": "9"}, ("decoding", "max_new_tokens"), 9),
    "decoding.temperature": (
        {"decoding": "sampled", "temperature": "0.5"},
        ("decoding", "temperature"),
        0.5,
    ),
    "decoding.top_k": ({"decoding": "sampled", "top_k": "7"}, ("decoding", "top_k"), 7),
    "decoding.top_p": ({"decoding": "sampled", "top_p": "0.9"}, ("decoding", "top_p"), 0.9),
    "decoding.min_p": ({"decoding": "sampled", "min_p": "0.2"}, ("decoding", "min_p"), 0.2),
    "decoding.stop": ({"stop": "end"}, ("decoding", "stop"), ["end"]),
}
ELSEWHERE = {"decoding.kl"}  # a calibration measures what its budget says


def add(db, *, model=None, **changes):
    vector = vectors.get(db, "upbeat-icv")
    new = builders.calibration(vector)
    fingerprint = models.get(db, model or "tiny").fingerprint
    spec = replace(
        new.spec,
        model_fingerprint=fingerprint,
        layers=changes.pop("layers", None),
        **changes.pop("spec", {}),
    )
    with db.write() as tx:
        return stored.add_calibration(tx, replace(new, spec=spec, **changes), "ada")


def asked_for(db):
    [job] = [job for job in jobs.list_jobs(db) if job.kind == "calibrate"]
    return job


@pytest.fixture
def talks(filled):
    other = replace(description(), chat_template_sha256="c" * 64, weights_sha256="9" * 64)
    model = models.register(filled, name="talks", description=other, actor="ada")
    add_chat(filled, model, name="begun")
    return filled


def test_every_field_of_a_calibration_is_on_the_form():
    own = {field.name for field in fields(CalibrationOptions)} - {"decoding"}
    decoding = {f"decoding.{field.name}" for field in fields(Decoding)}
    assert own | decoding == set(CHOICES) | ELSEWHERE


@pytest.mark.parametrize("field", CHOICES)
def test_a_choice_is_part_of_the_request(talks, visit, field):
    selection, path, expected = CHOICES[field]
    app = visit("vectors", vector="upbeat-icv", **{"effect": "sentiment", **PROMPT, **selection})
    press(app, "Calibrate")
    job = asked_for(talks)
    assert job.priority == PRIORITY_INTERACTIVE
    [found] = job.spec["specs"]
    assert found["prompts"] == [["Say it: ", None]]
    for step in path:
        found = found[step]
    if expected is None:
        plain = models.get(talks, "tiny").fingerprint
        assert found not in (None, plain, {"kind": "constant"})
    else:
        assert found == expected


def test_several_choices_of_layers_are_tried_in_one_job(filled, visit):
    app = visit("vectors", vector="upbeat-icv", layers="0-1; 2-4", **PROMPT)
    app = press(app, "Calibrate")
    assert [spec["layers"] for spec in asked_for(filled).spec["specs"]] == [[0, 1], [2, 3, 4]]
    assert f"<b>Job {asked_for(filled).id}</b>" in shown(app)
    assert calibrations.asked_for(asked_for(filled)).layers == (0, 1)


def test_prompts_come_from_a_set_version_too(filled, visit):
    app = visit("vectors", vector="upbeat-icv", prompts="upbeat@1")
    press(app, "Calibrate")
    [spec] = asked_for(filled).spec["specs"]
    assert len(spec["prompts"]) == 4
    assert spec["prompts"][3][0] == HOSTILE


def test_nothing_is_asked_without_prompts_or_with_what_cannot_be_read(filled, visit):
    def button(app):
        return next(item for item in app.button if item.label == "Calibrate")

    assert button(visit("vectors", vector="upbeat-icv")).disabled
    app = visit("vectors", vector="upbeat-icv", first="much", **PROMPT)
    assert button(app).disabled
    assert "Strength &#x27;much&#x27; is no number" in shown(app)
    app = press(visit("vectors", vector="upbeat-icv", damage="kl", **PROMPT), "Calibrate")
    assert "Budget &#x27;kl&#x27; is not understood" in shown(app)
    assert [job for job in jobs.list_jobs(filled) if job.kind == "calibrate"] == []


def test_an_uncalibrated_vector_says_so_at_the_top(filled, visit):
    said = shown(visit("vectors", vector="upbeat-icv"))
    assert "No calibrated strength" in said
    assert "+0.1 is the first guess of rotate" in said
    assert "nobody has measured what it does" in said


def test_a_calibration_is_shown_with_its_model_and_what_it_was_measured_on(talks, visit):
    add(talks, strength=0.25)
    add(talks, model="talks", strength=0.75, spec={"vector_model": "f" * 64})
    app = visit("vectors", vector="upbeat-icv")
    said = shown(app)
    assert "Calibrated strength" in said
    found = "+0.25 has sentiment 0.5 at kl 0.08, within 0.1, measured on 1 prompt with tiny."
    assert (
        f"<b>Calibrated strength</b>{found}" in said
    )  # of the vector's own model, though another is newer
    assert "+0.75 has sentiment 0.5 at kl 0.08, within 0.1, measured on 1 prompt with talks" in said
    assert "calibration=1" in said
    assert "calibration=2" in said
    chosen = shown(visit("vectors", vector="upbeat-icv", calibration="1"))
    assert "Calibration #1" in chosen
    assert "Calibration #2" not in chosen
    assert "There is no calibration called 9 here" in shown(
        visit("vectors", vector="upbeat-icv", calibration="9")
    )


def test_one_that_met_no_budget_says_how_close_it_came(filled, visit):
    add(filled, is_met=False, effect_value=None, damage_value=0.4, strength=0.025)
    said = shown(visit("vectors", vector="upbeat-icv"))
    assert "none in the budget" in said
    assert "The closest is kl 0.4 at strength +0.025; the budget is 0.1." in said
    assert "No calibrated strength" in said


def test_strengths_far_beyond_the_budget_are_in_the_table_alone(filled, visit):
    curve = [
        TriedStrength(strength=size, damage=estimate([size / 4]), effect=None)
        for size in (0.1, 0.2, 0.3, 6.4)
    ]
    add(filled, curve=curve, evidence={"limit": 0.3, "limit_is_reached": True})
    app = visit("vectors", vector="upbeat-icv")
    assert "Further out, in the table alone: 1." in shown(app)
    [table] = [item.value for item in app.dataframe if "damage low" in item.value]
    assert list(table["strength"]) == [0.1, 0.2, 0.3, 6.4]


def test_what_a_calibration_under_way_has_measured_is_drawn(filled, visit):
    press(visit("vectors", vector="upbeat-icv", effect="sentiment", **PROMPT), "Calibrate")
    with filled.write() as tx:
        for kind in ("generate", "calibrate"):
            found = queue.claim(tx, worker_id="w", lease_s=600)
            if found.kind == kind == "calibrate":
                break
    job = asked_for(filled)
    assert job.state == "running"
    spec = calibrations.asked_for(job)
    values = {
        measured_as(spec, spec.damage, 0.1): [0.25, 0.75],
        measured_as(spec, spec.damage, 0.4): [2.0, 3.0],
        measured_as(spec, spec.effect, 0.1): [0.5, None],
    }
    with filled.write() as tx:
        leases.save_chunk(tx, job.id, job.attempt, 0, json.dumps(values).encode())
    [(layers, curve)] = calibrations.tried_so_far(filled, job).items()
    assert layers == "all"
    assert list(curve["strength"]) == [0.1, 0.4]
    assert list(curve["damage"]) == [0.5, 2.5]
    assert curve["effect"][0] == 0.5
    said = shown(visit("vectors", vector="upbeat-icv", job=str(job.id)))
    assert "Measured so far on layers all; not a result yet." in said


def test_words_of_a_calibration_are_never_markup(filled, visit):
    app = visit("vectors", vector="upbeat-icv", effect="regex", of_effect=HOSTILE, **PROMPT)
    press(app, "Calibrate")
    [spec] = asked_for(filled).spec["specs"]
    label = spec["effect"]["label"]
    assert HOSTILE in label
    add(filled, spec={"effect": calibrations.asked_for(asked_for(filled)).effect})
    said = shown(visit("vectors", vector="upbeat-icv"))
    assert "<img" not in said
    assert markup.escape(label) in said


def test_a_calibration_asked_for_by_click_is_worked_off_and_shown(db, visit):
    lab = Lab(db.url, device="cpu")
    tiny = lab.models.get("tiny")
    depth, width = tiny.shape
    with db.write() as tx:
        layers = builders.layers(3, count=depth, width=width)
        builders.add_vector(tx, tiny, name="upbeat-icv", layers=layers, alignments=())
    lab.db.dispose()
    asked = {"effect": "distinct", "tokens": "6", "prompt": "The soup was\nThe park is"}
    app = press(visit("vectors", vector="upbeat-icv", **asked), "Calibrate")
    number = app.query_params["job"]
    work_off(db)
    app = visit("vectors", vector="upbeat-icv", job=number)
    [found] = calibrations.of_vector(db, "upbeat-icv")
    assert (found.spec.effect.label, len(found.spec.prompts), found.is_met) == ("distinct", 2, True)
    said = shown(app)
    assert calibrations.in_words(found) in said
    assert markup.escape(calibrations.against_unsteered_in_words(found)) in said
    app = visit("playground", vector="upbeat-icv")
    assert app.text_input(key="play.number.upbeat-icv").value == f"{found.strength:.12g}"
    assert f"Calibrated: {calibrations.in_words(found)}" in shown(app)


@pytest.mark.parametrize(
    ("verdict", "low", "tone"),
    [
        ("higher", 0.1, " vl-panel-good"),
        ("not told apart", -0.1, ""),
        ("no difference of 0.5 or more", -0.1, ""),
    ],
)
def test_a_calibrated_strength_is_no_success_where_nothing_is_shown(
    filled, visit, verdict, low, tone
):
    against = {"verdict": verdict, "n": 9, "difference": {"mean": 0.3, "low": low, "high": 0.5}}
    add(filled, strength=0.25, evidence={"limit": 0.5, "against_unsteered": against})
    said = shown(visit("vectors", vector="upbeat-icv"))
    assert f'<div class="vl-panel{tone}"><b>Calibrated strength</b>' in said
    assert f"Beside no steering: sentiment {verdict}: +0.3 [{low:g}, 0.5], n = 9" in said
