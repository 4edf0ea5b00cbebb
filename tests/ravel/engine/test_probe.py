"""The linear classifier that says what is left of an attribute."""

import pytest
import torch

from vectorlab.ravel.engine import probe
from vectorlab.ravel.engine.featurizers.base import Labelled

pytestmark = pytest.mark.kernels


def clusters(seed: int = 0, *, n: int = 240, width: int = 12, count: int = 3) -> Labelled:
    """States in which each value is a direction of its own, beside noise."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.arange(n) % count
    values[: n // 4] = 0  # the most frequent one
    states = torch.randn(n, width, generator=generator)
    states[:, :count] += 12 * torch.nn.functional.one_hot(values, count)
    return Labelled(states=states, values=values, count=count)


def test_all_of_what_is_in_one_direction_each_is_told():
    assert probe.probe(clusters()).accuracy == 1


def test_with_the_directions_removed_little_more_than_the_most_frequent_value_is_told():
    found = clusters()
    left = Labelled(
        states=probe.without(found.states, torch.eye(12)[:3]), values=found.values, count=3
    )
    most = probe.majority(found)
    assert most == pytest.approx(0.5)
    assert most <= probe.probe(left).accuracy < most + 0.1
    assert probe.probe(left).loss > 0.9  # of 1.04, the entropy of the values


def test_neither_centre_nor_size_of_the_states_matters():
    found = clusters()
    moved = Labelled(states=found.states * 400 - 70, values=found.values, count=3)
    one, other = probe.probe(found), probe.probe(moved)
    assert other.loss == pytest.approx(one.loss, abs=1e-3)
    assert other.accuracy == pytest.approx(one.accuracy, abs=0.01)


def test_states_that_say_nothing_leave_the_majority():
    found = clusters()
    empty = Labelled(states=torch.zeros_like(found.states), values=found.values, count=3)
    assert probe.probe(empty).accuracy == pytest.approx(probe.majority(found))
