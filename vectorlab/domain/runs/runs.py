"""Generation runs: prompts x arms x samples, their texts, and where a replay leaves them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, ClassVar

from vectorlab.domain.codec import Coded, Request, Stored, fields_of, ids_in
from vectorlab.domain.description import About, counted
from vectorlab.domain.fields import (
    ChatTurns,
    Dtype,
    Layers,
    ModelFingerprint,
    Seed,
    SpecialTokens,
    VectorId,
    VectorModel,
    VectorSha256,
)
from vectorlab.domain.hashing import ListHasher, canonical_json
from vectorlab.domain.interventions.conditions import Condition
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Part, Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.runs.chats import Chat as Chat
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import InputError


class Combine(StrEnum):
    """How several interventions of one arm share a layer, by an operator that ``takes_mean``."""

    MEAN = "mean"  # ICV's rule: the sum is divided by their number
    SUM = "sum"


class FinishReason(StrEnum):
    """Why the generation of a text ended."""

    LENGTH = "length"  # max_new_tokens reached
    EOS = "eos"  # the model's end-of-sequence token, which is kept in the token ids
    STOP = "stop"  # a stop string appeared; text is cut before it, token ids keep it


def signed(number: float) -> str:
    """A number with its sign, every digit of it."""
    return f"{number:+}".removesuffix(".0")


# Older requests have neither and stay equal.
ScheduleOfStrength = Annotated[Schedule, About(name="schedule", quiet=True), Stored(if_given=True)]
ActsWhen = Annotated[
    Condition | None, About(name="when", none="always", quiet=True), Stored(if_given=True)
]


@dataclass(frozen=True, kw_only=True)
class Intervention(Coded):
    """One vector at work: vector, operator, strength, schedule, layers, write site, positions."""

    vector_id: VectorId
    vector_sha256: VectorSha256
    vector_model: VectorModel = None
    operator: Annotated[Operator, About(name="operator")]
    strength: Annotated[  # lambda
        float,
        About(name="strength", unit=lambda owner: owner.operator.info.unit, words=signed),
    ]
    site: Annotated[Site, About(name="write site")]
    positions: Annotated[Positions, About(name="positions")] = Positions.ALL
    layers: Layers = None
    # Of the strength while the text grows.
    schedule: ScheduleOfStrength = Schedule.CONSTANT
    condition: ActsWhen = None  # on prompt or response; None: always

    def __post_init__(self) -> None:
        # One spelling per number, so that 1, 1.0, 0.0 and -0.0 do not make different requests.
        object.__setattr__(self, "strength", float(self.strength) + 0.0)
        object.__setattr__(self, "operator", Operator(self.operator))  # notebooks may give a name
        part = self.positions.part
        if part is Part.RESPONSE and self.positions.last is not None:
            raise InputError(
                "The last tokens of a response are not known while it grows. "
                "Count them from its beginning, for example response:8-15."
            )
        if part is Part.PROMPT and self.condition is not None and self.condition.reads_response:
            raise InputError(
                f"A condition over {self.condition.window} cannot steer {self.positions}, which is "
                "read before. Choose positions response or all, or a window of the prompt."
            )


@dataclass(frozen=True, kw_only=True)
class Arm(Coded):
    """The interventions applied together; none of them, or only strength 0, is the baseline."""

    # A name, and so a part of what was asked for.
    label: Annotated[str, About(name="label", is_label=True)]
    interventions: Annotated[tuple[Intervention, ...], About(name="applies", quiet=True)] = ()
    combine: Annotated[Combine, About(name="combined by", quiet=True)] = Combine.MEAN
    # Put before every prompt, such as demonstrations for in-context learning.
    prefix: Annotated[
        str,
        About(name="characters before every prompt", quiet=True, words=counted),
        Stored(if_given=True),
    ] = ""

    @property
    def is_baseline(self) -> bool:
        """Whether this arm leaves the model and its prompts as they are."""
        return not self.prefix and all(
            intervention.strength == 0 for intervention in self.interventions
        )


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
    kl: Annotated[bool, About(name="KL of every token", quiet=True), Stored(if_given=True)] = False

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

    def rows(self) -> list["RowKey"]:
        """Every generation asked for, ordered by prompt, then arm, then sample."""
        return [
            RowKey(prompt=prompt, arm=arm, sample=sample)
            for prompt in range(len(self.prompts))
            for arm in range(len(self.arms))
            for sample in range(self.samples)
        ]


@dataclass(frozen=True, kw_only=True, order=True)
class RowKey(Coded):
    """Names one generation within a run; all three count from 0."""

    AS_LIST: ClassVar[bool] = True

    prompt: int
    arm: int
    sample: int


class Products(StrEnum):
    """How a linear map multiplies its weights with states; the last bits differ."""

    DIRECT = "direct"  # as the library does
    TRANSPOSED = "transposed"  # weights times the states' columns, for few rows
    WIDENED = "widened"  # in float32 by pieces of the weights, rounded once


@dataclass(frozen=True, kw_only=True)
class Frame(Coded):
    """The rectangle of a batch that was shared with other runs.

    Rounding follows the shape of a batch and not what stands in the other rows, so this is all
    that a replay has to know of them.
    """

    rows: int  # of the whole batch
    first: int  # place of this run's first row; its rows stand together
    width: int  # tokens of the longest prompt
    padded: bool  # whether any prompt was shorter


@dataclass(frozen=True, kw_only=True)
class BatchPlan(Coded):
    """Which rows shared a batch; a replay runs the same batches.

    A row number is its place in ``RunSpec.rows()``.
    """

    padding_side: str = "left"
    batches: tuple[tuple[int, ...], ...]
    # Of each batch; None for one that held this run alone. Empty when all did.
    frames: Annotated[tuple[Frame | None, ...], Stored(if_given=True)] = ()
    # Of each batch, up to which token what its prompts begin with alike is read once; 0 for not
    # at all. Empty when all are; None where it is still to be decided.
    stems: Annotated[tuple[int, ...] | None, Stored(if_given=True)] = ()
    # By which product maps are computed; None where it is still to be decided.
    products: Annotated[Products | None, Stored(if_given=True)] = Products.DIRECT

    def __post_init__(self) -> None:
        for name in ("frames", "stems"):  # one spelling for nothing
            value = getattr(self, name)
            if value is not None and len(value) == len(self.batches) and not any(value):
                object.__setattr__(self, name, ())

    def rounds_like(self, other: "BatchPlan") -> bool:
        """Whether the same batches ran in the same way, in whatever order."""
        return self.products is other.products and self._shapes() == other._shapes()

    def _shapes(self) -> set[tuple[Any, ...]]:
        return {(batch, self.frame_of(batch), self.stem_of(batch)) for batch in self.batches}

    def frame_of(self, batch: tuple[int, ...]) -> Frame | None:
        """The rectangle that a batch shared with other runs."""
        return dict(zip(self.batches, self.frames, strict=True)).get(batch) if self.frames else None

    def stem_of(self, batch: tuple[int, ...]) -> int | None:
        """Up to which token the prompts of a batch are read together; None: not decided yet."""
        if self.stems is None:
            return None
        return dict(zip(self.batches, self.stems, strict=True)).get(batch, 0) if self.stems else 0


@dataclass(frozen=True, kw_only=True)
class Divergence(Coded):
    """How far the tokens of a text are from the unsteered model, in nats, token by token.

    The baseline reads the same tokens: every number compares two distributions behind one context.
    """

    kl: tuple[float, ...]  # from the steered distribution to the baseline's, at temperature 1
    logprobs: tuple[float, ...]  # of the tokens, steered
    baseline_logprobs: tuple[float, ...]  # of the same tokens, unsteered
    # What every token adds to the text; kept beside the numbers, not among them.
    pieces: tuple[str, ...] = field(default=(), compare=False)

    @property
    def mean_kl(self) -> float:
        """Mean KL divergence over the tokens, in nats."""
        return sum(self.kl) / len(self.kl)

    @property
    def baseline_mean_logprob(self) -> float:
        """Mean log-probability of the tokens under the unsteered model."""
        return sum(self.baseline_logprobs) / len(self.baseline_logprobs)


@dataclass(frozen=True, kw_only=True)
class GeneratedText(Coded):
    """One text as it came from the model."""

    key: RowKey
    text: str
    token_ids: tuple[int, ...]  # generated tokens only
    finish_reason: FinishReason
    mean_logprob: float  # nats per token, under the (steered) model at temperature 1
    # Least of its tokens: how near another one was. See ``domain.margins`` for the two units.
    choice_margin: float | None = None
    divergence: Divergence | None = None  # if the run asks for it
    # Per condition on the response, at how many of its tokens it held; None: not of its arm.
    held: tuple[int | None, ...] = ()
    departure: "Departure | None" = None  # of a replay, while it is made


@dataclass(frozen=True, kw_only=True)
class Departure:
    """Where a replayed generation first leaves the original."""

    key: RowKey
    position: int  # index of the first differing token, from 0
    original_id: int | None  # None: the original had ended
    replay_id: int | None  # None: the replay had ended
    margin: float | None = None  # of the replay's choice there; None: not on record


def storable(text: str) -> str:
    """A generated text as it is kept: PostgreSQL holds no NUL; the token ids say what it was."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def results_sha256(texts: Iterable[GeneratedText]) -> str:
    """Identity of what a run said: every text with its row, token ids and end, and how many."""
    hasher = ListHasher("run-results")
    for text in sorted(texts, key=lambda text: text.key):
        key = text.key
        row = [key.prompt, key.arm, key.sample, storable(text.text), list(text.token_ids)]
        hasher.add(canonical_json([*row, text.finish_reason.value]))
    return hasher.hexdigest()


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


