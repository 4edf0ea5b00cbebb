"""Texts side by side, as a table of chosen columns or one prompt at a time in full lines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from ui import cached, markup, tables
from ui.frame import navigation, notes
from ui.runs import choices, demonstration
from ui.runs.choices import Sides
from vectorlab.domain.runs.batch_plan import RowKey
from vectorlab.domain.runs.comparison import (
    Cell,
    Column,
    ComparedRow,
    Criterion,
    Order,
    Question,
    Shown,
)
from vectorlab.domain.text.degenerate import degeneracy
from vectorlab.services import frames
from vectorlab.services.runs import comparison

WayOn = Callable[[int, RowKey], str]  # from a text of a run to the next turn, or nothing
PER_PAGE = 20
TABLE, ONE_PROMPT = LAYOUTS = ("table", "one prompt")


@dataclass(frozen=True, kw_only=True)
class _View:
    """What is asked for, and how it is drawn."""

    sides: Sides
    question: Question
    against: dict[int, Column | None]  # by run: what its texts are held against
    marks: bool  # of words that differ
    removed: bool  # words that are missing, too
    spaces: bool
    way_on: WayOn

    @property
    def shown(self) -> tuple[Column, ...]:
        """The columns with the baseline first, where it stays in sight."""
        first = self.question.baseline
        columns = self.question.columns
        return (
            columns
            if first not in columns
            else (first, *(column for column in columns if column != first))
        )

    def before(self, row: ComparedRow, column: Column) -> Cell | None:
        """The text that one is held against; None for a baseline itself."""
        other = self.against[column.run_id]
        return None if other is None or other == column else row.cells.get(other)


def show(sides: Sides, way_on: WayOn = lambda _run, _key: "") -> None:
    """Controls, one page of texts, and the download of all of them.

    Args:
        sides: The columns.
        way_on: A link that goes on from a text of a run, or nothing.
    """
    layout = navigation.one_of("Layout", LAYOUTS, key="layout", what="layout", has_label=False)
    view = _ask(sides, layout, way_on)
    rows, count = comparison.page(cached.store(), view.question)
    if not rows:
        _say_none(view.question, "row" if layout == ONE_PROMPT else "page")
        return
    if view.question.shown is not Shown.ALL:
        st.caption(f"{count} rows are {view.question.shown.value}.")
    if layout == ONE_PROMPT:
        _show_one(view, rows[0], count)
    else:
        _show_table(view, rows, count)
    ids = [str(run.id) for run in sides.runs]
    tables.csv_button(
        lambda: frames.comparison_frame(cached.store(), ids),
        name=f"runs-{'-'.join(ids)}",
        label="Download all texts (CSV)",
    )


def _ask(sides: Sides, layout: str, way_on: WayOn) -> _View:
    shown = sides.columns if layout == ONE_PROMPT else choices.choose_shown(sides)
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left:
        measure = choices.choose_measure(sides)
    with right, st.container(horizontal=True):
        sampled = any(run.spec.decoding.do_sample for run in sides.runs)
        marks = st.toggle(
            "Marks",
            value=not sampled,
            key="marks",
            bind="query-params",
            help="Words that the baseline's text lacks. Off at first where texts are sampled: "
            "nearly every word of another draw differs.",
        )
        removed = st.toggle("Missing words", key="removed", bind="query-params", disabled=not marks)
        spaces = st.toggle("Whitespace", key="spaces", bind="query-params")
    with st.expander("Baseline, filter and order"):
        one, two = st.columns(2)
        with one:
            baseline = choices.choose_baseline(sides)
            only = st.selectbox("Show rows", list(Shown), key="only", bind="query-params")
        with two:
            judged = choices.choose_judged(sides, shown)
            order = st.selectbox("Sort", list(Order), key="sort", bind="query-params")
    against = choices.baselines(sides, baseline)
    choices.say_what_does_not_compare(sides, baseline)
    place = "row" if layout == ONE_PROMPT else "page"
    limit = 1 if layout == ONE_PROMPT else PER_PAGE
    question = Question(
        columns=tuple(column for column in sides.columns if column in shown or column == baseline),
        baseline=baseline if judged is None else against[judged.run_id],
        judged=judged,
        measure=measure,
        shown=only or Shown.ALL,
        order=order or Order.PROMPT,
        offset=(max(1, navigation.chosen_number(place) or 1) - 1) * limit,
        limit=limit,
    )
    return _View(
        sides=sides,
        question=question,
        against=against,
        marks=marks,
        removed=removed,
        spaces=spaces,
        way_on=way_on,
    )


def _say_none(question: Question, place: str) -> None:
    if question.offset:
        notes.note(f"No such {place}", "The filter leaves fewer rows. Go back to the first page.")
        if st.button("First page"):
            st.session_state.pop(place, None)
            st.query_params.pop(place, None)
            st.rerun()
        return
    notes.note("No row fits", f"No row is {question.shown.value} by {question.measure.name}.")


def _show_table(view: _View, rows: Sequence[ComparedRow], count: int) -> None:
    sides = view.sides
    heads: list[tuple[str, str, str | None]] = [("prompt", "prompt", None)]
    heads += [
        (sides.name_of(column), sides.headed(column), sides.colour_of(column))
        for column in view.shown
    ]
    has_baseline = view.question.baseline in view.question.columns
    st.html(
        markup.texts_table(
            heads,
            [
                (
                    _prompt_cell(row, view, view.question.offset + place),
                    *(_cell(row, column, view) for column in view.shown),
                )
                for place, row in enumerate(rows)
            ],
            pinned=2 if has_baseline else 1,
        )
    )
    pages = -(-count // PER_PAGE)
    if pages > 1:
        st.pagination(pages, key="page", bind="query-params")


def _show_one(view: _View, row: ComparedRow, count: int) -> None:
    """One prompt, and every arm's text as a line of full width."""
    if count > 1:
        st.pagination(count, key="row", bind="query-params")
    demonstration.say_what_was_made()
    with st.container(border=True):
        st.html(
            markup.quiet(_numbered(row, view)) + markup.generated(row.prompt, spaces=view.spaces)
        )
    measures = list(choices.known_measures(view.sides).values())
    for column in view.shown:
        cell = row.cells.get(column)
        with st.container(border=True):
            if cell is None:
                st.html(view.sides.headed(column) + markup.note("not in this run"))
                continue
            before = view.before(row, column)
            figures = " ".join(_figure(cell, before, measure) for measure in measures)
            figures += _way_on(row, column, view)
            st.html(
                f'<div class="vl-line">{view.sides.headed(column)}</div>'
                + _text(cell, before, view)
                + f'<div class="vl-note vl-figures">{figures}</div>'
            )
            if st.button(
                "Make a demonstration", key=f"runs.make.{cell.generation_id}", type="tertiary"
            ):
                demonstration.ask(row.prompt, cell.text, _origin(row, column, view))


