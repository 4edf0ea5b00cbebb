"""Calibrations of a vector: what it is worth at which strength, and a form that asks for one."""

from typing import Any

import pandas as pd
import streamlit as st

from ui import cached, charts, markup, tables
from ui.frame import job_panels, navigation, notes
from ui.runs import form as run_form
from ui.runs import scoring
from vectorlab.domain.defaults import DEFAULT_BUDGET, PRIORITY_INTERACTIVE
from vectorlab.domain.interventions.calibration import Calibration
from vectorlab.domain.interventions.layer_ranges import LayerChoice, parse_choice
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.interventions.typed_strengths import parse_strength
from vectorlab.domain.jobs.jobs import Job, JobState
from vectorlab.domain.models import Model
from vectorlab.domain.runs.runs import Decoding, Prompt
from vectorlab.domain.scores.catalogue import SCORERS, Needs, lower_is_better
from vectorlab.domain.vectors.vectors import Site, SteeringVector
from vectorlab.services import jobs, models
from vectorlab.services.asking import Asked
from vectorlab.services.runs.arms import SweepOptions
from vectorlab.services.vectors import calibrations, strengths
from vectorlab.services.vectors.calibrations import CalibrationOptions

EFFECT = "sentiment"
SEVERAL = ";"  # stands between choices of layers
SHOWN = "calibration"  # of the address: the one that is looked at
HEAD = ("", "strength", "against unsteered", "damage", "applied", "measured on", "made")


def show_strength(vector: SteeringVector) -> None:
    """The strength of a vector where nobody says another, and whether it is calibrated."""
    model = models.get(cached.store(), str(vector.model_id))
    usual = strengths.usual_strength(cached.store(), vector, model, SweepOptions())
    found = usual.calibration
    said = usual.in_words(usual.strength).removeprefix("Calibrated: ")
    if found is None:
        notes.note("No calibrated strength", said)
        return
    beside = calibrations.against_unsteered_in_words(found)
    shown = calibrations.is_told_apart(found)
    notes.note(
        "Calibrated strength", f"{said} Beside no steering: {beside}.", tone="good" if shown else ""
    )


def show(vector: SteeringVector) -> None:
    """The calibrations of a vector, the curve of one, and a form that asks for another."""
    st.subheader("Calibration", anchor=False)
    known = calibrations.of_vector(cached.store(), vector.name)
    if known:
        _show_list(vector, known)
        _show_one(_chosen(known))
    else:
        st.html(markup.quiet("The vector is not calibrated: nobody has measured what it does."))
    with st.expander("Calibrate", expanded="effect" in st.query_params):
        _show_form(vector)


def _show_list(vector: SteeringVector, known: list[Calibration]) -> None:
    rows = [
        (
            markup.link(f"#{item.id}", "vectors", vector=vector.name, calibration=item.id),
            f"{item.strength:+.4g}" if item.is_met else markup.badge("none in the budget", "bad"),
            markup.escape(calibrations.against_unsteered_in_words(item)),
            markup.escape(f"{item.spec.damage.label} {item.damage_value:.4g}")
            + markup.note(f"budget {item.spec.budget:g}"),
            f"{item.spec.operator} at {item.spec.site}"
            + markup.note(f"layers {calibrations.layers_text(item)}"),
            markup.escape(item.model_name) + markup.note(f"prompts: {len(item.spec.prompts)}"),
            markup.moment(item.created_at),
        )
        for item in known
    ]
    tables.show(HEAD, rows, name="calibrations", frame=lambda: calibrations.frame(known))


def _chosen(known: list[Calibration]) -> Calibration:
    """The one in the address; without, the newest that met its budget."""
    number = navigation.chosen_number(SHOWN)
    navigation.say_unknown(SHOWN, [str(item.id) for item in known])
    usual = next((item for item in known if item.is_met), known[0])
    return next((item for item in known if item.id == number), usual)


