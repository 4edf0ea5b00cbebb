"""Ask for a generation run: prompts under the baseline and under vectors."""

from functools import partial

import streamlit as st

from ui.frame import job_panels, navigation, notes
from ui.runs import form as run_form
from ui.runs.form import Form
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.services.asking import Asked


def _request(form: Form) -> Asked[GenerationRun]:
    return form.ask(name or None)


def _open_run(run: GenerationRun) -> None:
    navigation.page_link(f"Open run {run.id}", "compare", run=run.id)


notes.header("New run", "The same prompts under the baseline and under every vector and strength.")
form = run_form.show(quick=False)
name = st.text_input("Name of the run", placeholder="optional", key="run_name", bind="query-params")
if st.button("Generate", type="primary", disabled=form is None) and form is not None:
    st.query_params.pop("job", None)
    job_panels.ask(partial(_request, form), on_found=_open_run)
job_panels.follow_job()
if form is not None:
    run_form.show_recipe(form)
