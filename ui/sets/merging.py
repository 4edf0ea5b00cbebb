"""Join what was changed in two places: look at it, settle what both changed, freeze it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from ui import cached, markup
from ui.frame import navigation, notes
from ui.sets import changes
from ui.sets.demonstrations import DEMONSTRATIONS, show_findings
from vectorlab.domain.sets.drafts import Draft
from vectorlab.domain.sets.merge import Take
from vectorlab.domain.sets.versions import Demonstration, SetVersion
from vectorlab.errors import InputError, VectorLabError
from vectorlab.services.sets import drafts, history, sets
from vectorlab.services.sets.history import MergeOutlook
from vectorlab.services.sets.lines import ConflictingPair
from vectorlab.services.sets.sets import Committed

MOST_CONFLICTS = 100  # that are settled one by one; beyond it all are settled alike


def of_draft(draft: Draft) -> None:
    """Merge a draft with the newest version of its set."""
    open_ = drafts.look_at_merge(cached.store(), draft, check=False)
    settled = _settle(open_, "the draft", key=f"{draft.id}.{open_.into.id}")
    _end(
        drafts.look_at_merge(cached.store(), draft, settled=settled),
        key=f"draft.{draft.id}",
        freeze=lambda filled: drafts.merge_draft(
            cached.store(),
            draft,
            open_,
            settled=settled,
            message=filled.message,
            actor=cached.user(),
            strict=filled.strict,
        ),
    )


def show(latest: SetVersion) -> None:
    """Merge a version of another set into this one."""
    others = [
        (about.name, newest.number)
        for about, newest in sets.list_sets(cached.store())
        if newest is not None and about.name != latest.set_name
    ]
    if not others:
        notes.note("Only one set", "There is none that could be merged into it.")
        return
    newest = dict(others)
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    navigation.say_unknown("with", list(newest))
    name = left.selectbox("Bring in", list(newest), key="with", bind="query-params")
    number = right.selectbox("Version", range(newest[name], 0, -1), key=f"sets.with_version.{name}")
    theirs = f"{name}@{number}"
    st.caption(
        f"What only one of {latest.label} and {theirs} changed since their common version is "
        "taken; what both changed, you settle."
    )
    unrelated = st.checkbox(
        "Also where they have no version in common: everything counts as added",
        key=f"sets.unrelated.{latest.set_name}",
    )
    with notes.errors_as_panel():
        _merge(latest, theirs, unrelated=unrelated)


def _merge(latest: SetVersion, theirs: str, *, unrelated: bool) -> None:
    store, ours = cached.store(), latest.set_name
    open_ = history.look_at_merge(store, ours=ours, theirs=theirs, unrelated=unrelated, check=False)
    assert open_.theirs is not None
    settled = _settle(open_, theirs, key=f"{open_.into.id}.{open_.theirs.id}")
    seen = history.look_at_merge(
        store, ours=ours, theirs=theirs, settled=settled, unrelated=unrelated
    )

    def freeze(filled: Filled) -> Committed:
        done = history.merge(
            store,
            ours=ours,
            theirs=theirs,
            actor=cached.user(),
            message=filled.message or None,
            settled=settled,
            shown=open_.conflicts,
            unrelated=unrelated,
            strict=filled.strict,
        )
        if done.committed is None:
            raise InputError("The sets went on since. Look at the merge again.")
        return done.committed

    _end(seen, key=f"sets.{open_.into.id}.{open_.theirs.id}", freeze=freeze)


@dataclass(frozen=True)
class Filled:
    """What a form says that freezes a version."""

    message: str
    strict: bool
    name: str  # of a new set, where it asks for one


def freeze_form(
    label: str, *, key: str, freeze: Callable[[Filled], Committed], of_new_set: bool = False
) -> None:
    """Message, strictness and the button that freezes; then the new version is shown.

    Args:
        label: Of the button.
        key: Once per page.
        freeze: What the button does.
        of_new_set: Ask for the name of a set too.
    """
    with st.form(key, border=True):
        if of_new_set:
            st.text_input("Name of the new set", key=f"{key}.name")
        st.text_input("Message", placeholder="Why this version exists", key=f"{key}.message")
        st.checkbox("Refuse what the checks find", key=f"{key}.strict")
        failed: VectorLabError | None = st.session_state.pop(f"{key}.failed", None)
        if failed is not None:
            notes.show_error(failed)
        st.form_submit_button(label, type="primary", on_click=_submit, args=(key, freeze))


def _submit(key: str, freeze: Callable[[Filled], Committed]) -> None:
    said = st.session_state
    try:
        done = freeze(
            Filled(
                message=said[f"{key}.message"].strip(),
                strict=said[f"{key}.strict"],
                name=said.get(f"{key}.name", "").strip(),
            )
        )
    except VectorLabError as error:
        said[f"{key}.failed"] = error  # shown in the form
        return
    version = done.version
    navigation.turn_to("sets", version.set_name, version=version.number, view=DEMONSTRATIONS)


def _end(seen: MergeOutlook, *, key: str, freeze: Callable[[Filled], Committed]) -> None:
    """What the merge comes to, and the form that freezes it; nothing while conflicts are open."""
    label = f"{seen.into.set_name}@{seen.into.number + 1}"
    if seen.outlook is None:
        st.caption(f"Settle every conflict; then {label} can be frozen.")
        return
    st.caption(f"Against {seen.into.label}:")
    changes.show_changes(seen.outlook.changes)
    show_findings(seen.outlook.findings or ())
    freeze_form(
        f"Freeze {label} with {markup.count(seen.outlook.count, 'demonstration')}",
        key=f"sets.merge.{key}",
        freeze=freeze,
    )


def _settle(seen: MergeOutlook, theirs: str, *, key: str) -> dict[int, Take]:
    """What is taken where both sides changed a pair, by the number of the conflict."""
    conflicts = seen.conflicts
    words = {
        Take.OURS: f"as {seen.into.label} has it",
        Take.THEIRS: f"as {theirs} has it",
        Take.BOTH: "both",
        Take.BASE: "as it was",
        Take.NEITHER: "neither",
    }
    if not conflicts:
        st.html(markup.badge("no conflict", "good"))
        return {}
    many = len(conflicts) > 1
    st.html(markup.badge(markup.count(len(conflicts), "conflict"), "bad"))
    if len(conflicts) > MOST_CONFLICTS:
        take = st.radio("All conflicts", list(Take), index=None, format_func=words.get, key=key)
        return {} if take is None else {pair.number: take for pair in conflicts}
    if many:
        _settle_all(conflicts, words, key)
    return {
        pair.number: take
        for pair in conflicts
        if (take := _settle_one(pair, words, seen.into.label, theirs, key)) is not None
    }


def _settle_all(conflicts: Sequence[ConflictingPair], words: dict[Take, str], key: str) -> None:
    def take_all(take: Take) -> None:
        for pair in conflicts:
            st.session_state[_key(key, pair)] = take

    with st.container(horizontal=True):
        for take in (Take.OURS, Take.THEIRS):
            st.button(
                f"All {words[take]}", key=f"sets.all.{take}.{key}", on_click=take_all, args=(take,)
            )


def _settle_one(
    pair: ConflictingPair, words: dict[Take, str], ours: str, theirs: str, key: str
) -> Take | None:
    with st.container(border=True):
        rows = [
            ("as it was", *_sides(pair.base)),
            (markup.escape(ours), *_changed(pair.base, pair.ours)),
            (markup.escape(theirs), *_changed(pair.base, pair.theirs)),
        ]
        st.html(markup.table([f"conflict {pair.number}", "source", "target"], rows))
        return st.radio(
            f"Conflict {pair.number}",
            list(Take),
            index=None,
            format_func=words.get,
            key=_key(key, pair),
            horizontal=True,
            label_visibility="collapsed",
        )


def _key(key: str, pair: ConflictingPair) -> str:
    return f"sets.take.{key}.{pair.number}"


def _sides(item: Demonstration) -> tuple[str, str]:
    return markup.literal(item.source), markup.literal(item.target or "–")


def _changed(base: Demonstration, now: Demonstration | None) -> tuple[str, str]:
    if now is None:
        return markup.quiet("removed"), markup.quiet("removed")
    return (
        markup.difference(base.source, now.source),
        markup.difference(base.target or "", now.target or ""),
    )
