"""Joining two lines of a demonstration set: three-way, by content, conflicts never guessed."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vectorlab.domain.sets.diff import Changes
from vectorlab.domain.text.list_diff import diff_lists


class Take(StrEnum):
    """What a conflict is settled with."""

    OURS = "ours"
    THEIRS = "theirs"
    BOTH = "both"  # ours, then theirs
    BASE = "base"  # as it was before both changes
    NEITHER = "neither"


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A demonstration that both lines changed, each in another way."""

    base: int  # id of what it was
    ours: int | None  # id of what it became in our line; None: removed
    theirs: int | None

    def settled(self, take: Take) -> list[int]:
        """The demonstrations that stand in the merged list instead."""
        chosen: dict[Take, tuple[int | None, ...]] = {
            Take.OURS: (self.ours,),
            Take.THEIRS: (self.theirs,),
            Take.BOTH: (self.ours, self.theirs),
            Take.BASE: (self.base,),
            Take.NEITHER: (),
        }
        return [demonstration for demonstration in chosen[take] if demonstration is not None]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line that left the base."""

    items: Sequence[int]  # ids in their order
    changes: Changes  # from the base to these


def merge(base: Sequence[int], ours: Line, theirs: Line) -> list[int | Conflict]:
    """The joined list: what one line changed is changed, the rest keeps our order.

    A demonstration that both lines changed alike is taken once; changed differently, or changed
    here and removed there, it is a conflict. Additions of the other line follow the neighbour
    that they follow there; what only the other line moved goes where it moved it.

    Args:
        base: Ids of the version that both lines come from.
        ours: The line whose order is kept.
        theirs: The line that is brought in.
    """
    if list(ours.items) == list(base):
        return list(theirs.items)
    if list(theirs.items) == list(base):
        return list(ours.items)
    mine, other = _fates(base, ours), _fates(base, theirs)
    moved_there = other.moved - mine.moved
    fates = {place: _decide(base, place, mine, other) for place in range(len(base))}
    behind = _removed_conflicts(mine, fates)
    _place_additions(behind, ours, theirs, mine, other, moved_there, fates)
    return _in_our_order(behind, ours, mine, moved_there, fates)


# What stands in the merged list behind something: a base place, the head, or an own addition.
_HEAD = -1
_Behind = dict[int, list[int | Conflict]]


def _own(place: int) -> int:
    """The key of an addition of our line, apart from base places and the head."""
    return _HEAD - 1 - place


def _place_additions(
    behind: _Behind,
    ours: Line,
    theirs: Line,
    mine: "_Fates",
    other: "_Fates",
    moved_there: frozenset[int],
    fates: Mapping[int, list[int | Conflict]],
) -> None:
    """Say behind what the additions and moves of the other line go."""
    shared: dict[int, deque[int]] = defaultdict(deque)
    for place in mine.additions:
        shared[ours.items[place]].append(place)
    anchor = _HEAD
    for place, demonstration in enumerate(theirs.items):
        origin = other.origin.get(place)
        if origin is None:
            if shared[demonstration]:
                anchor = _own(shared[demonstration].popleft())
            else:
                behind.setdefault(anchor, []).append(demonstration)
        elif origin in moved_there:
            behind.setdefault(anchor, []).extend(fates[origin])
        elif origin in mine.places:
            anchor = origin


def _in_our_order(
    behind: _Behind,
    ours: Line,
    mine: "_Fates",
    moved_there: frozenset[int],
    fates: Mapping[int, list[int | Conflict]],
) -> list[int | Conflict]:
    """Our line with what became of it; our own additions go before those of the other line."""
    merged: list[int | Conflict] = []
    waiting = behind.get(_HEAD, [])
    for place, demonstration in enumerate(ours.items):
        origin = mine.origin.get(place)
        if origin is None:
            merged += [demonstration, *behind.get(_own(place), [])]
        else:
            merged += waiting
            merged += [] if origin in moved_there else fates[origin]
            waiting = behind.get(origin, [])
    return merged + waiting


def _removed_conflicts(mine: "_Fates", fates: Mapping[int, list[int | Conflict]]) -> _Behind:
    """Conflicts over items that our line removed, behind what stands before them there."""
    behind: _Behind = {}
    anchor = _HEAD
    for place, fate in fates.items():
        if place in mine.places:
            anchor = place
        else:
            conflicts = [part for part in fate if isinstance(part, Conflict)]
            behind.setdefault(anchor, []).extend(conflicts)
    return behind


@dataclass(frozen=True, kw_only=True)
class _Fates:
    """What a line made of the base, by base place and by its own place."""

    origin: Mapping[int, int]  # own place -> base place it comes from
    places: frozenset[int]  # base places that are still there, changed or not
    became: Mapping[int, int]  # base place -> id, of what was edited
    moved: frozenset[int]  # base places that stand elsewhere
    additions: tuple[int, ...]  # own places without origin


def _fates(base: Sequence[int], line: Line) -> _Fates:
    diff = diff_lists(base, line.items)
    origin = {new: old for old, new in (*diff.stayed(), *diff.moved)}
    became = {}
    for edit in line.changes.edited:
        origin[edit.after.position] = edit.before.position
        became[edit.before.position] = line.items[edit.after.position]
    return _Fates(
        origin=origin,
        places=frozenset(origin.values()),
        became=became,
        moved=frozenset(old for old, _ in diff.moved),
        additions=tuple(place for place in diff.added if place not in origin),
    )


def _decide(base: Sequence[int], place: int, mine: _Fates, other: _Fates) -> list[int | Conflict]:
    """What becomes of one base item."""
    was = base[place]
    here = mine.became.get(place, was) if place in mine.places else None
    there = other.became.get(place, was) if place in other.places else None
    if here == there:
        return [] if here is None else [here]
    if here == was:
        return [] if there is None else [there]
    if there == was:
        return [] if here is None else [here]
    return [Conflict(base=was, ours=here, theirs=there)]