def _show_one(calibration: Calibration) -> None:
    notes.heading(f"Calibration #{calibration.id}")
    st.html(markup.quiet(calibrations.in_words(calibration)))
    limit = calibration.evidence.get("limit", calibration.strength)
    curve = calibrations.curve_frame(calibration)
    near = curve[curve["strength"].abs() <= 2 * abs(limit)]
    shown = near if len(near) > 1 else curve
    _draw(
        shown,
        effect=calibration.spec.effect.label,
        damage=calibration.spec.damage.label,
        budget=calibration.spec.budget,
        chosen=calibration.strength if calibration.is_met else None,
    )
    left_out = len(curve) - len(shown)
    further = f" Further out, in the table alone: {left_out}." if left_out else ""
    st.caption(
        "Means over the prompts with 95 % intervals; the dashed line is the budget, the upright "
        f"one the strength that was chosen.{further}"
    )
    with st.expander("Strengths that were tried"):
        st.dataframe(curve, key="vectors.calibration", hide_index=True, placeholder="–")


def _draw(
    curve: pd.DataFrame, *, effect: str, damage: str, budget: float, chosen: float | None = None
) -> None:
    left, right = st.columns(2)
    left.altair_chart(charts.tried_strengths(curve, "effect", title=effect, chosen=chosen))
    right.altair_chart(
        charts.tried_strengths(curve, "damage", title=damage, chosen=chosen, limit=budget)
    )


def show_live(job: Job | None) -> None:
    """What a job has measured so far, if it is a calibration that is under way."""
    if job is None or job.state.is_final or calibrations.asked_for(job) is None:
        return

    @st.fragment(run_every=job_panels.BESIDE_A_JOB)
    def live() -> None:
        with notes.errors_as_panel():
            _draw_so_far(jobs.get(cached.store(), job.id))

    live()


def _draw_so_far(job: Job) -> None:
    spec = calibrations.asked_for(job)
    if job.state is not JobState.RUNNING or spec is None:
        return
    for layers, curve in calibrations.tried_so_far(cached.store(), job).items():
        st.caption(f"Measured so far on layers {layers}; not a result yet.")
        _draw(curve, effect=spec.effect.label, damage=spec.damage.label, budget=spec.budget)


def _show_form(vector: SteeringVector) -> None:
    model = _choose_model(vector)
    measured = _choose_measures()
    typed, reading = run_form.choose_prompts("")
    with st.expander("How the vector acts, and how texts are written"):
        acting = _choose_acting()
        writing = _choose_writing()
    asked: tuple[CalibrationOptions, tuple[Prompt, ...]] | None = None
    with notes.errors_as_panel():
        options = CalibrationOptions(
            **measured,
            **_read_acting(acting, vector),
            **reading,
            **writing,
            other_model=model.id != vector.model_id,
        )
        asked = (options, typed)
    if not typed:
        st.html(markup.quiet("Write prompts, or choose a set version."))
    if st.button("Calibrate", type="primary", disabled=asked is None or not typed) and asked:
        st.query_params.pop("job", None)
        job_panels.ask(lambda: _request(vector, model, *asked))


def _choose_model(vector: SteeringVector) -> Model:
    """The vector's own, unless another one of its shape is chosen."""
    registered = models.list_models(cached.store())
    own = next(model for model in registered if model.id == vector.model_id)
    alike = {own.name: own} | {m.name: m for m in registered if m.shape == own.shape}
    if len(alike) == 1:
        return own
    navigation.say_unknown("model", alike)
    name = st.selectbox("Model", list(alike), key="model", bind="query-params")
    if name != own.name:
        st.html(
            markup.quiet(
                f"The vector belongs to {own.name}. What is measured on {name} counts there alone."
            )
        )
    return alike[name]


