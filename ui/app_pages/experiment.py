"""From a vector, or pairs, to a verdict: one form, live progress, then what was shown."""

import streamlit as st

from ui import cached, markup
from ui.experiments import form as experiment_form
from ui.experiments import result
from ui.frame import job_panels, navigation, notes
from vectorlab.domain.jobs.jobs import Job, JobState
from vectorlab.domain.jobs.requests import ExperimentRequest
from vectorlab.services import jobs
from vectorlab.services.runs import experiments, verdicts
from vectorlab.services.runs.verdicts import Experiment

RECENT = 5


def _open(experiment: Experiment) -> None:
    st.query_params.from_dict({"run": str(experiment.run.id)})
    st.rerun()


def _ask() -> None:
    notes.header(
        "Experiment",
        "A vector is calibrated within a budget of damage and tried beside controls and prompting; "
        "it ends in a verdict.",
    )
    form = experiment_form.show()
    if st.button("Run the experiment", type="primary", disabled=form is None) and form is not None:
        st.query_params.pop("job", None)
        job_panels.ask(form.ask, on_found=_open)
        if "job" in st.query_params:
            st.rerun()
    if form is not None:
        experiment_form.show_recipe(form)
    _recent()


def _recent() -> None:
    """The newest experiments, each by what it said first."""
    found = experiments.list_experiments(cached.store(), limit=RECENT)
    if found:
        notes.heading("Ended before")
        rows = [
            (
                markup.link(f"run {each.run.id}", "experiment", run=each.run.id),
                markup.escape(each.run.name or ""),
                markup.escape(verdict.headline),
                markup.moment(each.run.created_at),
            )
            for each in found
            for verdict in each.verdicts
        ]
        st.html(markup.table(["run", "name", "verdict", "made"], rows))


def _follow(job_id: int) -> None:
    """Where the experiment stands, part by part, with the texts as they grow."""
    job = jobs.get(cached.store(), job_id)
    if job.kind == ExperimentRequest.KIND and job.state is JobState.SUCCEEDED:
        st.query_params.from_dict({"run": str(jobs.result(job)["run_id"])})
        st.rerun()
    notes.header("Experiment under way", "It goes on when this page is closed.")

    @st.fragment(run_every=None if job.state.is_final else "1s")
    def live() -> None:
        with notes.errors_as_panel():
            current = jobs.get(cached.store(), job_id)
            job_panels.job_line(current)
            _parts(current)
            if current.state.is_final and not job.state.is_final:
                st.rerun()

    live()
    if job.state.is_final:
        navigation.page_link("New experiment", "experiment")


def _parts(job: Job) -> None:
    begun = experiments.begun(cached.store(), job)
    if not begun:
        return
    rows = [
        (
            markup.escape(what),
            markup.badge("found", "good")
            if part is None
            else markup.badge(part.state.value, job_panels.TONES[part.state]),
            "" if part is None else markup.link(f"job {part.id}", "jobs", job=part.id),
        )
        for what, part in begun
    ]
    st.html(markup.table(["part", "", ""], rows))
    _, last = begun[-1]
    if last is not None and last.state is JobState.RUNNING:
        job_panels.partial_texts(last)


run = st.query_params.get("run")
job = navigation.chosen_number("job")
if run is not None:
    result.show(verdicts.get(cached.store(), run))
elif job is not None:
    _follow(job)
else:
    _ask()
