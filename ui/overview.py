"""The parts of the Overview: verdicts, what is under way, tries worth keeping, what is next."""

import streamlit as st

from ui import cached, charts, markup
from ui.experiments import result
from ui.frame import job_panels, lists, navigation, notes
from ui.sets import importing
from vectorlab.domain.jobs.jobs import JobState
from vectorlab.domain.overview import NextStep, StepKind, Try
from vectorlab.services import jobs, overview
from vectorlab.services.overview import UnderWay
from vectorlab.services.runs import verdicts
from vectorlab.services.runs.verdicts import ExperimentResult

VERDICTS = 3
TRIES = 4
# Of every kind of step: what is done to what, and why.
STEPS = {
    StepKind.RETRY: ("Look at job {id}, {name}", "It failed, and nobody asked for it again."),
    StepKind.COMMIT: ("Freeze the draft of {name}", "Nothing is made of it before."),
    StepKind.EXTRACT: ("Make a vector of {name}", "No vector and no run was made since it came."),
    StepKind.CALIBRATE: ("Calibrate {name}", "What it does at which strength is not measured."),
    StepKind.SCORE: ("Score {name}", "Its texts have no scores, so nothing is shown."),
    StepKind.REPLAY: ("Replay {name}", "It was never replayed."),
}


def show_ways() -> None:
    """Where people mostly go from here, each a click from its form."""
    with st.container(horizontal=True):
        navigation.page_link("Import pairs", "sets", form=importing.FORM)
        navigation.page_link("New experiment", "experiment")
        navigation.page_link("Open the playground", "playground")


def show_verdicts() -> None:
    """The newest experiments, each by its verdict and its frontier."""
    found = cached.experiments(VERDICTS)
    if not found:
        return
    notes.heading("Last verdicts")
    for column, experiment in zip(st.columns(VERDICTS), found, strict=False):
        with column.container(border=True):
            _card(experiment)


def _card(experiment: ExperimentResult) -> None:
    for said in experiment.verdicts:
        link = markup.link(said.headline, "experiment", run=experiment.run.id)
        st.html(f"<b>{link}</b>")
    frame = verdicts.frontier_frame(experiment).dropna(subset=["effect", "damage"])
    if not frame.empty:
        chart = charts.frontier(
            frame,
            result.colours_of(experiment),
            effect=f"change of {experiment.effect}",
            damage=experiment.damage,
            budget=experiment.calibrations[0].spec.budget,
            is_small=True,
        )
        st.altair_chart(chart)
    for said in experiment.verdicts:
        st.html(markup.badge(said.grade.value, result.TONES.get(said.grade, "")))
    st.html(markup.quiet(markup.moment(experiment.run.created_at)))


def show_under_way() -> None:
    """What runs and waits, read again and again while there is any; the page when one ends."""
    db = cached.store()
    first = overview.under_way(db)
    if not first:
        return
    notes.heading("Now")
    if jobs.any_due(db):  # one whose worker is gone waits for the next
        job_panels.worker_note()

    @st.fragment(run_every=job_panels.BESIDE_A_JOB)
    def live() -> None:
        with notes.errors_as_panel():
            found = overview.under_way(db)
            if _ids(found) != _ids(first):
                st.rerun()
            for each in found:
                _line(each)

    live()
    navigation.page_link("All jobs", "jobs")


def _ids(found: list[UnderWay]) -> set[int]:
    return {each.job.id for each in found}


def _line(each: UnderWay) -> None:
    job = each.job
    with st.container(border=True):
        link = markup.link(each.words, "jobs", job=job.id)
        st.html(f"{link} · {job_panels.state_badge(job)} {markup.quiet(each.note)}")
        if job.state is JobState.RUNNING:
            st.progress(min(1.0, job.progress_done / (job.progress_total or 1)))


def show_tries() -> None:
    """What was tried in the playground and changed the text, to be kept or let go."""
    found = overview.tries(cached.store(), author=cached.user(), limit=TRIES)
    notes.heading("Tries worth keeping")
    if not found:
        st.html(markup.quiet("Steer a text in the playground; what changed it stands here."))
    for each in found:
        _try(each)


def _try(each: Try) -> None:
    with st.container(border=True):
        opens = markup.link(each.arm, "compare", run=each.run_id)
        st.html(f"{opens} {markup.preview(each.prompt)}")
        st.html(markup.difference(each.plain, each.text, removed=False))
        lists.name_run(each.run_id, None)


def show_next() -> None:
    """What the record leaves to be done, a line of every kind, each leading to its place."""
    notes.heading("Next")
    found = overview.next_steps(cached.store(), author=cached.user())
    if not found:
        st.html(markup.quiet("Nothing is left to be done: all is scored, calibrated and replayed."))
        return
    st.html("".join(map(_step, found)))


def _step(step: NextStep) -> str:
    what, why = STEPS[step.kind]
    page, selection = _place(step)
    label = what.format(id=step.id, name=step.name or f"run {step.id}")
    more = markup.note(f"and {step.others} more like it") if step.others else ""
    link = markup.link(label, page, **selection)
    return f'<div class="vl-panel"><b>{link}</b>{markup.escape(why)}{more}</div>'


def _place(step: NextStep) -> tuple[str, dict[str, object]]:
    """Where it is done: a page and what is chosen on it."""
    if step.kind is StepKind.RETRY:
        return "jobs", {"job": step.id}
    if step.kind is StepKind.COMMIT:
        return "sets", {"set": step.name, "view": "edit"}
    if step.kind is StepKind.EXTRACT:
        return "new_vector", {"set": step.name}
    if step.kind is StepKind.CALIBRATE:
        return "vectors", {"vector": step.name}
    if step.kind is StepKind.SCORE:
        return "compare", {"run": step.id, "look": "figures"}
    return "replay", {"run": step.id}
