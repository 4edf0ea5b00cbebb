"""Numbers with intervals, and paired comparisons; nothing here knows where the values came from.

No mean stands without its sample count and interval. Whether a side is called higher hangs on one
test, whose p value, interval and verdict say the same. Missing values are None or NaN; they are
counted and left out, never taken for zero.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from vectorlab.domain.scores.shares import LEVEL, Floats, share_difference, share_interval
from vectorlab.domain.ties import TOLERANCE, tie_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from vectorlab.domain.scores.sign_flips import SignFlips

RULE = "sign flips, Holm"  # by which verdicts are reached; stored beside those that are kept
RESAMPLES = 4000
FEWEST_PAIRS = 6  # that can tell anything apart: all of fewer on one side happen in over 5 %
NOISE = 1e-9  # differences up to this are none, whatever the size of the values
ADDING_UP = 1e-12  # of the size of numbers: what adding them up may round
_NUMBERS_AT_ONCE = 4_000_000  # drawn in one piece

Values: TypeAlias = "Sequence[float | None] | npt.NDArray[np.floating]"


class Verdict(StrEnum):
    """What a comparison lets one say."""

    HIGHER = "higher"
    LOWER = "lower"
    NO_DIFFERENCE = "no difference"  # of the smallest size that is of interest, or more
    NOT_TOLD_APART = "not told apart"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean with its interval."""

    n: int  # values it is made of
    n_missing: int
    mean: float | None  # None without values
    low: float | None  # None where too few values say anything
    high: float | None
    level: float = LEVEL


@dataclass(frozen=True, kw_only=True)
class PairedComparison:
    """Values against baseline values of the same prompts."""

    n: int  # pairs
    n_missing: int  # pairs of which a side is missing
    mean: float | None  # of the values in pairs
    baseline_mean: float | None
    difference: Estimate  # of value - baseline, at the level at which it was judged
    p: float  # two-sided, of no difference; corrected if many were compared
    wins: int  # pairs whose value is higher
    ties: int
    losses: int
    share: Estimate  # of the wins among pairs that differ, at the level at which it was judged
    sign_p: float  # exact two-sided sign test, ties left out; corrected if many were compared
    effect_size: float | None  # mean difference over its standard deviation (Cohen's d_z)
    comparisons: int = 1  # that p values and intervals are corrected for
    level: float = LEVEL  # of the verdicts of all of them together
    smallest: float | None = None  # difference of interest
    is_smaller: bool = False  # the difference is shown to be

    @property
    def verdict(self) -> Verdict:
        """Which side is higher, if that can be told."""
        if self.is_smaller:
            return Verdict.NO_DIFFERENCE
        if self.difference.mean is None or self.p > 1 - self.level:
            return Verdict.NOT_TOLD_APART
        return Verdict.HIGHER if self.difference.mean > 0 else Verdict.LOWER

    @property
    def said(self) -> str:
        """The verdict in words."""
        more = f" of {self.smallest:g} or more" if self.verdict is Verdict.NO_DIFFERENCE else ""
        return f"{self.verdict.value}{more}"


def estimate(
    values: Values, *, level: float = LEVEL, seed: int = 0, is_yes_no: bool = False
) -> Estimate:
    """The mean of values with its interval: exact where they are 0 and 1, else by bootstrap."""
    import numpy as np

    numbers = _array(values)
    present = numbers[~np.isnan(numbers)]
    if is_yes_no and len(present) and _are_yes_no(present):
        interval: tuple[float, float] | None = share_interval(
            int(present.sum()), len(present), level=level
        )
    else:
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
    is_yes_no: bool = False,
    noise: float = NOISE,
    smallest: float | None = None,
) -> PairedComparison:
    """Values against a baseline, pair by pair: ``compare_arms`` of one arm."""
    [found] = compare_arms(
        {"": values},
        baseline,
        level=level,
        is_yes_no=is_yes_no,
        noise=noise,
        smallest=smallest,
    ).values()
    return found


def compare_arms(
    arms: Mapping[str, Values],
    baseline: Values,
    *,
    level: float = LEVEL,
    is_yes_no: bool = False,
    noise: float = NOISE,
    smallest: float | None = None,
) -> dict[str, PairedComparison]:
    """Every arm against one baseline, pair by pair, corrected for their number.

    The mean difference is tested by sign flips; that of values that are 0 and 1 by the sign test,
    which is the same. P values are corrected by Holm's method, and the interval of an arm is made
    at the level at which the method judged it: it leaves out zero exactly where the corrected p
    is at most 1 - ``level``. If nothing differs, something is told apart in at most 1 - ``level``
    of all families.

    Values that differ by what rounding does to them (``noise``, and ``TOLERANCE`` of their size)
    are equal.

    Args:
        arms: Values by arm, one for each prompt. Pairs have to be independent: of several samples
            of one prompt, or copies of it, give the mean (``mean_by_group``).
        baseline: For the same prompts in the same order.
        level: Of all verdicts together.
        is_yes_no: Values are 0 and 1, if they are no means of several.
        noise: Of the values, in their unit.
        smallest: Difference of interest: where the interval shows less, the verdict says so.

    Raises:
        ValueError: If the sides are of different lengths.
    """
    return compare_sides(
        {name: (values, baseline) for name, values in arms.items()},
        level=level,
        is_yes_no=is_yes_no,
        noise=noise,
        smallest=smallest,
    )


