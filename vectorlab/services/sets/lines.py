"""Lists of demonstrations by number, of which some may not be stored yet, and joining two."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vectorlab.domain.sets.diff import Changes, find_changes
from vectorlab.domain.sets.merge import Conflict, Line, Take
from vectorlab.domain.sets.versions import Demonstration, StoredDemonstration
from vectorlab.errors import InputError
from vectorlab.store.database import Transaction
from vectorlab.store.sets import items as set_items

Settled = Take | Sequence[Demonstration]


@dataclass(frozen=True, kw_only=True)
class ConflictingPair:
    """A demonstration that two lines changed, each in another way."""

    number: int  # names it when it is settled, from 1
    base: Demonstration
    ours: Demonstration | None  # None: removed
    theirs: Demonstration | None


class ItemNumbers:
    """Numbers of demonstrations: ids of stored ones, and some that no row has for the others."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._ids: dict[str, int] = {}
        self._items: dict[int, set_items.Item] = {}
        self._fresh: dict[int, Demonstration] = {}

    def of(self, items: Iterable[set_items.Item]) -> list[int]:
        """The numbers of a list, equal ones for equal content; stored lists come first."""
        return [self._number(item) for item in items]

    def item(self, number: int) -> set_items.Item:
        """What has a number."""
        return self._items[number]

    def texts(self, numbers: Iterable[int]) -> dict[int, Demonstration]:
        """The demonstrations of some numbers."""
        return (
            set_items.by_ids(self._tx, (n for n in numbers if n not in self._fresh)) | self._fresh
        )

    def changes(self, before: Sequence[int], after: Sequence[int]) -> Changes:
        """What leads from one list to another."""
        return find_changes(before, after, self.texts)

    def line(self, base: Sequence[int], items: Sequence[int]) -> Line:
        """A list as one that left another."""
        return Line(items=items, changes=self.changes(base, items))

    def conflicting_pairs(self, conflicts: Sequence[Conflict]) -> tuple[ConflictingPair, ...]:
        """Conflicts with their texts, numbered from 1."""
        texts = self.texts(
            number
            for conflict in conflicts
            for number in (conflict.base, conflict.ours, conflict.theirs)
            if number is not None
        )
        return tuple(
            ConflictingPair(
                number=number,
                base=texts[conflict.base],
                ours=None if conflict.ours is None else texts[conflict.ours],
                theirs=None if conflict.theirs is None else texts[conflict.theirs],
            )
            for number, conflict in enumerate(conflicts, start=1)
        )

    def settled(
        self, merged: Sequence[int | Conflict], choices: Sequence[Settled | None]
    ) -> Iterator[set_items.Item]:
        """A merged list with its conflicts settled, each by the choice in its order."""
        rest = iter(choices)
        for entry in merged:
            if not isinstance(entry, Conflict):
                yield self.item(entry)
                continue
            choice = next(rest)
            if isinstance(choice, Take):
                yield from (self.item(number) for number in entry.settled(choice))
            else:
                yield from choice or ()

    def _number(self, item: set_items.Item) -> int:
        number = self._ids.get(item.sha256)
        if number is None:
            if isinstance(item, StoredDemonstration):
                number = item.id
            else:
                number = -1 - len(self._fresh)  # no row has such an id
                self._fresh[number] = item
            self._ids[item.sha256], self._items[number] = number, item
        return number


def conflicts_of(merged: Sequence[int | Conflict]) -> list[Conflict]:
    """The conflicts of a merged list, in their order."""
    return [entry for entry in merged if isinstance(entry, Conflict)]


def check_shown(pairs: Sequence[ConflictingPair], shown: Sequence[ConflictingPair]) -> None:
    """Refuse to settle other conflicts than those that somebody looked at.

    Raises:
        InputError: If one of those is not there any more.
    """
    for pair in shown:
        if pair not in pairs:
            raise InputError(
                f"Conflict {pair.number} is not there any more as it was settled: the sets went on "
                "since. Write the conflicts anew with --conflicts FILE."
            )


def choices_for(
    conflicts: Sequence[Conflict], take: Take | None, settled: Mapping[int, Settled]
) -> list[Settled | None]:
    """What settles each conflict; None where nothing does.

    Raises:
        InputError: If a conflict is settled that is not there.
    """
    unknown = [number for number in settled if not 1 <= number <= len(conflicts)]
    if unknown:
        raise InputError(
            f"There is no conflict {unknown[0]}; the merge has {len(conflicts)}. "
            "Write the conflicts anew with --conflicts FILE."
        )
    return [settled.get(number, take) for number in range(1, len(conflicts) + 1)]
