"""Asking for work, and watching it."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

import streamlit as st

from ui import cached, launching, markup
from ui.frame import navigation, notes
from ui.frame.fields import in_fields
from vectorlab.domain.jobs.jobs import DEFAULT_QUEUE, Job, JobState
from vectorlab.domain.jobs.requests import ExperimentRequest, GenerateRequest
from vectorlab.errors import VectorLabError
from vectorlab.services import jobs, waiting
from vectorlab.services.asking import Asked
from vectorlab.systems import systems

T = TypeVar("T")

# How often what stands beside a job is read, and the job then: once a second in all.
BESIDE_A_JOB = "2s"
WORKER_COMMAND = "vectorlab worker"
TONES = {
    JobState.SUCCEEDED: "good",
    JobState.FAILED: "bad",
    JobState.RUNNING: "busy",
    JobState.QUEUED: "",
    JobState.CANCELLED: "",
}


def worker_note(*, waits: bool = True, queue: str = DEFAULT_QUEUE, place: str = "") -> None:
    """Says so when nobody will pick up a job; louder when one ``waits``.

    ``place`` tells one note from another on the same page.
    """
    if not jobs.any_worker_alive(cached.store(), queue=queue):
        usual = queue == DEFAULT_QUEUE
        notes.note(
            "No worker is alive" if usual else f"No worker of queue {queue} is alive",
            "Jobs wait until one is. Start it in a terminal:",
            tone="bad" if waits else "",
            command=WORKER_COMMAND if usual else f"{WORKER_COMMAND} --queue {shlex.quote(queue)}",
        )
        if usual and launching.is_possible():
            _offer_worker("Start a worker here", place)


def call_for_a_worker() -> None:
    """On every page: says so where work waits and nobody is there to do it, with a way out."""
    with suppress(VectorLabError):  # the page itself says what is wrong with the store
        db = cached.store()
        if jobs.any_due(db) and not jobs.any_worker_alive(db):
            st.html(markup.quiet("Work waits, and no worker is there."))
            if launching.is_possible():
                _offer_worker("Start a worker", "sidebar")
            else:
                navigation.page_link("See what waits", "jobs")


def _offer_worker(label: str, place: str, *, another: bool = False) -> None:
    if st.button(label, key=f"start_worker.{place}"):
        launching.start_worker(another=another)
        st.toast("A worker is starting; it takes a few seconds.")


def ask(
    request: Callable[[], Asked[T]],
    *,
    on_found: Callable[[T], None] | None = None,
    fields: Mapping[str, str] | None = None,
) -> None:
    """Ask for work; what cannot be asked is said in words, nothing is written then.

    The job that ``request`` queued is kept in the address, to be watched. ``on_found`` links to
    what an equal request made before; ``fields`` are as errors have them.
    """
    with notes.errors_as_panel(fields=fields):
        answer = request()
        if answer.job is not None:
            st.query_params["job"] = str(answer.job.id)
        if answer.found is not None:
            sentence = "An equal request was answered before; nothing is computed."
            notes.note("Found", sentence, tone="good")
            if on_found is not None:
                on_found(answer.found)


def follow_job(*, link: bool = True, every: str = "1s") -> Job | None:
    """Watch the job in the address, if there is one, and link to what it made."""
    job_id = navigation.chosen_number("job")
    if job_id is None:
        return None
    job = watch_job(job_id, every)
    if link:
        result_link(job)
    return job


def watch_job(job_id: int, every: str = "1s") -> Job:
    """Live state of a job with what can be done about it; reruns the page when it has ended."""
    job = jobs.get(cached.store(), job_id)

    @st.fragment(run_every=None if job.state.is_final else every)
    def live() -> None:
        with notes.errors_as_panel():
            current = jobs.get(cached.store(), job_id)
            job_line(current)
            if current.state is JobState.RUNNING:
                partial_texts(current)
            if current.state.is_final and not job.state.is_final:
                st.rerun()

    live()
    return job


def result_link(job: Job) -> None:
    """A link to what a finished job made."""
    result = job.result or {}
    if "vector_id" in result:
        navigation.page_link("Open the vector", "vectors", vector=result["vector_id"])
    if "model_id" in result:
        navigation.page_link("Open the playground", "playground")
    for system in systems():
        for key, link in system.links.items():
            if key in result:
                navigation.page_link(link.label, link.page, view=link.views.get(job.kind))
    if "run_id" in result and job.kind == ExperimentRequest.KIND:
        navigation.page_link("Open the verdict", "experiment", run=result["run_id"])
    elif "run_id" in result:
        request = job.request(GenerateRequest)
        replayed = request is not None and request.replay_of is not None
        navigation.page_link(
            "Open the verdict" if replayed else "Open the run",
            "replay" if replayed else "compare",
            run=result["run_id"],
        )


def job_line(job: Job) -> None:
    """Where a job stands, and what can be done about it; without what it has written so far."""
    words = waiting.requests_in_words(cached.store(), [job])[job.id]
    with st.container(border=True):
        st.html(
            f"<b>Job {job.id}</b> · {markup.escape(words)} · {state_badge(job)} "
            f"{markup.quiet(_job_note(job))}"
        )
        if job.state is JobState.RUNNING:
            st.progress(min(1.0, job.progress_done / (job.progress_total or 1)))
        if job.state is JobState.QUEUED or job.lapsed:
            worker_note(queue=job.queue, place=f"job-{job.id}")
        if job.state is JobState.QUEUED and _is_behind_another(job):
            _offer_worker("Start another worker", f"another-{job.id}", another=True)
        if job.error and job.state is JobState.FAILED:
            st.html(f'<div class="vl-mono">{markup.literal(in_fields(job.error))}</div>')
        if job.state in (JobState.FAILED, JobState.CANCELLED):
            if st.button("Retry", key=f"retry.{job.id}"):
                jobs.retry(cached.store(), job.id, actor=cached.user())
                st.rerun()
        elif job.cancel_requested:
            st.button("Cancelling …", key=f"cancelling.{job.id}", disabled=True)
        elif not job.state.is_final:
            notes.confirmed(
                "Cancel",
                f"Cancel job {job.id}, {words}? What it has computed so far is dropped.",
                lambda: jobs.cancel(cached.store(), job.id, actor=cached.user()),
                key=f"cancel.{job.id}",
            )


def state_badge(job: Job) -> str:
    """The state of a job as a pill; of one whose worker is gone, that it is."""
    if job.lapsed:
        return markup.badge("running, its worker is gone", "bad")
    return markup.badge(job.state.value, TONES[job.state])


def _is_behind_another(job: Job) -> bool:
    """Whether a worker that this dashboard can start would take a job sooner."""
    line = waiting.lines(cached.store(), [job]).get(job.id)
    usual = job.queue == DEFAULT_QUEUE and launching.is_possible()
    return usual and line is not None and line.workers > 0 and not line.is_next


def arm_labels(job: Job) -> Sequence[str]:
    """Names of the arms that a job generates texts of."""
    request = job.request(GenerateRequest)
    return [] if request is None else [arm.label for arm in request.spec.arms]


def _job_note(job: Job) -> str:
    """What is to be known beside the state: trouble, how fast it goes, what it waits behind."""
    standing = jobs.standing(job)
    if standing != job.state.value:
        return standing.removeprefix(f"{job.state.value}, ")
    wait = waiting.wait_of(cached.store(), job)
    if job.state is JobState.RUNNING:
        return " · ".join(filter(None, (jobs.pace(job) or job.progress_note, wait)))
    return wait


def partial_texts(job: Job) -> None:
    """What a generation has written so far, as it grows."""
    texts = jobs.partial_texts(cached.store(), job.id)
    if texts:
        arms = arm_labels(job)
        rows = [
            (
                str(text.prompt + 1),
                markup.escape(arms[text.arm] if text.arm < len(arms) else text.arm),
                markup.generated(text.text),
            )
            for text in texts
        ]
        st.html(markup.table(["prompt", "arm", "so far, not a result yet"], rows))
