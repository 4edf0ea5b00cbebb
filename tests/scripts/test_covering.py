"""What tests leave out of a product leaves no value and no pair out."""

from itertools import combinations, product

import pytest

from tests.covering import in_turn, pairwise


@pytest.mark.parametrize(
    ("sizes", "most"), [((28, 3, 2), 84), ((4, 2, 3), 13), ((5, 5, 5, 5), 40), ((1, 3), 3)]
)
def test_any_two_values_meet_in_few_cases(sizes: tuple[int, ...], most: int) -> None:
    axes = [[f"{axis}{place}" for place in range(size)] for axis, size in enumerate(sizes)]
    cases = pairwise(*axes)
    for one, other in combinations(range(len(axes)), 2):
        met = {(case[one], case[other]) for case in cases}
        assert met == set(product(axes[one], axes[other]))
    assert len(cases) <= most


@pytest.mark.parametrize("names", ["ab", "abcdefghijk"])
def test_names_take_options_in_turn_until_both_are_used_up(names: str) -> None:
    cases = in_turn(names, [1, 2, 3], [True, False])
    assert {name for name, *_ in cases} == set(names)
    assert {tuple(rest) for _, *rest in cases} == set(product([1, 2, 3], [True, False]))
    assert len(cases) == max(len(names), 6)
