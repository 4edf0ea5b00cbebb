"""The form of a run: every field of its request, drawn once for all pages that ask for texts.

The values of the widgets stand by the name of their field until all are drawn, and are read then:
what cannot be read is said beneath a form that is whole.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from ui import cached, markup
from ui.frame import navigation, notes
from ui.runs import controls, strengths
from vectorlab.domain.interventions.arms import Combine
from vectorlab.domain.interventions.layer_ranges import parse_choice
from vectorlab.domain.interventions.operators import AVERAGED, Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.interventions.typed_strengths import parse_strengths
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE, Job
from vectorlab.domain.models import DTYPES, Model
from vectorlab.domain.runs.lists import VectorChoice
from vectorlab.domain.runs.runs import Decoding, GenerationRun, Prompt, RunSpec
from vectorlab.domain.scores.divergence import KL
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import InputError
from vectorlab.services import models
from vectorlab.services.asking import Asked
from vectorlab.services.runs import lists, recipes, runs, scores
from vectorlab.services.runs.arms import SweepOptions, Term
from vectorlab.services.runs.requests import GenerationRequest
from vectorlab.services.runs.scores import Scored
from vectorlab.services.runs.sweeps import Sweep
from vectorlab.services.runs.text_options import ChatOptions

PROMPT = "Please paraphrase the following sentence. Sentence: The soup was cold., paraphrase: "
STRENGTHS = "0.05 0.1"
STRIP = (0.25, 0.5, 1.0, 1.5, 2.0)  # times the strengths that are set
EACH_LINE, WHOLE = "each line", "the whole text"

WidgetValues = dict[str, Any]  # of widgets, by field


@dataclass(frozen=True, kw_only=True)
class Form:
    """A run as it is asked for, which can be made."""

    request: GenerationRequest
    spec: RunSpec
    written: tuple[Prompt, ...]  # the prompts that do not come from a set version
    prompt_set: str | None  # name@version
    prompt_set_version_id: int | None
    sweep: Sweep | None = None  # the request with controls, where some are wanted

    def with_controls(self) -> "Form | Job":
        """The form with the arms of its controls; the job of one that is extracted first."""
        if self.sweep is None:
            return self
        spec = controls.spec_of(models.get(cached.store(), str(self.request.model)), self.sweep)
        return spec if isinstance(spec, Job) else replace(self, spec=spec)

    def ask(self, name: str | None = None) -> Asked[GenerationRun]:
        """Ask for the texts at high priority; an equal run is found."""
        return run_of(
            self.request,
            self.spec,
            name=name,
            prompt_set_version_id=self.prompt_set_version_id,
        )

    def ask_scored(self, scorers: Sequence[str], name: str | None = None) -> Asked[Scored]:
        """The same, with scores of the texts."""
        model = models.get(cached.store(), str(self.request.model))
        return scores.request_scored_run(
            cached.store(),
            model=model,
            spec=self.spec,
            scorers=scorers,
            actor=cached.user(),
            name=name,
            prompt_set_version_id=self.prompt_set_version_id,
            priority=PRIORITY_INTERACTIVE,
        )


def show(*, quick: bool) -> Form | None:
    """Draw the form; None where it cannot be asked for, which is said.

    Args:
        quick: To try a vector: a slider for the strength of each, one prompt, and what is seldom
            changed folded away.
    """
    known = lists.vector_choices(cached.store())
    # What is tried stands beside its texts and has half the page.
    left, right = (st.container(), st.container()) if quick else st.columns(2)
    with left:
        chosen = model(known)
        usable, other_model = fitting(known, chosen)
        vectors, operator = _choose_vectors(usable)
    with right:
        swept: WidgetValues = {} if quick else _choose_strengths(STRENGTHS)
        wanted = controls.choose() if vectors and swept.get("strengths") else {}
        beside = st.container()  # what is known of strengths hangs on how vectors act, chosen below
    with _part("How vectors act", quick=quick):
        if quick:
            swept = _choose_strengths("")
        acting = _choose_acting(several=len(vectors) > 1) | {"operator": operator}
    written_arms = _lines(acting.pop("arms"))
    with beside:
        arms = _strengths(vectors, chosen, _sweep_if_readable(acting), quick=quick)
    text = st.text_area(
        "Prompt" if quick else "Prompts",
        value=PROMPT if quick else "",
        height=90 if quick else 130,
        key="prompt",
        bind="query-params",
        help="The text is given to the model exactly as it is typed.",
    )
    with _part("More prompts, and how prompts are read", quick=quick):
        prompts, reading = _choose_prompts(text or "", WHOLE if quick else EACH_LINE)
    decoding, draws = choose_decoding()
    with _part("How texts are written", quick=quick):
        decoding |= _choose_writing()
        reading |= choose_computing()
    form: Form | None = None
    if arms is None:
        return None
    with notes.errors_as_panel():
        names = [vector.name for vector in vectors]
        form = _form(
            chosen,
            prompts,
            {
                **reading,
                **draws,
                "other_model": other_model,
                "vectors": tuple(names) if swept["strengths"] or not quick else (),
                "strengths": parse_strengths(swept["strengths"], example=STRENGTHS)
                if names
                else (),
                "arms": (*arms, *written_arms),
                "sweep": _sweep(acting),
                "decoding": Decoding(**decoding),
            },
            wanted,
        )
    return form  # noqa: RET504 - an error leaves the block before it is there


def show_recipe(form: Form, scorers: Sequence[str] = ()) -> None:
    """The same run, and perhaps scores of it, as commands and as Python."""
    typed = replace(form.sweep or form.request, prompts=form.written)
    with st.expander("The same by command and in Python"):
        st.code(recipes.command(typed, form.prompt_set, scorers), language="bash")
        st.code(recipes.code(typed, form.prompt_set, scorers), language="python")


def model(vectors: Sequence[VectorChoice]) -> Model:
    """The model in the address; a link that names only a vector means the model it belongs to."""
    registered = models.list_models(cached.store())
    if not registered:
        notes.note(
            "No model yet",
            "Register a model in transformers format, in a terminal or in Settings:",
            command="vectorlab models add PATH_OR_HUB_ID --name NAME",
        )
        navigation.page_link("Settings", "settings")
        st.stop()
    names = [entry.name for entry in registered]
    navigation.say_unknown("model", names)
    owners = {vector.name: vector.model_name for vector in vectors}
    meant = [owners[name] for name in st.query_params.get_all("vector") if name in owners]
    usual = names.index(meant[0]) if meant else 0
    chosen = st.selectbox("Model", names, index=usual, key="model", bind="query-params")
    return registered[names.index(chosen)]


def fitting(vectors: Sequence[VectorChoice], model: Model) -> tuple[dict[str, VectorChoice], bool]:
    """Vectors that a model can be steered with, by name, and whether others' are among them.

    Those of other models of the same depth and width are there once that is asked for. What the
    address names beside them is said.
    """
    shapes = {entry.name: entry.shape for entry in models.list_models(cached.store())}
    alike = {name for name, shape in shapes.items() if shape == model.shape} - {model.name}
    has_others = any(vector.model_name in alike for vector in vectors)
    other_model = has_others and st.checkbox(
        "Vectors of other models, too",
        key="other_model",
        bind="query-params",
        help="Models of the same depth and width can be steered too; the result says whose the "
        "vectors are.",
    )
    meant = {model.name, *(alike if other_model else ())}
    usable = {vector.name: vector for vector in vectors if vector.model_name in meant}
    navigation.say_unknown("vector", [vector.name for vector in vectors])
    owners = {vector.name: vector.model_name for vector in vectors if vector.name not in usable}
    for name in st.query_params.get_all("vector"):
        if name in owners:
            _say_owner(name, owners[name], model, fits=owners[name] in alike)
    return usable, other_model


def _say_owner(vector: str, owner: str, model: Model, *, fits: bool) -> None:
    cure = (
        "or show vectors of other models, too."
        if fits
        else f"or extract it on {model.name}, which has another depth or width."
    )
    notes.note(f"Vector {vector} belongs to model {owner}", f"Choose that model, {cure}")


def run_of(
    request: GenerationRequest,
    spec: RunSpec | None = None,
    *,
    name: str | None = None,
    prompt_set_version_id: int | None = None,
) -> Asked[GenerationRun]:
    """Ask for the texts of a request at high priority; an equal run is found.

    Args:
        request: What is asked for.
        spec: What a worker is asked for, if it is known already.
        name: Of the run.
        prompt_set_version_id: The set version that the prompts are of.
    """
    model = request.model_of(cached.store(), lambda name: models.get(cached.store(), name))
    return runs.request_run(
        cached.store(),
        model=model,
        spec=spec or request.spec(cached.store(), model),
        actor=cached.user(),
        name=name,
        prompt_set_version_id=prompt_set_version_id,
        priority=PRIORITY_INTERACTIVE,
    )


def _part(title: str, *, quick: bool) -> Any:
    return st.expander(title, expanded=not quick)


def _choose_vectors(usable: dict[str, VectorChoice]) -> tuple[list[VectorChoice], Operator | None]:
    names = st.multiselect(
        "Vectors",
        list(usable),
        key="vector",
        bind="query-params",
        placeholder="none: the baseline alone",
    )
    operator = st.selectbox(
        "Operator: how a vector acts on a state",
        list(Operator),
        index=None,
        placeholder="each vector's own",
        key="operator",
        bind="query-params",
    )
    vectors = [usable[name] for name in names]
    used = sorted({operator or vector.operator for vector in vectors})
    if used:
        st.caption(" ".join(f"Unit of a strength under {x}: {x.info.unit}." for x in used))
    return vectors, operator


def _strengths(
    vectors: Sequence[VectorChoice], model: Model, options: SweepOptions | None, *, quick: bool
) -> tuple[tuple[Term, ...], ...] | None:
    """Arms by sliders, None where one cannot be read; or what is known of vectors in a sweep."""
    if quick:
        return _choose_sliders(vectors, model, options)
    strengths.say_usual(vectors, model, options)
    return ()


def _choose_sliders(
    vectors: Sequence[VectorChoice], model: Model, options: SweepOptions | None
) -> tuple[tuple[Term, ...], ...] | None:
    """One arm of all vectors at the strengths of their sliders, or a strip of such arms."""
    chosen = strengths.choose(vectors, model, options)
    if not vectors:
        st.caption("Choose a vector to get a slider for its strength.")
    strip = bool(vectors) and st.toggle(
        "Strip of strengths",
        key="strip",
        bind="query-params",
        help=f"Texts at {', '.join(map(str, STRIP))} times the strengths, in one batch.",
    )
    if chosen is None:
        return None
    arms = [
        tuple(replace(term, strength=strengths.times(factor, term.strength)) for term in chosen)
        for factor in (STRIP if strip else (1.0,))
        if any(term.strength for term in chosen)
    ]
    return tuple(dict.fromkeys(arms))


def _choose_strengths(usual: str) -> WidgetValues:
    return {
        "strengths": st.text_input(
            "Strengths to try each vector at, separated by spaces",
            value=usual,
            key="strength",
            bind="query-params",
            placeholder="none",
            help="An arm for every vector and strength; 0 is the baseline, which is always there. "
            "Without any each vector has its usual strength.",
        )
        or ""
    }


def _choose_acting(*, several: bool) -> WidgetValues:
    one, two = st.columns(2)
    return {
        "layers": one.text_input(
            "Layers that are steered",
            key="layers",
            bind="query-params",
            placeholder="the usual ones, all, or for example 0-3,7",
            help="Layers that are steered. Without a choice all that a vector has; where layers "
            "add up, the one that separates best; or as its convention does.",
        ),
        "site": two.selectbox(
            "Write site: which part of a layer is steered",
            list(Site),
            index=None,
            placeholder="each vector's own",
            key="site",
            bind="query-params",
        ),
        "positions": one.text_input(
            "Positions: which tokens are steered",
            key="positions",
            bind="query-params",
            placeholder="all, or as a vector's convention does",
            help="Which tokens are steered: all, prompt or response; a window prompt:first=4, "
            "prompt:last=2 or response:8-15 (from 0, ends included); prompt:last=1+response from "
            "the prompt's last token on; with +tokens=5,17 or "
            "+except=5 (token ids) or +skip_bos.",
        ),
        "schedule": two.text_input(
            "Schedule: how the strength changes as a text grows",
            value="constant",
            key="schedule",
            bind="query-params",
            help="How strength changes as a text grows: constant; first:8 (0 after 8 tokens); "
            "linear:0:1:16 or cosine:1:0.5:50 (a factor from, to, over so many generated tokens).",
        ),
        "when": one.text_input(
            "Condition: steer only where it holds",
            key="when",
            bind="query-params",
            placeholder="none: always",
            help="Steer only prompts that meet a condition, such as VECTOR@4 cosine > 0.2, also "
            "with projection or <, perhaps over prompt:last=1; search:3 is what search 3 for a "
            "threshold found.",
        ),
        "combine": two.selectbox(
            f"How the pushes of vectors in one arm add up ({AVERAGED})",
            list(Combine),
            key="combine",
            bind="query-params",
            help="How several vectors in one arm add up: mean divides by their number, as "
            "in-context vectors do; sum does not.",
        ),
        "calibrated": one.checkbox(
            "Count strengths in each vector's calibrated strength",
            key="calibrated",
            bind="query-params",
            help="Strength 1 is then the one that a calibration of the vector found.",
        ),
        "together": several
        and two.checkbox(
            "Try all vectors together in one arm", key="together", bind="query-params"
        ),
        "arms": st.text_area(
            "Arms of several vectors, one per line",
            key="arms",
            bind="query-params",
            height=68,
            placeholder="a:0.1,b:0.2",
            help="An arm per line: vectors, each with its strength, a:0.1,b:0.2; one may say more: "
            "a:0.1:layers=0-3,7:positions=prompt:last=2:schedule=first:8:operator=add",
        ),
    }


def choose_prompts(usual: str) -> tuple[tuple[Prompt, ...], WidgetValues]:
    """Prompts that are typed or come from a set version, and how they are read.

    Args:
        usual: What is typed at first.
    """
    text = st.text_area(
        "Prompts",
        value=usual,
        height=90,
        key="prompt",
        bind="query-params",
        help="Each line is given to the model exactly as it is typed.",
    )
    _, reading = _choose_prompts(text or "", EACH_LINE)
    return reading.pop("prompts"), reading


def _choose_prompts(text: str, usual: str) -> tuple[WidgetValues, WidgetValues]:
    """The prompts, and how they are read."""
    one, two = st.columns(2)
    with two:
        cut = navigation.one_of(
            "A prompt is", [EACH_LINE, WHOLE], key="cut", what="way to read prompts", default=usual
        )
    lines = text.split("\n") if cut == EACH_LINE else [text]
    written = tuple(Prompt(text=line) for line in lines if line.strip())
    labels = lists.version_labels(cached.store())
    navigation.say_unknown("prompts", labels, what="set version")
    label = one.selectbox(
        "Further prompts from a set version",
        labels,
        index=None,
        placeholder="none",
        key="prompts",
        bind="query-params",
    )
    prompts: WidgetValues = {"written": written, "prompt_set": label, "prompt_set_version_id": None}
    if label is not None:
        more, prompts["prompt_set_version_id"] = runs.prompts_of_set(cached.store(), label)
        one.caption(f"{markup.count(len(more), 'prompt')}: the sources of {label}.")
        written = (*written, *more)
    return prompts, {"prompts": written, **choose_reading()}


def choose_reading() -> WidgetValues:
    """How prompts are read: as they are, or as turns of a conversation."""
    one, two = st.columns(2)
    with one:
        chat = _choose_chat("")
    added = two.checkbox(
        "Let the tokenizer add its own tokens, such as BOS",
        value=True,
        key="special_tokens",
        bind="query-params",
    )
    return {"chat": chat, "add_special_tokens": added, **_choose_turns("")}


def choose_chat(before: str) -> ChatOptions:
    """The conversation that prompts are turns of, by words of the address that begin as told."""
    return ChatOptions(chat=_choose_chat(before), **_choose_turns(before))


def _choose_chat(before: str) -> bool:
    return st.checkbox(
        "Prompts are what the user says in a chat",
        key=f"{before}as_chat",  # "chat" is another choice of the page for a new vector
        bind="query-params",
        help="Prompts become the user's turn in the model's chat template; not every model has "
        "one.",
    )


def _choose_turns(before: str) -> WidgetValues:
    """What stands before the prompts."""
    return {
        "after": st.text_input(
            "Text that the conversation goes on from: run:arm:prompt:sample",
            key=f"{before}after",
            bind="query-params",
            placeholder="none: it begins with the prompt",
            help="12:1 goes on from the text of arm 1 of run 12, a run in a chat; 12:1:3 from that "
            "on its third prompt, 12:1:3:2 from the second sample of that; 12:before answers its "
            "prompt anew. What was said up to there stands before the prompt, which is then a turn "
            "of that chat.",
        )
        or None,
        "system": st.text_input(
            "System prompt of the chat",
            key=f"{before}system",
            bind="query-params",
            placeholder="none",
            help="The system prompt stands before what the user says; with it prompts are a chat.",
        )
        or None,
    }


def choose_decoding(*, has_samples: bool = True) -> tuple[WidgetValues, WidgetValues]:
    """How the next token is chosen, and of what is drawn; perhaps several samples."""
    one, two, three = st.columns(3)
    tokens = one.number_input("New tokens at most", 1, 4096, 32, key="tokens", bind="query-params")
    seed = two.number_input("Seed", 0, 2**31 - 1, 0, key="seed", bind="query-params")
    sampled = (
        three.selectbox("Decoding", ["greedy", "sampled"], key="decoding", bind="query-params")
        == "sampled"
    )
    decoding, draws = _choose_draws(has_samples=has_samples) if sampled else ({}, {})
    return (
        {"max_new_tokens": tokens, "do_sample": sampled, **decoding},
        {"seed": seed, **draws},
    )


def _choose_draws(*, has_samples: bool) -> tuple[WidgetValues, WidgetValues]:
    one, two, three = st.columns(3)  # a phone shows what stands beside each other in this order
    four, five, _ = st.columns(3)
    decoding = {
        "temperature": one.number_input(
            "Temperature", 0.01, 5.0, 1.0, 0.1, key="temperature", bind="query-params"
        ),
        "top_k": two.number_input(
            "Top-k (0: off)", 0, 100_000, 0, key="top_k", bind="query-params"
        ),
        "top_p": three.number_input(
            "Top-p (1: off)", 0.01, 1.0, 1.0, 0.05, key="top_p", bind="query-params"
        ),
        "min_p": four.number_input(
            "Min-p (0: off)",
            0.0,
            1.0,
            0.0,
            0.05,
            key="min_p",
            bind="query-params",
            help="Draw no token less likely than this share of the likeliest; 0 draws from all.",
        ),
    }
    if not has_samples:
        return decoding, {}
    samples = five.number_input(
        "Samples per prompt and arm", 1, 100, 1, key="samples", bind="query-params"
    )
    return decoding, {"samples": samples}


def choose_stop() -> tuple[str, ...]:
    """Strings that end a text."""
    stop = st.text_area(
        "Strings that end a text, one per line",
        key="stop",
        bind="query-params",
        height=68,
        placeholder="none",
        help=r"A text ends in front of any of these lines; \n stands for a line break.",
    )
    lines = (stop or "").split("\n")
    return tuple(line.replace("\\n", "\n") for line in lines if line)


def _choose_writing() -> WidgetValues:
    stop = choose_stop()
    kl = st.checkbox(
        f"Measure {KL.REVERSE.formula} of every token",
        key="kl",
        bind="query-params",
        help="How far every token is from the unsteered model, and how likely that finds it.",
    )
    return {"stop": stop, "kl": kl}


def choose_computing() -> WidgetValues:
    """In which numbers the model computes."""
    return {
        "dtype": st.selectbox(
            "Numbers that the model computes in", DTYPES, key="dtype", bind="query-params"
        )
    }


def _form(
    model: Model, prompts: WidgetValues, fields: WidgetValues, wanted: WidgetValues
) -> Form | None:
    request = GenerationRequest(model=model.name, **fields)
    spec = request.spec(cached.store(), model)
    if not spec.prompts:
        st.html(markup.quiet("Write a prompt, or choose a set version."))
        return None
    sweep = controls.sweep_of(request, wanted) if wanted else None
    more = 0 if sweep is None else controls.count(sweep)
    count = len(spec.prompts) * (len(spec.arms) + more) * spec.samples
    said = [
        f"{markup.count(count, 'text')}.",
        *(f"{text}." for text in request.usual_in_words(cached.store())),
    ]
    st.html(markup.quiet(" ".join(said)))
    return Form(request=request, spec=spec, sweep=sweep, **prompts)


def _sweep(acting: WidgetValues) -> SweepOptions:
    return SweepOptions(
        **acting
        | {
            "positions": Positions.parse(acting["positions"]) if acting["positions"] else None,
            "layers": parse_choice(acting["layers"] or None),
            "schedule": Schedule.parse(acting["schedule"] or "constant"),
            "when": acting["when"] or None,
            "combine": acting["combine"] or Combine.MEAN,
        }
    )


def _sweep_if_readable(acting: WidgetValues) -> SweepOptions | None:
    """How vectors act, if it can be read; what cannot is said beneath the form."""
    with suppress(InputError):
        return _sweep(acting)
    return None


def _lines(text: str | None) -> list[str]:
    return [line for line in (text or "").splitlines() if line.strip()]
