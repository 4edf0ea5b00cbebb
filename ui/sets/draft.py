"""Edit a draft in a grid, look at its changes and checks, freeze it or merge it.

The draft lives in the store, by position in the version that it edits, so that a version of any
size is edited a page at a time. Each step is written as it is made; what another window wrote since
is shown with it.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from ui import cached, markup, tables
from ui.frame import notes
from ui.sets import changes, merging
from ui.sets.demonstrations import COLUMNS, frame_of, page_of, show_findings
from vectorlab.domain.sets.drafts import NOTHING_YET, Draft, DraftStep, Edit
from vectorlab.domain.sets.versions import Demonstration, SetVersion
from vectorlab.services.sets import drafts, pasting

CHECKED_AT_ONCE = 5000  # demonstrations; the checks of a larger draft are asked for
_NEW_COLUMNS = {side: st.column_config.TextColumn(width="small") for side in ("source", "target")}
_COLUMNS = {**COLUMNS, "remove": st.column_config.CheckboxColumn(width=80)}
_MERGE, _FORK = "merge it", "freeze it as a set of its own"


@dataclass
class _Grids:
    """What the grids of a draft in this window were given, and what they wrote."""

    known: Edit = field(default_factory=Edit)  # as this window wrote or read it last
    places: list[int] = field(default_factory=list)
    rows: pd.DataFrame | None = None
    written: dict[int, dict[str, Any]] = field(default_factory=dict)  # cells that are in the draft
    new_rows: pd.DataFrame | None = None
    # Tells one appearance of the grids from the next: a grid forgets its changes when it is given
    # other rows, so it keeps those it came with until somebody else changes the draft.
    visit: int = 0

    def begin_anew(self, known: Edit) -> None:
        """Take the rows from the store."""
        self.known, self.rows, self.new_rows, self.written = known, None, None, {}
        self.visit += 1


def show(set_name: str, version: SetVersion | None, latest: SetVersion | None) -> None:
    """The draft of a version, or of the first one where there is none yet."""
    number = NOTHING_YET if version is None else version.number
    others = _others(set_name, number)
    draft = drafts.find(cached.store(), set_name, number, author=cached.user())
    editor = _Editor(set_name, number, draft)
    if version is not None:
        editor.page(version)
    editor.new_pairs()
    draft = drafts.find(cached.store(), set_name, number, author=cached.user())
    if draft is None:
        st.caption(
            "Change a cell, tick what to remove or add pairs; nothing is frozen before you say so."
            if version is not None
            else "Type or paste pairs; nothing is frozen before you say so."
        )
    else:
        with notes.errors_as_panel():
            _end_of(draft, version, latest)
    _list_others(others)


def paste_box(key: str) -> str:
    """A field for cells of a spreadsheet."""
    return st.text_area(
        "Paste pairs",
        key=key,
        height=120,
        placeholder="Two columns of a spreadsheet: source, target",
        help="Cells as a spreadsheet copies them, with tabs between them: a source and a target in "
        "every line. One cell in a line is a bare prompt.",
    )


def step(set_name: str, number: int, change: DraftStep) -> Draft | None:
    """Write a step into this person's draft of a version."""
    return drafts.take_step(cached.store(), set_name, number, change, author=cached.user())


