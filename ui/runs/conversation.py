"""What was said before the texts of a run, turn by turn."""

from collections.abc import Sequence

import streamlit as st

from ui import markup
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.text.chats import Turn

IN_THE_OPEN = 3  # turns; those before are folded away where they are several
LONG = 600  # characters of one that is folded away by itself


def show(turns: Sequence[Turn]) -> None:
    """A conversation, the latest turns in the open."""
    first = 0 if len(turns) <= IN_THE_OPEN + 1 else len(turns) - IN_THE_OPEN
    parts = [marked(turn) for turn in turns[first:]]
    if first:
        parts.insert(0, _details(f"{first} earlier turns", "".join(map(marked, turns[:first]))))
    st.html(f'<div class="vl-turns">{"".join(parts)}</div>')


def show_before(run: GenerationRun) -> None:
    """The turns in front of the prompts of a run, folded away; nothing where there are none."""
    if run.spec.chat is None or not run.spec.chat.before:
        return
    turns = run.spec.chat.before
    count = f"{len(turns)} turn{'s' if len(turns) > 1 else ''}"
    title = f"Said before the prompts of run {run.id}: {count}"
    st.html(f'<div class="vl-turns">{_details(title, "".join(map(marked, turns)))}</div>')


def marked(turn: Turn) -> str:
    """One turn, character for character; a long one under its beginning."""
    said = markup.generated(turn.content)
    if len(turn.content) > LONG:
        said = _details(" ".join(turn.content[:60].split()) + " …", said)
    role = f'<div class="vl-note">{markup.escape(turn.role)}</div>'
    return f'<div class="vl-turn vl-turn-{turn.role}">{role}{said}</div>'


def _details(summary: str, inside: str) -> str:
    return f"<details><summary>{markup.escape(summary)}</summary>{inside}</details>"
