"""Generation runs: prompts x arms x samples, their texts, and where a replay leaves them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from vectorlab.domain.chats import Chat as Chat
from vectorlab.domain.conditions import Condition
from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.positions import Part, Positions
from vectorlab.domain.schedules import Schedule
from vectorlab.domain.vectors import Site
from vectorlab.errors import InputError


class Operator(StrEnum):
    """How a layer vector v acts on a state x of its write site."""

    ROTATE = "rotate"  # ICV: turn x towards v, norm kept; strength is relative to |x|
    ADD = "add"  # x + strength * v; strength in units of v
    ADD_NORM_PRESERVING = "add_norm_preserving"  # x + strength * v, given back the norm of x
    ABLATE = "ablate"  # x - strength * (x . unit v) unit v; strength 1 removes the direction
    PROJECT_TO = "project_to"  # (1 - strength) x + strength (x . unit v) unit v; 1 keeps it alone


STRENGTH_UNITS: dict[Operator, str] = {
    Operator.ROTATE: "relative to the norm of the site's output (0.1 turns it by about 5.7°)",
    Operator.ADD: "multiples of the vector as stored, in activation units",
    Operator.ADD_NORM_PRESERVING: (
        "multiples of the vector as stored, before the state gets its own norm back"
    ),
    Operator.ABLATE: "share of the component along the vector that is removed (1 = all of it)",
    Operator.PROJECT_TO: "share of everything beside the vector that is removed (1 = all of it)",
}


class Combine(StrEnum):
    """How several ``rotate`` interventions of one arm share a layer."""

    MEAN = "mean"  # ICV's rule: the sum is divided by their number
    SUM = "sum"


class FinishReason(StrEnum):
    """Why a generation ended."""

    LENGTH = "length"  # max_new_tokens reached
    EOS = "eos"  # the model's end-of-sequence token, which is kept in the token ids
    STOP = "stop"  # a stop string appeared; text is cut before it, token ids keep it


@dataclass(frozen=True, kw_only=True)
class Intervention:
    """One vector at work: vector, operator, strength, schedule, layers, write site, positions."""

    vector_id: int
    vector_sha256: str  # content hash: the exact bytes
    operator: Operator
    strength: float  # lambda; see STRENGTH_UNITS
    site: Site  # where it is written
    positions: Positions = Positions.ALL
    layers: tuple[int, ...] | None = None  # None: every layer the vector has
    schedule: Schedule = Schedule.CONSTANT  # of the strength while the text grows
    condition: Condition | None = None  # on prompt or response; None: always

    def __post_init__(self) -> None:
        # One spelling per number, so that 1, 1.0, 0.0 and -0.0 do not make different requests.
        object.__setattr__(self, "strength", float(self.strength) + 0.0)
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

    def to_json(self) -> dict[str, Any]:
        """The hashed form; the row id is left out because the bytes are the identity.

        A constant schedule and an absent condition are left out too: requests kept from before
        there were any are equal to today's.
        """
        data: dict[str, Any] = {
            "vector_sha256": self.vector_sha256,
            "operator": self.operator.value,
            "strength": self.strength,
            "site": self.site.value,
            "positions": str(self.positions),
            "layers": None if self.layers is None else list(self.layers),
        }
        if self.schedule != Schedule.CONSTANT:
            data["schedule"] = str(self.schedule)
        if self.condition is not None:
            data["condition"] = self.condition.to_json()
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any], vector_ids: Mapping[str, int]) -> "Intervention":
        """Inverse of ``to_json``, given the row id of every vector hash."""
        return cls(
            vector_id=vector_ids[data["vector_sha256"]],
            vector_sha256=data["vector_sha256"],
            operator=Operator(data["operator"]),
            strength=data["strength"],
            site=Site(data["site"]),
            positions=Positions.parse(data["positions"]),
            layers=None if data["layers"] is None else tuple(data["layers"]),
            schedule=Schedule.parse(data.get("schedule", "constant")),
            condition=Condition.from_json(data["condition"], vector_ids)
            if "condition" in data
            else None,
        )


@dataclass(frozen=True, kw_only=True)
class Arm:
    """The interventions applied together; none of them, or only strength 0, is the baseline."""

    label: str
    interventions: tuple[Intervention, ...] = ()
    combine: Combine = Combine.MEAN
    prefix: str = ""  # put before every prompt, such as demonstrations for in-context learning

    @property
    def is_baseline(self) -> bool:
        """Whether this arm leaves the model and its prompts as they are."""
        return not self.prefix and all(item.strength == 0 for item in self.interventions)

    def to_json(self) -> dict[str, Any]:
        """The hashed form; a label is a name, so it is part of what was asked for.

        Without a prefix there is no word of it: requests kept from before are equal to today's.
        """
        data: dict[str, Any] = {
            "label": self.label,
            "interventions": [item.to_json() for item in self.interventions],
            "combine": self.combine.value,
        }
        return data | ({"prefix": self.prefix} if self.prefix else {})

    @classmethod
    def from_json(cls, data: Mapping[str, Any], vector_ids: Mapping[str, int]) -> "Arm":
        """Inverse of ``to_json``, given the row id of every vector hash."""
        return cls(
            label=data["label"],
            interventions=tuple(
                Intervention.from_json(item, vector_ids) for item in data["interventions"]
            ),
            combine=Combine(data["combine"]),
            prefix=data.get("prefix", ""),
        )


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One prompt of a run."""

    text: str
    reference: str | None = None  # the wanted text, when the prompt came from a pair


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How the next token is chosen."""

    max_new_tokens: int = 32
    do_sample: bool = False  # False is greedy: temperature, top_k, top_p and min_p do nothing
    temperature: float = 1.0
    top_k: int = 0  # 0: no limit
    top_p: float = 1.0  # 1: no limit
    min_p: float = 0.0  # least probability, as a share of the likeliest token's; 0: no limit
    stop: tuple[str, ...] = ()  # strings that end a text
    kl: bool = False  # also measure how far every token's distribution is from the baseline's

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

    def to_json(self) -> dict[str, Any]:
        """The hashed form; greedy decoding forgets the settings that it does not use."""
        data: dict[str, Any] = {
            "max_new_tokens": self.max_new_tokens,
            "do_sample": self.do_sample,
            "stop": list(self.stop),
        }
        if self.do_sample:
            data |= {"temperature": self.temperature, "top_k": self.top_k, "top_p": self.top_p}
            if self.min_p:  # left out where it does nothing, so that older requests stay equal
                data["min_p"] = self.min_p
        if self.kl:
            data["kl"] = True
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Decoding":
        """Inverse of ``to_json``."""
        return cls(**{**data, "stop": tuple(data["stop"])})


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """A complete request for a generation run; equal requests have equal hashes."""

    model_fingerprint: str
    prompts: tuple[Prompt, ...]
    arms: tuple[Arm, ...]
    decoding: Decoding = field(default_factory=Decoding)
    seed: int = 0
    samples: int = 1  # texts per prompt and arm
    add_special_tokens: bool = True  # let the tokenizer add BOS where it would
    dtype: str = "float32"  # the model computes in this
    chat: Chat | None = None  # None: prompts are texts as they are

    @cached_property
    def sha256(self) -> str:
        """Identity of the request."""
        return content_sha256("run", self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The request as JSON types, the form that is hashed and put into a job."""
        data = {
            "model_fingerprint": self.model_fingerprint,
            "prompts": [[item.text, item.reference] for item in self.prompts],
            "arms": [arm.to_json() for arm in self.arms],
            "decoding": self.decoding.to_json(),
            "seed": self.seed,
            "samples": self.samples,
            "add_special_tokens": self.add_special_tokens,
            "dtype": self.dtype,
        }
        if self.chat is not None:  # older requests have none and stay equal
            data["chat"] = self.chat.to_json()
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any], vector_ids: Mapping[str, int]) -> "RunSpec":
        """Inverse of ``to_json``, given the row id of every vector hash."""
        return cls(
            **{
                **data,
                "prompts": tuple(
                    Prompt(text=text, reference=reference) for text, reference in data["prompts"]
                ),
                "arms": tuple(Arm.from_json(arm, vector_ids) for arm in data["arms"]),
                "decoding": Decoding.from_json(data["decoding"]),
                "chat": Chat(**data["chat"]) if data.get("chat") else None,
            }
        )

    def vector_ids(self) -> dict[str, int]:
        """Row id of every vector hash that the arms name."""
        return {
            item.vector_sha256: item.vector_id
            for arm in self.arms
            for applied in arm.interventions
            for item in (applied, applied.condition)
            if item is not None
        }

    def conditions(self, part: Part) -> tuple[Condition, ...]:
        """Every condition of its arms on the prompt, or on the response, once."""
        found = (item.condition for arm in self.arms for item in arm.interventions)
        return tuple(dict.fromkeys(item for item in found if item and item.window.part is part))

    def rows(self) -> list["RowKey"]:
        """Every generation asked for, ordered by prompt, then arm, then sample."""
        return [
            RowKey(prompt=prompt, arm=arm, sample=sample)
            for prompt in range(len(self.prompts))
            for arm in range(len(self.arms))
            for sample in range(self.samples)
        ]