class _Editor:
    """The grids of a draft; what is changed in them is written at once."""

    def __init__(self, set_name: str, number: int, draft: Draft | None) -> None:
        self._at = (set_name, number)
        every: dict[tuple[str, int], _Grids] = st.session_state.setdefault("sets.grids", {})
        self._grids = every.setdefault(self._at, _Grids())
        edit = Edit() if draft is None else draft.edit
        if edit != self._grids.known:
            self._grids.begin_anew(edit)

    def page(self, version: SetVersion) -> None:
        """A page of the version, as the draft has it."""
        grids = self._grids
        shown, _ = page_of(version)
        stored = dict(shown)
        if grids.places != list(stored) or self._key("edit") not in st.session_state:
            grids.places = list(stored)
            grids.begin_anew(grids.known)
        if grids.rows is None:
            grids.rows = _rows_of(shown, grids.known)
        edited = st.data_editor(
            grids.rows, key=self._key("edit"), hide_index=True, column_config=_COLUMNS
        )
        cells = st.session_state[self._key("edit")]["edited_rows"]
        fresh = [int(row) for row in cells if grids.written.get(int(row)) != cells[row]]
        if fresh:
            grids.written = {int(row): deepcopy(cells[row]) for row in cells}
            self._write(_page_step(edited, fresh, stored, grids.known))

    def new_pairs(self) -> None:
        """Pairs at the end: typed or pasted into a grid, or pasted as a text."""
        grids = self._grids
        st.caption("New pairs, at the end; cells of a spreadsheet can be pasted into the grid.")
        if grids.new_rows is None:
            grids.new_rows = pd.DataFrame(
                {
                    "source": [item.source for item in grids.known.added],
                    "target": [item.target for item in grids.known.added],
                },
                dtype=object,
            )
        rows = st.data_editor(
            grids.new_rows,
            key=self._key("add"),
            hide_index=True,
            num_rows="dynamic",
            column_config=_NEW_COLUMNS,  # narrow ones stretch, and both are seen on a phone
        )
        added = tuple(
            _demonstration(row, {})
            for row in rows.to_dict("records")
            if _text(row["source"]) or _text(row["target"])
        )
        if added != grids.known.added:
            self._write(DraftStep(seen=grids.known.added, added=added))
        with st.popover("Paste a text"), st.form(self._key("paste"), border=False):
            text = paste_box(self._key("pasted"))
            if st.form_submit_button("Add these pairs"):
                with notes.errors_as_panel():
                    known = grids.known.added
                    pasted = pasting.read_pasted(text)
                    step(*self._at, DraftStep(seen=known, added=(*known, *pasted)))
                    st.rerun()

    def _key(self, grid: str) -> str:
        set_name, number = self._at
        return f"sets.{grid}.{set_name}.{number}.{self._grids.visit}"

    def _write(self, change: DraftStep) -> None:
        """Write a step; what it does not say of the added pairs stays as it is known."""
        with notes.errors_as_panel():
            draft = step(*self._at, change)
            wanted = self._grids.known.after(change)
            self._grids.known = Edit() if draft is None else draft.edit
            if self._grids.known.added != wanted.added:
                # Another window added some too.
                self._grids.begin_anew(self._grids.known)
                st.rerun()


def _page_step(
    edited: pd.DataFrame, rows: Sequence[int], stored: dict[int, Demonstration], known: Edit
) -> DraftStep:
    replaced: dict[int, Demonstration | None] = {}
    removed: dict[int, bool] = {}
    for row in rows:
        changed = edited.iloc[row].to_dict()
        place = int(changed[tables.NUMBER]) - 1
        demonstration = _demonstration(changed, stored[place].metadata)
        replaced[place] = None if demonstration == stored[place] else demonstration
        removed[place] = bool(changed["remove"])
    return DraftStep(replaced=replaced, removed=removed, seen=known.added, added=known.added)


def _rows_of(rows: Sequence[tuple[int, Demonstration]], edit: Edit) -> pd.DataFrame:
    """The rows of a page as the draft has them."""
    frame = frame_of(
        [(place, edit.replaced.get(place, demonstration)) for place, demonstration in rows]
    )
    frame["remove"] = [place in edit.removed for place, _ in rows]
    return frame.astype({"source": object, "target": object})