def compare_sides(
    arms: Mapping[str, tuple[Values, Values]],
    *,
    level: float = LEVEL,
    is_yes_no: bool = False,
    noise: float = NOISE,
    smallest: float | None = None,
) -> dict[str, PairedComparison]:
    """``compare_arms`` where every arm brings the values that it is held against.

    Raises:
        ValueError: If the sides of an arm are of different lengths.
    """
    pairs = {
        name: _pair(values, other, noise, is_yes_no=is_yes_no)
        for name, (values, other) in arms.items()
    }
    tests = {name: _test(pair) for name, pair in pairs.items()}
    raw = [test.p for test in tests.values()]
    raw_signs = [sign_test(pair.wins, pair.losses) for pair in pairs.values()]
    p_values, alphas = holm(raw), judged_at(raw, 1 - level)
    sign_p, sign_alphas = holm(raw_signs), judged_at(raw_signs, 1 - level)
    found = {}
    for place, (name, pair) in enumerate(pairs.items()):
        found[name] = PairedComparison(
            n=len(pair.mine),
            n_missing=pair.n_missing,
            mean=_mean(pair.mine),
            baseline_mean=_mean(pair.other),
            difference=tests[name].estimate(alphas[place]),
            p=p_values[place],
            wins=pair.wins,
            ties=len(pair.mine) - pair.wins - pair.losses,
            losses=pair.losses,
            share=_share(pair, sign_alphas[place]),
            sign_p=sign_p[place],
            effect_size=effect_size(pair.differences),
            comparisons=len(arms),
            level=level,
            smallest=smallest,
            is_smaller=smallest is not None and tests[name].shows_less(smallest, alphas[place]),
        )
    return found


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
    Student's t; ``small_samples`` widens the quantiles by as much as t asks for. Where most values
    are equal it is too narrow all the same: it describes a mean, no verdict hangs on it.

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
    from scipy.special import ndtr, ndtri, stdtrit  # takes half a second

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
    bias = float(ndtri(min(max(below, 1 / resamples), 1 - 1 / resamples)))
    acceleration = float((spread**3).sum()) / (6 * variance**1.5)
    reach = float(ndtri((1 + level) / 2))
    if small_samples:
        reach = float(stdtrit(n - 1, (1 + level) / 2)) * math.sqrt(n / (n - 1))
    shares = [
        float(ndtr(bias + (bias + z) / max(1 - acceleration * (bias + z), 1e-3)))
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


def fewest_prompts(comparisons: int, *, level: float = LEVEL) -> int:
    """The fewest pairs, all moved one way, that the first of so many comparisons is told apart by.

    All of n move one way by chance in two of 2^n cases, and Holm's method holds the smallest p
    against its share of 1 - ``level``.
    """
    return math.ceil(1 + math.log2(comparisons / (1 - level)) - 1e-9)


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


def judged_at(p_values: Sequence[float], alpha: float) -> list[float]:
    """What Holm's method holds each p value against: ``alpha`` over those still in the race.

    One that is refused is held against what stands when its turn comes; those that remain,
    against what stands where the method stops.
    """
    refused = sum(p <= alpha for p in holm(p_values))
    held = [0.0] * len(p_values)
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        held[index] = alpha / (len(p_values) - min(place, refused))
    return held


def mean_by_group(values: Values, groups: Sequence[int]) -> Floats:
    """Means of the values of each group, in ascending order of the groups; NaN where all miss.

    Samples of one prompt are no independent pairs, but their means are.
    """
    import numpy as np

    numbers, of = _array(values), np.asarray(groups, dtype=np.int64)
    names, places = np.unique(of, return_inverse=True)
    there = ~np.isnan(numbers)
    sums = np.bincount(places, weights=np.where(there, numbers, 0.0), minlength=len(names))
    counts = np.bincount(places, weights=there.astype(np.float64), minlength=len(names))
    means: Floats = np.divide(sums, counts, out=np.full(len(names), np.nan), where=counts > 0)
    return means


def first_of_equals(texts: Sequence[str]) -> list[int]:
    """For each text the place of the first that equals it: copies of a prompt are one group."""
    first: dict[str, int] = {}
    return [first.setdefault(text, place) for place, text in enumerate(texts)]


@dataclass(frozen=True, kw_only=True)
class _Pairs:
    mine: Floats
    other: Floats
    differences: Floats
    n_missing: int
    wins: int
    losses: int
    is_yes_no: bool


@dataclass(frozen=True, kw_only=True)
class _Test:
    """The test of one mean difference; of values that are 0 and 1, of two shares."""

    pairs: _Pairs
    flips: "SignFlips | None"  # None where the sign test is the same, or nothing differs
    p: float

    def estimate(self, alpha: float) -> Estimate:
        """The mean difference, with the shifts that are not refused at ``alpha``."""
        interval = self._interval(alpha)
        low, high = (None, None) if interval is None else interval
        return Estimate(
            n=len(self.pairs.differences),
            n_missing=self.pairs.n_missing,
            mean=_mean_change(self.pairs.differences),
            low=low,
            high=high,
            level=1 - alpha,
        )

    def shows_less(self, size: float, alpha: float) -> bool:
        """Whether the difference is shown to be smaller than ``size`` in either direction.

        Few moves do not show how far a prompt can move, and where moves are skewed a bootstrap
        interval reaches farther, so that has to show it too.
        """
        intervals, pairs = [self._interval(alpha)], self.pairs
        if not pairs.is_yes_no:
            if pairs.wins + pairs.losses < FEWEST_PAIRS:
                return False
            intervals.append(bootstrap_interval(pairs.differences, level=1 - alpha))
        return all(
            interval is not None and -size < interval[0] and interval[1] < size
            for interval in intervals
        )

    def _interval(self, alpha: float) -> tuple[float, float] | None:
        pairs = self.pairs
        if self.flips is not None:
            return self.flips.interval(alpha)
        if not pairs.is_yes_no or not len(pairs.mine):
            return None
        same = len(pairs.mine) - pairs.wins - pairs.losses
        return share_difference(pairs.wins, same, pairs.losses, level=1 - alpha)


def _pair(values: Values, baseline: Values, noise: float, *, is_yes_no: bool) -> _Pairs:
    import numpy as np

    mine, other = _array(values), _array(baseline)
    if len(mine) != len(other):
        raise ValueError(f"{len(mine)} values cannot be paired with {len(other)}")
    paired = ~(np.isnan(mine) | np.isnan(other))
    mine, other = mine[paired], other[paired]
    differences = mine - other
    sizes = np.maximum(np.abs(mine), np.abs(other))
    differences[np.abs(differences) <= np.maximum(noise, TOLERANCE * sizes)] = 0.0
    return _Pairs(
        mine=mine,
        other=other,
        differences=differences,
        n_missing=int((~paired).sum()),
        wins=int((differences > 0).sum()),
        losses=int((differences < 0).sum()),
        is_yes_no=is_yes_no and _are_yes_no(mine) and _are_yes_no(other),
    )


def _test(pairs: _Pairs) -> _Test:
    from vectorlab.domain.scores.sign_flips import sign_flips

    if pairs.is_yes_no or not pairs.wins + pairs.losses:
        return _Test(pairs=pairs, flips=None, p=sign_test(pairs.wins, pairs.losses))
    flips = sign_flips(pairs.differences)
    return _Test(pairs=pairs, flips=flips, p=flips.p)


def _share(pairs: _Pairs, alpha: float) -> Estimate:
    moved = pairs.wins + pairs.losses
    low, high = share_interval(pairs.wins, moved, level=1 - alpha) if moved else (None, None)
    return Estimate(
        n=moved,
        n_missing=pairs.n_missing,
        mean=pairs.wins / moved if moved else None,
        low=low,
        high=high,
        level=1 - alpha,
    )


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if len(values) else None


def _mean_change(differences: Floats) -> float | None:
    """The mean, 0 where up and down cancel but for what adding them up rounds."""
    mean = _mean(differences)
    is_rounding = mean is not None and abs(mean) < ADDING_UP * float(abs(differences).mean())
    return 0.0 if is_rounding else mean


def _are_yes_no(values: Floats) -> bool:
    import numpy as np

    return bool(np.isin(values, (0.0, 1.0)).all())


def _array(values: Values) -> Floats:
    import numpy as np

    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def _resampled_means(values: Floats, resamples: int, rng: "np.random.Generator") -> Floats:
    import numpy as np

    at_once = max(1, _NUMBERS_AT_ONCE // len(values))
    parts = [
        values[rng.integers(len(values), size=(min(at_once, resamples - start), len(values)))].mean(
            axis=1
        )
        for start in range(0, resamples, at_once)
    ]
    return np.concatenate(parts)
