"""Conditions of interventions: does a prompt, or a text as it grows, lie along a vector?

What counts is the mean over a window's tokens of their states at one layer, each projected onto the
vector, against a threshold. Of a prompt it is read from the unsteered model before a text begins,
and the intervention acts on the rows whose prompt meets the condition and on no others. Of a
response it is read anew at every token, as the pass comes to that layer, and the intervention acts
on the tokens at which the condition holds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, ClassVar

from vectorlab.domain.codec import Coded, Request
from vectorlab.domain.description import About
from vectorlab.domain.fields import (
    Dtype,
    Layers,
    ModelFingerprint,
    VectorId,
    VectorModel,
    VectorSha256,
)
from vectorlab.domain.interventions.measures import Measure as Measure
from vectorlab.domain.interventions.positions import Part, Positions
from vectorlab.domain.text.chats import Chat
from vectorlab.domain.ties import first_best, tie_of
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import InputError


class ThresholdSide(StrEnum):
    """On which side of the threshold a condition holds."""

    ABOVE = ">"
    BELOW = "<"

    def holds(self, value: float, threshold: float) -> bool:
        """Whether a value meets it; a value at the threshold does not."""
        return value > threshold if self is ThresholdSide.ABOVE else value < threshold


@dataclass(frozen=True, kw_only=True)
class Condition(Coded):
    """When an intervention acts.

    Raises:
        InputError: If the threshold is not finite, or the window is none of a prompt, nor a whole
            response or its newest tokens.
    """

    measure: Annotated[Measure, About(name="measure")]
    vector_id: VectorId
    vector_sha256: VectorSha256
    vector_model: VectorModel = None
    site: Annotated[Site, About(name="read site")] = Site.BLOCK_OUTPUT
    layer: Annotated[int, About(name="layer")]
    comparison: Annotated[ThresholdSide, About(name="side")]
    threshold: Annotated[float, About(name="threshold")]
    window: Annotated[Positions, About(name="over")] = Positions.PROMPT  # whose tokens are read

    def __post_init__(self) -> None:
        object.__setattr__(self, "threshold", float(self.threshold) + 0.0)
        if not math.isfinite(self.threshold):
            raise InputError(f"The threshold {self.threshold} is not finite. Give one such as 0.2.")
        newest = Positions(part=Part.RESPONSE, last=self.window.last)
        if self.window.part is not Part.PROMPT and self.window != newest:
            raise InputError(
                f"A condition cannot read {self.window}. Write for example prompt, prompt:last=1, "
                "prompt:first=8+skip_bos, response, or response:last=4 for the newest tokens."
            )

    @property
    def reads_response(self) -> bool:
        """Whether it is measured on generated tokens, anew at each."""
        return self.window.part is Part.RESPONSE

    def holds(self, value: float) -> bool:
        """Whether a measured value meets the condition."""
        return self.comparison.holds(value, self.threshold)

    @property
    def reading(self) -> tuple[Any, ...]:
        """What has to be measured; conditions that differ in the threshold alone agree in it."""
        return self.vector_sha256, self.layer, self.measure, self.window, self.site


@dataclass(frozen=True, kw_only=True)
class SearchSpec(Request):
    """A complete request for a threshold; equal requests have equal hashes."""

    TAG: ClassVar[str] = "condition-search"

    model_fingerprint: ModelFingerprint
    vector_sha256: VectorSha256
    vector_model: VectorModel = None
    # Content hashes of the set version whose sources should meet it, and whose should not.
    positive_sha256: Annotated[str, About(name="positive set")]
    negative_sha256: Annotated[str, About(name="negative set")]
    measure: Annotated[Measure, About(name="measure")] = Measure.COSINE
    window: Annotated[Positions, About(name="over")] = Positions.PROMPT
    site: Annotated[Site, About(name="read site")] = Site.BLOCK_OUTPUT
    layers: Layers = None  # to choose from
    dtype: Dtype = "float32"
    # Prompts are read as a run with this chat reads them.
    chat: Annotated[Chat | None, About(name="chat", none="no, texts as they are")] = None

    def __post_init__(self) -> None:
        if self.window.part is not Part.PROMPT:
            raise InputError(f"A search reads prompts, not {self.window}. Write prompt:last=1.")


@dataclass(frozen=True, kw_only=True)
class NewSearch:
    """A finished search that is about to be stored."""

    spec: SearchSpec
    model_id: int
    positive_version_id: int
    negative_version_id: int
    condition: Condition  # what was chosen
    chosen: "Candidate"
    evidence: Mapping[str, Any]  # per layer its best, the values and the curve of the chosen one
    environment: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ConditionSearch:
    """A search for a threshold as the store has it."""

    id: int
    spec: SearchSpec
    condition: Condition
    vector_name: str
    model_id: int
    model_name: str
    positive_label: str  # name@number
    negative_label: str
    accuracy: float
    f1: float
    evidence: Mapping[str, Any]
    environment: Mapping[str, Any]
    created_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """How one threshold tells two sets of texts apart."""

    comparison: ThresholdSide
    threshold: float
    hits: int  # positive texts that meet it
    false_alarms: int  # negative texts that meet it
    positives: int
    negatives: int
    margin: float  # between the neighbouring values, as a share of the range of all

    @property
    def accuracy(self) -> float:
        """Share of texts on their own side."""
        right = self.hits + self.negatives - self.false_alarms
        return right / (self.positives + self.negatives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 without a hit."""
        return 2 * self.hits / (self.hits + self.false_alarms + self.positives)

    def to_json(self) -> dict[str, Any]:
        """The candidate as it is stored, JSON types."""
        return {
            "comparison": self.comparison.value,
            "threshold": self.threshold,
            "hits": self.hits,
            "false_alarms": self.false_alarms,
            "accuracy": self.accuracy,
            "f1": self.f1,
            "margin": self.margin,
        }


