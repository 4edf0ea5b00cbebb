"""Ask for a generation run: prompts under the baseline and under vectors."""

from collections.abc import Sequence

import streamlit as st

from ui import cached, markup, run_form
from ui.frame import job_panels, navigation, notes
from vectorlab.domain.browsing import VectorChoice
from vectorlab.domain.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.layers import parse_layers
from vectorlab.domain.models import Model
from vectorlab.domain.operators import AVERAGED, Operator
from vectorlab.domain.positions import Positions
from vectorlab.domain.runs import Combine, GenerationRun, Prompt
from vectorlab.domain.schedules import Schedule
from vectorlab.errors import InputError
from vectorlab.services import browsing, runs
from vectorlab.services.arms import SweepOptions
from vectorlab.services.asking import Asked
from vectorlab.services.requests import GenerationRequest

EACH_LINE, WHOLE = "one per line", "the whole text"


def _choose_vectors(
    model: Model, known: Sequence[VectorChoice]
) -> tuple[list[str], list[float], SweepOptions, list[str]]:
    fitting = run_form.fitting(known, model)
    navigation.say_unknown("vector", list(fitting))
    chosen = st.multiselect(
        "Vectors",
        list(fitting),
        key="vector",
        bind="query-params",
        placeholder="none: the baseline alone",
    )
    if not fitting:
        return [], [], SweepOptions(), []
    left, right = st.columns([1, 2])
    operator = left.selectbox(
        "Operator",
        list(Operator),
        index=None,
        placeholder="each vector's own",
        key="operator",
        bind="query-params",
    )
    used = {operator or fitting[name].operator for name in chosen}
    strengths = right.text_input(
        "Strengths, separated by spaces", value="0.05 0.1", key="strength", bind="query-params"
    )
    right.caption("; ".join(f"{item}: {item.info.unit}" for item in sorted(used)) + ".")
    positions = left.text_input(
        "Positions",
        value="all",
        key="positions",
        bind="query-params",
        help="all, prompt or response; windows prompt:first=4, prompt:last=2, response:8-15 "
        "(from 0, ends included), chosen tokens by id +tokens=5,17 or +except=5, and +skip_bos.",
    )
    together = len(chosen) > 1 and right.checkbox(
        "All vectors together in one arm", key="together", bind="query-params"
    )
    written = right.text_area(
        "Arms of several vectors, one per line",
        key="arms",
        bind="query-params",
        height=68,
        placeholder="a:0.1,b:0.2",
        help="Each vector with its strength; it may say more: "
        "a:0.1:layers=0-3,7:positions=prompt:last=2:schedule=first:8:operator=add",
    )
    with st.expander("Layers, schedule, combination"):
        one, two, three = st.columns(3)
        layers = one.text_input(
            "Layers", key="layers", bind="query-params", placeholder="all, or for example 0-3,7"
        )
        schedule = two.text_input(
            "Schedule of the strength",
            value="constant",
            key="schedule",
            bind="query-params",
            help="Over the generated tokens: constant, first:8 (then 0), linear:0:1:16 or "
            "cosine:1:0.5:50 (a factor from, to, over so many tokens).",
        )
        combine = three.selectbox(
            f"Pushes of {AVERAGED} in one arm",
            list(Combine),
            key="combine",
            bind="query-params",
            help="mean divides by the number of vectors, as in-context vectors do.",
        )
    options = SweepOptions(
        operator=operator,
        positions=Positions.parse(positions or "all"),
        layers=parse_layers(layers or None),
        schedule=Schedule.parse(schedule or "constant"),
        together=together,
        combine=combine or Combine.MEAN,
    )
    arms = [line for line in (written or "").splitlines() if line.strip()]
    return chosen, _read_strengths(strengths) if chosen else [], options, arms


def _read_strengths(text: str) -> list[float]:
    words = text.replace(",", " ").split()
    try:
        return [float(word) for word in words]
    except ValueError as exc:
        raise InputError(
            f"Strengths {text!r} are not numbers. Write for example: 0.05 0.1"
        ) from exc


def _choose_prompts() -> tuple[tuple[Prompt, ...], int | None]:
    labels = browsing.version_labels(db)
    navigation.say_unknown("prompts", labels, what="set version")
    reference = st.selectbox(
        "Prompts from a set version",
        labels,
        index=None,
        placeholder="none: write them below",
        key="prompts",
        bind="query-params",
    )
    if reference is not None:
        found, version_id = runs.prompts_of_set(db, reference)
        st.caption(f"{len(found)} prompts: the sources of {reference}.")
        return found, version_id
    text = st.text_area("Prompts", height=130, key="written", bind="query-params")
    cut = st.segmented_control(
        "A prompt is", [EACH_LINE, WHOLE], default=EACH_LINE, key="cut", bind="query-params"
    )
    lines = [text] if cut == WHOLE else text.split("\n")
    return tuple(Prompt(text=line) for line in lines if line.strip()), None


def _request() -> Asked[GenerationRun]:
    request = GenerationRequest(
        model=model.name,
        prompts=prompts,
        vectors=tuple(references),
        strengths=tuple(strengths),
        sweep=options,
        arms=tuple(written),
        decoding=decoding,
        seed=seed,
        samples=samples,
    )
    return runs.request_run(
        db,
        model=model,
        spec=request.spec(db, model),
        actor=cached.user(),
        name=name or None,
        prompt_set_version_id=version_id,
        priority=PRIORITY_INTERACTIVE,
    )


def _open_run(run: GenerationRun) -> None:
    navigation.page_link(f"Open run {run.id}", "compare", run=run.id)


db = cached.store()
notes.header("New run", "The same prompts under the baseline and under every vector and strength.")
known = browsing.vector_choices(db)
model = run_form.model(known)
references, strengths, options, written = _choose_vectors(model, known)
prompts, version_id = _choose_prompts()
decoding, seed, samples = run_form.decoding()
name = st.text_input("Name of the run", placeholder="optional", key="run_name", bind="query-params")
groups = 1 if options.together else len(references)
swept = len(set(strengths) - {0.0}) * groups if references else 0
count = len(prompts) * (1 + swept + len(written)) * samples
st.html(markup.quiet(f"{count} texts."))
if st.button("Generate", type="primary"):
    st.query_params.pop("job", None)
    job_panels.ask(_request, found=_open_run)
job_panels.follow_job()