@dataclass(frozen=True, kw_only=True, order=True)
class RowKey:
    """Names one generation within a run; all three count from 0."""

    prompt: int
    arm: int
    sample: int


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The rectangle of a batch that was shared with other runs.

    Rounding follows the shape of a batch and not what stands in the other rows, so this is all
    that a replay has to know of them.
    """

    rows: int  # of the whole batch
    first: int  # place of this run's first row; its rows stand together
    width: int  # tokens of the longest prompt
    padded: bool  # whether any prompt was shorter

    def to_json(self) -> dict[str, Any]:
        """The stored form."""
        return {
            "rows": self.rows,
            "first": self.first,
            "width": self.width,
            "padded": self.padded,
        }


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """Which rows shared a batch; a replay runs the same batches.

    A row number is its place in ``RunSpec.rows()``.
    """

    batches: tuple[tuple[int, ...], ...]
    # Of each batch; None for one that held this run alone. Empty when all did.
    frames: tuple[Frame | None, ...] = ()
    # Of each batch, up to which token what its prompts begin with alike is read once; 0 for not
    # at all. Empty when all are; None where it is still to be decided.
    stems: tuple[int, ...] | None = ()
    # Whether maps of few rows are computed transposed, which gives them other last bits; None
    # where it is still to be decided.
    transposed: bool | None = False

    def to_json(self) -> dict[str, Any]:
        """The stored form."""
        data: dict[str, Any] = {
            "padding_side": "left",
            "batches": [list(batch) for batch in self.batches],
        }
        if any(self.frames):
            data["frames"] = [None if item is None else item.to_json() for item in self.frames]
        if any(self.stems or ()):
            data["stems"] = list(self.stems or ())
        if self.transposed:
            data["transposed"] = True
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "BatchPlan":
        """Inverse of ``to_json``."""
        return cls(
            batches=tuple(tuple(batch) for batch in data["batches"]),
            frames=tuple(
                None if item is None else Frame(**item) for item in data.get("frames", ())
            ),
            stems=tuple(data.get("stems", ())),
            transposed=bool(data.get("transposed")),
        )

    def rounds_like(self, other: "BatchPlan") -> bool:
        """Whether the same batches ran in the same way, in whatever order."""
        return self.transposed == other.transposed and self._shapes() == other._shapes()

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
class Divergence:
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
        """Mean over the tokens."""
        return sum(self.kl) / len(self.kl)

    @property
    def baseline_mean_logprob(self) -> float:
        """Mean over the tokens."""
        return sum(self.baseline_logprobs) / len(self.baseline_logprobs)


@dataclass(frozen=True, kw_only=True)
class GeneratedText:
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


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """A finished generation run that is about to be stored."""

    name: str | None
    model_id: int
    prompt_set_version_id: int | None  # None: the prompts were given inline
    spec: RunSpec
    environment: Mapping[str, Any]
    batch_plan: BatchPlan
    generations: Sequence[GeneratedText]
    duration_s: float
    replay_of: int | None = None
    departures: tuple[Departure, ...] | None = None  # of a replay; None: not compared


@dataclass(frozen=True, kw_only=True)
class GenerationRun:
    """A stored run without its texts."""

    id: int
    name: str | None
    model_id: int
    model_name: str
    prompt_set_version_id: int | None
    prompt_set_label: str | None  # name@number
    spec: RunSpec
    spec_sha256: str
    environment: Mapping[str, Any]
    batch_plan: BatchPlan
    replay_of: int | None
    duration_s: float
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
        InputError: If a strength is not finite, or vectors that are projected to do not act alike.
    """
    spaces: dict[Site, Intervention] = {}
    for item in arm.interventions:
        check_strength(item.strength)
        if item.operator is not Operator.PROJECT_TO:
            continue
        first = spaces.setdefault(item.site, item)
        if _course(first) != _course(item):
            raise InputError(
                f"Arm {arm.label!r} projects to several vectors at {item.site}, which span one "
                "space. Give them one strength, positions, schedule and layers, or an arm each."
            )
    return arm


