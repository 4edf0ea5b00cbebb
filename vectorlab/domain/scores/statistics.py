"""Numbers with intervals, and paired comparisons; nothing here knows where the values came from.

No mean stands without its sample count and interval, and nothing is called higher or lower when
the interval of the difference holds zero. Missing values are None or NaN; they are counted and
left out, never taken for zero.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import NormalDist
from typing import TYPE_CHECKING, TypeAlias

from vectorlab.domain.ties import TOLERANCE, tie_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LEVEL = 0.95  # of intervals
RESAMPLES = 4000
FEWEST_PAIRS = 6  # that say anything: all of fewer on one side happen by chance in over 3 %
TIE = 1e-9  # differences up to this are none, whatever the size of the values
_NUMBERS_AT_ONCE = 4_000_000  # drawn in one piece
_NORMAL = NormalDist()

Values: TypeAlias = "Sequence[float | None] | npt.NDArray[np.floating]"
_Array: TypeAlias = "npt.NDArray[np.float64]"


class Verdict(StrEnum):
    """What a comparison lets one say."""

    HIGHER = "higher"
    LOWER = "lower"
    NOT_TOLD_APART = "not told apart"  # the interval holds zero, or there are too few pairs


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean with its interval."""

    n: int  # values it is made of
    n_missing: int
    mean: float | None  # None without values
    low: float | None  # None with fewer than two values
    high: float | None
    level: float = LEVEL


@dataclass(frozen=True, kw_only=True)
class PairedComparison:
    """Values against baseline values of the same prompts."""

    n: int  # pairs
    n_missing: int  # pairs of which a side is missing
    mean: float | None  # of the values in pairs
    baseline_mean: float | None
    difference: Estimate  # of value - baseline
    wins: int  # pairs whose value is higher
    ties: int
    losses: int
    sign_p: float  # exact two-sided sign test, ties left out; corrected if many were compared
    effect_size: float | None  # mean difference over its standard deviation (Cohen's d_z)
    comparisons: int = 1  # that the interval and the sign test are corrected for

    @property
    def verdict(self) -> Verdict:
        """Which side is higher, if that can be told."""
        low, high = self.difference.low, self.difference.high
        if self.n < FEWEST_PAIRS or low is None or high is None or low <= 0 <= high:
            return Verdict.NOT_TOLD_APART
        return Verdict.HIGHER if low > 0 else Verdict.LOWER


def estimate(values: Values, *, level: float = LEVEL, seed: int = 0) -> Estimate:
    """The mean of values with its bootstrap interval."""
    import numpy as np

    numbers = _array(values)
    present = numbers[~np.isnan(numbers)]
    interval = bootstrap_interval(present, level=level, seed=seed)
    low, high = (None, None) if interval is None else interval
    return Estimate(
        n=len(present),
        n_missing=len(numbers) - len(present),
        mean=float(present.mean()) if len(present) else None,
        low=low,
        high=high,
        level=level,
    )


def compare_paired(
    values: Values,
    baseline: Values,
    *,
    level: float = LEVEL,
    comparisons: int = 1,
    seed: int = 0,
) -> PairedComparison:
    """Values against a baseline, pair by pair.

    Values that differ by what rounding does to them (``TIE``, and ``TOLERANCE`` of their size) are
    equal, and an end of the interval that rounding alone keeps from zero is zero.

    Pairs have to be independent: of several samples of one prompt give the mean
    (``mean_by_group``).

    Args:
        values: One for each prompt.
        baseline: For the same prompts in the same order.
        level: Of the interval of the difference.
        comparisons: How many arms are compared with the same baseline. The level of the interval
            is raised (Bonferroni), so that all intervals hold together at ``level``.
        seed: Of the bootstrap.

    Raises:
        ValueError: If the sides are of different lengths.
    """
    import numpy as np

    mine, other = _array(values), _array(baseline)
    if len(mine) != len(other):
        raise ValueError(f"{len(mine)} values cannot be paired with {len(other)}")
    paired = ~(np.isnan(mine) | np.isnan(other))
    mine, other = mine[paired], other[paired]
    differences = mine - other
    sizes = np.maximum(np.abs(mine), np.abs(other))
    differences[np.abs(differences) <= np.maximum(TIE, TOLERANCE * sizes)] = 0.0
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    level = 1 - (1 - level) / comparisons
    return PairedComparison(
        n=len(mine),
        n_missing=int((~paired).sum()),
        mean=float(mine.mean()) if len(mine) else None,
        baseline_mean=float(other.mean()) if len(other) else None,
        difference=_from_zero(estimate(differences, level=level, seed=seed), tie_of(differences)),
        wins=wins,
        ties=len(mine) - wins - losses,
        losses=losses,
        sign_p=min(1.0, comparisons * sign_test(wins, losses)),
        effect_size=effect_size(differences),
        comparisons=comparisons,
    )


def compare_arms(
    arms: Mapping[str, Values], baseline: Values, *, level: float = LEVEL, seed: int = 0
) -> dict[str, PairedComparison]:
    """Every arm against one baseline, corrected for their number.

    Intervals hold together (Bonferroni); sign tests are corrected by Holm's method.
    """
    comparisons = {
        name: compare_paired(values, baseline, level=level, comparisons=len(arms), seed=seed)
        for name, values in arms.items()
    }
    raw = [sign_test(comparison.wins, comparison.losses) for comparison in comparisons.values()]
    return {
        name: replace(comparison, sign_p=p)
        for (name, comparison), p in zip(comparisons.items(), holm(raw), strict=True)
    }


