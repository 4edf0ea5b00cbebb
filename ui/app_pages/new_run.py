"""Ask for a generation run: prompts under the baseline and under vectors."""

from collections.abc import Sequence

import streamlit as st

from ui import markup
from ui.frame import job_panels, navigation, notes
from ui.runs import form as run_form
from ui.runs import scoring
from ui.runs.form import Form
from vectorlab.domain.jobs.jobs import Job, JobState
from vectorlab.domain.runs.runs import GenerationRun

FIELDS = {"--name": "Name of the run"}
_GOES_ON = "new_run.goes_on"  # session key: the run is asked for when its controls are there


def _ask(form: Form, scorers: Sequence[str]) -> None:
    st.query_params.pop("job", None)
    with notes.errors_as_panel():
        whole = form.with_controls()
        if isinstance(whole, Job):
            st.query_params["job"] = str(whole.id)
            st.session_state[_GOES_ON] = True
        else:
            _ask_for_texts(whole, scorers)


def _ask_for_texts(form: Form, scorers: Sequence[str]) -> None:
    called = name or None
    if scorers:
        job_panels.ask(
            lambda: form.ask_scored(scorers, called),
            on_found=lambda scored: _open_run(scored.run),
            fields=FIELDS,
        )
    else:
        job_panels.ask(lambda: form.ask(called), on_found=_open_run, fields=FIELDS)


def _open_run(run: GenerationRun) -> None:
    navigation.page_link(f"Open run {run.id}", "compare", run=run.id)


def _follow(form: Form | None, scorers: Sequence[str] | None) -> None:
    """Watch the job; when it made a control, ask for what is missing yet."""
    goes_on = st.session_state.get(_GOES_ON, False)
    if goes_on:
        st.html(markup.quiet("Control vectors are extracted first; keep this page open."))
    job = job_panels.follow_job(link=not goes_on)
    if goes_on and (job is None or job.state.is_final):
        st.session_state[_GOES_ON] = False
        if job is not None and job.state is JobState.SUCCEEDED and form and scorers is not None:
            _ask(form, scorers)
            if "job" in st.query_params:  # and nothing is said that would be lost
                st.rerun()
    scoring.follow(job)


notes.header("New run", "The same prompts under the baseline and under every vector and strength.")
form = run_form.show(quick=False)
scorers = scoring.choose_beforehand()
name = st.text_input(FIELDS["--name"], placeholder="optional", key="run_name", bind="query-params")
can_ask = form is not None and scorers is not None
if st.button("Generate", type="primary", disabled=not can_ask) and form and scorers is not None:
    _ask(form, scorers)
_follow(form, scorers)
if form is not None:
    run_form.show_recipe(form, scorers or ())
