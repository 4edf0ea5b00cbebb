"""Tables whose rows open or are ticked, and lists in pages."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import pandas as pd
import streamlit as st

from ui import cached
from ui.frame import navigation, notes
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.services.runs import runs

Rows = TypeVar("Rows", bound=Sequence[Any] | pd.DataFrame)
TICKS = "tick"  # of the address, once per ticked row
TIME = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")
RUN_COLUMNS = {
    "made": TIME,
    "arms": st.column_config.TextColumn(width=260),
}


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
    in_address, known = st.query_params.get_all(TICKS), list(names)
    last_key = f"{key}.drawn"  # session key: what the ticks of the table were last in step with
    if key not in st.session_state or st.session_state.get(last_key) != (in_address, known):
        rows = [known.index(name) for name in in_address if name in known]
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
    ticked = [name for name in in_address if name not in known or name in here]
    ticked += [name for name in here if name not in ticked]
    if ticked != in_address:
        st.query_params[TICKS] = ticked
    st.session_state[last_key] = (ticked, known)
    return (known[cells[0][0]] if cells else None), ticked


def one_page(read: Callable[[int, int], Rows], per_page: int) -> tuple[Rows, int, bool]:
    """The page of a list that the address names, its number, and whether there are more behind it.

    Nothing is counted. An address beyond the last page shows the last.

    Args:
        read: Called with how many are wanted and how many to skip.
        per_page: Rows of a page.
    """
    number = max(1, navigation.chosen_number("page") or 1)
    rows = read(per_page + 1, (number - 1) * per_page)
    if number > 1 and not len(rows):
        number = _last_page(lambda page: len(read(1, (page - 1) * per_page)) > 0, number)
        _turn_to(number)
        rows = read(per_page + 1, (number - 1) * per_page)
    page = cast(Rows, rows[:per_page])  # a slice of either is the same again
    return page, number, len(rows) > per_page


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
            with notes.errors_as_panel():
                runs.rename(cached.store(), str(run.id), name.strip(), actor=cached.user())
                st.rerun()
