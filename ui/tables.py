"""Tables of ready HTML, and the button that downloads any table as CSV.

A grid of Streamlit has its own download in its corner; what is drawn as HTML is drawn here.
"""

from collections.abc import Callable, Iterable, Sequence

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from ui import markup

# What people read counts from one; commands, files and SQL count from zero, as they always have.
NUMBER = "number"
COUNTED = "Demonstrations are counted from 1 here, and from 0 in commands, files and SQL."
NUMBER_HEAD = f'<th title="{COUNTED}">#</th>'
ALL = 1_000_000  # rows; a file of a list holds every row that fits its filter


def show(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    name: str,
    frame: Callable[[], pd.DataFrame] | None = None,
    kind: str = "",
) -> None:
    """A table of ready HTML cells, and its download.

    Args:
        head: Words of our own over the columns.
        rows: Cells as HTML.
        name: Of the file, without an ending; once per page.
        frame: What is downloaded where it is more than the words of the cells.
        kind: Further classes of the table.
    """
    rows = list(rows)
    st.html(markup.table(head, rows, kind=kind))
    csv_button(frame or (lambda: words_of(head, rows)), name=name)


def numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """Demonstrations as people count them: a number from 1 in place of a position from 0."""
    return frame.assign(position=frame["position"] + 1).rename(columns={"position": NUMBER})


def number_column(width: int = 60) -> dict[str, ColumnConfig]:
    """How a grid shows the number of a demonstration, and says how it is counted."""
    return {
        NUMBER: st.column_config.NumberColumn(
            "#",
            width=width,
            pinned=True,  # which also leaves the width to spare to the texts
            disabled=True,
            help=COUNTED,
        )
    }


def csv_button(make: Callable[[], pd.DataFrame], *, name: str, label: str = "Download CSV") -> None:
    """Offer a frame as a CSV file; it is made when somebody asks for it."""
    st.download_button(
        label,
        lambda: make().to_csv(index=False).encode("utf-8-sig"),
        file_name=f"{name}.csv",
        mime="text/csv",
        on_click="ignore",
        type="tertiary",
        key=f"csv.{name}",
    )


def words_of(head: Sequence[str], rows: Iterable[Sequence[str]]) -> pd.DataFrame:
    """The words of a table without their markup."""
    return pd.DataFrame([[markup.words(cell) for cell in row] for row in rows], columns=list(head))
