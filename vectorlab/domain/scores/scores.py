"""Scores: what a scorer says of one generation, or why it says nothing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from vectorlab.domain.codec import Coded
from vectorlab.domain.hashing import content_sha256

REASON_LENGTH = 500  # characters of a reason that are kept


@dataclass(frozen=True, kw_only=True)
class ScorerSpec(Coded):
    """A scorer with its options; equal ones ask for equal scores."""

    name: str
    version: int
    options: Mapping[str, Any] = field(default_factory=dict)  # all of them, defaults included
    label: str  # how people write it, and the name that a score is filed under

    def __hash__(self) -> int:
        return hash(self.sha256)

    @cached_property
    def sha256(self) -> str:
        """Identity; the label is only a name."""
        return content_sha256("scorer", [self.name, self.version, dict(self.options)])


def scorer_in_words(scorer: ScorerSpec) -> str:
    """A scorer as people write it; another version is another scorer."""
    return f"{scorer.label} (version {scorer.version})"


@dataclass(frozen=True, kw_only=True)
class TextItem:
    """What a scorer may look at: one generation and what belongs to it."""

    text: str
    prompt: str
    reference: str | None = None  # the wanted text
    baseline: str | None = None  # what the unsteered model said
    n_tokens: int = 0
    mean_logprob: float | None = None  # nats per token under the model that wrote it


@dataclass(frozen=True, kw_only=True)
class Score:
    """A value, or the reason why there is none; never both."""

    value: float | None
    missing_reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)  # JSON: the explanation

    @classmethod
    def of(cls, value: float, **details: Any) -> "Score":
        """A value with what explains it; a number that is not finite is no value."""
        if not math.isfinite(value):
            return cls.missing(f"the scorer returned {value}", **details)
        return cls(value=float(value), details=details)

    @classmethod
    def missing(cls, reason: str, **details: Any) -> "Score":
        """A score without a value, and the reason why there is none."""
        return cls(value=None, missing_reason=reason[:REASON_LENGTH], details=details)


@dataclass(frozen=True, kw_only=True)
class NewScore:
    """A score that is about to be stored."""

    generation_id: int
    scorer: str
    scorer_version: str
    score: Score
    content_sha256: str  # of everything that the value was made of


@dataclass(frozen=True, kw_only=True)
class StoredScore:
    """A score with the place of its generation in the run."""

    id: int
    generation_id: int
    prompt: int
    arm: int
    sample: int
    scorer: str
    scorer_version: str
    score: Score
    created_at: datetime  # UTC
