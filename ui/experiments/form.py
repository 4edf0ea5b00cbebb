"""The form of an experiment: few fields, each with a default that is good enough to begin with."""

from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from ui import cached, markup
from ui.frame import navigation, notes
from ui.runs import form as run_form
from vectorlab.domain.defaults import DEFAULT_BUDGET, DEFAULT_TEMPLATE, PRIORITY_INTERACTIVE
from vectorlab.domain.runs.experiments import SHARES
from vectorlab.domain.runs.runs import Decoding, Prompt
from vectorlab.domain.scores.catalogue import SCORERS, Needs
from vectorlab.errors import InputError
from vectorlab.services import models
from vectorlab.services.asking import Asked
from vectorlab.services.runs import experiments, lists, recipes
from vectorlab.services.runs.experiments import WantedExperiment
from vectorlab.services.runs.verdicts import ExperimentResult
from vectorlab.services.sets import pasted, sets

STORED, PASTED = "a stored vector", "pairs that I paste"
EFFECT = "sentiment"


@dataclass(frozen=True, kw_only=True)
class ExperimentForm:
    """What the visitor asks for; pasted pairs are frozen as a set when it is asked."""

    wanted: WantedExperiment
    pasted: str | None = None
    set_name: str = ""

    def ask(self) -> Asked[ExperimentResult]:
        """Freeze what was pasted, and ask for the experiment."""
        db, wanted = cached.store(), self.wanted
        if self.pasted is not None:
            frozen = sets.commit(
                db,
                name=self.set_name,
                demonstrations=pasted.pairs_of(self.pasted),
                message="Pasted for an experiment",
                actor=cached.user(),
            )
            wanted = replace(wanted, pairs=frozen.version.label)
        return experiments.request_experiment(
            db, wanted, look_up=lambda name: models.get(db, name), actor=cached.user()
        )


def show() -> ExperimentForm | None:
    """The fields; None where something is missing, which is said."""
    subject = _choose_subject()
    prompts = _choose_prompts()
    left, right = st.columns(2)
    with left:
        measured = _choose_measures()
    with right:
        tried = _choose_arms()
    with st.expander("How prompts are read"):
        prompts |= run_form.choose_reading()
    with st.expander("How texts are written, and what the run is called"):
        written = _choose_writing()
    form: ExperimentForm | None = None
    with notes.errors_as_panel():
        form = _form(subject, {**prompts, **measured, **tried, **written})
    return form  # noqa: RET504 - an error leaves the block before it is there


def show_recipe(form: ExperimentForm) -> None:
    """The same experiment as a command and as Python; pasted pairs by the name of their set."""
    wanted = form.wanted
    if form.pasted is not None:
        wanted = replace(wanted, pairs=form.set_name)
    with st.expander("The same by command and in Python"):
        st.code(recipes.command(wanted), language="bash")
        st.code(recipes.code(wanted), language="python")


def _choose_subject() -> dict[str, str | None]:
    about = navigation.one_of(
        "What is tried", [STORED, PASTED], key="about", what="choice of what is tried"
    )
    if about == STORED:
        known = [
            vector.name
            for vector in lists.vector_choices(cached.store())
            if vector.method != "random_direction"
        ]
        navigation.say_unknown("vector", known)
        name = st.selectbox(
            "Vector",
            known,
            index=None if len(known) != 1 else 0,
            key="vector",
            bind="query-params",
            placeholder="choose one",
        )
        if not known:
            st.caption("No vector is stored yet. Paste pairs, and one is extracted from them.")
        return {"vector": name}
    text = st.text_area(
        "Pairs, one a line: source, a tab or ->, target",
        key="pairs",
        bind="query-params",
        height=170,
        placeholder="The soup was okay. -> Wow, the soup was amazing!!!",
        help="Two columns copied from a spreadsheet have a tab between them. The vector leads from "
        "sources to targets.",
    )
    left, right = st.columns(2)
    names = [model.name for model in models.list_models(cached.store())]
    if not names:
        notes.note("No model yet", "Register one on the Settings page, or by the first steps.")
        navigation.page_link("Overview", "overview")
        st.stop()
    set_name = left.text_input(
        "Name of the set", value="pasted", key="set_name", bind="query-params"
    )
    model = right.selectbox("Model", names, key="model", bind="query-params")
    return {"text": text, "set_name": set_name, "model": model}


def _choose_prompts() -> dict[str, Any]:
    labels = _labels()
    left, right = st.columns(2)
    label = left.selectbox(
        "Prompts: the sources of a set version",
        labels,
        index=None,
        placeholder="none",
        key="prompts",
        bind="query-params",
    )
    choose = right.selectbox(
        "The strength is chosen on",
        labels,
        index=None,
        placeholder="every other prompt; the rest judge",
        key="choose",
        bind="query-params",
        help="A strength that is judged on the prompts that chose it looks better than it is. "
        "Without another set the prompts are dealt in turn.",
    )
    text = st.text_area(
        "Further prompts, one a line",
        key="prompt",
        bind="query-params",
        height=90,
        help="Each line is given to the model exactly as it is typed.",
    )
    lines = tuple(Prompt(text=line) for line in (text or "").split("\n") if line.strip())
    return {"prompts": lines, "prompt_set": label, "choose": choose}


