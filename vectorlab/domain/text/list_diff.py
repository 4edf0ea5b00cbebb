"""Which items of one list are which items of another: what stayed, moved, came and went.

Items are compared by identity (a demonstration's id or hash) and may occur more than once. The
lists may be long, so places are kept in arrays and what stayed as runs.
"""

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from vectorlab.domain.text.shared_prefix import shared_prefix


class Stretch(NamedTuple):
    """Entries that are neighbours in both lists."""

    old: int  # place of the first in the old list
    new: int  # place of the first in the new list
    length: int


@dataclass(frozen=True, kw_only=True)
class ListDiff:
    """How two lists relate; all numbers are places, counted from 0."""

    runs: tuple[Stretch, ...]  # in order: the longest part that kept its order
    moved: tuple[tuple[int, int], ...]  # (old, new) of what is in both lists, but elsewhere
    removed: tuple[int, ...]  # old places
    added: tuple[int, ...]  # new places

    def stayed(self) -> Iterator[tuple[int, int]]:
        """(old, new) of what kept its order, in order."""
        for run in self.runs:
            for step in range(run.length):
                yield run.old + step, run.new + step


def diff_lists(old: Sequence[Hashable], new: Sequence[Hashable]) -> ListDiff:
    """Compare two lists so that as little as possible has moved, in O(n log n).

    The n-th occurrence of an item in one list is its n-th occurrence in the other.
    """
    head = shared_prefix(old, new)
    rest = min(len(old), len(new)) - head
    tail = min(rest, shared_prefix(reversed(old), reversed(new)))
    waiting = _Places(old, range(head, len(old) - tail))
    olds, news, added = array("q"), array("q"), array("q")
    for place in range(head, len(new) - tail):
        before = waiting.take(new[place])
        if before is None:
            added.append(place)
        else:
            olds.append(before)
            news.append(place)
    kept = _longest_in_order(olds)
    ends = [(0, 0, head), (len(old) - tail, len(new) - tail, tail)]
    middle = ((olds[at], news[at], 1) for at in range(len(olds)) if kept[at])
    return ListDiff(
        runs=tuple(_joined([ends[0], *middle, ends[1]])),
        moved=tuple((olds[at], news[at]) for at in range(len(olds)) if not kept[at]),
        removed=tuple(sorted(waiting)),
        added=tuple(added),
    )


class _Places:
    """Where the items of a list stand; each place can be taken once, in order.

    Most items occur once, so only those that repeat have a queue.
    """

    def __init__(self, items: Sequence[Hashable], places: Iterable[int]) -> None:
        self._first: dict[Hashable, int] = {}
        self._later: dict[Hashable, deque[int]] = {}
        for place in places:
            if self._first.setdefault(items[place], place) != place:
                self._later.setdefault(items[place], deque()).append(place)

    def take(self, value: Hashable) -> int | None:
        place = self._first.pop(value, None)
        if place is not None and (queue := self._later.get(value)):
            self._first[value] = queue.popleft()
        return place

    def __iter__(self) -> Iterator[int]:
        yield from self._first.values()
        for queue in self._later.values():
            yield from queue


def _joined(runs: Iterable[tuple[int, int, int]]) -> Iterator[Stretch]:
    """Runs without empty ones, neighbours put together."""
    before: Stretch | None = None
    for old, new, length in runs:
        if not length:
            continue
        run = Stretch(old, new, length)
        if before is None:
            before = run
        elif before.old + before.length == old and before.new + before.length == new:
            before = before._replace(length=before.length + length)
        else:
            yield before
            before = run
    if before is not None:
        yield before


def _longest_in_order(olds: Sequence[int]) -> bytearray:
    """Flags the longest part of a sequence that rises (patience sorting)."""
    ends: list[int] = []  # smallest number that ends a rising part of each length
    at = array("q")  # index of the number that holds it
    before = array("q")  # for every number, the one before it in its part
    for index, old in enumerate(olds):
        length = bisect_left(ends, old)
        before.append(at[length - 1] if length else -1)
        if length == len(ends):
            ends.append(old)
            at.append(index)
        else:
            ends[length], at[length] = old, index
    flags = bytearray(len(olds))
    index = at[-1] if at else -1
    while index >= 0:
        flags[index] = 1
        index = before[index]
    return flags
