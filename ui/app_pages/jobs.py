"""The queue, live, and who works on it."""

import json
from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd
import streamlit as st

from ui import cached, markup, tables
from ui.frame import job_panels, lists, navigation, notes
from vectorlab.domain.jobs.jobs import Job, JobFilter, JobState
from vectorlab.domain.jobs.kinds import kinds
from vectorlab.services import frames, jobs, models, waiting

SHOWN = 100
EVERY = "2s"  # how often the queue is read anew while something runs or waits; else it is not
SINCE = {"an hour": "1h", "a day": "1d", "a week": "7d", "a month": "30d"}
MOST_WORDS = 110  # letters of what a job asks for; its page has all of them
SHOWN_LOG = 200  # lines
PRUNED = "jobs.prune_asked"  # session key: what is to be deleted once that is confirmed


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
            job_panels.worker_note(waits=busy)
            _change_all(_show_jobs(job_filter))
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


def _show_jobs(job_filter: JobFilter) -> list[Job]:
    listed = jobs.list_jobs(cached.store(), job_filter, limit=SHOWN)
    if not listed:
        notes.note("No job", "Jobs appear here when a vector or a run is asked for.")
        return []
    columns = waiting.columns(cached.store(), listed)
    words = dict(zip(columns["id"], columns["what"], strict=True))
    beside = dict(zip(columns["id"], columns["note"], strict=True))
    lists.linked(
        ("job", "what", "state", "how far", "asked"),
        {"": [_cells(job, words[job.id], beside[job.id]) for job in listed]},
        frame=lambda: frames.jobs_frame(cached.store(), job_filter, limit=tables.ALL),
        name="jobs",
        label="Download all that fit (CSV)",
    )
    st.caption("Open a job by its row: cancel it, retry it, read its log and its error.")
    return listed


def _cells(job: Job, words: str, beside: str) -> list[str]:
    """The line of a job; its link opens it."""
    share = job.progress_done / job.progress_total if job.progress_total else None
    bar = (
        f'<progress value="{share:.3f}" aria-label="{share:.0%} done"></progress> '
        if job.state is JobState.RUNNING and share is not None
        else ""
    )
    first = (job.error or "").partition("\n")[0]
    said = [jobs.pace(job), beside, first if job.state is JobState.FAILED else "", jobs.took(job)]
    words_said = " · ".join(filter(None, said))
    kind = markup.note(job.kind) if words != job.kind else ""
    return [
        markup.opens(job.id, "jobs", job=job.id),
        markup.preview(words, MOST_WORDS) + kind,
        job_panels.state_badge(job),
        bar + (markup.quiet(words_said) if words_said else ""),
        f'<span class="vl-moment">{markup.moment(job.created_at).removesuffix(" UTC")}</span>'
        + markup.note(job.created_by),
    ]


def _change_all(listed: Sequence[Job]) -> None:
    """Cancel or retry what the filter shows, once that is confirmed."""
    active, again = (JobState.QUEUED, JobState.RUNNING), (JobState.FAILED, JobState.CANCELLED)
    with st.container(horizontal=True):
        for word, states, change in (
            ("Cancel", active, jobs.cancel),
            ("Retry", again, jobs.retry),
        ):
            meant = [job.id for job in listed if job.state in states]
            if len(meant) > 1:
                notes.confirmed(
                    f"{word} the {len(meant)} shown",
                    f"{word} {len(meant)} jobs, {_ids(meant)}?",
                    partial(_change, meant, change),
                    key=f"jobs.{word}",
                )


def _change(meant: Sequence[int], change: Callable[..., Job]) -> None:
    for job_id in meant:
        with notes.errors_as_panel():
            change(cached.store(), job_id, actor=cached.user())


def _ids(meant: Sequence[int]) -> str:
    shown = ", ".join(map(str, meant[:5]))
    return f"{shown} and {len(meant) - 5} more" if len(meant) > 5 else shown


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
    with st.expander("Prune"):
        with st.form("jobs.prune", border=False):
            st.caption(
                "Deletes jobs that have ended, with their attempts and logs. What they made stays, "
                "and the audit log keeps what each was."
            )
            days = st.number_input(
                "Ended more than so many days ago", 0, 3650, 30, key="jobs.prune_days"
            )
            chosen = st.multiselect(
                "Only in state",
                [state.value for state in JobState if state.is_final],
                placeholder="any",
                key="jobs.prune_states",
            )
            if st.form_submit_button("Delete …"):
                st.session_state[PRUNED] = (int(days), tuple(chosen))
        if PRUNED in st.session_state:
            with notes.errors_as_panel():
                _ask_to_prune(*st.session_state[PRUNED])


def _ask_to_prune(days: int, states: Sequence[str]) -> None:
    """Count what would go, and delete it when that is confirmed."""
    db, actor = cached.store(), cached.user()
    job_filter = jobs.read_filter(
        db, states=[JobState(state) for state in states], older_than=f"{days}d"
    )
    meant = [job.id for job in jobs.prune(db, job_filter, actor=actor, dry_run=True)]
    if not meant:
        st.html(markup.quiet("No job that has ended fits."))
        return
    count = markup.count(len(meant), "job")
    st.html(f"<p>{markup.escape(f'Delete {count} for good, {_ids(meant)}?')}</p>")
    with st.container(horizontal=True):
        if st.button(f"Yes, delete {count}", type="primary", key="jobs.prune_yes"):
            gone = jobs.prune(db, job_filter, actor=actor)
            del st.session_state[PRUNED]
            st.toast(f"Deleted: {markup.count(len(gone), 'job')}.")
            st.rerun()
        if st.button("No", key="jobs.prune_no"):
            del st.session_state[PRUNED]
            st.rerun()


def _is_busy() -> bool:
    return any(jobs.under_way(cached.store()))


job_id = navigation.chosen_number("job")
if job_id is not None:
    _show_job(job_id)
else:
    with notes.errors_as_panel():
        _show_queue()
