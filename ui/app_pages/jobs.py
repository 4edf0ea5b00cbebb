"""The queue, live, and who works on it."""

import json

import streamlit as st

from ui import data, parts, texts
from vectorlab.domain.jobs import JobState
from vectorlab.services import jobs, reports

SHOWN = 100
BUSY, IDLE = "2s", "10s"  # how often the queue is read anew


def _show_job(job_id: int) -> None:
    parts.header(f"Job {job_id}", "What was asked, how far it is, and every attempt at it.")
    job = parts.watch_job(job_id)
    parts.result_link(job)
    attempts = [
        (
            str(item.attempt),
            texts.escape(item.worker_id),
            texts.moment(item.started_at),
            "–" if item.ended_at is None else texts.moment(item.ended_at),
            texts.escape("running" if item.outcome is None else item.outcome.value),
            texts.literal(item.error or "–"),
        )
        for item in jobs.attempts(data.store(), job_id)
    ]
    if attempts:
        st.subheader("Attempts", anchor=False)
        head = ["attempt", "worker", "began", "ended", "outcome", "error"]
        st.html(texts.table(head, attempts))
    with st.expander("Request"):
        st.code(json.dumps(dict(job.spec), indent=2, ensure_ascii=False), language="json")
    parts.page_link("All jobs", "jobs")


def _show_queue() -> None:
    parts.header("Jobs and workers", "Work waits here; a worker claims it, computes and commits.")
    state = st.segmented_control(
        "State", [item.value for item in JobState], key="state", bind="query-params"
    )
    wanted = None if state is None else JobState(state)
    busy = _is_busy()

    @st.fragment(run_every=BUSY if busy else IDLE)
    def live() -> None:
        with parts.in_words():
            if _is_busy() != busy:
                st.rerun()
            parts.worker_note(waiting=busy)
            _show_jobs(wanted)
            _show_workers()

    live()


def _show_jobs(state: JobState | None) -> None:
    frame = reports.jobs_frame(data.store(), state=state, limit=SHOWN)
    if frame.empty:
        parts.note("No job", "Jobs appear here when a vector or a run is asked for.")
        return
    chosen = parts.pick(
        frame,
        key="jobs.list",
        columns={
            "asked": parts.TIME,
            "progress": st.column_config.ProgressColumn(min_value=0, max_value=1),
        },
    )
    st.caption("Click a row to open the job: cancel it, retry it, read its error.")
    if chosen is not None:
        parts.go("jobs", job=frame["id"][chosen])


def _show_workers() -> None:
    st.subheader("Workers", anchor=False)
    frame = reports.workers_frame(data.store())
    if frame.empty:
        st.html(texts.quiet("No worker has been seen in this store."))
        return
    st.dataframe(
        frame, key="jobs.workers", hide_index=True, column_config={"last seen": parts.TIME}
    )


def _is_busy() -> bool:
    return any(
        jobs.list_jobs(data.store(), state=item, limit=1)
        for item in (JobState.QUEUED, JobState.RUNNING)
    )


job_id = parts.chosen_number("job")
if job_id is not None:
    _show_job(job_id)
else:
    _show_queue()
