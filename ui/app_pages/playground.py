"""Try vectors on a prompt: baseline and steered side by side, as the tokens arrive."""

import streamlit as st

from ui import cached, run_form
from ui.frame import job_panels, navigation, notes
from ui.playground import results, strengths
from vectorlab.domain.layers import parse_layers
from vectorlab.domain.operators import AVERAGED, Operator
from vectorlab.domain.positions import Positions
from vectorlab.domain.runs import Combine, Prompt
from vectorlab.domain.schedules import Schedule
from vectorlab.domain.vectors import Site
from vectorlab.services import browsing, models, recipes, runs
from vectorlab.services.arms import SweepOptions, Term
from vectorlab.services.requests import GenerationRequest

STRIP = (0.25, 0.5, 1.0, 1.5, 2.0)  # times the strengths that are set


def _choose_vectors() -> tuple[str, tuple[tuple[Term, ...], ...], SweepOptions]:
    """Model, arms and how they act."""
    known = browsing.vector_choices(db)
    left, right = st.columns(2)
    with left:
        model = run_form.model(known)
        fitting = run_form.fitting(known, model)
        navigation.say_unknown("vector", list(fitting))
        names = st.multiselect(
            "Vectors",
            list(fitting),
            key="vector",
            bind="query-params",
            placeholder="none: the baseline alone",
        )
        operator = st.selectbox(
            "Operator",
            list(Operator),
            index=None,
            placeholder="each vector's own",
            key="operator",
            bind="query-params",
        )
    with right:
        chosen = strengths.choose([fitting[name] for name in names], operator)
        if not names:
            st.caption("Choose a vector to get a slider for its strength.")
        strip = bool(names) and st.toggle(
            "Strip of strengths",
            key="strip",
            bind="query-params",
            help=f"One batch at {', '.join(map(str, STRIP))} times the strengths.",
        )
    options = _choose_options(operator, several=len(names) > 1)
    factors = STRIP if strip else (1.0,)
    arms = tuple(
        tuple(Term(vector=name, strength=strengths.times(factor, value)) for name, value in chosen)
        for factor in factors
        if any(value for _, value in chosen)
    )
    return model.name, arms, options


def _choose_options(operator: Operator | None, *, several: bool) -> SweepOptions:
    with st.expander("Layers, site, positions, schedule"):
        one, two = st.columns(2)
        layers = one.text_input(
            "Layers", key="layers", bind="query-params", placeholder="all, or for example 0-3,7"
        )
        site = two.selectbox(
            "Write site",
            list(Site),
            index=None,
            placeholder="each vector's own",
            key="site",
            bind="query-params",
        )
        positions = one.text_input(
            "Positions",
            value="all",
            key="positions",
            bind="query-params",
            help="all, prompt, response, prompt:last=2, response:8-15, +tokens=5,17, +skip_bos",
        )
        schedule = two.text_input(
            "Schedule of the strength", value="constant", key="schedule", bind="query-params"
        )
        combine: Combine | None = None
        if several:
            combine = one.selectbox(
                f"Pushes of {AVERAGED} in one arm",
                list(Combine),
                key="combine",
                bind="query-params",
            )
    return SweepOptions(
        operator=operator,
        site=site,
        positions=Positions.parse(positions or "all"),
        layers=parse_layers(layers or None),
        schedule=Schedule.parse(schedule or "constant"),
        combine=combine or Combine.MEAN,
    )


def _ask(request: GenerationRequest) -> None:
    with notes.errors_as_panel():
        asked = run_form.run_of(request)
        for name in ("job", "run"):
            st.query_params.pop(name, None)
        if asked.found is not None:
            st.query_params["run"] = str(asked.found.id)
            st.session_state[results.FRESH] = asked.found.id
        elif asked.job is not None:
            st.query_params["job"] = str(asked.job.id)


def _show_recipe(request: GenerationRequest) -> None:
    with st.expander("The same by command and in Python"):
        with notes.errors_as_panel():
            request.spec(db, models.get(db, request.model))
        st.code(recipes.command(request), language="bash")
        st.code(recipes.code(request), language="python")


db = cached.store()
notes.header("Playground", "Try vectors on a prompt and see where the text departs.")
model_name, arms, options = _choose_vectors()
prompt = st.text_area(
    "Prompt",
    value=run_form.PROMPT,
    height=90,
    key="prompt",
    bind="query-params",
    help="Taken as it is.",
)
decoding, seed, _ = run_form.decoding(most_samples=1)
request = GenerationRequest(
    model=model_name,
    prompts=(Prompt(text=prompt or ""),),
    arms=tuple(dict.fromkeys(arms)),
    sweep=options,
    decoding=decoding,
    seed=seed,
)
with st.container(horizontal=True, vertical_alignment="center"):
    if st.button("Generate", type="primary", disabled=not (prompt or "").strip()):
        _ask(request)
    st.caption("The baseline and every arm share one batch.")
job_id, run_id = navigation.chosen_number("job"), navigation.chosen_number("run")
if job_id is None and run_id is None:  # a job says so itself
    job_panels.worker_note(waiting=False)
if job_id is not None:
    results.watch(job_id)
elif run_id is not None:
    results.show(runs.get(db, str(run_id)))
_show_recipe(request)
