"""Published reference points of in-context regression, and how ours are judged against them.

Source: von Oswald et al. 2023, https://arxiv.org/abs/2212.07677, the constant of the notebooks of
google-research/self-organising-systems/transformers_learn_icl_by_gd, and optima recomputed from
the formulas by Monte Carlo
"""

from dataclasses import dataclass
from enum import StrEnum


class Agreement(StrEnum):
    """What makes a point agree with its reference."""

    EQUAL = "equal"  # the intervals of both have a point in common
    AT_MOST = "at_most"  # ours is not above the reference
    AT_LEAST = "at_least"  # ours is not below it


class ReproductionVerdict(StrEnum):
    """Whether a reference point was reproduced."""

    OK = "ok"
    DIFFERS = "differs"


@dataclass(frozen=True, kw_only=True)
class ReferencePoint:
    """A number that somebody else reported, or that a formula gives."""

    name: str
    about: str  # what is measured, for people
    source: str  # where the reference comes from
    value: float
    tolerance: float  # absolute: rounding, and the reference's own uncertainty
    comparison: Agreement = Agreement.EQUAL


@dataclass(frozen=True, kw_only=True)
class ReferenceCheck:
    """A reference point next to our value."""

    point: ReferencePoint
    ours: float
    low: float  # of the 99 % interval; equal to ours where nothing was drawn
    high: float

    @property
    def verdict(self) -> ReproductionVerdict:
        """Whether the measured value agrees with the published one, in a word."""
        point = self.point
        below = self.low <= point.value + point.tolerance
        above = self.high >= point.value - point.tolerance
        agrees = {
            Agreement.EQUAL: below and above,
            Agreement.AT_MOST: below,
            Agreement.AT_LEAST: above,
        }[point.comparison]
        return ReproductionVerdict.OK if agrees else ReproductionVerdict.DIFFERS


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """Losses of one law of inputs, dx = N = 10, dy = 1, W ~ N(0, I), W0 = 0."""

    label: str
    scale: float  # inputs are U(-scale, scale)
    untrained: float
    one_step: float
    one_step_eta: float
    two_steps: float
    two_steps_corrected: float
    five_steps: float
    five_steps_corrected: float  # of a local search: an upper bound


TABLE = (
    TableRow(
        label="U(-0.5, 0.5)",
        scale=0.5,
        untrained=0.417,
        one_step=0.206,
        one_step_eta=6.06,
        two_steps=0.155,
        two_steps_corrected=0.110,
        five_steps=0.107,
        five_steps_corrected=0.052,
    ),
    TableRow(
        label="U(-1, 1)",
        scale=1.0,
        untrained=1.667,
        one_step=0.825,
        one_step_eta=1.515,
        two_steps=0.621,
        two_steps_corrected=0.439,
        five_steps=0.430,
        five_steps_corrected=0.206,
    ),
)
NOTEBOOK_ONE_STEP = 0.20469  # `normal_token_construct.ipynb`, U(-0.5, 0.5), measured on 10^4 tasks
MULTI_STEP_TOLERANCE = 0.01  # relative, of optima found by Monte Carlo
