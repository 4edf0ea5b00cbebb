"""The latest tries, each with the address that brings its fields back."""

from collections.abc import Mapping

import streamlit as st

from ui import cached, markup
from ui.frame import notes
from ui.runs.form import STRIP
from ui.runs.strengths import PARAMETER
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.runs.lists import RunFilter, RunKind
from vectorlab.domain.runs.runs import Decoding, GenerationRun
from vectorlab.services.runs import conversations, lists, runs

LATEST = 6


def selection(run: GenerationRun) -> dict[str, object]:
    """The address that brings back vectors, strengths, prompt, chat and decoding of a run.

    How its vectors acted, and whether its tokenizer added tokens, is not in it.
    """
    return _selection(run, cached.vector_names())


def _selection(run: GenerationRun, names: Mapping[int, str]) -> dict[str, object]:
    spec = run.spec
    applied = [(names[each.vector_id], each.strength) for each in _set_arm(run).interventions]
    return {
        "run": run.id,
        "model": run.model_name,
        "vector": [name for name, _ in applied],
        PARAMETER: [f"{name}:{strength!r}" for name, strength in applied],
        "prompt": spec.prompts[0].text,
        "seed": spec.seed,
        **({"strip": "true"} if _is_strip(run) else {}),
        **_of_chat(run),
        **_of_decoding(spec.decoding),
    }


def show() -> None:
    """A line for every try, newest first: its address, what it was, and its replay."""
    db = cached.store()
    listed = lists.list_runs(db, RunFilter(kind=RunKind.TRIES), limit=LATEST)
    found = [runs.get(db, str(each.id)) for each in listed if each.replay_of is None]
    if found:
        names = cached.vector_names()
        notes.heading("Latest tries")
        st.html("".join(_line(run, names) for run in found))


def _line(run: GenerationRun, names: Mapping[int, str]) -> str:
    prompt = run.spec.prompts[0].text
    what = ", ".join(arm.label for arm in run.spec.arms[1:]) or run.spec.arms[0].label
    opens = markup.link(what, "playground", **_selection(run, names))
    replay = markup.link("replay", "replay", run=run.id)
    chat = run.spec.chat
    turn = f" · turn {len(chat.earlier) + 1}" if chat is not None and chat.earlier else ""
    return f"<p>{opens} {markup.preview(prompt)}{turn} · {replay}</p>"


def _is_strip(run: GenerationRun) -> bool:
    return len(run.spec.arms) == len(STRIP) + 1


def _set_arm(run: GenerationRun) -> Arm:
    """The arm at the strengths that were set, whose multiples the others of a strip are."""
    return run.spec.arms[1 + STRIP.index(1.0) if _is_strip(run) else -1]


def _of_chat(run: GenerationRun) -> dict[str, object]:
    chat = run.spec.chat
    if chat is None:
        return {}
    if chat.earlier:
        return {"as_chat": "true", "after": conversations.before(run)}
    system = {} if chat.system is None else {"system": chat.system}
    return {"as_chat": "true", **system}


def _of_decoding(decoding: Decoding) -> dict[str, object]:
    said: dict[str, object] = {"tokens": decoding.max_new_tokens}
    if decoding.stop:
        said["stop"] = "\n".join(text.replace("\n", "\\n") for text in decoding.stop)
    if decoding.do_sample:
        drawn = ("temperature", "top_k", "top_p", "min_p")
        said |= {"decoding": "sampled"} | {name: getattr(decoding, name) for name in drawn}
    return said
