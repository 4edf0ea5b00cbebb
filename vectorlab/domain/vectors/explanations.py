"""What a single demonstration does to a steering vector."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """The vector without one demonstration, against the vector with it.

    Overall figures take all layers as one long vector, so layers of large norm weigh more.
    """

    position: int  # of the demonstration in its set version, from 0
    norm_change: float  # |without| / |with| - 1
    cosine: float  # between without and with
    norm_changes: tuple[float, ...]  # per stored layer
    cosines: tuple[float, ...]  # per stored layer

    @property
    def shift(self) -> float:
        """|without - with| / |with|: the size of what the demonstration contributes."""
        length = 1 + self.norm_change
        return math.sqrt(max(0.0, 1 + length**2 - 2 * length * self.cosine))


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A leave-one-out study of a vector, as it was made."""

    vector_id: int
    environment: Mapping[str, Any] = field(default_factory=dict)  # where the states came from
    created_at: datetime  # UTC
    created_by: str


@dataclass(frozen=True, kw_only=True)
class DemonstrationPull:
    """One demonstration of a vector: its text, how it pulls, what leaving it out does."""

    position: int
    source: str
    target: str | None
    alignment: float  # mean cosine of its difference with the vector
    cosines: Sequence[float]  # per stored layer
    left_out: LeftOut | None  # None: no leave-one-out study, or not asked for
