"""Tables whose rows open or are ticked, and lists in pages."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import pandas as pd
import streamlit as st

from ui import cached, markup, tables
from ui.frame import navigation, notes
from vectorlab.services.runs import runs

Rows = TypeVar("Rows", bound=Sequence[Any] | pd.DataFrame)
TICKS = "tick"  # of the address, once per ticked row
TIME = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")


def linked(
    head: Sequence[str],
    rows: Mapping[str, Sequence[Sequence[str]]],
    *,
    frame: Callable[[], pd.DataFrame],
    name: str,
    label: str = "Download CSV",
) -> None:
    """A table whose rows are links, and its download.

    Args:
        head: Words of our own over the columns.
        rows: Ready HTML cells by the group that they stand in; the first is ``markup.opens``.
        frame: What is downloaded.
        name: Of the file, once per page.
        label: Of the download.
    """
    st.html(markup.list_table(head, rows))
    tables.csv_button(frame, name=name, label=label)


def ticked() -> list[str]:
    """What is ticked, in the order of ticking, on other pages of the list too."""
    return list(dict.fromkeys(st.query_params.get_all(TICKS)))


class TickBoxes:
    """The boxes of a list: each puts its row into the address, or takes it out again.

    Args:
        page: That the list is on.
    """

    def __init__(self, page: str) -> None:
        self._page, self._known = page, ticked()
        # Read once: a look at the address costs more than a row of the list.
        self._chosen = {key: st.query_params.get_all(key) for key in st.query_params}

    def box(self, name: str, *, label: str) -> str:
        """The box of a row.

        Args:
            name: What the address calls the row.
            label: Said where the row is not seen.
        """
        is_ticked = name in self._known
        after = [other for other in self._known if other != name]
        after += [] if is_ticked else [name]
        where = markup.address(self._page, **{**self._chosen, TICKS: after})
        return markup.tick_box(where, ticked=is_ticked, label=label)


def in_groups(
    groups: Sequence[tuple[str, Sequence[str]]],
) -> dict[str, list[Sequence[str]]]:
    """Rows by their group, groups in the order of their first row."""
    found: dict[str, list[Sequence[str]]] = {}
    for group, row in groups:
        found.setdefault(group, []).append(row)
    return found


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


def name_run(run_id: int, called: str | None) -> None:
    """A small form that gives a run its name, by which it is found and kept apart from tries."""
    with st.popover("Rename" if called else "Keep as …"), st.form(f"name.{run_id}", border=False):
        name = st.text_input("Name of the run", value=called or "", key=f"name.{run_id}.text")
        if st.form_submit_button("Keep"):
            with notes.errors_as_panel():
                runs.rename(cached.store(), str(run_id), name.strip(), actor=cached.user())
                st.rerun()
