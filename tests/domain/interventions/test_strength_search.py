"""The search for the limit of a strength and for the best one below, on damages by formula."""

import math
from collections.abc import Callable, Sequence

import pytest

from vectorlab.domain.interventions.calibration import (
    CLOSE,
    REACH,
    Limit,
    find_best,
    find_limit,
    parse_budget,
)
from vectorlab.domain.scores.catalogue import parse_scorer
from vectorlab.errors import InputError


class Measured:
    """A function of strengths that keeps what it was asked for."""

    def __init__(self, function: Callable[[float], float]) -> None:
        self._function = function
        self.rounds: list[list[float]] = []

    def __call__(self, strengths: Sequence[float]) -> list[float]:
        self.rounds.append(list(strengths))
        return [self._function(strength) for strength in strengths]

    @property
    def asked(self) -> list[float]:
        return [strength for some in self.rounds for strength in some]


@pytest.mark.parametrize("first", [1.0, -1.0, 0.03])
@pytest.mark.parametrize("times", [0.4, 3.9, 1 / 40, 40.0, 1 / 3000, 63.0])
def test_a_limit_far_from_the_first_guess_is_found_in_a_few_rounds(first: float, times: float):
    exact = abs(first) * times
    damage = Measured(lambda strength: strength**2)
    found = find_limit(damage, exact**2, first=first)
    assert (found.is_met, found.is_reached) == (True, True)
    assert math.copysign(1, found.strength) == math.copysign(1, first)
    assert exact / CLOSE <= abs(found.strength) <= exact * (1 + 1e-9)
    assert len(damage.rounds) <= 7
    assert len(set(damage.asked)) == len(damage.asked)  # nothing is measured twice


def test_harmful_strengths_are_left_in_steps_of_four():
    damage = Measured(lambda strength: 1 + strength)
    found = find_limit(damage, 0.5, first=2.0)
    assert sorted(damage.asked) == [2 * 4.0**power for power in range(-7, 2)]
    assert found == Limit(strength=min(damage.asked), is_met=False, is_reached=True)


def test_of_strengths_beyond_the_budget_the_least_harmful_is_named():
    found = find_limit(Measured(lambda strength: 5 + strength), 3.0, first=-1.0)
    assert found == Limit(strength=-4.0, is_met=False, is_reached=True)


def test_harmless_strengths_are_tried_up_to_the_reach():
    damage = Measured(lambda _: 0.0)
    found = find_limit(damage, 1.0, first=0.5)
    assert found == Limit(strength=0.5 * REACH, is_met=True, is_reached=False)
    assert damage.rounds == [[0.125, 0.5, 2.0], [8.0, 32.0]]


@pytest.mark.parametrize(("first", "most"), [(0.5, 1.0), (-0.5, 3.0), (0.5, 7.9)])
def test_nothing_is_tried_beyond_what_makes_sense(first: float, most: float):
    damage = Measured(lambda _: 0.0)
    found = find_limit(damage, 1.0, first=first, most=most)
    end = math.copysign(most, first)
    assert found == Limit(strength=end, is_met=True, is_reached=False)
    assert max(damage.asked, key=abs) == end


@pytest.mark.parametrize("missing", [math.nan, math.inf])
def test_a_damage_that_is_missing_is_beyond_the_budget(missing: float):
    found = find_limit(Measured(lambda size: size if size < 2 else missing), 3.0, first=1.0)
    assert (found.is_met, found.is_reached) == (True, True)
    assert 2 / CLOSE <= found.strength < 2


def test_a_limit_lies_below_everything_that_is_outside():
    found = find_limit(Measured(lambda size: float(0.5 < size < 1.5)), 0.5, first=1.0)
    assert 0.5 / CLOSE <= found.strength <= 0.5  # not 4, which is harmless, too


def test_a_jump_is_narrowed_down_from_below():
    found = find_limit(Measured(lambda size: float(size > 3)), 0.5, first=1.0)
    assert 3 / CLOSE <= found.strength <= 3


@pytest.mark.parametrize("limit", [2.0, -2.0])
@pytest.mark.parametrize(
    ("peak", "best", "near"),
    [
        (0.1, 0.125, [0.125, 0.375]),
        (0.3, 0.25, [0.125, 0.375]),
        (0.35, 0.375, [0.125, 0.375]),
        (0.6, 0.625, [0.375, 0.625]),
        (0.8, 0.75, [0.625, 0.875]),
        (0.9, 1.0, None),
        (1.0, 1.0, None),
    ],
)
def test_the_best_strength_is_looked_for_in_eighths(
    limit: float, peak: float, best: float, near: list[float] | None
):
    effect = Measured(lambda strength: -abs(strength / limit - peak))
    assert find_best(effect, limit) == limit * best
    rounds = [[0.25, 0.5, 0.75, 1.0], *([near] if near else [])]
    assert effect.rounds == [[limit * share for share in shares] for shares in rounds]


def test_effects_that_are_missing_are_never_the_best():
    effect = Measured(lambda strength: math.nan if strength > 1 else strength)
    assert find_best(effect, 2.0) == 1.0
    assert find_best(Measured(lambda _: math.nan), 2.0) == 2.0


@pytest.mark.parametrize(
    ("text", "most"),
    [("kl<=0.1", 0.1), ("kl < 1e-3", 0.001), ("  kl<=+2 ", 2.0), ("kl<=-.5E+1", -5.0)],
)
def test_a_budget_is_a_scorer_and_a_number(text: str, most: float):
    assert parse_budget(text) == (parse_scorer("kl"), most)


@pytest.mark.parametrize("text", ["", "kl", "<=1", "kl<=", "kl>=1", "kl<=nan", "kl<=1.2.3", "kl=1"])
def test_what_is_no_budget_is_refused(text: str):
    with pytest.raises(InputError, match=r"not understood\. Write for example kl<=0\.1"):
        parse_budget(text)
