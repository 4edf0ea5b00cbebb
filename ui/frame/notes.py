"""Titles, notes and errors in words."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import streamlit as st

from ui import markup
from ui.frame.fields import in_fields
from vectorlab.errors import NotFoundError, VectorLabError

FAILED = "That did not work"
TITLED = "page.titled"  # session key: whether the page under way has its title yet


def header(title: str, sentence: str) -> None:
    """Title of a page (own words or a checked name) and one sentence under it."""
    st.session_state[TITLED] = True
    st.title(title.replace("_", r"\_"), anchor=False)
    st.html(f'<p class="vl-lead">{markup.escape(sentence)}</p>')


def heading(text: str) -> None:
    """A heading within a page that may hold any words; ``st.subheader`` would read Markdown."""
    st.html(f'<h3 class="vl-heading">{markup.escape(text)}</h3>')


def note(title: str, text: str, *, tone: str = "", command: str | None = None) -> None:
    """A calm panel; ``command`` is shown with a copy button."""
    kind = f"vl-panel vl-panel-{tone}" if tone else "vl-panel"
    st.html(f'<div class="{kind}"><b>{markup.escape(title)}</b>{markup.escape(text)}</div>')
    if command is not None:
        st.code(command, language="bash")


def confirmed(label: str, question: str, act: Callable[[], object], *, key: str) -> None:
    """A button that asks before it acts; nothing happens until the question is answered.

    Args:
        label: Of the button.
        question: What will be done, and to how much.
        act: Does it; the page is drawn anew then.
        key: Of the button.
    """
    with st.popover(label, key=key):
        st.html(f"<p>{markup.escape(question)}</p>")
        if st.button(f"Yes, {label[0].lower()}{label[1:]}", key=f"{key}.yes", type="primary"):
            with errors_as_panel():
                act()
                st.rerun()


@contextmanager
def errors_as_panel(
    failed: str = FAILED, *, fields: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Errors that VectorLab raises on purpose become a panel; the rest of the block is left.

    Args:
        failed: Stands over it, unless something was not found.
        fields: Labels of the fields that errors are about, by the flag of the command line.
    """
    try:
        yield
    except VectorLabError as error:
        show_error(error, failed, fields=fields)


def show_error(
    error: VectorLabError, failed: str = FAILED, *, fields: Mapping[str, str] | None = None
) -> None:
    """The panel of an error that VectorLab raises on purpose; ``fields`` as above."""
    title = "Not found" if isinstance(error, NotFoundError) else failed
    note(title, in_fields(str(error), fields), tone="bad")
