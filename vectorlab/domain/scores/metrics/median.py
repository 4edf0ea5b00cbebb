"""The median, which a few wild values do not move."""

import math

from vectorlab.domain.scores.shares import LEVEL
from vectorlab.domain.scores.statistics import Estimate, Values


def median(values: Values) -> Estimate:
    """The median with the interval between two order statistics.

    Its coverage is exact for any distribution: the number of values below the median is binomial.
    Few values may not reach the level; then the interval is from the least to the greatest.

    Source: Conover, "Practical Nonparametric Statistics" (1999), section 3.2.
    """
    import numpy as np

    numbers = np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    ordered = np.sort(numbers[~np.isnan(numbers)])
    n = len(ordered)
    place = _place(n)
    return Estimate(
        n=n,
        n_missing=len(numbers) - n,
        mean=float(np.median(ordered)) if n else None,
        low=float(ordered[place]) if n > 1 else None,
        high=float(ordered[n - 1 - place]) if n > 1 else None,
    )


def _place(n: int) -> int:
    """The largest place from either end that keeps the coverage."""
    below, place = 0.0, 0
    whole = math.lgamma(n + 1) - n * math.log(2)
    for k in range(n // 2):
        below += math.exp(whole - math.lgamma(k + 1) - math.lgamma(n - k + 1))
        if 2 * below > 1 - LEVEL:
            break
        place = k
    return min(place, max(0, (n - 1) // 2))
