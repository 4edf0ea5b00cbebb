"""The last bit of a number decides nothing: what is chosen stays the same under rounding noise."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.noise import nudged
from vectorlab.domain.interventions.calibration import best_choice, find_best, find_limit
from vectorlab.domain.interventions.conditions import best, candidates, tells
from vectorlab.domain.scores.statistics import (
    Verdict,
    bootstrap_interval,
    compare_paired,
    effect_size,
)
from vectorlab.domain.ties import first_best, in_order, tie_of
from vectorlab.domain.vectors.geometry import plane
from vectorlab.errors import InputError

SEEDS = range(12)
NUMBERS = st.lists(st.integers(-9, 9).map(float), min_size=1, max_size=20)
THIRDS = [1 / 3, 2 / 3, 1.0, 1 / 3, 0.0, 2 / 3, 1.0, 1.0]


@given(values=NUMBERS, seed=st.integers(0, 99), scale=st.sampled_from([1e-6, 1.0, 7e5]))
def test_noise_changes_neither_the_best_nor_the_order(values, seed, scale):
    numbers = [value * scale for value in values]
    noisy = nudged(numbers, seed)
    assert first_best(numbers) == first_best(noisy) == values.index(max(values))
    ordered = sorted(range(len(values)), key=lambda place: -values[place])
    assert in_order(numbers) == in_order(noisy) == ordered


@given(first=NUMBERS, seed=st.integers(0, 99))
def test_a_second_number_decides_among_those_that_are_equal_in_the_first(first, seed):
    second = [float(place % 3) for place in range(len(first))]
    expected = max(range(len(first)), key=lambda place: (first[place], second[place], -place))
    assert first_best(nudged(first, seed), nudged(second, seed + 1)) == expected


def test_numbers_that_are_not_finite_have_no_size():
    assert tie_of([math.inf, math.nan, 2.0]) == tie_of([2.0]) > 0
    assert tie_of([]) == 0
    assert first_best([-math.inf, 1.0, 2.0]) == 2
    assert in_order([]) == []


def noisy(function: Callable[[float], float], seed: int) -> Callable[[Sequence[float]], list]:
    return lambda sizes: [float(value) for value in nudged([function(x) for x in sizes], seed)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("budget", [0.03, 0.1, 0.7])
def test_a_calibrated_limit_is_the_same_to_the_last_digit(budget, seed):
    def damage(size: float) -> float:
        return 0.37 * size**1.9

    found = find_limit(noisy(damage, seed), budget, first=0.1)
    assert found == find_limit(lambda sizes: [damage(size) for size in sizes], budget, first=0.1)
    exact = (budget / 0.37) ** (1 / 1.9)
    assert exact / 1.01 <= found.strength <= exact
    assert found.strength == float(f"{found.strength:.4g}")


@pytest.mark.parametrize("seed", SEEDS)
def test_of_equal_effects_the_smaller_strength_is_taken_whatever_the_noise(seed):
    assert find_best(noisy(lambda size: min(size, 0.5), seed), 1.0) == 0.5
    assert find_best(noisy(lambda size: 0.3 * (size > 0), seed), 1.0) == 0.125
    harmful = find_limit(noisy(lambda size: 0.3 * (size > 0), seed), 0.1, first=0.1)
    assert harmful == find_limit(lambda sizes: [0.3 for _ in sizes], 0.1, first=0.1)
    assert harmful.strength < 0.1 / 64**2


@pytest.mark.parametrize("seed", SEEDS)
def test_of_layers_with_equal_effect_the_least_damage_is_taken_whatever_the_noise(seed):
    effects, damages = nudged([0.5, 0.9, 0.9, 0.9], seed), nudged([0.01, 0.05, 0.04, 0.04], seed)
    found = [(float(a), float(b)) for a, b in zip(effects, damages, strict=True)]
    assert best_choice(found, lower_is_better=False) == 2
    assert best_choice(found, lower_is_better=True) == 0
    assert best_choice([(None, 0.001), *found], lower_is_better=False) == 3


@given(
    positive=st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=9),
    negative=st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=9),
    seed=st.integers(0, 99),
)
def test_a_threshold_never_stands_between_equal_values(positive, negative, seed):
    noise = list(nudged([*positive, *negative], seed))
    sides = noise[: len(positive)], noise[len(positive) :]
    assert tells(*sides) == tells(positive, negative)
    if not tells(positive, negative):
        with pytest.raises(InputError, match="no threshold tells them apart"):
            candidates(*sides)
        return
    found, expected = best(candidates(*sides)), best(candidates(positive, negative))
    assert (found.comparison, found.hits, found.false_alarms) == (
        expected.comparison, expected.hits, expected.false_alarms,
    )  # fmt: skip
    assert found.threshold == pytest.approx(expected.threshold, abs=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_pairs_that_rounding_alone_tells_apart_are_ties(seed):
    values = [0.25, 37.5, 1e-3, 4.0, 900.0, 2.0, 3.0]
    found = compare_paired(nudged(values, seed), values)
    assert (found.wins, found.ties, found.losses) == (0, 7, 0)
    assert (found.verdict, found.effect_size) == (Verdict.NOT_TOLD_APART, None)


@pytest.mark.parametrize("seed", SEEDS)
def test_noise_does_not_move_a_bootstrap_interval(seed):
    assert bootstrap_interval(nudged(THIRDS, seed)) == pytest.approx(
        bootstrap_interval(THIRDS), abs=1e-6
    )
    assert effect_size(nudged([0.1] * 9, seed)) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_verdict_on_equal_thirds_is_the_same_whatever_the_noise(seed):
    thirds = np.array([0, 3, 0, 0, -1, -1, 2, 0, 3, 1, 3, 1]) / 3  # subsets of mean zero
    found = compare_paired(nudged(5 + thirds, seed), nudged(np.full(12, 5.0), seed + 1))
    exact = compare_paired(thirds, np.zeros(12))
    assert (found.verdict, found.p) == (exact.verdict, exact.p)
    assert found.difference.low == pytest.approx(exact.difference.low, abs=1e-5)
    assert (found.p <= 0.05) == (found.difference.low > 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_picture_of_two_points_is_never_turned_round(seed):
    rows = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, -1.0]], dtype=np.float32)
    [first, second], _ = plane(nudged(rows, seed))
    assert first[0] > 0 > second[0]
