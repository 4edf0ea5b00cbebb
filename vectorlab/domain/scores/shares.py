"""Exact intervals of shares: of one, and of the difference of two in the same prompts."""

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Floats: TypeAlias = "npt.NDArray[np.float64]"

LEVEL = 0.95  # of intervals
_NODES = 500  # of the sum over the share of prompts that do not change
_HALVINGS = 40


def share_interval(hits: int, of: int, *, level: float = LEVEL) -> tuple[float, float]:
    """The exact interval of a share.

    For shares of a half it agrees with the exact two-sided sign test: it leaves out 0.5 exactly
    where that p value is at most 1 - ``level``.

    Raises:
        ZeroDivisionError: If ``of`` is 0.

    Source: Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case
    of the binomial", Biometrika 26 (1934).
    """
    from scipy.special import betaincinv  # takes half a second

    if of == 0:
        raise ZeroDivisionError("no share of nothing")
    rest = (1 - level) / 2
    low = float(betaincinv(hits, of - hits + 1, rest)) if hits else 0.0
    high = float(betaincinv(hits + 1, of - hits, 1 - rest)) if hits < of else 1.0
    return low, high


def share_difference(up: int, same: int, down: int, *, level: float = LEVEL) -> tuple[float, float]:
    """The interval of the difference between two shares of the same prompts.

    A prompt moves from no to yes, from yes to no, or not at all. The lower end takes one more
    prompt for granted that moves down, the upper end one that moves up; each is a quantile of the
    difference, if shares are as likely as those counts make them (Dirichlet). The interval leaves
    out zero exactly where the exact sign test (McNemar's) has a p value of at most 1 - ``level``;
    where nothing moved up, its lower end is Clopper's and Pearson's for the share that moved down.

    Source: Gaffke, "Three test statistics for a nonparametric one-sided hypothesis on the mean of
    a nonnegative variable", Mathematical Methods of Statistics 14 (2005), whose bound is taken for
    values of -1, 0 and 1; McNemar, Psychometrika 12 (1947).
    """
    rest = (1 - level) / 2
    return _lower_end(up, same, down, rest), -_lower_end(down, same, up, rest)


def _lower_end(up: int, same: int, down: int, rest: float) -> float:
    import numpy as np
    from scipy.special import betainc, betaincinv

    if up == 0:
        return -float(betaincinv(down + 1, same, 1 - rest)) if same else -1.0
    moving: Floats = np.ones(1)
    if same:
        nodes = (np.arange(_NODES) + 0.5) / _NODES
        moving = 1 - betaincinv(same, up + down + 1, nodes)

    def reached(end: float) -> float:
        """How likely the difference is at most ``end``."""
        upward = np.clip((1 + end / moving) / 2, 0, 1)
        return float(betainc(up, down + 1, upward).mean())

    low, high = (0.0, 1.0) if reached(0.0) <= rest else (-1.0, 0.0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if reached(middle) <= rest else (low, middle)
    return low
