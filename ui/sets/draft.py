"""Edit a draft of the latest version in a grid, look at its changes and checks, freeze it.

The draft lives in the visitor's session, by position in the version that it edits, so that a
version of any size is edited a page at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from ui import cached
from ui.frame import notes
from ui.sets import changes
from ui.sets.demonstrations import COLUMNS, frame_of, page_of, show_findings
from vectorlab.domain.sets.drafts import Edit
from vectorlab.domain.sets.versions import Demonstration, SetVersion
from vectorlab.services.sets import history, sets

CHECKED_AT_ONCE = 5000  # demonstrations; the checks of a larger draft are asked for
_COLUMNS = {**COLUMNS, "remove": st.column_config.CheckboxColumn(width=80)}


@dataclass
class _Draft:
    """What the visitor changed so far."""

    replaced: dict[int, Demonstration] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    added: tuple[Demonstration, ...] = ()
    # What the two grids were given, and numbers that tell one appearance of a grid from the next.
    places: list[int] = field(default_factory=list)
    rows: pd.DataFrame | None = None
    visit: int = 0
    new_rows: pd.DataFrame | None = None
    new_visit: int = 0

    def edit(self) -> Edit:
        return Edit(replaced=dict(self.replaced), removed=frozenset(self.removed), added=self.added)

    @property
    def is_empty(self) -> bool:
        return not (self.replaced or self.removed or self.added)


def show(version: SetVersion, *, is_latest: bool) -> None:
    """Edit a version, if it is the one that the next comes from."""
    if not is_latest:
        notes.note(
            "An older version",
            "Only the latest version is edited, so that nobody's work is lost. To go on from this "
            "one, fork it:",
            command=f"vectorlab sets fork {version.label} NEW_NAME",
        )
        return
    draft = _draft_of(version)
    _edit_page(version, draft)
    _edit_new(version, draft)
    if draft.is_empty:
        st.caption(
            "Change a cell, tick what to remove or add pairs; nothing is frozen before you say so."
        )
        return
    st.subheader("The draft", anchor=False)
    with notes.errors_as_panel():
        check = version.count <= CHECKED_AT_ONCE or st.toggle(
            f"Run the checks over all {version.count} demonstrations", key="sets.check"
        )
        preview = history.preview(cached.store(), version.label, draft.edit(), check=check)
        changes.show_changes(preview.changes)
        if preview.findings is not None:
            show_findings(preview.findings)
            if not preview.findings:
                st.caption("The checks found nothing.")
        _freeze(version, draft, count=preview.count)


def _draft_of(version: SetVersion) -> _Draft:
    drafts: dict[int, _Draft] = st.session_state.setdefault("sets.drafts", {})
    return drafts.setdefault(version.id, _Draft())


def _edit_page(version: SetVersion, draft: _Draft) -> None:
    rows, _ = page_of(version)
    stored = dict(rows)
    key = f"sets.edit.{version.id}.{draft.visit}"
    if draft.places != list(stored) or key not in st.session_state:
        # A grid forgets its changes when it is given other rows, so it keeps those it came with.
        draft.places, draft.visit = list(stored), draft.visit + 1
        draft.rows = _rows_of(rows, draft)
        key = f"sets.edit.{version.id}.{draft.visit}"
    edited = st.data_editor(draft.rows, key=key, hide_index=True, column_config=_COLUMNS)
    for row in st.session_state[key]["edited_rows"]:
        changed = edited.iloc[int(row)].to_dict()
        place = int(changed["position"])
        demonstration = _demonstration(changed, stored[place].metadata)
        if demonstration == stored[place]:
            draft.replaced.pop(place, None)
        else:
            draft.replaced[place] = demonstration
        (draft.removed.add if changed["remove"] else draft.removed.discard)(place)


def _rows_of(rows: Sequence[tuple[int, Demonstration]], draft: _Draft) -> pd.DataFrame:
    """The rows of a page as the draft has them."""
    frame = frame_of(
        [(place, draft.replaced.get(place, demonstration)) for place, demonstration in rows]
    )
    frame["remove"] = [place in draft.removed for place in frame["position"]]
    return frame.astype({"source": object, "target": object})


def _edit_new(version: SetVersion, draft: _Draft) -> None:
    st.caption("New pairs, at the end")
    key = f"sets.add.{version.id}.{draft.new_visit}"
    if draft.new_rows is None or key not in st.session_state:
        draft.new_visit += 1
        draft.new_rows = pd.DataFrame(
            {
                "source": [demonstration.source for demonstration in draft.added],
                "target": [demonstration.target for demonstration in draft.added],
            },
            dtype=object,
        )
        key = f"sets.add.{version.id}.{draft.new_visit}"
    added = st.data_editor(
        draft.new_rows, key=key, hide_index=True, num_rows="dynamic", column_config=_COLUMNS
    )
    draft.added = tuple(
        _demonstration(row, {})
        for row in added.to_dict("records")
        if _text(row["source"]) or _text(row["target"])
    )


def _freeze(version: SetVersion, draft: _Draft, *, count: int) -> None:
    with st.form("sets.freeze", border=True):
        st.text_input("Message", placeholder="Why this version exists", key="sets.message")
        st.checkbox("Refuse what the checks find", key="sets.strict")
        st.form_submit_button(
            f"Freeze {version.set_name}@{version.number + 1} with {count} demonstrations",
            type="primary",
            on_click=_commit,
            args=(version, draft),
        )
    if st.button("Throw the draft away", key="sets.discard"):
        st.session_state["sets.drafts"][version.id] = _Draft(
            visit=draft.visit, new_visit=draft.new_visit
        )
        st.rerun()


def _commit(version: SetVersion, draft: _Draft) -> None:
    with notes.errors_as_panel():
        done = sets.commit_edit(
            cached.store(),
            reference=version.label,
            edit=draft.edit(),
            message=st.session_state["sets.message"],
            actor=cached.user(),
            strict=st.session_state["sets.strict"],
        )
        del st.session_state["sets.drafts"][version.id]
        # The address follows the widgets that are bound to it.
        st.session_state["version"] = done.version.number
        st.session_state["view"] = "demonstrations"


def _demonstration(row: dict[Any, Any], metadata: Any) -> Demonstration:
    return Demonstration(
        source=_text(row["source"]) or "", target=_text(row["target"]), metadata=metadata
    )


def _text(value: object) -> str | None:
    return None if value is None or value is pd.NA or value != value else str(value)