def _numbered(row: ComparedRow, view: _View) -> str:
    """Number of the prompt, and of the sample where there are several."""
    run = next(run for run in view.sides.runs if run.id in row.places)
    text = f"prompt {row.places[run.id] + 1} of {len(run.spec.prompts)}"
    samples = max(run.spec.samples for run in view.sides.runs)
    return text if samples == 1 else f"{text}, sample {row.sample + 1} of {samples}"


def _origin(row: ComparedRow, column: Column, view: _View) -> str:
    run = next(run for run in view.sides.runs if run.id == column.run_id)
    named = f" ({run.name})" if run.name else ""
    sample = f", sample {row.sample + 1}" if run.spec.samples > 1 else ""
    return f"run {run.id}{named}, {column.label}, prompt {row.places[run.id] + 1}{sample}"


def _prompt_cell(row: ComparedRow, view: _View, place: int) -> str:
    """The prompt, with a link to it in long form."""
    here = {name: st.query_params.get_all(name) for name in st.query_params}
    for name in ("page", "show"):
        here.pop(name, None)
    link = markup.link(
        _numbered(row, view), "compare", **here | {"layout": ONE_PROMPT, "row": place + 1}
    )
    return (
        markup.generated(row.prompt, spaces=view.spaces)
        + f'<div class="vl-note vl-figures">{link}</div>'
    )


def _cell(row: ComparedRow, column: Column, view: _View) -> str:
    cell = row.cells.get(column)
    if cell is None:
        return markup.quiet("not in this run")
    before = view.before(row, column)
    figure = _figure(cell, before, view.question.measure) + _way_on(row, column, view)
    return _text(cell, before, view) + f'<div class="vl-note vl-figures">{figure}</div>'


def _way_on(row: ComparedRow, column: Column, view: _View) -> str:
    key = RowKey(prompt=row.places[column.run_id], arm=column.arm, sample=row.sample)
    link = view.way_on(column.run_id, key)
    return f" <span>{link}</span>" if link else ""


def _text(cell: Cell, before: Cell | None, view: _View) -> str:
    if before is None or not view.marks:
        shown = markup.generated(cell.text, spaces=view.spaces)
    else:
        shown = markup.difference(before.text, cell.text, removed=view.removed, spaces=view.spaces)
    how = degeneracy(cell.text)
    return shown if how is None else f"{shown}{markup.badge(how, 'bad')}"


def _figure(cell: Cell, before: Cell | None, measure: Criterion) -> str:
    """The figure of a text, and its change against the baseline as a coloured note."""
    own = cell.figure(measure)
    if own is None:
        return f"<span>{markup.quiet(f'no {measure.name}')}</span>"
    said = markup.quiet(f"{measure.name} {own:.4g}")
    change = None if before is None else cell.change(before, measure)
    if change is None:
        return f"<span>{said}</span>"
    if change == 0:
        return f"<span>{said} {markup.badge('no change')}</span>"
    sense = measure.sense(change)
    tone = "" if sense is None else "good" if sense else "bad"
    return f"<span>{said} {markup.badge(f'{change:+.3g}', tone)}</span>"
