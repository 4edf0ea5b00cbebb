"""Metrics: one number of many values, with an interval and counts."""

import numpy as np
import pytest

from vectorlab.domain.scores.metrics import METRICS, mean, median, share_positive


@pytest.mark.parametrize("name", METRICS)
def test_missing_values_are_counted_and_nothing_is_made_of_nothing(name: str):
    found = METRICS[name]([1.0, None, float("nan"), 3.0, 2.0])
    assert (found.n, found.n_missing) == (3, 2)
    assert METRICS[name]([]).mean is None
    alone = METRICS[name]([2.0])
    assert alone.low is None or (
        alone.low < 0.05 and alone.high == 1
    )  # exact: one of one says little


@pytest.mark.parametrize("name", METRICS)
def test_the_number_lies_in_its_interval(name: str):
    for seed in range(20):
        found = METRICS[name](np.random.default_rng(seed).normal(size=25))
        assert found.low <= found.mean <= found.high


def test_the_median_does_not_follow_one_wild_value():
    values = [float(number) for number in range(21)]
    assert median(values).mean == median([*values[:-1], 1e9]).mean == 10
    assert mean([*values[:-1], 1e9]).mean > 1e7


def test_the_interval_of_the_median_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    inside = 0
    for sample in rng.exponential(size=(2000, 25)):
        found = median(sample)
        inside += found.low <= np.log(2) <= found.high
    assert inside / 2000 >= 0.945


def test_the_share_is_of_values_above_zero():
    assert share_positive([1.0, 0.0, -2.0, 5.0]).mean == 0.5
