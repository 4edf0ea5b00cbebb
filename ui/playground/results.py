"""What came of a request: texts while they grow, then side by side, token by token."""

from collections.abc import Callable

import streamlit as st

from ui import cached, colours, markup, tables
from ui.frame import job_panels, lists, navigation, notes
from ui.runs import token_view
from vectorlab.domain.jobs.jobs import Job, JobState
from vectorlab.domain.runs.batch_plan import RowKey
from vectorlab.domain.runs.comparison import Cell, Column, Question, columns_of
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.text.degenerate import degeneracy
from vectorlab.services import frames, jobs
from vectorlab.services.runs import comparison, token_views

FRESH = "play.fresh"  # session key: the run that this visitor has just made


def watch(job_id: int) -> None:
    """The texts of a job as they grow; goes over to its run when it has ended well."""
    job = jobs.get(cached.store(), job_id)
    if job.state is JobState.SUCCEEDED:
        _go_over(job)
    is_alive = not job.state.is_final

    @st.fragment(run_every="1s" if is_alive else None)
    def live() -> None:
        with notes.errors_as_panel():
            current = jobs.get(cached.store(), job_id)
            if current.state.is_final and is_alive:
                st.rerun()
            job_panels.job_line(current)
            if current.state is JobState.RUNNING:
                _show_growing(current)

    live()


def show(run: GenerationRun, way_on: Callable[[RowKey], str] = lambda _: "") -> None:
    """Baseline and steered texts of the run's first prompt, one sample of each.

    Args:
        run: The run.
        way_on: A link that goes on from a text, or nothing.
    """
    columns = columns_of([run])
    sample = _choose_sample(run)
    rows, _ = comparison.page(cached.store(), Question(columns=columns, offset=sample, limit=1))
    [row] = rows
    colour = colours.of_runs([run])
    left, right = st.columns([1, 1], vertical_alignment="center")
    by_token = left.toggle("Token by token", value=True, key="by_token", bind="query-params")
    spaces = right.toggle("Whitespace", key="spaces", bind="query-params")
    read = token_views.read_tokens(cached.store(), run.id, 0) if by_token else {}
    if by_token and not read and st.session_state.get(FRESH) == run.id:
        _read_once(run)
    if len(run.spec.prompts) > 1:
        st.html(markup.quiet("Texts of the first prompt; the page of the run has all of them."))
    base = row.cells[columns[0]]
    if len(columns) == 2:
        for place, column in zip(st.columns(2), columns, strict=True):
            with place.container(border=True):
                st.html(_headed(column, row.cells[column], base, colour[column.label]))
                st.html(
                    token_view.shown(
                        row.cells[column].text,
                        base.text if column.arm else None,
                        read.get((column.arm, sample)),
                        read.get((0, sample)) if column.arm else None,
                        spaces=spaces,
                        by_words=not by_token,
                    )
                    + way_on(RowKey(prompt=0, arm=column.arm, sample=sample))
                )
    else:
        lines = [
            (
                _headed(column, row.cells[column], base, colour[column.label]),
                token_view.shown(
                    row.cells[column].text,
                    base.text if column.arm else None,
                    read.get((column.arm, sample)),
                    read.get((0, sample)) if column.arm else None,
                    spaces=spaces,
                    by_words=not by_token,
                )
                + way_on(RowKey(prompt=0, arm=column.arm, sample=sample)),
            )
            for column in columns
        ]
        st.html(markup.table(["arm", "text"], lines, kind="vl-strip"))
    ids = [str(run.id)]
    tables.csv_button(lambda: frames.comparison_frame(cached.store(), ids), name=f"run-{run.id}")
    if by_token:
        token_view.show_legend_or_ask(run, 0, is_known=bool(read))
        if read:
            token_view.show_numbers(read, {column.arm: column.label for column in columns})
    with st.container(horizontal=True, vertical_alignment="center"):
        lists.name_run(run.id, run.name)
        navigation.page_link(f"Open run {run.id}", "compare", run=run.id)
        navigation.page_link("Replay it", "replay", run=run.id)
    if run.name:
        st.html(markup.note(f"Kept as {run.name}: the address of its page names it for good."))


def _choose_sample(run: GenerationRun) -> int:
    """The place of the sample that is shown."""
    if run.spec.samples == 1:
        return 0
    number = st.pagination(run.spec.samples, key="sample", bind="query-params")
    st.caption(f"Sample {number} of {run.spec.samples}")
    return number - 1


def _headed(column: Column, cell: Cell, base: Cell, colour: str) -> str:
    change = ""
    if column.arm and cell.mean_logprob is not None and base.mean_logprob is not None:
        change = f" ({cell.mean_logprob - base.mean_logprob:+.3f} against the baseline)"
    own = "–" if cell.mean_logprob is None else f"{cell.mean_logprob:.3f}"
    how = degeneracy(cell.text)  # whatever the figure is, such a text is no success
    return (
        f"{markup.dot(colour)}<b>{markup.escape(column.label)}</b> "
        + (markup.badge(how, "bad") if how else "")
        + markup.note(f"{markup.count(cell.n_tokens, 'token')}, mean log-probability {own}{change}")
    )


def _go_over(job: Job) -> None:
    """From the job to its run, in the address too."""
    run_id = (job.result or {}).get("run_id")
    if run_id is not None:
        st.session_state[FRESH] = run_id
        st.query_params.pop("job", None)
        st.query_params["run"] = str(run_id)
        st.rerun()


def _read_once(run: GenerationRun) -> None:
    """Ask for the tokens of a run that was just made; watching it does not ask again."""
    with notes.errors_as_panel():
        token_views.request_read(cached.store(), str(run.id), 0, actor=cached.user())
    st.session_state[FRESH] = None
    st.session_state["play.reading"] = run.id


def _show_growing(job: Job) -> None:
    texts = jobs.partial_texts(cached.store(), job.id)
    grown = {text.arm: text.text for text in texts if text.prompt == text.sample == 0}
    rows = [
        (f"<b>{markup.escape(label)}</b>", markup.generated(grown.get(place, "")) + _CURSOR)
        for place, label in enumerate(job_panels.arm_labels(job))
    ]
    st.html(markup.table(["arm", "so far, not a result yet"], rows, kind="vl-strip"))


_CURSOR = '<span class="vl-cursor" aria-hidden="true"></span>'
