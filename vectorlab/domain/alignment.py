"""Which items of one list are which items of another: what stayed, moved, came and went.

Items are compared by identity (a demonstration's id or hash) and may occur more than once.
"""

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ListAlignment:
    """How two lists relate; all numbers are places, counted from 0."""

    stayed: tuple[tuple[int, int], ...]  # (old, new) in order: the longest part that kept its order
    moved: tuple[tuple[int, int], ...]  # (old, new) of what is in both lists, but elsewhere
    removed: tuple[int, ...]  # old places
    added: tuple[int, ...]  # new places


def align(old: Sequence[Hashable], new: Sequence[Hashable]) -> ListAlignment:
    """Align two lists so that as little as possible has moved, in O(n log n).

    The n-th occurrence of an item in one list is its n-th occurrence in the other.
    """
    head = _common_head(old, new)
    tail = _common_head(old[head:][::-1], new[head:][::-1])
    end, new_end = len(old) - tail, len(new) - tail
    places: dict[Hashable, deque[int]] = defaultdict(deque)
    for place in range(head, end):
        places[old[place]].append(place)
    pairs, added = [], []
    for place in range(head, new_end):
        queue = places.get(new[place])
        if queue:
            pairs.append((queue.popleft(), place))
        else:
            added.append(place)
    stayed = _longest_in_order(pairs)
    kept = set(stayed)
    return ListAlignment(
        stayed=(
            *((place, place) for place in range(head)),
            *stayed,
            *zip(range(end, len(old)), range(new_end, len(new)), strict=True),
        ),
        moved=tuple(pair for pair in pairs if pair not in kept),
        removed=tuple(sorted(place for queue in places.values() for place in queue)),
        added=tuple(added),
    )


def _common_head(old: Sequence[Hashable], new: Sequence[Hashable]) -> int:
    count = 0
    for left, right in zip(old, new, strict=False):
        if left != right:
            break
        count += 1
    return count


def _longest_in_order(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of pairs, sorted by new place, whose old places rise (patience sorting)."""
    ends: list[int] = []  # smallest old place that ends a run of each length
    at: list[int] = []  # index of the pair that holds it
    before: list[int] = []  # for every pair, the one before it in its run
    for index, (old, _) in enumerate(pairs):
        length = bisect_left(ends, old)
        before.append(at[length - 1] if length else -1)
        if length == len(ends):
            ends.append(old)
            at.append(index)
        else:
            ends[length], at[length] = old, index
    run = []
    index = at[-1] if at else -1
    while index >= 0:
        run.append(pairs[index])
        index = before[index]
    return run[::-1]
