"""The sign-flip permutation test of a mean difference, and the interval that inverts it.

If both texts of a pair are draws of one distribution, every difference is as likely to have the
other sign, however the differences are distributed and however many of them are zero. So the
observed mean is held against the means that turning the signs of some pairs makes.

Turning round the pairs of a subset makes the sum of ``difference - shift`` as large as it is, or
larger, exactly where the mean of the subset is at most ``shift``. All that test and interval hang
on are therefore the means of the subsets: the p value counts those on one side of zero, and the
ends of the interval are two of them.

Source: Fisher, "The Design of Experiments" (1935), section 21, and Pitman, "Significance tests
which may be applied to samples from any populations", Supplement to the Journal of the Royal
Statistical Society 4 (1937), for the test; Hartigan, "Using subsample values as typical values",
JASA 64 (1969), for the means of subsets; Phipson and Smyth, "Permutation p-values should never be
zero", Statistical Applications in Genetics and Molecular Biology 9 (2010), for drawn flips.
"""

import math
from dataclasses import dataclass

import numpy as np

from vectorlab.domain.scores.shares import Floats
from vectorlab.domain.ties import tie_of

FLIPS = 2**16  # that are counted; all of them where there are no more kinds of them
GROUPS = 4096  # more pairs than these are turned round in so many groups, which is as exact
SEED = 0  # of the drawn flips: the same on every machine
_PIECE = 8  # pairs whose flips are one byte
_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, np.newaxis], axis=1).astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class SignFlips:
    """The means of the subsets that flips turn round."""

    means: Floats  # ascending
    shares: Floats  # of all flips, one for each mean
    nothing: float  # share of the flips that turn nothing round: the observation is one of them
    tie: float  # means up to it are zero

    @property
    def p(self) -> float:
        """Two-sided p value of a mean of zero."""
        below = self.nothing + float(self.shares[self.means <= self.tie].sum())
        above = self.nothing + float(self.shares[self.means >= -self.tie].sum())
        return min(1.0, 2 * below, 2 * above)

    def interval(self, alpha: float) -> tuple[float, float] | None:
        """The shifts that the two-sided test does not refuse at ``alpha``, ends included.

        It leaves out zero exactly where ``p <= alpha``. None where no shift can be refused: too
        few pairs.
        """
        rest = alpha / 2 - self.nothing
        if rest < 0:
            return None
        low = self.means[np.searchsorted(np.cumsum(self.shares), rest, side="right")]
        turned = np.cumsum(self.shares[::-1])
        high = self.means[::-1][np.searchsorted(turned, rest, side="right")]
        return self._from_zero(float(low)), self._from_zero(float(high))

    def _from_zero(self, end: float) -> float:
        return 0.0 if abs(end) <= self.tie else end


def sign_flips(differences: Floats, *, flips: int = FLIPS, seed: int = SEED) -> SignFlips:
    """The flips of paired differences: all of them, or as many as are drawn.

    Equal differences are turned round by their number, so all flips are counted where there are
    few pairs, or many that did not change or changed by the same.

    Args:
        differences: n independent ones, none missing; n is at least 1.
        flips: How many are counted at most.
        seed: Of those that are drawn; the same seed draws the same flips for the same n.
    """
    tie = tie_of(differences)
    counted = _all(differences, tie, flips)
    sums, sizes, shares = _drawn(differences, flips, seed) if counted is None else counted
    turned = sizes > 0
    means = sums[turned] / sizes[turned]
    order = np.argsort(means, kind="stable")
    return SignFlips(
        means=means[order],
        shares=shares[turned][order],
        nothing=float(shares[~turned].sum()),
        tie=tie,
    )


def _all(differences: Floats, tie: float, most: int) -> tuple[Floats, Floats, Floats] | None:
    """Sums, sizes and shares of all subsets, equal differences together; None for too many."""
    groups, kinds, start = [], 1, 0
    ordered = np.sort(differences)
    while start < len(ordered):
        end = int(np.searchsorted(ordered, ordered[start] + tie, side="right"))
        groups.append(ordered[start:end])
        kinds *= len(groups[-1]) + 1
        if kinds > most:
            return None
        start = end
    sums, sizes, shares = np.zeros(1), np.zeros(1), np.ones(1)
    for group in groups:
        n = len(group)
        taken = np.arange(n + 1)
        binomial = np.array([math.comb(n, k) / 2**n for k in range(n + 1)])
        sums = np.add.outer(sums, taken * group.mean()).ravel()
        sizes = np.add.outer(sizes, taken).ravel()
        shares = np.multiply.outer(shares, binomial).ravel()
    return sums, sizes, shares


def _drawn(differences: Floats, flips: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """The same of flips that are drawn, and of the one that turns nothing round."""
    groups = np.arange(len(differences)) % GROUPS
    totals, sizes = np.bincount(groups, weights=differences), np.bincount(groups)
    rng = np.random.default_rng(seed)
    sums, counts = np.zeros(flips), np.zeros(flips)
    for start in range(0, len(totals), _PIECE):
        piece = slice(start, start + _PIECE)
        bits = _BITS[:, : len(totals[piece])]
        drawn = rng.integers(256, size=flips - 1, dtype=np.uint8)
        sums[1:] += (bits @ totals[piece])[drawn]
        counts[1:] += (bits @ sizes[piece])[drawn]
    return sums, counts, np.full(flips, 1 / flips)
