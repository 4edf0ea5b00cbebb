"""The mean."""

from vectorlab.domain.scores.statistics import Estimate, Values, estimate


def mean(values: Values) -> Estimate:
    """The mean with its bootstrap interval; missing values are counted and left out."""
    return estimate(values)
