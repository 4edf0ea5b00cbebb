"""Texts side by side: a row per prompt, a column per arm, filtered and sorted by the store."""

import streamlit as st

from ui import cached, markup, tables
from ui.frame import navigation, notes
from ui.runs import choices
from ui.runs.choices import Sides
from vectorlab.domain.runs.comparison import (
    LENGTH,
    LOG_PROBABILITY,
    Cell,
    Column,
    ComparedRow,
    Criterion,
    Order,
    Question,
    Shown,
)
from vectorlab.services import frames
from vectorlab.services.runs import comparison

PER_PAGE = 20


def show(sides: Sides) -> None:
    """Controls, one page of texts, and the download of all of them."""
    question, removed, spaces = _ask(sides)
    rows, count = comparison.page(cached.store(), question)
    if not rows:
        _say_none(question)
        return
    if question.shown is not Shown.ALL:
        st.caption(f"{count} rows are {question.shown.value}.")
    sampled = any(run.spec.samples > 1 for run in sides.runs)
    heads = [("prompt", None), *((name, sides.colours[name]) for name in sides.names)]
    st.html(
        markup.texts_table(
            heads,
            [
                (
                    _prompt_cell(row, sampled=sampled, spaces=spaces),
                    *(
                        _cell(row, column, question, removed=removed, spaces=spaces)
                        for column in sides.columns
                    ),
                )
                for row in rows
            ],
        )
    )
    pages = -(-count // PER_PAGE)
    if pages > 1:
        st.pagination(pages, key="page", bind="query-params")
    ids = [str(run.id) for run in sides.runs]
    tables.csv_button(
        lambda: frames.comparison_frame(cached.store(), ids),
        name=f"runs-{'-'.join(ids)}",
        label="Download all texts (CSV)",
    )


def _ask(sides: Sides) -> tuple[Question, bool, bool]:
    one, two, three = st.columns(3)
    with one:
        baseline = choices.choose_baseline(sides)
        only = st.selectbox("Show rows", list(Shown), key="only", bind="query-params")
    with two:
        judged = choices.choose_judged(sides)
        order = st.selectbox("Sort", list(Order), key="sort", bind="query-params")
    with three:
        measure = choices.choose_measure(sides)
        with st.container(horizontal=True):
            removed = st.toggle("Missing words", key="removed", bind="query-params")
            spaces = st.toggle("Whitespace", key="spaces", bind="query-params")
    number = navigation.chosen_number("page") or 1
    question = Question(
        columns=sides.columns,
        baseline=baseline,
        judged=judged,
        measure=measure,
        shown=only or Shown.ALL,
        order=order or Order.PROMPT,
        offset=(max(1, number) - 1) * PER_PAGE,
        limit=PER_PAGE,
    )
    return question, removed, spaces


def _say_none(question: Question) -> None:
    if question.offset:
        notes.note("No such page", "The filter leaves fewer rows. Go back to the first page.")
        if st.button("First page"):
            st.session_state.pop("page", None)
            st.query_params.pop("page", None)
            st.rerun()
        return
    notes.note("No row fits", f"No row is {question.shown.value} by {question.measure.key}.")


def _prompt_cell(row: ComparedRow, *, sampled: bool, spaces: bool) -> str:
    sample = markup.note(f"sample {row.sample}") if sampled else ""
    return markup.generated(row.prompt, spaces=spaces) + sample


def _cell(
    row: ComparedRow, column: Column, question: Question, *, removed: bool, spaces: bool
) -> str:
    cell = row.cells.get(column)
    if cell is None:
        return markup.quiet("not in this run")
    before = None if question.baseline is None else row.cells.get(question.baseline)
    if before is None or column == question.baseline:
        shown = markup.generated(cell.text, spaces=spaces)
    else:
        shown = markup.difference(before.text, cell.text, removed=removed, spaces=spaces)
    return shown + markup.note(_figure(cell, before, question.measure))


def _figure(cell: Cell, before: Cell | None, measure: Criterion) -> str:
    own, other = value_of(cell, measure), None if before is None else value_of(before, measure)
    if own is None:
        return f"no {measure.key}"
    change = "" if other is None or cell is before else f" ({own - other:+.3g})"
    return f"{measure.key} {own:.4g}{change}"


def value_of(cell: Cell, measure: Criterion) -> float | None:
    """The figure of a generation, None where it has none."""
    if measure == LENGTH:
        return float(cell.n_tokens)
    return cell.mean_logprob if measure == LOG_PROBABILITY else cell.scores.get(measure.key)
