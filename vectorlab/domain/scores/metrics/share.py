"""The share of values above zero, for scorers that answer yes or no."""

import math

from vectorlab.domain.scores.statistics import Estimate, Values, estimate


def share_positive(values: Values) -> Estimate:
    """How many values are above 0, over those that are there."""
    return estimate(
        [None if value is None or math.isnan(value) else float(value > 0) for value in values],
        is_yes_no=True,
    )
