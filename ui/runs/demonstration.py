"""Make a prompt and a text that came of it a pair of a set."""

import streamlit as st

from ui import cached
from ui.frame import navigation, notes
from ui.sets.demonstrations import show_findings
from vectorlab.domain.sets.drafts import Edit
from vectorlab.domain.sets.versions import Demonstration, SetVersion
from vectorlab.services.sets import history, pairs, sets

MADE = "runs.made"  # session key: the version that a text was last added to
CHECKED_AT_ONCE = 5000  # demonstrations; a larger set is checked when it is frozen


@st.dialog("Make a demonstration", width="large")
def ask(prompt: str, text: str, origin: str) -> None:
    """As ``form``, over the page."""
    form(prompt, text, origin)


def form(prompt: str, text: str, origin: str) -> None:
    """Ask for the set and the two texts, say what the checks find, freeze the next version.

    Args:
        prompt: What stands as the source at first.
        text: What stands as the target at first.
        origin: Where the text comes from, for the message.
    """
    versions = {found.name: version for found, version in sets.list_sets(cached.store()) if version}
    name = st.selectbox(
        "Set",
        list(versions),
        index=None,
        placeholder="Choose a set, or type the name of a new one",
        accept_new_options=True,
        key="runs.make.set",
    )
    source = st.text_area("Source", prompt, key="runs.make.source")
    target = st.text_area("Target", text, key="runs.make.target")
    message = st.text_input("Message", f"From {origin}", key="runs.make.message")
    if not name:
        st.caption("The pair is added at the end, as the next version of the set.")
        return
    pair = Demonstration(source=source or "", target=target or "")
    base = versions.get(name)
    with notes.errors_as_panel():
        if base is not None:
            _say_checks(base, pair)
        strict = st.checkbox("Refuse what the checks find", key="runs.make.strict")
        label = f"{name}@{1 if base is None else base.number + 1}"
        if st.button(f"Freeze {label}", type="primary", key="runs.make.freeze"):
            made = pairs.add_pair(
                cached.store(),
                name=name,
                base=None if base is None else base.label,
                pair=pair,
                message=message or "",
                actor=cached.user(),
                strict=strict,
            )
            st.session_state[MADE] = made.version.label
            st.rerun()


def say_what_was_made() -> None:
    """Once, after a pair was added: which version has it, with a link."""
    label = st.session_state.pop(MADE, None)
    if label is None:
        return
    name, _, number = str(label).partition("@")
    notes.note("Added to a set", f"{label} ends with the new pair.", tone="good")
    navigation.page_link("Open the set", "sets", set=name, version=number)


def _say_checks(base: SetVersion, pair: Demonstration) -> None:
    edit = Edit(replaced={}, removed=frozenset(), added=(pair,))
    check = base.count <= CHECKED_AT_ONCE
    preview = history.preview(cached.store(), base.label, edit, check=check)
    if preview.findings is None:
        st.caption(f"{base.label} is large: the checks run when the version is frozen.")
    elif preview.findings:
        show_findings(preview.findings)
    else:
        st.caption("The checks found nothing.")
