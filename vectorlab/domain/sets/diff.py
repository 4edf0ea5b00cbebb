"""What changed between two versions of a demonstration set: added, removed, moved, edited."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.text.list_diff import Stretch, diff_lists

# An edit is an old and a new demonstration between the same neighbours whose words agree at
# least this much (0 to 1); less is called a removal and an addition.
LEAST_SIMILARITY = 0.5
_MOST_WORDS = 40_000  # words times words of a pair; beyond it their order does not count
_LONGEST_WORD = 10  # characters on average; a text with longer ones writes no spaces
_SHORTEST_TARGET = 12  # characters
_MOST_COMPARISONS = 2500  # per stretch; beyond it only neighbours in order are compared


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A demonstration and where it stands."""

    position: int  # in its version, from 0
    demonstration: Demonstration


@dataclass(frozen=True, kw_only=True)
class Edited:
    """One demonstration before and after a change of its words."""

    before: Placed
    after: Placed


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A demonstration that stands elsewhere among the others."""

    demonstration: Demonstration
    before: int  # position in the old version
    after: int  # position in the new version


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What leads from one list of demonstrations to another."""

    added: tuple[Placed, ...]
    removed: tuple[Placed, ...]
    edited: tuple[Edited, ...]
    moved: tuple[Moved, ...]

    @property
    def is_empty(self) -> bool:
        """Whether both lists hold the same demonstrations in the same order."""
        return not (self.added or self.removed or self.edited or self.moved)


def find_changes(
    old: Sequence[int],
    new: Sequence[int],
    read: Callable[[Sequence[int]], Mapping[int, Demonstration]],
) -> Changes:
    """Compare two ordered lists of demonstrations.

    Args:
        old: Ids of the demonstrations before, equal ids for equal content.
        new: Ids of those after.
        read: Gives the texts of some ids; asked once, for what changed.
    """
    places = diff_lists(old, new)
    gone, came = places.removed, places.added
    moved = [(old[place], place, now) for place, now in places.moved]
    texts = read(
        [
            *(old[place] for place in gone),
            *(new[place] for place in came),
            *(i for i, _, _ in moved),
        ]
    )
    removed = [Placed(position=place, demonstration=texts[old[place]]) for place in gone]
    added = [Placed(position=place, demonstration=texts[new[place]]) for place in came]
    edited = _match_edited(removed, added, places.runs)
    taken_before = {pair.before.position for pair in edited}
    taken_after = {pair.after.position for pair in edited}
    return Changes(
        added=tuple(placed for placed in added if placed.position not in taken_after),
        removed=tuple(placed for placed in removed if placed.position not in taken_before),
        edited=tuple(edited),
        moved=tuple(
            Moved(demonstration=texts[demonstration_id], before=before, after=after)
            for demonstration_id, before, after in moved
        ),
    )


def _match_edited(
    removed: Sequence[Placed], added: Sequence[Placed], runs: Sequence[Stretch]
) -> list[Edited]:
    """Pair what shares its source, then its target, then its neighbours and most words."""
    edited: list[Edited] = []
    left, right = list(removed), list(added)
    for side in (_source, _target):
        edited += _pair_equal(left, right, side)
    # Nothing comes or goes inside a run, so the runs before an item say between which it stands.
    old_starts, new_starts = [run.old for run in runs], [run.new for run in runs]
    stretches: dict[int, tuple[list[Placed], list[Placed]]] = defaultdict(lambda: ([], []))
    for placed in left:
        stretches[bisect_left(old_starts, placed.position)][0].append(placed)
    for placed in right:
        stretches[bisect_left(new_starts, placed.position)][1].append(placed)
    for before, after in stretches.values():
        edited += _pair_similar(before, after)
    return sorted(edited, key=lambda pair: pair.after.position)


def _pair_equal(
    left: list[Placed], right: list[Placed], side: Callable[[Placed], Hashable]
) -> Iterator[Edited]:
    """Pair what alone has an equal side; both lists lose what is paired."""
    before, after = _alone(left, side), _alone(right, side)
    pairs = [(placed, after[key]) for key, placed in before.items() if key in after]
    gone = {id(placed) for pair in pairs for placed in pair}
    left[:] = [placed for placed in left if id(placed) not in gone]
    right[:] = [placed for placed in right if id(placed) not in gone]
    for old, new in pairs:
        yield Edited(before=old, after=new)


def _alone(items: Sequence[Placed], side: Callable[[Placed], Hashable]) -> dict[Hashable, Placed]:
    """Items by their side, without those whose side occurs more than once."""
    counts = Counter(side(placed) for placed in items)
    return {side(placed): placed for placed in items if side(placed) and counts[side(placed)] == 1}


def _pair_similar(before: Sequence[Placed], after: Sequence[Placed]) -> Iterator[Edited]:
    """Pair the most similar first."""
    if len(before) * len(after) <= _MOST_COMPARISONS:
        candidates = [(old, new) for old in before for new in after]
    else:
        candidates = list(zip(before, after, strict=False))
    scored = sorted(
        ((_similarity(old, new), old, new) for old, new in candidates),
        key=lambda candidate: (-candidate[0], candidate[1].position, candidate[2].position),
    )
    taken_before: set[int] = set()
    taken_after: set[int] = set()
    for similarity, old, new in scored:
        if similarity < LEAST_SIMILARITY:
            return
        if old.position not in taken_before and new.position not in taken_after:
            taken_before.add(old.position)
            taken_after.add(new.position)
            yield Edited(before=old, after=new)


def _similarity(old: Placed, new: Placed) -> float:
    before, after = _words(old), _words(new)
    matcher = SequenceMatcher(a=before, b=after, autojunk=False)
    # The quick ratio is an upper bound and costs a fraction.
    quick = matcher.quick_ratio()
    if quick < LEAST_SIMILARITY:
        return 0.0
    return quick if len(before) * len(after) > _MOST_WORDS else matcher.ratio()


def _words(placed: Placed) -> Sequence[str]:
    """Words, or characters where a script writes no spaces."""
    text = f"{placed.demonstration.source} {placed.demonstration.target or ''}".lower()
    words = text.split()
    return text if len(text) > _LONGEST_WORD * max(1, len(words)) else words


def _source(placed: Placed) -> str:
    return placed.demonstration.source


def _target(placed: Placed) -> str | None:
    """The target, unless it is so short that it may be a label that many share."""
    target = placed.demonstration.target
    return target if target is not None and len(target) >= _SHORTEST_TARGET else None
