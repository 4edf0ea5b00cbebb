"""Metrics: from the values of a scorer to one number with its interval; one file each."""

from collections.abc import Callable

from vectorlab.domain.metrics.mean import mean
from vectorlab.domain.metrics.median import median
from vectorlab.domain.metrics.share import share_positive
from vectorlab.domain.statistics import Estimate, Values

Metric = Callable[[Values], Estimate]

METRICS: dict[str, Metric] = {"mean": mean, "median": median, "share_positive": share_positive}

__all__ = ["METRICS", "Metric", "mean", "median", "share_positive"]
