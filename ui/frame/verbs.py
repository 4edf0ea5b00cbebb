"""What can be done with a thing as a whole: give it another name, and purge it."""

from collections import Counter
from collections.abc import Callable, Sequence

import streamlit as st

from ui import cached, markup
from ui.frame import navigation, notes
from vectorlab.services.database import Database

FEW = 12  # things that are named before they go; the others are counted


def rename(
    noun: str, name: str, keep: Callable[..., object], *, page: str, label: str = "Rename"
) -> None:
    """A small form that gives a thing another name, and opens it under that.

    Args:
        noun: What it is; where it is the subject of ``page``, as its address calls it.
        name: That it has.
        keep: The service; called with the store, both names and ``actor``.
        page: That shows it.
        label: Of the button.
    """
    key, asked = f"verbs.rename.{noun}.{name}", f"New name of the {noun}"
    with (
        st.popover(label, icon=":material/edit:", key=key),
        st.form(f"{key}.form", border=False),
    ):
        new = st.text_input(asked, value=name, key=f"{key}.name")
        if st.form_submit_button("Keep this name"):
            with notes.errors_as_panel(fields={"--name": asked}):
                keep(cached.store(), name, new.strip(), actor=cached.user())
                is_subject = navigation.SUBJECTS.get(page) == noun
                navigation.go(page, **({noun: new.strip()} if is_subject else {}))


def purge(
    noun: str,
    name: str,
    *,
    what_goes: Callable[[Database, str], list[str]],
    remove: Callable[..., object],
    page: str | None,
) -> None:
    """A question that counts what would go, and a button that lets it go for good.

    Nothing is counted until somebody asks.

    Args:
        noun: What is purged.
        name: Its name or number.
        what_goes: The service that lists it and what depends on it, itself first.
        remove: The service; called with the store, the name, ``cascade`` and ``actor``.
        page: That is opened afterwards; None draws the page under way anew.
    """
    key = f"verbs.purge.{noun}.{name}"
    place = st.popover("Purge", icon=":material/delete:", key=key, on_change="rerun")
    if not place.open:
        return
    with place, notes.errors_as_panel():
        others = what_goes(cached.store(), name)[1:]
        st.html(f"<p>{markup.escape(_question(noun, name, others))}</p>")
        if others:
            more = [f"and {len(others) - FEW} more"] if len(others) > FEW else []
            lines = "".join(f"<li>{markup.escape(line)}</li>" for line in [*others[:FEW], *more])
            st.html(f"<ul>{lines}</ul>")
        label = f"Purge all {len(others) + 1}" if others else f"Purge the {noun}"
        if st.button(label, key=f"{key}.yes", type="primary"):
            remove(cached.store(), name, cascade=bool(others), actor=cached.user())
            if page is None:
                st.rerun()
            navigation.go(page)


def _question(noun: str, name: str, others: Sequence[str]) -> str:
    """What would go for good, counted by kind."""
    if not others:
        return f"The {noun} {name} goes for good. Nothing else depends on it."
    counts = Counter(line.rsplit(" ", 1)[0] for line in others)  # "run 3", "vector 'upbeat'"
    counted = ", ".join(f"{count} × {kind}" for kind, count in counts.items())
    return f"The {noun} {name} is needed by {len(others)} others, which go with it: {counted}."
