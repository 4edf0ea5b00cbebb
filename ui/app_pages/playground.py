"""Try vectors on a prompt: baseline and steered side by side, as the tokens arrive."""

import streamlit as st

from ui import cached, markup
from ui.frame import job_panels, navigation, notes
from ui.playground import gallery, history, results, turns
from ui.runs import form as run_form
from ui.runs.form import Form
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.services.runs import runs


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


def _shown() -> GenerationRun | None:
    """The run that the address names."""
    run_id = navigation.chosen_number("run")
    return None if run_id is None else runs.get(cached.store(), str(run_id))


def _say_other(run: GenerationRun) -> None:
    """That the texts are not those that the fields would ask for."""
    other = "These texts were asked for with other settings than the fields hold."
    words = "Bring back the settings of these texts"
    back = markup.link(words, "playground", **history.selection(run))
    st.html(f"<p>{markup.quiet(other)} {back}</p>")


notes.header("Playground", "Try vectors on a prompt and see where the text departs.")
gallery.show()
rack, texts = st.columns([5, 7], gap="large")
with rack:
    form = run_form.show(quick=True)
with texts.container(key="play-texts"):
    with st.container(horizontal=True, vertical_alignment="center"):
        is_pressed = st.button("Generate", type="primary", disabled=form is None)
        is_live = st.toggle(
            "Again at every change",
            key="live",
            bind="query-params",
            help="A slider that is let go, or a field that is left, asks for the texts at once.",
        )
        st.caption("The baseline and every arm share one batch.")
    run = _shown()
    is_other = bool(form and run and not history.asks_for_the_same(form.spec, run.spec))
    is_taken = gallery.is_taken()
    if form is not None and (is_pressed or is_taken or (is_live and is_other)):
        _ask(form)
        run, is_other = _shown(), False
    job_id = navigation.chosen_number("job")
    if job_id is None and run is None:  # a job says so itself
        job_panels.worker_note(waits=False)
    turns.show(form, run, job_id)
    if job_id is not None:
        results.watch(job_id)
    elif run is not None:
        if is_other:
            _say_other(run)
        results.show(run, turns.ways_on(run, is_other=is_other))
    else:
        st.html(markup.quiet("Generate: the texts stand here, side by side, as they are written."))
    history.show()
if form is not None:
    with rack:
        run_form.show_recipe(form)
