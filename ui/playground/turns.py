"""A conversation in the playground: what was said so far, and the way to its next turn."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import streamlit as st

from ui import cached, markup
from ui.playground import history
from ui.runs import conversation
from ui.runs.form import Form
from vectorlab.domain.jobs.requests import GenerateRequest
from vectorlab.domain.runs.batch_plan import RowKey
from vectorlab.domain.runs.runs import GenerationRun, RunSpec
from vectorlab.domain.text.chats import Turn
from vectorlab.errors import VectorLabError
from vectorlab.services import jobs
from vectorlab.services.runs import conversations

AFTER = "after"  # of the address: the text that the form goes on from
# What the address says of texts that are there, or of other prompts than the next one.
_OF_THIS_TURN = ("run", "job", "prompts", "cut", "system", "sample")


def show(form: Form | None, run: GenerationRun | None, job_id: int | None) -> None:
    """What was said up to the texts below, or up to what the form asks for."""
    turns = _so_far(form, run, job_id)
    if turns:
        conversation.show(turns)
    if st.session_state.get(AFTER):
        st.button("Begin anew", type="tertiary", on_click=_begin_anew)


def ways_on(run: GenerationRun, *, is_other: bool) -> Callable[[RowKey], str]:
    """A link to the turn behind each text; empty where prompts are no turns.

    Args:
        run: Whose texts are shown.
        is_other: The fields ask for something else than the run, whose own they then become.
    """
    if run.spec.chat is None:
        return lambda _: ""
    here: dict[str, object] = {name: st.query_params.get_all(name) for name in st.query_params}
    fields = history.selection(run) if is_other else here
    return lambda key: _way_on(run, key, fields)


def ways_on_as_made(compared: Sequence[GenerationRun]) -> Callable[[int, RowKey], str]:
    """The same for texts of runs that no fields asked for: each goes on as its arm acted."""
    by_id = {run.id: run for run in compared if run.spec.chat is not None}

    @cache
    def fields(run_id: int, arm: int) -> dict[str, object]:
        return history.selection(by_id[run_id], arm)

    def link(run_id: int, key: RowKey) -> str:
        if run_id not in by_id:
            return ""
        return _way_on(by_id[run_id], key, fields(run_id, key.arm))

    return link


def _way_on(run: GenerationRun, key: RowKey, fields: Mapping[str, object]) -> str:
    kept = {name: value for name, value in fields.items() if name not in _OF_THIS_TURN}
    after = conversations.reference_of(run, key)
    next_turn = kept | {"as_chat": "true", AFTER: after, "prompt": ""}
    return markup.link("Go on from here", "playground", **next_turn)


def _so_far(form: Form | None, run: GenerationRun | None, job_id: int | None) -> tuple[Turn, ...]:
    if job_id is not None:
        request = jobs.get(cached.store(), job_id).request(GenerateRequest)
        return () if request is None else _up_to_first_prompt(request.spec)
    if run is not None:
        return _up_to_first_prompt(run.spec)
    if form is not None:
        return () if form.spec.chat is None else form.spec.chat.before
    return _named()


def _up_to_first_prompt(spec: RunSpec) -> tuple[Turn, ...]:
    return () if spec.chat is None else spec.chat.turns(spec.prompts[0].text)


def _named() -> tuple[Turn, ...]:
    """What the form goes on from while it has no prompt; what is wrong with it, the form says."""
    after = st.session_state.get(AFTER)
    if not after:
        return ()
    try:
        return conversations.up_to(cached.store(), after).before
    except VectorLabError:
        return ()


def _begin_anew() -> None:
    """Go on from nothing; what is shown belongs to the conversation."""
    st.session_state[AFTER] = ""
    for name in ("run", "job"):
        st.query_params.pop(name, None)
