"""Demonstration sets: create, commit versions, read them, tell two of them apart."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vectorlab.domain.sets import (
    Demonstration,
    DemonstrationSet,
    SetReference,
    SetVersion,
    check_name,
)
from vectorlab.errors import InputError
from vectorlab.store import audit, purge, sets
from vectorlab.store.database import Database, Transaction


@dataclass(frozen=True, kw_only=True)
class Committed:
    """What a commit did."""

    version: SetVersion
    created: bool  # False: the latest version already held exactly this


@dataclass(frozen=True, kw_only=True)
class SetDiff:
    """What changed between two versions, by content."""

    before: SetVersion
    after: SetVersion
    added: tuple[Demonstration, ...]
    removed: tuple[Demonstration, ...]
    edited: tuple[tuple[Demonstration, Demonstration], ...]  # same source or target kept

    @property
    def is_empty(self) -> bool:
        """Whether both versions hold the same demonstrations, in whatever order."""
        return not (self.added or self.removed or self.edited)

    @property
    def is_reordered(self) -> bool:
        """Whether the order is all that changed."""
        return self.is_empty and self.before.content_sha256 != self.after.content_sha256


def create(
    db: Database, *, name: str, description: str, task: str, tags: Sequence[str], actor: str
) -> DemonstrationSet:
    """Create an empty demonstration set.

    Raises:
        InputError: If the name cannot be used.
        ConflictError: If the name is taken.
    """
    check_name("set", name)
    with db.write() as tx:
        made = sets.create_set(tx, name=name, description=description, task=task, tags=tags)
        _audit(tx, actor, "create", made.id, {"name": name})
    return made


def commit(
    db: Database,
    *,
    name: str,
    demonstrations: Iterable[Demonstration],
    message: str,
    actor: str,
    description: str = "",
    task: str = "",
    tags: Sequence[str] = (),
) -> Committed:
    """Freeze demonstrations as the next version, creating the set where there is none.

    The demonstrations are taken as a stream, in one transaction: an error in it leaves nothing.
    Description, task and tags are used only when the set is created.

    Raises:
        InputError: If there is no demonstration, or one has an empty source.
    """
    check_name("set", name)
    with db.write() as tx:
        if name not in {item.name for item, _ in sets.list_sets(tx)}:
            sets.create_set(tx, name=name, description=description, task=task, tags=tags)
        version, created = sets.add_version(
            tx,
            set_name=name,
            demonstrations=_checked(name, demonstrations),
            message=message,
            author=actor,
        )
        if created:
            _audit(tx, actor, "commit", version.id, {"version": version.label})
    return Committed(version=version, created=created)


def fork(db: Database, *, reference: str, name: str, actor: str) -> SetVersion:
    """Begin a new set from a version of another one; the lineage is kept as its parent.

    Raises:
        ConflictError: If the new name is taken.
    """
    check_name("set", name)
    with db.write() as tx:
        origin = sets.resolve_version(tx, SetReference.parse(reference))
        sets.create_set(tx, name=name)
        version, _ = sets.add_version(
            tx,
            set_name=name,
            demonstrations=sets.demonstrations(tx, origin.id),
            message=f"Fork of {origin.label}",
            author=actor,
            parent_id=origin.id,
        )
        _audit(tx, actor, "fork", version.id, {"from": origin.label, "version": version.label})
    return version


def split(
    db: Database, *, reference: str, names: tuple[str, str], share: float, seed: int, actor: str
) -> tuple[SetVersion, SetVersion]:
    """Divide a version into two disjoint new sets, each in the version's order.

    Args:
        db: The store.
        reference: The version to divide.
        names: Of the two new sets.
        share: Of the demonstrations that go to the first, above 0 and below 1.
        seed: Of the draw; the same version, share and seed give the same two sets.
        actor: Recorded as the author.

    Raises:
        InputError: If a side would be empty.
        ConflictError: If a name is taken.
    """
    for name in names:
        check_name("set", name)
    with db.write() as tx:
        origin = sets.resolve_version(tx, SetReference.parse(reference))
        items = sets.demonstrations(tx, origin.id)
        size = round(len(items) * share) if 0 < share < 1 else 0
        if not 0 < size < len(items):
            raise InputError(
                f"A share of {share} of the {len(items)} demonstrations of {origin.label} leaves "
                "a side empty. Give a share between 0 and 1 that leaves both sides some."
            )
        first = set(random.Random(seed).sample(range(len(items)), size))
        sides = (
            [item for place, item in enumerate(items) if place in first],
            [item for place, item in enumerate(items) if place not in first],
        )
        made = []
        for name, side in zip(names, sides, strict=True):
            sets.create_set(tx, name=name)
            version, _ = sets.add_version(
                tx,
                set_name=name,
                demonstrations=side,
                message=f"Split of {origin.label}, share {share}, seed {seed}",
                author=actor,
                parent_id=origin.id,
            )
            _audit(tx, actor, "split", version.id, {"from": origin.label, "set": name})
            made.append(version)
    return made[0], made[1]


def tag(db: Database, *, name: str, tags: Sequence[str], actor: str) -> DemonstrationSet:
    """Replace the tags of a set."""
    with db.write() as tx:
        tagged = sets.set_tags(tx, name, tags)
        _audit(tx, actor, "tag", tagged.id, {"tags": list(tags)})
    return tagged


def list_sets(db: Database) -> list[tuple[DemonstrationSet, SetVersion | None]]:
    """Every set with its latest version."""
    with db.read() as tx:
        return sets.list_sets(tx)


def get(db: Database, reference: str) -> SetVersion:
    """The version that ``name``, ``name@latest`` or ``name@3`` names.

    Raises:
        NotFoundError: If there is no such set or version.
    """
    with db.read() as tx:
        return sets.resolve_version(tx, SetReference.parse(reference))


def demonstrations(db: Database, version: SetVersion) -> list[Demonstration]:
    """The demonstrations of a version in their order."""
    with db.read() as tx:
        return sets.demonstrations(tx, version.id)


def log(db: Database, name: str) -> list[SetVersion]:
    """All versions of a set, newest first."""
    with db.read() as tx:
        return sets.list_versions(tx, name)


def diff(db: Database, before: str, after: str) -> SetDiff:
    """Compare two versions by content.

    A removed and an added demonstration that share their source or their target are one
    edited demonstration.
    """
    with db.read() as tx:
        left = sets.resolve_version(tx, SetReference.parse(before))
        right = sets.resolve_version(tx, SetReference.parse(after))
        old = sets.demonstrations(tx, left.id)
        new = sets.demonstrations(tx, right.id)
    removed, added = _only_in(old, new), _only_in(new, old)
    edited = _match_edited(removed, added)
    return SetDiff(
        before=left, after=right, added=tuple(added), removed=tuple(removed), edited=tuple(edited)
    )


def remove(db: Database, name: str, *, cascade: bool, actor: str) -> list[str]:
    """Purge a set with all its versions; returns one line per thing that went.

    Raises:
        ConflictError: If vectors or runs depend on it and ``cascade`` is off.
    """
    with db.write() as tx:
        return purge.purge_set(tx, name, cascade=cascade, actor=actor)


def check_pairs(label: str, items: Sequence[Demonstration], *, minimum: int = 1) -> None:
    """Refuse a version that no steering vector can be extracted from.

    Raises:
        InputError: If there are too few pairs, a side is empty, or both sides are the same.
    """
    if len(items) < minimum:
        raise InputError(
            f"Set version {label} has {len(items)} pairs; at least {minimum} needed. "
            f"Add pairs: vectorlab sets import FILE --set {label.partition('@')[0]}"
        )
    for number, item in enumerate(items, start=1):
        if item.target is None or not item.target.strip():
            raise InputError(
                f"Demonstration {number} of {label} has no target (source {item.source[:60]!r}); "
                "extraction needs pairs. Import the set with --target-column."
            )
        if not item.source.strip():
            raise InputError(f"Demonstration {number} of {label} has an empty source.")
        if item.source == item.target:
            raise InputError(
                f"Demonstration {number} of {label} has the same source and target "
                f"({item.source[:60]!r}): the difference would be zero. Change or remove it."
            )


def _checked(name: str, items: Iterable[Demonstration]) -> Iterator[Demonstration]:
    for number, item in enumerate(items, start=1):
        if not item.source.strip():
            raise InputError(f"Demonstration {number} for set {name!r} has an empty source.")
        yield item


def _only_in(these: Sequence[Demonstration], those: Sequence[Demonstration]) -> list[Demonstration]:
    """What is in the first as often as it is not in the second."""
    left = Counter(item.sha256 for item in those)
    only = []
    for item in these:
        left[item.sha256] -= 1
        if left[item.sha256] < 0:
            only.append(item)
    return only


def _match_edited(
    removed: list[Demonstration], added: list[Demonstration]
) -> list[tuple[Demonstration, Demonstration]]:
    """Pair what shares a side; both lists lose the matched items."""
    edited = []
    for old in list(removed):
        new = next(
            (
                item
                for item in added
                if item.source == old.source or (item.target and item.target == old.target)
            ),
            None,
        )
        if new is not None:
            edited.append((old, new))
            removed.remove(old)
            added.remove(new)
    return edited


def _audit(
    tx: Transaction, actor: str, action: str, object_id: int, details: dict[str, object]
) -> None:
    audit.record(
        tx, actor=actor, action=action, object_kind="set", object_id=object_id, details=details
    )
