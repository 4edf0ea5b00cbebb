"""Generation runs: prompts x arms x samples, and what is kept of each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, ClassVar

from vectorlab.domain.codec import Coded, Request, Stored, fields_of, ids_in
from vectorlab.domain.description import About, counted
from vectorlab.domain.fields import (
    ChatTurns,
    Dtype,
    ModelFingerprint,
    Seed,
    SpecialTokens,
)
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.interventions.conditions import Condition
from vectorlab.domain.interventions.positions import Part
from vectorlab.domain.runs.batch_plan import BatchPlan, RowKey
from vectorlab.domain.runs.texts import Departure, GeneratedText, results_sha256
from vectorlab.domain.scores.divergence import KL
from vectorlab.domain.text.chats import Chat as Chat
from vectorlab.domain.text.chats import as_asked
from vectorlab.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Prompt(Coded):
    """One prompt of a run."""

    AS_LIST: ClassVar[bool] = True

    text: str
    reference: str | None = None  # the wanted text, when the prompt came from a pair


Prompts = Annotated[tuple[Prompt, ...], About(name="prompts", words=counted)]


OF_DRAWS = Stored(only_with="do_sample")


def _limit(number: float) -> str:
    return str(number) if number else "off"


@dataclass(frozen=True, kw_only=True)
class Decoding(Coded):
    """How the next token is chosen."""

    # False is greedy: temperature, top_k, top_p and min_p do nothing.
    do_sample: Annotated[
        bool, About(name="decoding", words=lambda drawn: "sampled" if drawn else "greedy")
    ] = False
    temperature: Annotated[float, About(name="temperature"), OF_DRAWS] = 1.0
    top_k: Annotated[int, About(name="top-k", words=_limit), OF_DRAWS] = 0  # 0: no limit
    top_p: Annotated[float, About(name="top-p"), OF_DRAWS] = 1.0  # 1: no limit
    # Least probability, as a share of the likeliest token's; 0: no limit. Older requests have none.
    min_p: Annotated[
        float, About(name="min-p", words=_limit), Stored(only_with="do_sample", if_given=True)
    ] = 0.0
    max_new_tokens: Annotated[int, About(name="new tokens at most")] = 32
    # Strings that end a text.
    stop: Annotated[
        tuple[str, ...],
        About(name="stop strings", quiet=True, words=lambda found: ", ".join(map(repr, found))),
    ] = ()
    # Also measure how far every token's distribution is from the baseline's.
    kl: Annotated[
        bool, About(name=f"{KL.REVERSE.formula} of every token", quiet=True), Stored(if_given=True)
    ] = False

    def __post_init__(self) -> None:
        for name in ("temperature", "top_p", "min_p"):  # one spelling per number, 1 and 1.0
            object.__setattr__(self, name, float(getattr(self, name)))
        if self.max_new_tokens < 1:
            raise InputError(f"max_new_tokens is {self.max_new_tokens}; it must be 1 or more.")
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise InputError(
                f"Temperature is {self.temperature}; it must be above 0. "
                "For the most likely token use greedy decoding (--greedy)."
            )
        if self.top_k < 0:
            raise InputError(f"top_k is {self.top_k}; it must be 0 (no limit) or more.")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top_p is {self.top_p}; it must be above 0 and at most 1.")
        if not 0 <= self.min_p <= 1:
            raise InputError(f"min_p is {self.min_p}; it must be between 0 (no limit) and 1.")
        if "" in self.stop:
            raise InputError("A stop string is empty; give at least one character.")


InlineDecoding = Annotated[Decoding, About(name="decoding", inline=True)]


@dataclass(frozen=True, kw_only=True)
class RunSpec(Request):
    """A complete request for a generation run; equal requests have equal hashes."""

    TAG: ClassVar[str] = "run"

    model_fingerprint: ModelFingerprint
    prompts: Prompts
    arms: Annotated[tuple[Arm, ...], About(name="arm", each=True)]
    decoding: InlineDecoding = field(default_factory=Decoding)
    seed: Seed = 0
    samples: Annotated[int, About(name="samples", unit="texts per prompt and arm", quiet=True)] = 1
    add_special_tokens: SpecialTokens = True
    dtype: Dtype = "float32"
    chat: ChatTurns = None

    def vector_ids(self) -> dict[str, int]:
        """Row id of every vector hash that the arms name."""
        return ids_in(self.arms)

    def conditions(self, part: Part) -> tuple[Condition, ...]:
        """Every condition of its arms on the prompt, or on the response, once."""
        every = (intervention.condition for arm in self.arms for intervention in arm.interventions)
        return tuple(
            dict.fromkeys(
                condition for condition in every if condition and condition.window.part is part
            )
        )

    def asked(self, prompt: int) -> str:
        """A prompt with the turns before it, as scorers read it."""
        return as_asked(self.chat, self.prompts[prompt].text)

    def rows(self) -> list["RowKey"]:
        """Every generation asked for, ordered by prompt, then arm, then sample."""
        return [
            RowKey(prompt=prompt, arm=arm, sample=sample)
            for prompt in range(len(self.prompts))
            for arm in range(len(self.arms))
            for sample in range(self.samples)
        ]


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What is kept of a run beside what was asked and what came out.

    A field is a column of ``generation_runs`` of that name; lists, pages, ``runs show`` and frames
    have it from here, under the name that ``About`` gives it.
    """

    duration_s: Annotated[float, About(name="seconds")]


def recorded() -> dict[str, str]:
    """What people read for every field of a record, by its name."""
    notes = {field.name: field.note(About) for field in fields_of(RunRecord)}
    return {name: about.name for name, about in notes.items() if about is not None}


def record_of(run: Any) -> dict[str, Any]:
    """The record of a run, or of its row in the store."""
    return {name: getattr(run, name) for name in recorded()}


@dataclass(frozen=True, kw_only=True)
class NewRun(RunRecord):
    """A finished generation run that is about to be stored."""

    name: str | None
    model_id: int
    prompt_set_version_id: int | None  # None: the prompts were given inline
    spec: RunSpec
    environment: Mapping[str, Any]
    batch_plan: BatchPlan
    generations: Sequence[GeneratedText]
    replay_of: int | None = None
    departures: tuple[Departure, ...] | None = None  # of a replay; None: not compared

    @cached_property
    def result_sha256(self) -> str:
        """Identity of what it said."""
        return results_sha256(self.generations)


@dataclass(frozen=True, kw_only=True)
class GenerationRun(RunRecord):
    """A stored run without its texts."""

    id: int
    name: str | None
    model_id: int
    model_name: str
    prompt_set_version_id: int | None
    prompt_set_label: str | None  # name@number
    spec: RunSpec
    spec_sha256: str
    result_sha256: str
    environment: Mapping[str, Any]
    batch_plan: BatchPlan
    replay_of: int | None
    created_at: datetime  # UTC
