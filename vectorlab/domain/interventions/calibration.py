"""Calibration: the strength with the most effect whose damage stays within a budget.

The search knows nothing of models: it asks for the damage or the effect of some strengths at a
time, because strengths that are asked for together share their batches.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar

from vectorlab.domain.codec import Coded, Request, Stored
from vectorlab.domain.description import About, signed
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
from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.interventions.arms import (
    ActsWhen,
    Arm,
    Intervention,
    ScheduleOfStrength,
)
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.runs.runs import Decoding, InlineDecoding, Prompts
from vectorlab.domain.scores.catalogue import parse_scorer, scale_of
from vectorlab.domain.scores.scores import ScorerSpec, scorer_in_words
from vectorlab.domain.scores.statistics import Estimate, estimate
from vectorlab.domain.ties import first_best
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import InputError

CLOSE = 1.01  # a bracket this narrow is narrow enough: within 1 % of the limit, from below
MOST_ROUNDS = 24
REACH = 64.0  # how far from the first guess a limit is looked for, up and down
FRACTIONS = (0.25, 0.5, 0.75, 1.0)  # of the limit, where the effect is measured first
_STEPS = 64  # of a bracket; where it is cut is a whole number of them

# Means of damage, or of effect, of some strengths.
MeasureStrengths = Callable[[Sequence[float]], Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class CalibrationSpec(Request):
    """A complete request for a calibration; equal requests have equal hashes."""

    TAG: ClassVar[str] = "calibration"

    model_fingerprint: ModelFingerprint
    vector_id: VectorId
    vector_sha256: VectorSha256
    vector_model: VectorModel = None
    operator: Annotated[Operator, About(name="operator")]
    site: Annotated[Site, About(name="write site")]
    positions: Annotated[Positions, About(name="positions")] = Positions.ALL
    layers: Layers = None
    schedule: ScheduleOfStrength = Schedule.CONSTANT
    condition: ActsWhen = None
    prompts: Prompts
    effect: Annotated[ScorerSpec, About(name="effect", words=scorer_in_words)]
    # Less of the effect is wanted.
    lower_is_better: Annotated[bool, About(name="lower is better")] = False
    # Of the effect: where the verdict's interval shows less, it says so.
    smallest: Annotated[
        float | None,
        About(name="smallest difference of interest", none="none", quiet=True),
        Stored(if_given=True),
    ] = None
    damage: Annotated[ScorerSpec, About(name="damage", words=scorer_in_words)]
    budget: Annotated[float, About(name="budget", unit="mean damage at most")]
    # Strength that is tried first; its sign is kept.
    first: Annotated[
        float,
        About(
            name="first strength",
            unit=lambda owner: owner.operator.info.unit,
            words=signed,
        ),
    ]
    decoding: InlineDecoding = field(default_factory=Decoding)
    seed: Seed = 0
    add_special_tokens: SpecialTokens = True
    dtype: Dtype = "float32"
    chat: ChatTurns = None

    def arm(self, strength: float) -> Arm:
        """The vector at a strength, as it is calibrated."""
        intervention = Intervention(
            vector_id=self.vector_id,
            vector_sha256=self.vector_sha256,
            vector_model=self.vector_model,
            operator=self.operator,
            strength=strength,
            site=self.site,
            positions=self.positions,
            layers=self.layers,
            schedule=self.schedule,
            condition=self.condition,
        )
        return Arm(label=f"{strength:+.6g}", interventions=(intervention,))


@dataclass(frozen=True, kw_only=True)
class TriedStrength(Coded):
    """What one strength that was tried does."""

    strength: float
    damage: Estimate
    effect: Estimate | None  # None where it was not measured: outside the budget


@dataclass(frozen=True, kw_only=True)
class NewCalibration:
    """A finished calibration that is about to be stored."""

    spec: CalibrationSpec
    is_met: bool
    strength: float
    effect_value: float | None
    damage_value: float
    curve: Sequence[TriedStrength]  # by strength
    evidence: Mapping[str, Any]
    environment: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Calibration(NewCalibration):
    """A calibration as the store has it."""

    id: int
    vector_name: str
    model_id: int
    model_name: str
    created_at: datetime  # UTC
    created_by: str


@dataclass(frozen=True, kw_only=True)
class Limit:
    """The strength at which the damage reaches the budget."""

    strength: float  # the largest that was found within it; without any, the least harmful
    is_met: bool
    is_reached: bool  # False: nothing that was tried went beyond the budget


def measured_as(spec: CalibrationSpec, scorer: ScorerSpec, strength: float | None) -> str:
    """What a running calibration files the values of a strength under; without one, how it begins.

    Choices of layers that measure the same share it.
    """
    about = content_sha256("measured", [spec.arm(0.0).to_json(), scorer.to_json()])
    return f"{about} {'' if strength is None else repr(float(strength))}"


def estimates_of(
    values: Mapping[str, Sequence[float | None]], spec: CalibrationSpec, scorer: ScorerSpec
) -> dict[float, Estimate]:
    """Every strength that was measured for a request, of all that is filed by ``measured_as``."""
    start = measured_as(spec, scorer, None)
    is_yes_no, _ = scale_of(scorer.label)
    return {
        float(key.removeprefix(start)): estimate(of_prompts, is_yes_no=is_yes_no)
        for key, of_prompts in values.items()
        if key.startswith(start)
    }


def parse_budget(text: str) -> tuple[ScorerSpec, float]:
    """Read ``"kl<=0.1"``: a scorer and the most that its mean may be.

    Raises:
        InputError: If it is no such condition.
    """
    match = re.fullmatch(r"\s*(.+?)\s*<=?\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*", text)
    try:
        most = float(match[2]) if match else math.nan
    except ValueError:
        most = math.nan
    if match is None or not math.isfinite(most):
        raise InputError(f"Budget {text!r} is not understood. Write for example kl<=0.1")
    return parse_scorer(match[1]), most


def find_limit(
    damage: MeasureStrengths, budget: float, *, first: float, most: float | None = None
) -> Limit:
    """Where the damage reaches the budget, to 1 % from below.

    The first rounds look for strengths on either side; damage grows about with the square of a
    small strength, which says where to look. Then the bracket is narrowed by interpolation between
    logarithms, three strengths at a time. Strengths come from whole steps and have four digits, so
    the last bits of a damage do not change which are tried.

    Args:
        damage: Means of the damage of some strengths.
        budget: Most damage.
        first: Strength to begin with; a negative one looks among negative strengths.
        most: The largest size that makes sense; None for ``REACH`` times the first.
    """
    sign = math.copysign(1.0, first)
    top = abs(first) * REACH if most is None else most
    search = _Search(lambda sizes: damage([sign * size for size in sizes]), budget)
    search.try_all([abs(first) / 4, abs(first), min(top, abs(first) * 4)])
    for _ in range(MOST_ROUNDS):
        inside, outside = search.inside, search.outside
        if inside is not None and outside is not None:
            if outside / inside <= CLOSE:
                break
            search.try_all(search.between(inside, outside))
        elif outside is None:
            if inside is None or inside >= top:
                break
            search.try_all([min(top, inside * 4), min(top, inside * 16)])
        else:
            if outside <= abs(first) / REACH**2:
                break
            search.try_all([outside / 4, outside / 16])
    if search.inside is None:
        harmless = {size: -value for size, value in search.found.items()}
        least = _first_best(harmless, otherwise=min(harmless))
        return Limit(strength=sign * least, is_met=False, is_reached=True)
    return Limit(strength=sign * search.inside, is_met=True, is_reached=search.outside is not None)


def find_best(effect: MeasureStrengths, limit: float) -> float:
    """The strength between 0 and the limit with the most effect.

    A quarter, a half, three quarters and all of the limit are measured; where the best of them is
    not the limit itself, the neighbourhood is looked at once more. Of equals the smaller is taken.
    """
    effects = dict(zip(FRACTIONS, effect([limit * size for size in FRACTIONS]), strict=True))
    best = _first_best(effects, otherwise=1.0)
    if best < 1:
        near = [best - 0.125, best + 0.125]
        effects |= dict(zip(near, effect([limit * size for size in near]), strict=True))
        best = _first_best(effects, otherwise=1.0)
    return limit * best


def best_choice(choices: Sequence[tuple[float | None, float]], *, lower_is_better: bool) -> int:
    """The place of the best of several choices of layers.

    Within the budget, then by effect; of equal effects, and where nothing is within the budget,
    the least damage.

    Args:
        choices: Effect, None where nothing is within the budget, and damage of each.
        lower_is_better: Less of the effect is wanted.
    """
    turn = -1.0 if lower_is_better else 1.0
    return first_best(
        [float(effect is not None) for effect, _ in choices],
        [0.0 if effect is None else turn * effect for effect, _ in choices],
        [-damage for _, damage in choices],
    )


def _first_best(effects: Mapping[float, float], *, otherwise: float) -> float:
    """The size with the largest value, the smallest of equal ones; missing values are left out."""
    usable = sorted(size for size, value in effects.items() if math.isfinite(value))
    return usable[first_best([effects[size] for size in usable])] if usable else otherwise


class _Search:
    """Sizes that were tried, and the bracket they make."""

    def __init__(self, damage: MeasureStrengths, budget: float) -> None:
        self._damage = damage
        self._budget = budget
        self.found: dict[float, float] = {}

    @property
    def inside(self) -> float | None:
        """The largest size within the budget below every one that is outside."""
        outside = self.outside
        within = [
            size
            for size, value in self.found.items()
            if value <= self._budget and (outside is None or size < outside)
        ]
        return max(within, default=None)

    @property
    def outside(self) -> float | None:
        """The smallest size that is outside; a value that is missing is outside."""
        beyond = [size for size, value in self.found.items() if not value <= self._budget]
        return min(beyond, default=None)

    def try_all(self, sizes: Sequence[float]) -> None:
        new = [size for size in dict.fromkeys(sizes) if size not in self.found]
        if new:
            self.found |= dict(zip(new, self._damage(new), strict=True))

    def between(self, inside: float, outside: float) -> list[float]:
        """Where the limit should be by the line through both ends, and close on either side."""
        low, high = (max(self.found[size], 1e-12) for size in (inside, outside))
        share = 0.5
        if math.isfinite(high) and self._budget > low and high > low:
            share = math.log(self._budget / low) / math.log(high / low)
            share = round(share * _STEPS) / _STEPS
        width = math.log(outside / inside)
        margin = max(0.004, 0.12 * width)
        places = {
            min(0.97 * width, max(0.03 * width, share * width + step))
            for step in (-margin, 0.0, margin)
        }
        return [float(f"{inside * math.exp(place):.4g}") for place in sorted(places)]
