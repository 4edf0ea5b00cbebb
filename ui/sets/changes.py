"""What changed between two versions, edits word by word."""

from collections.abc import Sequence

import streamlit as st

from ui import cached, markup, tables
from ui.frame import notes
from vectorlab.domain.sets.diff import Changes
from vectorlab.domain.sets.versions import Demonstration, SetVersion
from vectorlab.services import frames
from vectorlab.services.sets import history

MOST_ROWS = 200  # of each kind; a longer table helps nobody


def show(version: SetVersion, others: Sequence[int]) -> None:
    """Compare a version with another one of its set."""
    if not others:
        notes.note("Only one version", "There is nothing to compare it with yet.")
        return
    earlier = [number for number in others if number < version.number]
    against = st.selectbox(
        "Compared with version",
        others,
        index=others.index(max(earlier)) if earlier else 0,
        key="since",
        bind="query-params",
    )
    diff = history.diff(cached.store(), f"{version.set_name}@{against}", version.label)
    show_changes(diff.changes)


def show_changes(changes: Changes) -> None:
    """The changes as a table."""
    if changes.is_empty:
        notes.note("No change", "Both versions hold the same demonstrations in the same order.")
        return
    counts = (
        (changes.edited, "edited", "busy"),
        (changes.added, "added", "good"),
        (changes.removed, "removed", "bad"),
        (changes.moved, "moved", ""),
    )
    st.html(" ".join(markup.badge(f"{len(what)} {word}", tone) for what, word, tone in counts))
    rows = [
        (
            "edited",
            str(edit.after.position + 1),
            *_edited(edit.before.demonstration, edit.after.demonstration),
        )
        for edit in changes.edited[:MOST_ROWS]
    ]
    for word, items in (("added", changes.added), ("removed", changes.removed)):
        rows += [
            (word, str(placed.position + 1), *_cells(placed.demonstration))
            for placed in items[:MOST_ROWS]
        ]
    rows += [
        ("moved", f"{move.before + 1} → {move.after + 1}", *_cells(move.demonstration))
        for move in changes.moved[:MOST_ROWS]
    ]
    tables.show(
        ["", tables.NUMBER_HEAD, "source", "target"],
        rows,
        name="changes",
        frame=lambda: frames.changes_frame(changes),
    )
    hidden = sum(max(0, len(what) - MOST_ROWS) for what, _, _ in counts)
    if hidden:
        st.caption(f"{hidden} more changes are not shown; the file has all of them.")


def _cells(demonstration: Demonstration) -> tuple[str, str]:
    return markup.literal(demonstration.source), markup.literal(demonstration.target or "–")


def _edited(old: Demonstration, new: Demonstration) -> tuple[str, str]:
    return (
        markup.difference(old.source, new.source),
        markup.difference(old.target or "", new.target or ""),
    )
