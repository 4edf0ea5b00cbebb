"""The queue, live, and who works on it."""

import json

import pandas as pd
import streamlit as st

from ui import cached, markup, tables
from ui.frame import job_panels, lists, navigation, notes
from vectorlab.domain.jobs.jobs import JobFilter, JobState
from vectorlab.domain.jobs.kinds import kinds
from vectorlab.services import frames, jobs, models

SHOWN = 100
EVERY = "2s"  # how often the queue is read anew while something runs or waits; else it is not
SINCE = {"an hour": "1h", "a day": "1d", "a week": "7d", "a month": "30d"}
SHOWN_LOG = 200  # lines


def _show_job(job_id: int) -> None:
    notes.header(f"Job {job_id}", "What was asked, how far it is, and every attempt at it.")
    job = job_panels.watch_job(job_id, every=job_panels.BESIDE_A_JOB)
    job_panels.result_link(job)
    attempts = [
        (
            str(attempt.attempt),
            markup.escape(attempt.worker_id),
            markup.moment(attempt.started_at),
            "–" if attempt.ended_at is None else markup.moment(attempt.ended_at),
            markup.escape("open" if attempt.outcome is None else attempt.outcome.value),
            markup.literal(attempt.error or "–"),
        )
        for attempt in jobs.attempts(cached.store(), job_id)
    ]
    if attempts:
        st.subheader("Attempts", anchor=False)
        head = ["attempt", "worker", "began", "ended", "outcome", "reason"]
        tables.show(head, attempts, name=f"job-{job_id}-attempts")
    _show_log(job_id, running=not job.state.is_final)
    with st.expander("Request"):
        st.code(json.dumps(dict(job.spec), indent=2, ensure_ascii=False), language="json")


def _show_log(job_id: int, *, running: bool) -> None:
    @st.fragment(run_every=job_panels.BESIDE_A_JOB if running else None)
    def live() -> None:
        with notes.errors_as_panel():
            lines = jobs.log(cached.store(), job_id, last=SHOWN_LOG)
            if lines:
                st.subheader("Log", anchor=False)
                rows = [
                    (
                        f"{line.created_at:%H:%M:%S}",
                        str(line.attempt),
                        markup.escape(line.level.value),
                        markup.literal(line.message),
                    )
                    for line in lines
                ]
                head = ["UTC", "attempt", "level", "message"]
                tables.show(head, rows, name=f"job-{job_id}-log", frame=lambda: _log(job_id))

    live()


def _log(job_id: int) -> pd.DataFrame:
    """Every line, however long the log is."""
    lines = jobs.log(cached.store(), job_id)
    return pd.DataFrame(
        {
            "time": [line.created_at for line in lines],
            "attempt": [line.attempt for line in lines],
            "level": [line.level.value for line in lines],
            "message": [line.message for line in lines],
        }
    )


def _show_queue() -> None:
    notes.header("Jobs and workers", "Work waits here; a worker claims it, computes and commits.")
    job_filter = _choose_filter()
    busy = _is_busy()
    if not busy:
        st.button("Look again", help="Nothing runs or waits, so this page does not renew itself.")

    @st.fragment(run_every=EVERY if busy else None)
    def live() -> None:
        with notes.errors_as_panel():
            if _is_busy() != busy:
                st.rerun()
            job_panels.worker_note(waiting=busy)
            frame = _show_jobs(job_filter)
            _change_all(frame)
            _show_workers()

    live()
    _prune()


def _choose_filter() -> JobFilter:
    state = st.segmented_control(
        "State", [state.value for state in JobState], key="state", bind="query-params"
    )
    names = [model.name for model in models.list_models(cached.store())]
    navigation.say_unknown("model", names)
    one, two, three, four = st.columns(4)
    kind = one.selectbox(
        "Kind",
        list(kinds()),
        index=None,
        placeholder="any",
        key="kind",
        bind="query-params",
    )
    model = two.selectbox(
        "Model", names, index=None, placeholder="any", key="model", bind="query-params"
    )
    worker = three.text_input("Worker, how its id begins", key="worker", bind="query-params")
    since = four.selectbox(
        "Asked within",
        list(SINCE),
        index=None,
        placeholder="ever",
        key="since",
        bind="query-params",
    )
    return jobs.read_filter(
        cached.store(),
        states=() if state is None else (JobState(state),),
        kind=kind,
        model=model,
        worker=worker or None,
        since=None if since is None else SINCE[since],
    )


def _show_jobs(job_filter: JobFilter) -> pd.DataFrame:
    frame = frames.jobs_frame(cached.store(), job_filter, limit=SHOWN)
    if frame.empty:
        notes.note("No job", "Jobs appear here when a vector or a run is asked for.")
        return frame
    chosen = lists.pick(
        frame,
        key="jobs.list",
        columns={
            "asked": lists.TIME,
            "progress": st.column_config.ProgressColumn(min_value=0, max_value=1),
        },
    )
    st.caption("Click a row to open the job: cancel it, retry it, read its log and its error.")
    if len(frame) == SHOWN:
        tables.csv_button(
            lambda: frames.jobs_frame(cached.store(), job_filter, limit=tables.ALL),
            name="jobs",
            label="Download all that fit (CSV)",
        )
    if chosen is not None:
        navigation.go("jobs", job=frame["id"][chosen])
    return frame


def _change_all(frame: pd.DataFrame) -> None:
    """Cancel or retry what the filter shows."""
    active = [JobState.QUEUED.value, JobState.RUNNING.value]
    again = [JobState.FAILED.value, JobState.CANCELLED.value]
    shown = {} if frame.empty else dict(zip(frame["id"], frame["state"], strict=True))
    left, right, _ = st.columns([1, 1, 2])
    for place, word, states, change in (
        (left, "Cancel", active, jobs.cancel),
        (right, "Retry", again, jobs.retry),
    ):
        meant = [job_id for job_id, state in shown.items() if state in states]
        label = f"{word} the {len(meant)} shown"
        if len(meant) > 1 and place.button(label, key=f"jobs.{word}"):
            for job_id in meant:
                with notes.errors_as_panel():
                    change(cached.store(), job_id, actor=cached.user())
            st.rerun()


def _show_workers() -> None:
    st.subheader("Workers", anchor=False)
    frame = frames.workers_frame(cached.store())
    if frame.empty:
        st.html(markup.quiet("No worker has been seen in this store."))
        return
    st.dataframe(
        frame, key="jobs.workers", hide_index=True, column_config={"last seen": lists.TIME}
    )


def _prune() -> None:
    with st.expander("Prune"), st.form("jobs.prune", border=False):
        st.caption(
            "Deletes jobs that have ended, with their attempts and logs. What they made stays, "
            "and the audit log keeps what each was."
        )
        days = st.number_input(
            "Ended more than so many days ago", 0, 3650, 30, key="jobs.prune_days"
        )
        states = st.multiselect(
            "Only in state",
            [state.value for state in JobState if state.is_final],
            placeholder="any",
            key="jobs.prune_states",
        )
        if st.form_submit_button("Delete"):
            with notes.errors_as_panel():
                job_filter = jobs.read_filter(
                    cached.store(),
                    states=[JobState(state) for state in states],
                    older_than=f"{days}d",
                )
                gone = jobs.prune(cached.store(), job_filter, actor=cached.user())
                notes.note("Pruned", f"{len(gone)} jobs were deleted.", tone="good")


def _is_busy() -> bool:
    return any(jobs.under_way(cached.store()))


job_id = navigation.chosen_number("job")
if job_id is not None:
    _show_job(job_id)
else:
    with notes.errors_as_panel():
        _show_queue()