def _labels() -> list[str]:
    """Set versions that prompts may come from; an unknown one in the address is said."""
    labels = lists.version_labels(cached.store())
    for name in ("prompts", "choose"):
        navigation.say_unknown(name, labels, what="set version")
    return labels


def _choose_measures() -> dict[str, Any]:
    known = [name for name, info in SCORERS.items() if info.needs is not Needs.VOTES]
    effect = st.text_input(
        "Effect: the scorer that should move",
        value=EFFECT,
        key="effect",
        bind="query-params",
        help=f"With its options, such as regex:!! or contains:good. There are {', '.join(known)}.",
    )
    lower = st.checkbox("Less of it is wanted", key="lower", bind="query-params")
    damage = st.text_input(
        "Damage: a scorer and the most that its mean may be",
        value=DEFAULT_BUDGET,
        key="damage",
        bind="query-params",
        help="kl is how far the next-token distribution moves from the unsteered model's, in nats.",
    )
    smallest = st.number_input(
        "Smallest change of interest",
        min_value=0.0,
        value=0.0,
        key="smallest",
        bind="query-params",
        format="%g",
        help="In the unit of the effect; 0 for none.",
    )
    return {
        "effect": effect or EFFECT,
        "lower_is_better": lower,
        "damage": damage or DEFAULT_BUDGET,
        "smallest": smallest or None,
    }


def _choose_arms() -> dict[str, Any]:
    shares = st.text_input(
        "Strengths, in the calibrated strength",
        value=" ".join(f"{share:g}" for share in SHARES),
        key="shares",
        bind="query-params",
        help="1 is the strength that the calibration chooses; it is always tried.",
    )
    one, two = st.columns(2)
    random = one.number_input("Random directions", 0, 20, 1, key="random", bind="query-params")
    shuffled = two.number_input(
        "Shuffled vectors",
        0,
        20,
        1,
        key="shuffled",
        bind="query-params",
        help="Of the same texts, with the sides of pairs drawn by lot.",
    )
    demonstrations = st.checkbox(
        "Against its pairs in the prompt", value=True, key="demonstrations", bind="query-params"
    )
    instruction = st.text_input(
        "Against an instruction in the prompt",
        key="instruction",
        bind="query-params",
        placeholder="none",
        help="Stands on a line of its own before every prompt of one arm.",
    )
    return {
        "shares": shares or "",
        "random": random,
        "shuffled": shuffled,
        "demonstrations": demonstrations,
        "instruction": instruction or None,
    }


def _choose_writing() -> dict[str, Any]:
    one, two = st.columns(2)
    tokens = one.number_input("New tokens at most", 1, 4096, 32, key="tokens", bind="query-params")
    stop = two.text_input(
        "A text ends in front of", key="stop", bind="query-params", placeholder=r"such as \n"
    )
    template = one.text_input(
        "A pair in the prompt",
        value=DEFAULT_TEMPLATE.replace("\n", "\\n"),
        key="shot_template",
        bind="query-params",
        help=r"With {source} and {target}; \n is a line break.",
    )
    name = two.text_input(
        "Name of the run", key="run_name", bind="query-params", placeholder="optional"
    )
    return {
        "decoding": Decoding(
            max_new_tokens=tokens, stop=(stop.replace("\\n", "\n"),) if stop else ()
        ),
        "template": (template or "").replace("\\n", "\n") or DEFAULT_TEMPLATE,
        "name": name or None,
    }


def _form(subject: dict[str, str | None], fields: dict[str, Any]) -> ExperimentForm | None:
    shares = _numbers(fields.pop("shares"))
    wanted = WantedExperiment(priority=PRIORITY_INTERACTIVE, strengths=shares, **fields)
    if not wanted.prompts and wanted.prompt_set is None:
        st.caption("Choose a set version of prompts, or type some.")
        return None
    if "text" not in subject:
        name = subject["vector"]
        return None if name is None else ExperimentForm(wanted=replace(wanted, vectors=(name,)))
    text = subject["text"] or ""
    if not text.strip():
        st.caption("Paste pairs to extract a vector from.")
        return None
    pairs = pasted.pairs_of(text)
    st.caption(f"{markup.count(len(pairs), 'pair')}.")
    return ExperimentForm(
        wanted=replace(wanted, model=subject["model"]),
        pasted=text,
        set_name=(subject["set_name"] or "").strip(),
    )


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.replace(",", " ").split())
    except ValueError as exc:
        raise InputError(f"Strengths {text!r} are not numbers. Write for example: 0.5 1") from exc
