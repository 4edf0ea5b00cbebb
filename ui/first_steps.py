"""The card of an empty store: four steps, each with the button that does it."""

import streamlit as st

from ui import cached, markup
from ui.frame import job_panels, navigation, notes
from ui.playground import results
from ui.runs import form
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.runs.lists import Inventory
from vectorlab.domain.runs.runs import GenerationRun, Prompt
from vectorlab.domain.vectors.vectors import SteeringVector
from vectorlab.errors import InputError
from vectorlab.services import models
from vectorlab.services.asking import Asked
from vectorlab.services.runs import lists, presets, runs
from vectorlab.services.runs.arms import Term
from vectorlab.services.runs.requests import GenerationRequest
from vectorlab.services.sets import examples, sets
from vectorlab.services.vectors import vectors
from vectorlab.services.vectors.vectors import ExtractionOptions

BUNDLED = "tiny"


def show(held: Inventory) -> None:
    """What is done, and what comes next."""
    with st.container(border=True):
        st.subheader("First steps", anchor=False)
        steps = (
            ("Pairs to learn from", held.versions > 0, _pairs),
            ("A model to steer", held.models > 0, _model),
            ("A vector of the pairs", held.vectors > 0, _vector),
            ("Texts with and without it", held.runs > 0, _texts),
        )
        is_next = True
        for number, (title, is_done, offer) in enumerate(steps, start=1):
            left, right = st.columns([2, 3], vertical_alignment="center")
            state = markup.badge("done", "good") if is_done else markup.quiet(f"step {number}")
            left.html(f"{state} <b>{markup.escape(title)}</b>")
            if not is_done:
                with right.container(horizontal=True, vertical_alignment="center"):
                    offer(is_next=is_next)
                is_next = False
        job = job_panels.follow_job(link=False)
        made = (job and job.result) or {}
        if "run_id" in made:
            _show_texts(runs.get(cached.store(), str(made["run_id"])))


def are_under_way() -> bool:
    """Whether the address follows what a step asked for: the last ends with its texts."""
    return navigation.chosen_number("job") is not None


def _show_texts(run: GenerationRun) -> None:
    """What was asked and both texts, as the playground shows them, and the way to more of them."""
    st.html(markup.quiet("The model was asked:") + " " + markup.generated(run.spec.prompts[0].text))
    results.show(run)
    applied = run.spec.arms[-1].interventions
    names = cached.vector_names()
    tried = [(names[each.vector_id], each.strength) for each in applied if each.vector_id in names]
    navigation.page_link(
        "Try other strengths and prompts",
        "playground",
        vector=[name for name, _ in tried],
        at=[f"{name}:{strength!r}" for name, strength in tried],
        prompt=run.spec.prompts[0].text,
    )


def _pairs(*, is_next: bool) -> None:
    if st.button("Load the examples", type="primary" if is_next else "secondary"):
        with notes.errors_as_panel():
            examples.load(cached.store(), actor=cached.user())
            st.rerun()
    navigation.page_link("Import your own", "sets")


def _model(*, is_next: bool) -> None:
    if st.button("Register the bundled model", type="primary" if is_next else "secondary"):
        job_panels.ask(
            lambda: models.request_registration(
                cached.store(), f"bundled:{BUNDLED}", actor=cached.user(), name=BUNDLED
            )
        )
    navigation.page_link("Another model", "settings")


def _vector(*, is_next: bool) -> None:
    if is_next and st.button("Extract a vector", type="primary"):
        job_panels.ask(_request_vector)
    navigation.page_link("Choose pairs and method", "new_vector")


def _request_vector() -> Asked[SteeringVector]:
    db = cached.store()
    example = presets.example_version(db)
    labels = lists.version_labels(db) if example is None else [example.label]
    label = next(filter(_has_targets, labels), None)
    if label is None:
        raise InputError("No set version has targets. Import pairs of a source and a target.")
    return vectors.request_extraction(
        db,
        set_reference=label,
        model=models.list_models(db)[0],
        options=ExtractionOptions(),
        actor=cached.user(),
        priority=PRIORITY_INTERACTIVE,
    )


def _has_targets(label: str) -> bool:
    page = sets.page(cached.store(), sets.get(cached.store(), label), limit=1)
    return any(demonstration.target is not None for _, demonstration in page.rows)


def _texts(*, is_next: bool) -> None:
    if is_next and st.button("Generate texts", type="primary"):
        job_panels.ask(_request_texts)
    navigation.page_link("Open the playground", "playground")


def _request_texts() -> Asked[GenerationRun]:
    ready = presets.presets(cached.store())
    if ready:
        return form.run_of(ready[0].request)
    vector = lists.vector_choices(cached.store())[0]
    request = GenerationRequest(
        model=vector.model_name,
        prompts=(Prompt(text=form.PROMPT),),
        arms=((Term(vector=vector.name, strength=vector.operator.info.slider.start),),),
    )
    return form.run_of(request)
