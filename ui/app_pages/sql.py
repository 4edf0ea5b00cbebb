"""SQL over the analysis views: read-only, time-limited, with charts and downloads."""

import io
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from ui import cached, charts, colours, markup, tables
from ui.frame import notes
from vectorlab.config import Settings
from vectorlab.domain.queries import QueryLimits, QueryResult, Recipe
from vectorlab.errors import InputError
from vectorlab.services.analysis import plots, queries
from vectorlab.services.runs import lists

FIRST = "SELECT * FROM v_runs ORDER BY run_id DESC LIMIT 20"
OWN = "your own"
# Columns of views that name a thing with a page: the page, and what its address calls the thing.
OPENS = {
    "run_id": ("compare", "run"),
    "replay_of": ("compare", "run"),
    "replay_id": ("replay", "run"),
    "original_id": ("compare", "run"),
    "vector_id": ("vectors", "vector"),
    "vector_name": ("vectors", "vector"),
    "set_name": ("sets", "set"),
    "job_id": ("jobs", "job"),
}
RESULT = "sql.result"  # session key: the query that was run, with its result
LIMITS = QueryLimits()
MOST_ARMS = 50  # names of lines that may be labels of arms; a chart of more shows nothing


def _choose() -> tuple[str, bool]:
    """A recipe fills the editor; what is written there stands in the address."""
    recipes = {recipe.title: recipe for recipe in queries.cookbook()}
    saved = {f"★ {recipe.title}": recipe for recipe in queries.saved(db)}
    known: dict[str, Recipe] = saved | recipes
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    left.selectbox(
        "Start from",
        [OWN, *known],
        key="sql.recipe",
        on_change=_fill,
        args=({title: recipe.sql for title, recipe in known.items()},),
    )
    title = st.session_state["sql.recipe"]
    if title in known and known[title].about:
        st.caption(known[title].about)
    if title in saved and right.button("Forget it"):
        queries.forget(db, saved[title].title)
        st.session_state.pop("sql.recipe", None)
        st.rerun()
    return _write()


def _write() -> tuple[str, bool]:
    """The query, and whether it was just asked: by the button, or by Ctrl+Enter in the editor."""
    with st.form("sql.query", border=False):
        query = st.text_area("Query", value=FIRST, height=170, key="sql", bind="query-params")
        return query or "", st.form_submit_button("Run", type="primary")


def _fill(known: dict[str, str]) -> None:
    chosen = st.session_state["sql.recipe"]
    if chosen in known:
        st.session_state["sql"] = known[chosen]


def _run(sql: str) -> None:
    with notes.errors_as_panel(), st.spinner("Asking …"):
        result = queries.run_query(
            db, sql, reader_url=Settings.from_environment().reader_url, limits=LIMITS
        )
        st.session_state[RESULT] = (sql, result)


def _show(sql: str, result: QueryResult) -> None:
    frame = queries.frame(result)
    more = f", cut at {LIMITS.rows:,}" if result.truncated else ""
    st.caption(f"{markup.count(len(frame), 'row')}{more} in {result.duration_s:.2f} s")
    if frame.empty:
        notes.note("No rows", "The query ran and found nothing.")
        return
    st.dataframe(
        frame.assign(**{name: _addresses(frame[name], *OPENS[name]) for name in _that_open(frame)}),
        key="sql.table",
        hide_index=True,
        placeholder="null",
        column_config={
            name: st.column_config.LinkColumn(display_text=rf"{OPENS[name][1]}=(.*)$")
            for name in _that_open(frame)
        },
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        tables.csv_button(lambda: frame, name="result")
        st.download_button(
            "Download Parquet",
            lambda: _parquet(frame),
            file_name="result.parquet",
            on_click="ignore",
        )
        draw = st.toggle("Chart", key="chart", bind="query-params")
        _offer_to_save(sql)
    if draw:
        _draw(frame)


def _that_open(frame: pd.DataFrame) -> list[str]:
    return [name for name in OPENS if name in frame]


def _addresses(cells: "pd.Series[Any]", page: str, subject: str) -> "pd.Series[str]":
    """Where each cell leads; numbers beside nulls have become floats.

    A grid sorts addresses as texts: steps that lead nowhere stand in those of shorter numbers, so
    that these come first.
    """
    named = ["" if cell is None or cell != cell else _plainly(cell) for cell in cells]
    digits = max((len(name) for name in named if name.isdecimal()), default=0)
    steps = ["./" * (digits - len(name)) if name.isdecimal() else "" for name in named]
    found = [
        f"/{step}{markup.address(page, **{subject: name})}" if name else None
        for step, name in zip(steps, named, strict=True)
    ]
    return pd.Series(found, index=cells.index, dtype=object)


def _plainly(cell: object) -> str:
    return f"{cell:.0f}" if isinstance(cell, float) else str(cell)


def _draw(frame: pd.DataFrame) -> None:
    try:
        st.altair_chart(_chart(frame))
    except InputError as error:
        st.html(markup.quiet(error))


@charts.legible
def _chart(frame: pd.DataFrame) -> alt.Chart:
    chart = plots.query_chart(frame, palette=colours.palette(), known=_own_colours)
    sized: alt.Chart = chart.properties(width="container")
    return sized


def _own_colours(names: Sequence[str]) -> dict[str, str]:
    """Those of vectors and arms, as on every other page; an arm as in the newest run with it."""
    ids = cached.vector_ids()
    by_name = colours.of_vectors({name: ids[name] for name in names if name in ids})
    others = [name for name in names if name not in ids][:MOST_ARMS]
    for run in lists.runs_with_arms(db, others):
        by_name = colours.of_runs([run]) | by_name
    return {name: by_name[name] for name in names if name in by_name}


def _offer_to_save(sql: str) -> None:
    with st.popover("Save the query"), st.form("sql.save", border=False):
        name = st.text_input("Name", key="sql.save_name")
        if st.form_submit_button("Save"):
            with notes.errors_as_panel():
                queries.save(db, name, sql, actor=cached.user())
                st.rerun()


def _parquet(frame: pd.DataFrame) -> bytes:
    mixed = frame.select_dtypes("object").columns
    buffer = io.BytesIO()
    frame.astype(dict.fromkeys(mixed, "string")).to_parquet(buffer, index=False)
    return buffer.getvalue()


def _show_schema() -> None:
    st.subheader("Views", anchor=False)
    for name, columns in cached.view_columns().items():
        with st.expander(name):
            st.html(
                "".join(f'<div class="vl-mono">{markup.escape(column)}</div>' for column in columns)
            )


db = cached.store()
notes.header("SQL", "Read-only queries over the analysis views.")
main, side = st.columns([3, 1], gap="large")
with main:
    query, is_asked = _choose()
    if is_asked:
        st.session_state.pop(RESULT, None)
        st.query_params["asked"] = "true"  # who opens the link sees the answer
        _run(query)
    elif st.query_params.get("asked") == "true" and RESULT not in st.session_state:
        _run(query)
    st.caption(f"At most {LIMITS.seconds:g} s and {LIMITS.rows:,} rows; nothing can be changed.")
    kept = st.session_state.get(RESULT)
    if kept is not None:
        if kept[0] != query:
            st.html(markup.quiet("The answer to the query before; press Run for this one."))
        _show(*kept)
with side:
    _show_schema()
