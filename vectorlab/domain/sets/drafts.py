"""Changes of a version that are not frozen yet, and the drafts that keep them meanwhile."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from vectorlab.domain.sets.versions import Demonstration

NOTHING_YET = 0  # in the place of a version's number: the set has no version


@dataclass(frozen=True, kw_only=True)
class DraftStep:
    """What one step of editing changes of an edit; the rest stays as it is.

    Several windows may work at one edit, each knowing what it saw last: ``added`` is what stands
    there now instead of ``seen``, and what others added since is kept.
    """

    replaced: Mapping[int, Demonstration | None] = field(default_factory=dict)  # None: not any more
    removed: Mapping[int, bool] = field(default_factory=dict)
    seen: tuple[Demonstration, ...] = ()
    added: tuple[Demonstration, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Edit:
    """Changes of a version that was read, by the positions that its demonstrations have in it."""

    replaced: Mapping[int, Demonstration] = field(default_factory=dict)
    removed: frozenset[int] = frozenset()
    added: tuple[Demonstration, ...] = ()  # at the end

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing."""
        return not (self.replaced or self.removed or self.added)

    def after(self, step: DraftStep) -> "Edit":
        """The edit with one more step taken."""
        replaced = {**self.replaced, **step.replaced}
        removed = {**dict.fromkeys(self.removed, True), **step.removed}
        return Edit(
            replaced={place: item for place, item in replaced.items() if item is not None},
            removed=frozenset(place for place, is_gone in removed.items() if is_gone),
            added=_joined(self.added, step.seen, step.added),
        )

    def plain(self) -> dict[str, Any]:
        """The edit in JSON types."""
        return {
            "replaced": {str(place): _plain(item) for place, item in sorted(self.replaced.items())},
            "removed": sorted(self.removed),
            "added": [_plain(item) for item in self.added],
        }

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> "Edit":
        """The edit that was written as JSON."""
        return cls(
            replaced={
                int(place): Demonstration(**item) for place, item in plain["replaced"].items()
            },
            removed=frozenset(plain["removed"]),
            added=tuple(Demonstration(**item) for item in plain["added"]),
        )


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What somebody changes of a version of a set, or begins it with."""

    id: int
    set_name: str
    base_number: int  # of the version that is edited; ``NOTHING_YET`` where there is none
    author: str
    edit: Edit
    created_at: datetime  # UTC
    changed_at: datetime

    @property
    def label(self) -> str:
        """How people name what it is a draft of, ``name@number`` or the name of a new set."""
        return f"{self.set_name}@{self.base_number}" if self.base_number else self.set_name

    @property
    def words(self) -> str:
        """How much it changes, such as ``2 changed, 1 added``."""
        counts = {
            "changed": len(self.edit.replaced.keys() - self.edit.removed),
            "removed": len(self.edit.removed),
            "added": len(self.edit.added),
        }
        return ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "nothing"


def without_twins(edit: Edit, originals: Mapping[int, Demonstration]) -> Edit:
    """The edit without replacements by what stands there anyway."""
    kept = {place: item for place, item in edit.replaced.items() if originals.get(place) != item}
    return replace(edit, replaced=kept)


def _joined(
    now: Sequence[Demonstration], seen: Sequence[Demonstration], wanted: Sequence[Demonstration]
) -> tuple[Demonstration, ...]:
    """What was wanted in the place of what was seen, with what came or went elsewhere since."""
    if list(now) == list(seen):
        return tuple(wanted)
    gone = Counter(_key(item) for item in seen) - Counter(_key(item) for item in wanted)
    come = Counter(_key(item) for item in wanted) - Counter(_key(item) for item in seen)
    return (*_less(now, gone), *_only(wanted, come))


def _less(items: Sequence[Demonstration], gone: Counter[str]) -> Iterator[Demonstration]:
    left = Counter(gone)
    for item in items:
        if left[_key(item)]:
            left[_key(item)] -= 1
        else:
            yield item


def _only(items: Sequence[Demonstration], come: Counter[str]) -> Iterator[Demonstration]:
    left = Counter(come)
    for item in items:
        if left[_key(item)]:
            left[_key(item)] -= 1
            yield item


def _key(item: Demonstration) -> str:
    return item.sha256


def _plain(item: Demonstration) -> dict[str, Any]:
    return {"source": item.source, "target": item.target, "metadata": dict(item.metadata)}
