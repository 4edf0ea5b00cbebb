"""The card of an empty store: four steps, each with the button that does it."""

import streamlit as st

from ui import data, parts, texts
from vectorlab.domain.browsing import Inventory
from vectorlab.services import examples, models

BUNDLED = "tiny"


def show(held: Inventory) -> None:
    """What is done, and what comes next."""
    with st.container(border=True):
        st.subheader("First steps", anchor=False)
        steps = (
            ("Pairs to learn from", held.versions > 0, _pairs),
            ("A model to steer", held.models > 0, _model),
            ("A vector of the pairs", held.vectors > 0, _vector),
            ("Texts with and without it", held.runs > 0, _texts),
        )
        is_next = True
        for number, (title, is_done, offer) in enumerate(steps, start=1):
            left, right = st.columns([2, 3], vertical_alignment="center")
            state = texts.badge("done", "good") if is_done else texts.quiet(f"step {number}")
            left.html(f"{state} <b>{texts.escape(title)}</b>")
            if not is_done:
                with right.container(horizontal=True, vertical_alignment="center"):
                    offer(is_next=is_next)
                is_next = False
        parts.follow_job(link=False)


def _pairs(*, is_next: bool) -> None:
    if st.button("Load the examples", type="primary" if is_next else "secondary"):
        with parts.in_words():
            examples.load(data.store(), actor=data.user())
            st.rerun()
    parts.page_link("Import your own", "sets")


def _model(*, is_next: bool) -> None:
    if st.button("Register the bundled model", type="primary" if is_next else "secondary"):
        parts.ask(
            lambda: (
                models.request_registration(
                    data.store(), f"bundled:{BUNDLED}", actor=data.user(), name=BUNDLED
                ).id
            )
        )
    parts.page_link("Another model", "settings")


def _vector(*, is_next: bool) -> None:
    del is_next
    parts.page_link("Extract a vector", "new_vector")


def _texts(*, is_next: bool) -> None:
    del is_next
    parts.page_link("Open the playground", "playground")
    parts.page_link("Ask for a run", "new_run")
