"""Separability is measured on states that had no part in the direction."""

import pytest
import torch

from tests.steering.extraction.test_extraction import PAIRS, extraction
from tests.steering.extraction.test_method_directions import ALL, pair, planted, random
from tests.tiny_models import tiny_model
from vectorlab.steering.extraction.separability import separability

pytestmark = pytest.mark.kernels


@pytest.mark.parametrize("method", ALL)
def test_sides_far_apart_are_told_apart(method):
    source, target, _ = planted(40)
    found = separability(method, *pair(method, source, target + 3 * (target - source)), {})
    assert found is not None
    assert found.min() > 0.97


@pytest.mark.parametrize("method", ["icv", "logistic_regression", "mean_difference"])
def test_sides_that_do_not_differ_are_a_matter_of_chance(method):
    # In more dimensions than pairs every method separates the states that it has seen.
    source, target = random(120, 2, 400, seed=1), random(120, 2, 400, seed=2)
    found = separability(method, *pair(method, source, target), {})
    assert found is not None
    assert ((found - 0.5).abs() < 0.12).all()


def test_it_is_the_share_of_states_left_out_that_lie_on_their_side():
    source = torch.tensor([0.0, 1.0, 2.0, 3.0]).reshape(4, 1, 1)
    target = source + torch.tensor([4.0, 4.0, 4.0, -2.0]).reshape(4, 1, 1)
    given = pair("mean_difference", source, target)
    # By hand, one pair left out at a time: a state on the middle counts half.
    found = separability("mean_difference", *given, {})
    expected = 0.0
    for out in range(4):
        rest = [row for row in range(4) if row != out]
        low, high = source[rest].mean(), target[rest].mean()
        sign = (high - low).sign()
        scores = (target[out] - (low + high) / 2) * sign, ((low + high) / 2 - source[out]) * sign
        expected += sum(1 if score > 0 else 0.5 if score == 0 else 0 for score in scores)
    assert found is not None
    assert found.tolist() == [expected / 8]
    assert 0.5 < expected / 8 < 1


@pytest.mark.parametrize("method", ALL)
def test_states_that_are_all_alike_are_on_no_side(method):
    states = torch.ones(6, 2, 4)
    found = separability(method, *pair(method, states, states), {})
    assert found is not None
    assert found.tolist() == [0.5, 0.5]


def test_one_pair_leaves_nothing_to_hold_out():
    source, target, _ = planted(1)
    assert separability("icv", *pair("icv", source, target), {}) is None
    assert extraction(tiny_model("llama"), PAIRS[:1]).layers[0].separability is None


def test_an_extraction_says_it_layer_by_layer_and_the_same_every_time():
    loaded = tiny_model("llama")
    first, again = (extraction(loaded, PAIRS) for _ in range(2))
    shares = [item.separability for item in first.layers]
    assert shares == [item.separability for item in again.layers]
    assert all(share is not None and 0 <= share <= 1 for share in shares)
