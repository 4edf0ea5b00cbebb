"""Lines of a benchmark's table hold by what was seen, never by noise."""

import itertools

import pytest

from bench._rounds import ratio_row, told


def test_a_ratio_is_the_median_of_the_rounds_and_shows_its_spread() -> None:
    row = ratio_row("x", [1.0, 2.0, 9.0], [2.0, 2.0, 10.0], 0.95)
    assert (row["ratio"], row["ratio_range"], row["holds"]) == (0.9, [0.5, 1.0], True)
    assert not ratio_row("x", [1.0, 2.0, 9.0], [2.0, 2.0, 10.0], 0.85)["holds"]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ([-3.0, -2.0, -1.0, -2.0], [4.0, 4.0, 4.0, 4.0]),
        ([1.0, -1.0, -1.0, 1.0], [4.0, 4.0, 4.0, 4.0]),
        ([1.0, 1.0, 1.0, 1.0], [-4.0, 0.0, 4.0, 4.0]),
    ],
)
def test_a_difference_that_is_lost_in_the_noise_does_not_hold(
    ours: list[float], theirs: list[float]
) -> None:
    row = ratio_row("x", ours, theirs, 100.0, unit="us")
    assert not row["holds"]
    assert row["ratio"] is None
    assert row["ours_us_range"] == [min(ours), max(ours)]
    assert row["other_us_range"] == [min(theirs), max(theirs)]


def test_rounds_alternate_and_the_first_only_warms_up() -> None:
    clock, order = itertools.count(), []

    def form(name: str) -> float:
        order.append(name)
        return float(next(clock))

    seconds = told({name: (lambda name=name: form(name)) for name in "ab"}, 2)
    assert "".join(order) == "abbaab"
    assert seconds == {"a": [3.0, 4.0], "b": [2.0, 5.0]}
