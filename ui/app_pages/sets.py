"""Demonstration sets: the list, and the views of one set."""

import streamlit as st

from ui import cached, tables
from ui.frame import lists, navigation, notes
from ui.sets import changes, demonstrations, draft, history, importing, lineage
from vectorlab.services import frames
from vectorlab.services.sets import sets

DEMONSTRATIONS, EDIT, CHANGES, HISTORY, LINEAGE = VIEWS = (
    "demonstrations",
    "edit",
    "changes",
    "history",
    "lineage",
)
PER_PAGE = 100


def _show_list() -> None:
    notes.header("Demonstration sets", "Pairs source → target, frozen version by version.")
    words = st.text_input(
        "Name, description or task holds", key="words", bind="query-params", placeholder="upbeat"
    )
    frame, number, more = lists.one_page(
        lambda limit, offset: frames.sets_frame(
            cached.store(), words=(words or "").strip(), limit=limit, offset=offset
        ),
        PER_PAGE,
    )
    if frame.empty and words:
        notes.note("No set fits", "Loosen the filter above.")
        return
    importing.show(is_open=frame.empty)
    if frame.empty:
        notes.note(
            "No demonstration set yet",
            "Import a file with one pair per row above, or in a terminal:",
            command="vectorlab sets import reviews.csv --set upbeat",
        )
        return
    chosen = lists.pick(frame, key="sets.list", hide=("sha256",), columns={"changed": lists.TIME})
    with st.container(horizontal=True, vertical_alignment="center"):
        lists.older_newer(number, more=more)
        tables.csv_button(
            lambda: frames.sets_frame(cached.store(), words=(words or "").strip()),
            name="sets",
            label="Download all that fit (CSV)",
        )
    st.caption("Click a row to open the set.")
    if chosen is not None:
        navigation.go("sets", set=frame["set"][chosen])


def _show_set(name: str) -> None:
    versions = sets.log(cached.store(), name)
    about = sets.get_set(cached.store(), name)
    notes.header(name, about.description or "A demonstration set.")
    if not versions:
        notes.note(
            "No version yet",
            "Import pairs to freeze the first one:",
            command=f"vectorlab sets import FILE --set {name}",
        )
        return
    numbers = [version.number for version in versions]
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    navigation.say_unknown("version", [str(number) for number in numbers])
    number = left.selectbox("Version", numbers, key="version", bind="query-params")
    with right:
        view = navigation.one_of("View", VIEWS, key="view", has_label=False)
    version = versions[numbers.index(number)]
    if view == EDIT:
        draft.show(version, is_latest=version is versions[0])
    elif view == CHANGES:
        changes.show(version, [other for other in numbers if other != number])
    elif view == HISTORY:
        history.show(version)
    elif view == LINEAGE:
        lineage.show(version)
    else:
        demonstrations.show(version, about)


chosen_set = st.query_params.get("set")
if chosen_set is None:
    _show_list()
else:
    _show_set(chosen_set)
