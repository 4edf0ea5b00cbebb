"""Demonstration sets: the list, and the views of one set."""

from collections.abc import Hashable
from typing import Any

import streamlit as st

from ui import cached, markup
from ui.frame import lists, navigation, notes
from ui.sets import (
    beginning,
    changes,
    demonstrations,
    draft,
    history,
    importing,
    lineage,
    merging,
    verbs,
)
from vectorlab.services import frames
from vectorlab.services.sets import drafts, sets

_, EDIT, CHANGES, HISTORY, LINEAGE, MERGE = VIEWS = (
    demonstrations.DEMONSTRATIONS,
    "edit",
    "changes",
    "history",
    "lineage",
    "merge",
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
    beginning.show()
    importing.show(is_open=frame.empty)
    if frame.empty:
        notes.note(
            "No demonstration set yet",
            "Type or paste pairs, import a file with one pair per row above, or in a terminal:",
            command="vectorlab sets import reviews.csv --set upbeat",
        )
        return
    open_drafts = drafts.list_drafts(cached.store())
    if open_drafts:
        st.subheader("Drafts, not frozen yet", anchor=False)
        draft.show_list(open_drafts)
    lists.linked(
        ("set", "latest", "demonstrations", "task", "description", "changed"),
        {"": [_cells(row) for row in frame.to_dict("records")]},
        frame=lambda: frames.sets_frame(cached.store(), words=(words or "").strip()),
        name="sets",
        label="Download all that fit (CSV)",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        lists.older_newer(number, more=more)
    st.caption("Open a set by its row.")


def _cells(row: dict[Hashable, Any]) -> list[str]:
    """The line of a set; its link opens it."""
    has_version = row["sha256"] is not None
    marks = ", ".join(filter(None, (row["labels"], row["tags"])))
    return [
        markup.opens(row["set"], "sets", set=row["set"]),
        f"@{int(row['version'])}" if has_version else markup.quiet("none yet"),
        f"{row['demonstrations']:,}",
        markup.escape(row["task"] or ""),
        markup.preview(row["description"] or "") + (markup.note(marks) if marks else ""),
        f'<span class="vl-moment">{markup.moment(row["changed"]).removesuffix(" UTC")}</span>',
    ]


def _show_set(name: str) -> None:
    versions = sets.log(cached.store(), name)
    about = sets.get_set(cached.store(), name)
    notes.header(name, about.description or "A demonstration set.")
    if not versions:
        notes.note("No version yet", "The pairs below become the first one when they are frozen.")
        draft.show(name, None, None)
        verbs.show(about, None)
        return
    numbers = [version.number for version in versions]
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    navigation.say_unknown("version", [str(number) for number in numbers])
    number = left.selectbox("Version", numbers, key="version", bind="query-params")
    with right:
        view = navigation.one_of("View", VIEWS, key="view", has_label=False)
    version = versions[numbers.index(number)]
    if view == EDIT:
        draft.show(name, version, versions[0])
    elif view == MERGE:
        merging.show(versions[0])
    elif view == CHANGES:
        changes.show(version, [other for other in numbers if other != number])
    elif view == HISTORY:
        history.show(version)
    elif view == LINEAGE:
        lineage.show(version)
    else:
        demonstrations.show(version, about)
        verbs.show(about, version)


chosen_set = st.query_params.get("set")
if chosen_set is None:
    _show_list()
else:
    _show_set(chosen_set)