def bootstrap_interval(
    values: Values,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
    small_samples: bool = True,
) -> tuple[float, float] | None:
    """The bias-corrected and accelerated bootstrap interval of a mean.

    Plain bootstrap intervals of few values are too narrow, since they divide by n and know no
    Student's t; ``small_samples`` widens the quantiles by as much as t asks for.

    Args:
        values: n values, none missing.
        level: Wanted coverage.
        resamples: Draws with replacement.
        seed: The same values and seed give the same interval.
        small_samples: Off gives the textbook interval, as ``scipy.stats.bootstrap`` does.

    Returns:
        Low and high; None for fewer than two values.

    Source: Efron, "Better bootstrap confidence intervals", JASA 82 (1987), for BCa; Hesterberg,
    "What teachers should know about the bootstrap", The American Statistician 69 (2015), section
    4.1, for the widening.
    """
    import numpy as np

    numbers = _array(values)
    n = len(numbers)
    if n < 2:
        return None
    spread = numbers - numbers.mean()
    variance = float(np.square(spread).sum())
    if variance == 0:
        return float(numbers[0]), float(numbers[0])
    means = _resampled_means(numbers, resamples, np.random.default_rng(seed))
    beyond, tie = means - numbers.mean(), tie_of(spread)
    below = float((beyond < -tie).mean() + (beyond <= tie).mean()) / 2
    bias = _NORMAL.inv_cdf(min(max(below, 1 / resamples), 1 - 1 / resamples))
    acceleration = float((spread**3).sum()) / (6 * variance**1.5)
    reach = _NORMAL.inv_cdf((1 + level) / 2)
    if small_samples:
        reach = student_t_quantile((1 + level) / 2, n - 1) * math.sqrt(n / (n - 1))
    shares = [
        _NORMAL.cdf(bias + (bias + z) / max(1 - acceleration * (bias + z), 1e-3))
        for z in (-reach, reach)
    ]
    low, high = np.quantile(means, shares)
    return float(low), float(high)


def sign_test(wins: int, losses: int) -> float:
    """The exact two-sided p value of so many wins and losses if both were equally likely."""
    n, fewer = wins + losses, min(wins, losses)
    if n == 0:
        return 1.0
    # By logarithms: the binomial coefficients of a thousand pairs are no floats any more.
    whole = math.lgamma(n + 1) - n * math.log(2)
    tail = math.fsum(
        math.exp(whole - math.lgamma(k + 1) - math.lgamma(n - k + 1)) for k in range(fewer + 1)
    )
    return min(1.0, 2 * tail)


def effect_size(differences: Values) -> float | None:
    """Mean over standard deviation (n - 1) of paired differences; None where there is none."""
    numbers = _array(differences)
    if len(numbers) < 2:
        return None
    deviation = float(numbers.std(ddof=1))
    return float(numbers.mean()) / deviation if deviation > tie_of(numbers) else None


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected for their number.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal
    of Statistics 6 (1979).
    """
    corrected = [0.0] * len(p_values)
    most = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        most = max(most, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = most
    return corrected


def mean_by_group(values: Values, groups: Sequence[int]) -> _Array:
    """Means of the values of each group, in ascending order of the groups; NaN where all miss.

    Samples of one prompt are no independent pairs, but their means are.
    """
    import numpy as np

    numbers, of = _array(values), np.asarray(groups, dtype=np.int64)
    names, places = np.unique(of, return_inverse=True)
    there = ~np.isnan(numbers)
    sums = np.bincount(places, weights=np.where(there, numbers, 0.0), minlength=len(names))
    counts = np.bincount(places, weights=there.astype(np.float64), minlength=len(names))
    means: _Array = np.divide(sums, counts, out=np.full(len(names), np.nan), where=counts > 0)
    return means


def student_t_quantile(share: float, degrees: int) -> float:
    """The quantile of Student's t, to three digits from 3 degrees of freedom on.

    Source: the expansion of Cornish and Fisher, as in Abramowitz and Stegun 26.7.5.
    """
    z, v = _NORMAL.inv_cdf(share), float(degrees)
    terms = (
        z,
        (z**3 + z) / (4 * v),
        (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2),
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3),
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4),
    )
    return math.fsum(terms)


def _from_zero(estimated: Estimate, tie: float) -> Estimate:
    """The estimate with ends at zero that are no farther from it than rounding puts them."""

    def end(value: float | None) -> float | None:
        return 0.0 if value is not None and abs(value) <= tie else value

    return replace(estimated, low=end(estimated.low), high=end(estimated.high))


def _array(values: Values) -> _Array:
    import numpy as np

    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def _resampled_means(values: _Array, resamples: int, rng: "np.random.Generator") -> _Array:
    import numpy as np

    at_once = max(1, _NUMBERS_AT_ONCE // len(values))
    parts = [
        values[rng.integers(len(values), size=(min(at_once, resamples - start), len(values)))].mean(
            axis=1
        )
        for start in range(0, resamples, at_once)
    ]
    return np.concatenate(parts)
