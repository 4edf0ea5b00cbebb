"""How one vector of an arm acts, where that is not how all of the run do."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import streamlit as st

from ui import markup
from ui.frame import notes
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import InputError
from vectorlab.services.runs.arms import OPTIONS, Term, parse_option, spelt_options

_CHOICES = {"operator": tuple(Operator), "site": tuple(Site)}  # the others are typed
_LABELS = {
    "operator": "Operator",
    "site": "Write site",
    "positions": "Positions",
    "layers": "Layers",
    "schedule": "Schedule",
    "when": "Condition",
}


def choose(term: Term, keep: Callable[[str, Mapping[str, Any]], None]) -> bool:
    """Draw what can be said of one vector alone; whether all of it can be read, else it is said.

    Args:
        term: The vector as the address has it.
        keep: Is given the vector and an option that was changed, to be put into the address.
    """
    spelt = spelt_options(term)
    own = ", ".join(f"{_LABELS[name].lower()} {value}" for name, value in spelt.items())
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("How it acts", key=f"play.acting.{term.vector}"):
            for name in OPTIONS:
                _draw(term, name, spelt.get(name), keep)
        st.html(markup.quiet(own or "as all of the run"), width="content")
    is_readable = False
    with notes.errors_as_panel():
        for name in OPTIONS:
            _read(term.vector, name)
        is_readable = True
    return is_readable  # noqa: RET504 - an error leaves the block before it is set


def forget(vector: str) -> None:
    """Let the address alone say how a vector acts."""
    for name in OPTIONS:
        st.session_state.pop(_key(vector, name), None)


def _draw(
    term: Term, name: str, spelt: str | None, keep: Callable[[str, Mapping[str, Any]], None]
) -> None:
    key = _key(term.vector, name)
    # What is typed and cannot be read stays; what can is what the address has.
    with suppress(InputError):
        if key not in st.session_state or _read(term.vector, name) != getattr(term, name):
            st.session_state[key] = spelt if name in _CHOICES else spelt or ""
    more: dict[str, Any] = {"key": key, "placeholder": "as all of the run"}
    more |= {"on_change": _follow, "args": (term.vector, name, keep)}
    if name in _CHOICES:
        st.selectbox(_LABELS[name], _CHOICES[name], index=None, **more)
    else:
        st.text_input(_LABELS[name], **more)


def _follow(vector: str, name: str, keep: Callable[[str, Mapping[str, Any]], None]) -> None:
    with suppress(InputError):
        keep(vector, {name: _read(vector, name)})


def _read(vector: str, name: str) -> Any:
    text = (st.session_state[_key(vector, name)] or "").strip()
    return parse_option(name, text) if text else None


def _key(vector: str, name: str) -> str:
    return f"play.{name}.{vector}"
