"""How sure a paired comparison is: bootstrap intervals, and an exact interval of a share."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class PairedChange:
    """The mean of paired differences with its interval."""

    mean: float
    low: float
    high: float
    pairs: int
    wins: int  # differences above 0
    losses: int  # below 0

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def paired_change(differences: npt.NDArray[np.float64]) -> PairedChange:
    """Percentile bootstrap of the mean difference; the same numbers give the same interval.

    Args:
        differences: One per pair, (N,) with N at least 1.
    """
    count = len(differences)
    draws = np.random.default_rng(0).integers(0, count, (RESAMPLES, count), dtype=np.int32)
    means = differences[draws].mean(axis=1) if count * RESAMPLES < 5e7 else _normal(differences)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return PairedChange(
        mean=float(differences.mean()),
        low=float(low),
        high=float(high),
        pairs=count,
        wins=int((differences > 0).sum()),
        losses=int((differences < 0).sum()),
    )


def share_interval(hits: int, of: int) -> tuple[float, float]:
    """Wilson's interval of a share, 95 %.

    Raises:
        ZeroDivisionError: If ``of`` is 0.
    """
    z = 1.959963984540054
    share = hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def _normal(differences: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """For very many pairs the mean is normal; the same quantiles without the draws."""
    spread = differences.std(ddof=1) / math.sqrt(len(differences))
    draws = np.random.default_rng(0).standard_normal(RESAMPLES)
    return np.asarray(float(differences.mean()) + spread * draws)