def candidates(positive: Sequence[float], negative: Sequence[float]) -> list[Candidate]:
    """Every threshold that tells the values apart differently, in both directions.

    Thresholds lie half way between neighbouring values, so no text of the search is at one. Values
    that rounding alone tells apart are no neighbours.

    Raises:
        InputError: If a side is empty, or all values are equal.
    """
    if not positive or not negative:
        raise InputError("A search for a threshold needs texts that should meet it and others.")
    levels = sorted({*positive, *negative})
    gaps = _gaps(levels)
    if not gaps:
        raise InputError(
            f"All texts have the same value {levels[0]:.6g}: no threshold tells them apart. "
            "Choose another layer, vector or window."
        )
    return [
        Candidate(
            comparison=comparison,
            threshold=low + (high - low) / 2,
            hits=_met(comparison, low + (high - low) / 2, positive),
            false_alarms=_met(comparison, low + (high - low) / 2, negative),
            positives=len(positive),
            negatives=len(negative),
            margin=(high - low) / (levels[-1] - levels[0]),
        )
        for comparison in ThresholdSide
        for low, high in gaps
    ]


def tells(positive: Sequence[float], negative: Sequence[float]) -> bool:
    """Whether any threshold lies between some of the values and others."""
    return bool(_gaps(sorted({*positive, *negative})))


def best(choices: Sequence[Candidate]) -> Candidate:
    """The highest F1, then accuracy, then the widest margin; the first of equal ones."""
    most = max(
        (candidate.f1, candidate.accuracy) for candidate in choices
    )  # of counts, so without a last bit
    equal = [candidate for candidate in choices if (candidate.f1, candidate.accuracy) == most]
    return equal[first_best([candidate.margin for candidate in equal])]


def _gaps(levels: Sequence[float]) -> list[tuple[float, float]]:
    """Neighbours among ascending values that are apart."""
    tie = tie_of(levels)
    return [(low, high) for low, high in pairwise(levels) if high - low > tie]


def _met(comparison: ThresholdSide, threshold: float, values: Sequence[float]) -> int:
    return sum(comparison.holds(value, threshold) for value in values)