def _choose_measures() -> dict[str, Any]:
    usable = [name for name, info in SCORERS.items() if info.needs is not Needs.VOTES]
    navigation.say_unknown("effect", usable, what="scorer")
    left, right = st.columns(2)
    with left:
        name = st.selectbox(
            "Effect: the scorer that should move",
            usable,
            index=usable.index(EFFECT),
            key="effect",
            bind="query-params",
        )
        effect = scoring.with_options(SCORERS[name], key="of_effect")
        lower = st.checkbox(
            "Less of it is wanted",
            value=lower_is_better(name),
            key=f"lower_{name}",
            bind="query-params",
        )
    with right:
        damage = st.text_input(
            "Budget of damage: a scorer and the most that its mean may be",
            value=DEFAULT_BUDGET,
            key="damage",
            bind="query-params",
            help="kl is how far the next-token distribution moves from the unsteered model's.",
        )
        smallest = st.number_input(
            "Smallest change of interest",
            min_value=0.0,
            value=0.0,
            key="smallest",
            bind="query-params",
            format="%g",
            help="In the unit of the effect; 0 for none.",
        )
    return {
        "effect": effect,
        "damage": damage or DEFAULT_BUDGET,
        "lower_is_better": lower,
        "smallest": smallest or None,
    }


def _choose_acting() -> dict[str, Any]:
    one, two = st.columns(2)
    return {
        "layers": one.text_input(
            f"Layers that are steered; of several choices, with {SEVERAL} between, the best counts",
            key="layers",
            bind="query-params",
            placeholder="the usual ones, all, or for example 0-3,7; 8-15",
        ),
        "choose_layers": one.checkbox(
            "Try all layers, the halves and the thirds", key="choose_layers", bind="query-params"
        ),
        "operator": two.selectbox(
            "Operator",
            list(Operator),
            index=None,
            placeholder="the vector's own",
            key="operator",
            bind="query-params",
        ),
        "site": two.selectbox(
            "Write site",
            list(Site),
            index=None,
            placeholder="the vector's own",
            key="site",
            bind="query-params",
        ),
        "first": one.text_input(
            "Strength that is tried first; its sign is kept",
            key="first",
            bind="query-params",
            placeholder="the operator's usual one",
        ),
        "positions": two.text_input(
            "Positions",
            key="positions",
            bind="query-params",
            placeholder="all, or as a vector's convention does",
        ),
        "schedule": one.text_input(
            "Schedule", key="schedule", bind="query-params", placeholder="constant"
        ),
        "when": two.text_input("Condition", key="when", bind="query-params", placeholder="always"),
    }


def _read_acting(given: dict[str, Any], vector: SteeringVector) -> dict[str, Any]:
    """What was typed, as the request has it."""
    layers: tuple[LayerChoice, ...] = tuple(
        parse_choice(part.strip() or None) for part in (given["layers"] or "").split(SEVERAL)
    )
    if given["choose_layers"]:
        layers = calibrations.layer_choices(vector.n_layers)
    return {
        "layers": layers,
        "operator": given["operator"],
        "site": given["site"],
        "first": parse_strength(given["first"]) if given["first"] else None,
        "positions": Positions.parse(given["positions"]) if given["positions"] else None,
        "schedule": Schedule.parse(given["schedule"] or "constant"),
        "when": given["when"] or None,
    }


def _choose_writing() -> dict[str, Any]:
    decoding, drawn = run_form.choose_decoding(has_samples=False)
    return {
        "decoding": Decoding(**decoding, stop=run_form.choose_stop()),
        **drawn,
        **run_form.choose_computing(),
    }


def _request(
    vector: SteeringVector,
    model: Model,
    options: CalibrationOptions,
    prompts: tuple[Prompt, ...],
) -> Asked[Calibration]:
    return calibrations.request_calibration(
        cached.store(),
        vector.name,
        model=model,
        prompts=prompts,
        options=options,
        actor=cached.user(),
        priority=PRIORITY_INTERACTIVE,
    )
