"""Try vectors on a prompt: baseline and steered side by side, as the tokens arrive."""

import streamlit as st

from ui import cached, markup
from ui.frame import job_panels, navigation, notes
from ui.playground import results
from ui.runs import form as run_form
from ui.runs import strengths
from ui.runs.form import Form
from vectorlab.services.runs import presets, runs


def _ask(form: Form) -> None:
    with notes.errors_as_panel():
        answer = form.ask()
        for name in ("job", "run"):
            st.query_params.pop(name, None)
        if answer.found is not None:
            st.query_params["run"] = str(answer.found.id)
            st.session_state[results.FRESH] = answer.found.id
        elif answer.job is not None:
            st.query_params["job"] = str(answer.job.id)


def _offer_presets() -> None:
    """What can be tried at once, where nothing is chosen yet."""
    if {"vector", "at", "job", "run"} & set(st.query_params):
        return
    ready = presets.presets(cached.store())
    if ready:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(markup.quiet("Begin with"), width="content")
            for preset in ready:
                st.button(preset.experiment.title, type="tertiary", on_click=_take, args=(preset,))


def _take(preset: presets.Preset) -> None:
    """Choose what a preset needs, in the address too."""
    name = preset.vector.name
    strengths.forget(name)
    st.session_state["vector"] = [name]
    st.session_state["prompt"] = preset.prompt
    st.query_params[strengths.PARAMETER] = f"{name}:{preset.strength!r}"


notes.header("Playground", "Try vectors on a prompt and see where the text departs.")
_offer_presets()
rack, texts = st.columns([5, 7], gap="large")
with rack:
    form = run_form.show(quick=True)
with texts.container(key="play-texts"):
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Generate", type="primary", disabled=form is None) and form is not None:
            _ask(form)
        st.caption("The baseline and every arm share one batch.")
    job_id, run_id = navigation.chosen_number("job"), navigation.chosen_number("run")
    if job_id is None and run_id is None:  # a job says so itself
        job_panels.worker_note(waits=False)
    if job_id is not None:
        results.watch(job_id)
    elif run_id is not None:
        results.show(runs.get(cached.store(), str(run_id)))
if form is not None:
    with rack:
        run_form.show_recipe(form)
