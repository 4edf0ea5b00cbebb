"""Ask for a generation run: prompts under the baseline and under vectors."""

from functools import partial

import streamlit as st

from ui import run_form
from ui.frame import job_panels, navigation, notes
from ui.run_form import Form


def _request(form: Form) -> int | None:
    asked = form.ask(name or None)
    if asked.run is not None:
        notes.note("Found", "This exact run was made before; nothing is computed.", tone="good")
        navigation.page_link(f"Open run {asked.run.id}", "compare", run=asked.run.id)
    return None if asked.job is None else asked.job.id


notes.header("New run", "The same prompts under the baseline and under every vector and strength.")
form = run_form.show(quick=False)
name = st.text_input("Name of the run", placeholder="optional", key="run_name", bind="query-params")
if st.button("Generate", type="primary", disabled=form is None) and form is not None:
    st.query_params.pop("job", None)
    job_panels.ask(partial(_request, form))
job_panels.follow_job()
if form is not None:
    run_form.show_recipe(form)
