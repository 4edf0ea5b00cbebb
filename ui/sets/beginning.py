"""Begin a set by hand: a name, and pairs if they are on the clipboard already."""

import streamlit as st

from ui import cached
from ui.frame import navigation, notes
from ui.sets import draft
from vectorlab.domain.sets.drafts import NOTHING_YET, DraftStep
from vectorlab.services.sets import pasting, sets


def show() -> None:
    """A form that makes an empty set and opens its draft."""
    with (
        st.expander("Begin a set by hand", icon=":material/edit:"),
        st.form("sets.begin", border=False),
    ):
        left, right = st.columns(2)
        name = left.text_input("Name of the new set", key="sets.begin_name", placeholder="upbeat")
        about = right.text_input(
            "What it is for", key="sets.begin_about", placeholder="plain to upbeat reviews"
        )
        text = draft.paste_box("sets.begin_pasted")
        if st.form_submit_button("Begin", type="primary"):
            with notes.errors_as_panel():
                _begin(name.strip(), about.strip(), text)


def _begin(name: str, about: str, text: str) -> None:
    pairs = pasting.read_pasted(text)
    sets.create(
        cached.store(), name=name, description=about, task="", labels=[], actor=cached.user()
    )
    if pairs:
        draft.step(name, NOTHING_YET, DraftStep(added=pairs))
    for field in ("name", "about", "pasted"):
        st.session_state.pop(f"sets.begin_{field}", None)
    navigation.go("sets", set=name)
