"""The latest tries, each with the address that brings its fields back."""

from dataclasses import replace

import streamlit as st

from ui import cached, markup
from ui.frame import notes
from ui.runs.form import STRIP
from ui.runs.strengths import PARAMETER
from vectorlab.domain.interventions.arms import Arm, Combine
from vectorlab.domain.runs.lists import RunFilter, RunKind
from vectorlab.domain.runs.runs import Decoding, GenerationRun, RunSpec
from vectorlab.services import models
from vectorlab.services.runs import arms, conversations, lists, runs

LATEST = 6


def asks_for_the_same(one: RunSpec, other: RunSpec) -> bool:
    """Whether two requests differ in no more than what their arms are called."""
    return _uncalled(one) == _uncalled(other)


def _uncalled(spec: RunSpec) -> RunSpec:
    called = (replace(arm, label=f"arm {place}") for place, arm in enumerate(spec.arms))
    return replace(spec, arms=tuple(called))


def selection(run: GenerationRun, place: int | None = None) -> dict[str, object]:
    """The address that brings back how a run's vectors act, its first prompt, chat and decoding.

    Args:
        run: The run.
        place: Of an arm whose vectors are meant; without, or where it has none, those that a try of
            that run would have set.
    """
    spec = run.spec
    acts = place is not None and bool(spec.arms[place].interventions)
    arm = spec.arms[place] if place is not None and acts else _set_arm(run)
    model = models.get(cached.store(), run.model_name)
    terms = [arms.term_of(cached.store(), model, each) for each in arm.interventions]
    return {
        "run": run.id,
        "model": run.model_name,
        "vector": [term.vector for term in terms],
        PARAMETER: [arms.spell_arm([term]) for term in terms],
        **({"combine": arm.combine.value} if arm.combine is not Combine.MEAN else {}),
        **({} if spec.add_special_tokens else {"special_tokens": "false"}),
        "prompt": spec.prompts[0].text,
        "seed": spec.seed,
        **({"strip": "true"} if _is_strip(run) and not acts else {}),
        **_of_chat(run),
        **_of_decoding(spec.decoding),
    }


def show() -> None:
    """A line for every try, newest first: its address, what it was, and its replay."""
    db = cached.store()
    listed = lists.list_runs(db, RunFilter(kind=RunKind.TRIES), limit=LATEST)
    found = [runs.get(db, str(each.id)) for each in listed if each.replay_of is None]
    if found:
        notes.heading("Latest tries")
        st.html("".join(map(_line, found)))


def _line(run: GenerationRun) -> str:
    prompt = run.spec.prompts[0].text
    what = ", ".join(arm.label for arm in run.spec.arms[1:]) or run.spec.arms[0].label
    opens = markup.link(what, "playground", **selection(run))
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
