"""Metrics: from the values of a scorer to one number with its interval; one file each."""

from collections.abc import Callable

from vectorlab.domain.scores.metrics.mean import mean
from vectorlab.domain.scores.metrics.median import median
from vectorlab.domain.scores.metrics.share import share_positive
from vectorlab.domain.scores.statistics import Estimate, Values

Metric = Callable[[Values], Estimate]

METRICS: dict[str, Metric] = {"mean": mean, "median": median, "share_positive": share_positive}

__all__ = ["METRICS", "Metric", "mean", "median", "share_positive"]