def check_strength(strength: float) -> float:
    """The strength itself, if it is finite.

    Raises:
        InputError: If it is no number, NaN or infinite.
    """
    try:
        finite = math.isfinite(strength)
    except TypeError as exc:
        raise InputError(f"Strength {strength!r} is no number. Give one such as 0.1.") from exc
    if not finite:
        raise InputError(f"Strength {strength} is not finite. Give a number such as 0.1.")
    return strength


def check_arm(arm: Arm) -> Arm:
    """The arm itself, if its interventions can act together.

    Raises:
        InputError: If a strength is not finite, or vectors that act as one are not to act alike.
    """
    firsts: dict[tuple[Operator, Site], Intervention] = {}
    for intervention in arm.interventions:
        check_strength(intervention.strength)
        if not intervention.operator.info.acts_as_one:
            continue
        first = firsts.setdefault((intervention.operator, intervention.site), intervention)
        if _course(first) != _course(intervention):
            raise InputError(
                f"Arm {arm.label!r} has several vectors under {intervention.operator} at "
                f"{intervention.site}, which act as one. Give them one strength, positions, "
                "schedule and layers, or an arm each."
            )
    return arm


def check_measured_before(intervention: Intervention, layers: Iterable[int]) -> None:
    """Refuse an intervention that writes before its condition on the same token is measured.

    Args:
        intervention: The intervention.
        layers: Where it writes.

    Raises:
        InputError: If it does at some layer.
    """
    condition = intervention.condition
    if condition is None or not condition.reads_response:
        return
    # In some blocks attention and MLP run side by side; behind both is their block's output.
    same = intervention.site is Site.BLOCK_OUTPUT and condition.site is not Site.BLOCK_OUTPUT
    first = condition.layer + (not same)
    early = sorted(layer for layer in layers if layer < first)
    if early:
        raise InputError(
            f"The condition is measured at {condition.site} of layer {condition.layer}, too late "
            f"for {intervention.site} of layer {early[0]}. Steer layers from {first} on (--layers "
            f"{first}-...), or measure at a lower layer."
        )