def _end_of(draft: Draft, version: SetVersion | None, latest: SetVersion | None) -> None:
    """What the draft comes to, and how it ends: frozen, merged, forked or thrown away."""
    is_latest = latest is None or (version is not None and version.id == latest.id)
    st.subheader("The draft", anchor=False)
    choice = _MERGE
    if not is_latest and latest is not None:
        notes.note(
            f"{latest.label} is the latest version",
            f"This draft changes {draft.label}. Nothing that was frozen since is overwritten: "
            "merge the draft with it, or let it go its own way.",
        )
        if version is not None:
            choice = st.radio(
                "The draft",
                (_MERGE, _FORK),
                format_func=lambda word: (
                    f"merge it with {latest.label}" if word == _MERGE else _FORK
                ),
                key=f"sets.way.{draft.id}",
                horizontal=True,
                label_visibility="collapsed",
            )
    if is_latest:
        _freeze(draft, latest)
    elif version is not None and choice == _FORK:
        _fork(draft, version)
    else:
        merging.of_draft(draft)
    notes.confirmed(
        "Throw the draft away",
        f"Throw the draft of {draft.label} away? What it holds is lost: {draft.words}.",
        lambda: drafts.discard(cached.store(), draft.id),
        key=f"sets.discard.{draft.id}",
    )


def _preview(draft: Draft, version: SetVersion | None) -> int:
    """What the draft changes and what the checks find; how many demonstrations it makes."""
    size = len(draft.edit.added) + (0 if version is None else version.count)
    check = size <= CHECKED_AT_ONCE or st.toggle(
        f"Run the checks over all {size} demonstrations", key=f"sets.check.{draft.id}"
    )
    seen = drafts.look_ahead(cached.store(), draft, check=check)
    changes.show_changes(seen.changes)
    if seen.findings is not None:
        show_findings(seen.findings)
        if not seen.findings:
            st.caption("The checks found nothing.")
    return seen.count


def _freeze(draft: Draft, latest: SetVersion | None) -> None:
    count = _preview(draft, latest)
    label = f"{draft.set_name}@{1 if latest is None else latest.number + 1}"
    merging.freeze_form(
        f"Freeze {label} with {markup.count(count, 'demonstration')}",
        key=f"sets.freeze.{draft.id}",
        freeze=lambda filled: drafts.freeze_draft(
            cached.store(),
            draft,
            message=filled.message,
            actor=cached.user(),
            strict=filled.strict,
        ),
    )


def _fork(draft: Draft, version: SetVersion) -> None:
    count = _preview(draft, version)
    merging.freeze_form(
        f"Freeze {markup.count(count, 'demonstration')} as a fork of {draft.label}",
        key=f"sets.fork.{draft.id}",
        of_new_set=True,
        freeze=lambda filled: drafts.freeze_draft(
            cached.store(),
            draft,
            message=filled.message,
            actor=cached.user(),
            strict=filled.strict,
            fork_as=filled.name,
        ),
    )


def _others(set_name: str, number: int) -> list[Draft]:
    """Drafts of the set that are not the one on the page."""
    return [
        draft
        for draft in drafts.list_drafts(cached.store())
        if draft.set_name == set_name
        and (draft.base_number, draft.author) != (number, cached.user())
    ]


def _list_others(others: Sequence[Draft]) -> None:
    if others:
        st.subheader("Other drafts of this set", anchor=False)
        show_list(others)


def show_list(listed: Sequence[Draft]) -> None:
    """Drafts as a table; one's own open by their name."""
    rows = [
        (
            _link(draft),
            markup.escape(draft.author),
            markup.escape(draft.words),
            markup.moment(draft.changed_at),
        )
        for draft in listed
    ]
    st.html(markup.table(["draft of", "by", "changes", "changed"], rows))


def _link(draft: Draft) -> str:
    if draft.author != cached.user():
        return markup.escape(draft.label)
    chosen: dict[str, Any] = (
        {"version": draft.base_number, "view": "edit"} if draft.base_number else {}
    )
    return markup.link(draft.label, "sets", set=draft.set_name, **chosen)


def _demonstration(row: dict[Any, Any], metadata: Any) -> Demonstration:
    return Demonstration(
        source=_text(row["source"]) or "", target=_text(row["target"]), metadata=metadata
    )


def _text(value: object) -> str | None:
    return None if value is None or value is pd.NA or value != value else str(value)