def check_measured_before(item: Intervention, layers: Iterable[int]) -> None:
    """Refuse an intervention that writes before its condition on the same token is measured.

    Args:
        item: The intervention.
        layers: Where it writes.

    Raises:
        InputError: If it does at some layer.
    """
    condition = item.condition
    if condition is None or not condition.reads_response:
        return
    # In some blocks attention and MLP run side by side; behind both is their block's output.
    same = item.site is Site.BLOCK_OUTPUT and condition.site is not Site.BLOCK_OUTPUT
    first = condition.layer + (not same)
    early = sorted(layer for layer in layers if layer < first)
    if early:
        raise InputError(
            f"The condition is measured at {condition.site} of layer {condition.layer}, too late "
            f"for {item.site} of layer {early[0]}. Steer layers from {first} on (--layers "
            f"{first}-...), or measure at a lower layer."
        )


def compare_generations(
    original: Sequence[GeneratedText], replay: Sequence[GeneratedText]
) -> tuple[Departure, ...]:
    """First differing token of every generation that differs, ordered by row key.

    Raises:
        InputError: If the two do not hold the same row keys.
    """
    before = {item.key: item.token_ids for item in original}
    after = {item.key: item.token_ids for item in replay}
    if before.keys() != after.keys():
        raise InputError("The two runs do not hold the same prompts, arms and samples.")
    found = (departure(key, before[key], after[key]) for key in sorted(before))
    return tuple(item for item in found if item is not None)


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


def _course(item: Intervention) -> tuple[Any, ...]:
    return item.strength, item.positions, item.schedule, item.layers, item.condition
