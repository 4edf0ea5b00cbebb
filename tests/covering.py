"""Fewer cases than every combination, with no value and no pair of values left out."""

from collections.abc import Collection, Iterable
from itertools import combinations, cycle, islice, product
from typing import Any


def pairwise(*axes: Collection[Any]) -> list[tuple[Any, ...]]:
    """Cases in which any two values of different axes meet; for parametrize.

    Returns:
        About as many as the two longest axes have combinations, the same every time. Of two
        axes that is their product.
    """
    values = [list(axis) for axis in axes]
    left = {
        pair
        for (one, many), (other, more) in combinations(enumerate(values), 2)
        for pair in product(((one, place) for place in range(len(many))),
                            ((other, place) for place in range(len(more))))
    }  # fmt: skip
    cases = []
    while left:
        chosen = _best(values, left)
        left.difference_update(combinations(enumerate(chosen), 2))
        cases.append(tuple(axis[place] for axis, place in zip(values, chosen, strict=True)))
    return cases


def _best(values: list[list[Any]], left: set[Any]) -> list[int]:
    """Places on the axes that bring together many pairs of ``left``, one of them for sure."""
    chosen = dict(min(left))
    for axis, among in enumerate(values):
        if axis not in chosen:
            met = [
                sum(tuple(sorted((item, (axis, place)))) in left for item in chosen.items())
                for place in range(len(among))
            ]
            chosen[axis] = met.index(max(met))
    return [chosen[axis] for axis in range(len(values))]


def in_turn(names: Iterable[Any], *options: Collection[Any]) -> list[tuple[Any, ...]]:
    """Every name with one combination of the options, and every combination with a name.

    For laws that hang on the name and on the options, and not on how they meet; where they are
    to meet, some test with few names has all of them.
    """
    every, together = list(names), list(product(*options))
    count = max(len(every), len(together))
    pairs = islice(zip(cycle(every), cycle(together)), count)
    return [(name, *combination) for name, combination in pairs]
