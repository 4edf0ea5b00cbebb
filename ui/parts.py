"""Pieces that pages share: navigation, notes, clickable tables, and watching a job."""

import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import pandas as pd
import streamlit as st
from streamlit.navigation.page import StreamlitPage

from ui import data, launching, texts
from vectorlab.domain.jobs import DEFAULT_QUEUE, Job, JobKind, JobState
from vectorlab.domain.runs import GenerationRun
from vectorlab.errors import InputError, NotFoundError, VectorLabError
from vectorlab.services import jobs, runs

# Heading in the sidebar -> address of each page (and name of its file) -> title.
NAVIGATION = {
    "": {"overview": "Overview", "playground": "Playground"},
    "Look": {
        "sets": "Sets",
        "vectors": "Vectors",
        "runs": "Runs",
        "compare": "Compare",
        "replay": "Replay",
        "attributes": "Attributes",
        "in_context_learning": "In-context learning",
    },
    "Make": {"new_vector": "New vector", "new_run": "New run"},
    "Work": {"jobs": "Jobs and workers", "sql": "SQL", "settings": "Settings"},
}

Rows = TypeVar("Rows", bound=Sequence[Any] | pd.DataFrame)

# How often what stands beside a job is read, and the job then: once a second in all.
BESIDE_A_JOB = "2s"
# Where the page on in-context learning shows what a job made.
ICL_VIEWS = {
    JobKind.ICL_TRAIN: "Trained models",
    JobKind.ICL_BRIDGE: "Bridge to language models",
    JobKind.ICL_REPRODUCE: "Reference points",
}

WORKER_COMMAND = "vectorlab worker"
FAILED = "That did not work"
TICKS = "tick"  # of the address, once per ticked row
_TITLED = "page.titled"  # session key: whether the page under way has its title yet
MOST_NUMBER = 10**12  # of an address; what is larger names nothing either, and no store counts it
TONES = {
    JobState.SUCCEEDED: "good",
    JobState.FAILED: "bad",
    JobState.RUNNING: "busy",
    JobState.QUEUED: "",
    JobState.CANCELLED: "",
}
TIME = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")
RUN_COLUMNS = {
    "made": TIME,
    "arms": st.column_config.TextColumn(width=260),
}


def page_file(name: str) -> str:
    """Where the page of that address is, relative to the router."""
    return f"app_pages/{name}.py"


def draw(page: StreamlitPage) -> None:
    """Run a page; an error that ends it stands under a title, with a way back."""
    st.session_state[_TITLED] = False
    try:
        page.run()
    except VectorLabError as error:
        if not st.session_state[_TITLED]:
            header(page.title, "What the address names cannot be shown.")
        _say(error)
        name = page.url_path or "overview"
        name = "runs" if name == "compare" else name  # where runs to compare are chosen
        titles = {name: title for pages in NAVIGATION.values() for name, title in pages.items()}
        page_link(f"Back to {titles[name]}", name)


def header(title: str, sentence: str) -> None:
    """Title of a page (own words or a checked name) and one sentence under it."""
    st.session_state[_TITLED] = True
    st.title(title.replace("_", r"\_"), anchor=False)
    st.html(f'<p class="vl-lead">{texts.escape(sentence)}</p>')


def heading(text: str) -> None:
    """A heading within a page that may hold any words; ``st.subheader`` would read Markdown."""
    st.html(f'<h3 class="vl-heading">{texts.escape(text)}</h3>')


def note(title: str, text: str, *, tone: str = "", command: str | None = None) -> None:
    """A calm panel; ``command`` is shown with a copy button."""
    kind = f"vl-panel vl-panel-{tone}" if tone else "vl-panel"
    st.html(f'<div class="{kind}"><b>{texts.escape(title)}</b>{texts.escape(text)}</div>')
    if command is not None:
        st.code(command, language="bash")


@contextmanager
def in_words(failed: str = FAILED) -> Iterator[None]:
    """Errors that VectorLab raises on purpose become a panel; the rest of the block is left.

    ``failed`` stands over it, unless something was not found.
    """
    try:
        yield
    except VectorLabError as error:
        _say(error, failed)


def _say(error: VectorLabError, failed: str = FAILED) -> None:
    title = "Not found" if isinstance(error, NotFoundError) else failed
    note(title, str(error), tone="bad")


def worker_note(*, waiting: bool = True, queue: str = DEFAULT_QUEUE, place: str = "") -> None:
    """Says so when nobody will pick up a job; louder when one is ``waiting``.

    ``place`` tells one note from another on the same page.
    """
    if not jobs.any_worker_alive(data.store(), queue=queue):
        usual = queue == DEFAULT_QUEUE
        note(
            "No worker is alive" if usual else f"No worker of queue {queue} is alive",
            "Jobs wait until one is. Start it in a terminal:",
            tone="bad" if waiting else "",
            command=WORKER_COMMAND if usual else f"{WORKER_COMMAND} --queue {shlex.quote(queue)}",
        )
        if usual and launching.is_possible():
            _offer_worker(place)


