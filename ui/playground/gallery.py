"""What can be tried at once: the examples, each with its prompt and what it is to come to."""

import streamlit as st

from ui import cached, markup
from ui.frame import notes
from ui.runs import strengths
from vectorlab.services.runs import presets
from vectorlab.services.runs.presets import Preset

_TAKEN = "play.taken"  # session key: a card was pressed, and its texts are to be asked for


def show() -> None:
    """A card for every example of which the store has a vector, where nothing is chosen yet."""
    if {"vector", "at", "job", "run"} & set(st.query_params):
        return
    ready = presets.presets(cached.store())
    if ready:
        notes.heading("Begin with one of these")
        for column, preset in zip(st.columns(len(ready)), ready, strict=True):
            with column.container(border=True):
                _card(preset)


def _card(preset: Preset) -> None:
    st.button(preset.experiment.title, on_click=_take, args=(preset,))
    arm = f"{preset.vector.name} {preset.strength:+g}"
    st.html(f"{markup.preview(preset.prompt, 120)}{markup.note(arm)}")
    if preset.expected is not None:
        st.html(markup.generated(preset.expected.strip()))


def is_taken() -> bool:
    """Whether a card was just pressed; once."""
    return bool(st.session_state.pop(_TAKEN, False))


def _take(preset: Preset) -> None:
    """Choose what a preset needs, in the address too, and have its texts asked for."""
    st.session_state[_TAKEN] = True
    name = preset.vector.name
    strengths.forget(name)
    st.session_state["vector"] = [name]
    st.session_state["prompt"] = preset.prompt
    st.query_params[strengths.PARAMETER] = f"{name}:{preset.strength!r}"
