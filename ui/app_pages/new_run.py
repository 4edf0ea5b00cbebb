"""Ask for a generation run: prompts under the baseline and under vectors."""

from collections.abc import Sequence

import streamlit as st

from ui.frame import job_panels, navigation, notes
from ui.runs import form as run_form
from ui.runs import scoring
from ui.runs.form import Form
from vectorlab.domain.runs.runs import GenerationRun


def _ask(form: Form, scorers: Sequence[str]) -> None:
    st.query_params.pop("job", None)
    called = name or None
    if scorers:
        job_panels.ask(
            lambda: form.ask_scored(scorers, called), on_found=lambda scored: _open_run(scored.run)
        )
    else:
        job_panels.ask(lambda: form.ask(called), on_found=_open_run)


def _open_run(run: GenerationRun) -> None:
    navigation.page_link(f"Open run {run.id}", "compare", run=run.id)


notes.header("New run", "The same prompts under the baseline and under every vector and strength.")
form = run_form.show(quick=False)
scorers = scoring.choose_beforehand()
name = st.text_input("Name of the run", placeholder="optional", key="run_name", bind="query-params")
can_ask = form is not None and scorers is not None
if st.button("Generate", type="primary", disabled=not can_ask) and form and scorers is not None:
    _ask(form, scorers)
scoring.follow(job_panels.follow_job())
if form is not None:
    run_form.show_recipe(form, scorers or ())