def _offer_worker(place: str) -> None:
    if st.button("Start a worker here", key=f"start_worker.{place}"):
        launching.start_worker()
        st.toast("A worker is starting; it takes a few seconds.")


def go(page: str, **selection: object) -> None:
    """Open a page with a selection."""
    st.switch_page(page_file(page), query_params=_query(selection))


def page_link(label: str, page: str, **selection: object) -> None:
    """A link to a page; ``label`` is Markdown of our own words and checked names."""
    st.page_link(page_file(page), label=label, query_params=_query(selection))


def pick(
    frame: pd.DataFrame,
    *,
    key: str,
    hide: tuple[str, ...] = (),
    columns: Mapping[str, Any] | None = None,
) -> int | None:
    """A table that opens a row: the number of the row that was clicked, or None."""
    event = st.dataframe(
        frame,
        key=key,
        hide_index=True,
        column_order=[name for name in frame.columns if name not in hide],
        column_config=columns,
        on_select="rerun",
        selection_mode="single-cell",
        placeholder="–",
    )
    cells = event["selection"]["cells"]
    return int(cells[0][0]) if cells else None


def tick(
    frame: pd.DataFrame,
    names: Sequence[str],
    *,
    key: str,
    columns: Mapping[str, Any],
    order: Sequence[str] | None = None,
) -> tuple[str | None, list[str]]:
    """A table whose rows are opened by a click, or ticked; ticks stand in the address at once.

    Args:
        frame: A page of a list.
        names: What the address calls the rows.
        key: Of the table.
        columns: How columns are drawn.
        order: Which columns are drawn; None: all.

    Returns:
        The row that was clicked, if any, and those that are ticked, on other pages too.
    """
    wanted, known = st.query_params.get_all(TICKS), list(names)
    drawn = f"{key}.drawn"  # session key: what the ticks of the table were last in step with
    if key not in st.session_state or st.session_state.get(drawn) != (wanted, known):
        rows = [known.index(name) for name in wanted if name in known]
        st.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    event = st.dataframe(
        frame,
        key=key,
        hide_index=True,
        placeholder="–",
        column_order=order,
        column_config=columns,
        on_select="rerun",
        selection_mode=["multi-row", "single-cell"],
    )
    rows, cells = event["selection"]["rows"], event["selection"]["cells"]
    here = [known[row] for row in rows if row < len(known)]
    ticked = [name for name in wanted if name not in known or name in here]
    ticked += [name for name in here if name not in ticked]
    if ticked != wanted:
        st.query_params[TICKS] = ticked
    st.session_state[drawn] = (ticked, known)
    return (known[cells[0][0]] if cells else None), ticked


def one_page(read: Callable[[int, int], Rows], per_page: int) -> tuple[Rows, int, bool]:
    """The page of a list that the address names, its number, and whether there are more behind it.

    Nothing is counted. An address beyond the last page shows the last.

    Args:
        read: Called with how many are wanted and how many to skip.
        per_page: Rows of a page.
    """
    number = max(1, chosen_number("page") or 1)
    found = read(per_page + 1, (number - 1) * per_page)
    if number > 1 and not len(found):
        number = _last_page(lambda page: len(read(1, (page - 1) * per_page)) > 0, number)
        _turn_to(number)
        found = read(per_page + 1, (number - 1) * per_page)
    page = cast(Rows, found[:per_page])  # a slice of either is the same again
    return page, number, len(found) > per_page


def _last_page(holds: Callable[[int], bool], beyond: int) -> int:
    """The last page that holds anything, or 1; found by halving what lies before ``beyond``."""
    last = 1
    while beyond - last > 1:
        middle = (last + beyond) // 2
        last, beyond = (middle, beyond) if holds(middle) else (last, middle)
    return last


def _turn_to(number: int) -> None:
    if number > 1:
        st.query_params["page"] = str(number)
    else:
        st.query_params.pop("page", None)


def older_newer(number: int, *, more: bool) -> None:
    """Buttons that turn the page of a list, newest first; the page stands in the address."""
    for label, target, is_there in (
        ("Newer", number - 1, number > 1),
        ("Older", number + 1, more),
    ):
        if is_there and st.button(label, key=f"page.{label}"):
            _turn_to(target)
            st.rerun()


def name_run(run: GenerationRun) -> None:
    """A small form that gives a run its name, by which it is found and kept apart from trials."""
    with st.popover("Rename" if run.name else "Keep as …"), st.form(f"name.{run.id}", border=False):
        name = st.text_input("Name of the run", value=run.name or "", key=f"name.{run.id}.text")
        if st.form_submit_button("Keep"):
            with in_words():
                runs.rename(data.store(), str(run.id), name.strip(), actor=data.user())
                st.rerun()