def compare_generations(
    original: Sequence[GeneratedText], replay: Sequence[GeneratedText]
) -> tuple[Departure, ...]:
    """First differing token of every generation that differs, ordered by row key.

    Raises:
        InputError: If the two do not hold the same row keys.
    """
    before = {text.key: text.token_ids for text in original}
    after = {text.key: text.token_ids for text in replay}
    if before.keys() != after.keys():
        raise InputError("The two runs do not hold the same prompts, arms and samples.")
    departures = (departure(key, before[key], after[key]) for key in sorted(before))
    return tuple(one for one in departures if one is not None)


def departure(
    key: RowKey, original: Sequence[int], replay: Sequence[int], choices: Sequence[float] = ()
) -> Departure | None:
    """Where the tokens of a replayed text leave the original's, or None.

    Args:
        key: Of the text.
        original: Its token ids in the original.
        replay: Its token ids in the replay.
        choices: Margins of the replay's tokens, if they are known.
    """
    for position in range(max(len(original), len(replay))):
        left = original[position] if position < len(original) else None
        right = replay[position] if position < len(replay) else None
        if left != right:
            chose = left is not None and right is not None and position < len(choices)
            return Departure(
                key=key,
                position=position,
                original_id=left,
                replay_id=right,
                margin=choices[position] if chose else None,
            )
    return None


def _course(intervention: Intervention) -> tuple[Any, ...]:
    return (
        intervention.strength,
        intervention.positions,
        intervention.schedule,
        intervention.layers,
        intervention.condition,
    )
