"""Blind votes: which of two texts somebody prefers without knowing where they came from."""

from dataclasses import dataclass

from vectorlab.domain.runs.comparison import Column
from vectorlab.domain.runs.outcomes import Choice as Choice
from vectorlab.domain.scores.shares import share_interval
from vectorlab.domain.scores.statistics import sign_test


@dataclass(frozen=True, kw_only=True)
class Match:
    """Two columns that voters compare, and what they are asked."""

    first: Column
    second: Column
    question: str


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two texts of one prompt in the order in which they are shown."""

    prompt: str
    left_id: int  # generation
    right_id: int
    left_text: str
    right_text: str


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What the votes of a match come to."""

    first: int  # votes for the first column
    second: int
    ties: int
    neither: int
    pairs: int  # of different texts that there are to vote on
    equal: int  # pairs whose texts are the same; nobody is asked about them

    @property
    def votes(self) -> int:
        """Number of votes that were cast."""
        return self.first + self.second + self.ties + self.neither

    @property
    def share(self) -> float | None:
        """Share of the second column among the votes for one side."""
        decided = self.first + self.second
        return self.second / decided if decided else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The share's exact interval, 95 %: without a half where the p value is at most 0.05."""
        decided = self.first + self.second
        return share_interval(self.second, decided) if decided else None

    @property
    def p_value(self) -> float | None:
        """Exact two-sided sign test: how often chance alone would decide at least as clearly."""
        decided = self.first + self.second
        if not decided:
            return None
        return sign_test(self.first, self.second)