def ask(request: Callable[[], int | None]) -> None:
    """Ask for work; what cannot be asked is said in words, nothing is written then.

    ``request`` returns the id of a job to watch (kept in the address), or None.
    """
    with in_words():
        job_id = request()
        if job_id is not None:
            st.query_params["job"] = str(job_id)


def chosen_number(name: str) -> int | None:
    """A number in the address, or None if it is not there.

    Raises:
        InputError: If something else than a number is there.
    """
    text = st.query_params.get(name)
    if text is None or (text.isascii() and text.isdigit()):
        return None if text is None else min(int(text), MOST_NUMBER)
    raise InputError(f"The address has {name}={text!r}; a number is expected.")


def say_unknown(name: str, known: Collection[str], *, what: str | None = None) -> None:
    """Say which values of a bound widget in the address name nothing here; it drops them.

    Args:
        name: Of the value in the address.
        known: What it may be.
        what: Such a thing is called; None: as the address calls it.
    """
    lost = [text for text in st.query_params.get_all(name) if text not in known]
    if lost:
        title = f"No {what or name} {', '.join(lost)}"
        note(title, "The address names it; the page shows the rest.")


def follow_job(*, link: bool = True, every: str = "1s") -> Job | None:
    """Watch the job in the address, if there is one, and link to what it made."""
    job_id = chosen_number("job")
    if job_id is None:
        return None
    job = watch_job(job_id, every)
    if link:
        result_link(job)
    return job


def watch_job(job_id: int, every: str = "1s") -> Job:
    """Live state of a job with what can be done about it; reruns the page when it has ended."""
    job = jobs.get(data.store(), job_id)

    @st.fragment(run_every=None if job.state.is_final else every)
    def live() -> None:
        with in_words():
            current = jobs.get(data.store(), job_id)
            job_line(current)
            if current.state is JobState.RUNNING:
                _partial_texts(current)
            if current.state.is_final and not job.state.is_final:
                st.rerun()

    live()
    return job


def result_link(job: Job) -> None:
    """A link to what a finished job made."""
    made = job.result or {}
    if "vector_id" in made:
        page_link("Open the vector", "vectors", vector=made["vector_id"])
    if "icl_run_id" in made:
        page_link("Open the result", "in_context_learning", view=ICL_VIEWS.get(job.kind))
    if "model_id" in made:
        page_link("Open the playground", "playground")
    if "ravel_run_id" in made or "ravel_instance_id" in made:
        page_link("Open the attributes", "attributes")
    if "run_id" in made:
        replayed = job.spec.get("replay_of") is not None
        page_link(
            "Open the verdict" if replayed else "Open the run",
            "replay" if replayed else "compare",
            run=made["run_id"],
        )


def job_line(job: Job) -> None:
    """Where a job stands, and what can be done about it; without what it has written so far."""
    with st.container(border=True):
        st.html(
            f"<b>Job {job.id}</b> · {job.kind.value} · "
            f"{texts.badge(job.state.value, 'bad' if job.lapsed else TONES[job.state])} "
            f"{texts.quiet(_job_note(job))}"
        )
        if job.state is JobState.RUNNING:
            st.progress(min(1.0, job.progress_done / (job.progress_total or 1)))
        if job.state is JobState.QUEUED:
            worker_note(queue=job.queue, place=f"job-{job.id}")
        if job.error and job.state is JobState.FAILED:
            st.html(f'<div class="vl-mono">{texts.literal(job.error)}</div>')
        if job.state in (JobState.FAILED, JobState.CANCELLED):
            if st.button("Retry", key=f"retry.{job.id}"):
                jobs.retry(data.store(), job.id, actor=data.user())
                st.rerun()
        elif not job.state.is_final:
            label = "Cancelling …" if job.cancel_requested else "Cancel"
            if st.button(label, key=f"cancel.{job.id}", disabled=job.cancel_requested):
                jobs.cancel(data.store(), job.id, actor=data.user())
                st.rerun()


def _job_note(job: Job) -> str:
    """What is to be known beside the state: trouble, or how fast it goes and how long yet."""
    standing = jobs.standing(job)
    if standing != job.state.value:
        return standing.removeprefix(f"{job.state.value}, ")
    return (jobs.pace(job) or job.progress_note) if job.state is JobState.RUNNING else ""


def _partial_texts(job: Job) -> None:
    """What a generation has written so far, as it grows."""
    found = jobs.partial_texts(data.store(), job.id)
    if found:
        arms = [arm["label"] for arm in job.spec.get("spec", {}).get("arms", [])]
        rows = [
            (
                str(item.prompt + 1),
                texts.escape(arms[item.arm] if item.arm < len(arms) else item.arm),
                texts.generated(item.text),
            )
            for item in found
        ]
        st.html(texts.table(["prompt", "arm", "so far, not a result yet"], rows))


def _query(selection: Mapping[str, object]) -> dict[str, str | list[str]]:
    return {
        name: [str(item) for item in value] if isinstance(value, (list, tuple)) else str(value)
        for name, value in selection.items()
        if value is not None
    }
