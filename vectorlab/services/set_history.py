"""Differences between set versions, where each demonstration came in, and merging two lines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vectorlab.domain.set_checks import Finding
from vectorlab.domain.set_diff import Changes, find_changes
from vectorlab.domain.set_merge import Conflict, Line, Take
from vectorlab.domain.set_merge import merge as merge_lines
from vectorlab.domain.sets import (
    Demonstration,
    SetReference,
    SetVersion,
    StoredDemonstration,
)
from vectorlab.errors import InputError
from vectorlab.services.sets import Committed, Edit, Item, check_items, edited_items, freeze
from vectorlab.store import set_items, sets
from vectorlab.store.database import Database, Transaction


@dataclass(frozen=True, kw_only=True)
class SetDiff:
    """What changed between two versions, by content."""

    before: SetVersion
    after: SetVersion
    changes: Changes


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What freezing an edit would do."""

    changes: Changes
    count: int  # demonstrations of the version it would make
    findings: tuple[Finding, ...] | None  # None: not looked for


@dataclass(frozen=True, kw_only=True)
class Blame:
    """Where a demonstration of a version came in."""

    position: int
    demonstration: Demonstration
    version: SetVersion  # the first one of its line that holds it


@dataclass(frozen=True, kw_only=True)
class ConflictingPair:
    """A demonstration that two lines changed, each in another way."""

    number: int  # names it when it is settled, from 1
    base: Demonstration
    ours: Demonstration | None  # None: removed
    theirs: Demonstration | None


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What a merge did, or why it did nothing."""

    base: SetVersion | None  # the version that both lines come from
    ours: SetVersion
    theirs: SetVersion
    committed: Committed | None  # None: conflicts are open, nothing was written
    conflicts: tuple[ConflictingPair, ...]


def history(db: Database, name: str) -> list[SetVersion]:
    """Every version of a set and what they came from in other sets, newest first.

    Raises:
        NotFoundError: If there is no such set.
    """
    with db.read() as tx:
        ids = sets.ancestors(tx, *(item.id for item in sets.list_versions(tx, name)))
        return [sets.version_by_id(tx, item) for item in sorted(ids, reverse=True)]


def diff(db: Database, before: str, after: str) -> SetDiff:
    """Compare two versions: added, removed, edited and moved demonstrations."""
    with db.read() as tx:
        left = sets.resolve_version(tx, SetReference.parse(before))
        right = sets.resolve_version(tx, SetReference.parse(after))
        return SetDiff(before=left, after=right, changes=_changes(tx, left, right))


def preview(db: Database, reference: str, edit: Edit, *, check: bool = True) -> Preview:
    """What an edit would change of a version, and what the checks would find; nothing is written.

    Args:
        db: The store.
        reference: The version that is edited.
        edit: What is replaced, removed and added.
        check: Run the checks too; they read the whole version.
    """
    with db.read() as tx:
        version = sets.resolve_version(tx, SetReference.parse(reference))
        old = set_items.stored_items(tx, version.id)
        new = list(edited_items(old, edit, version))
        ids = {item.sha256: item.id for item in old}
        fresh: dict[int, Demonstration] = {}
        for item in new:
            if isinstance(item, Demonstration) and item.sha256 not in ids:
                ids[item.sha256] = -1 - len(fresh)  # no row has such an id
                fresh[ids[item.sha256]] = item
        changes = find_changes(
            [item.id for item in old],
            [ids[item.sha256] for item in new],
            lambda wanted: set_items.by_ids(tx, wanted) | fresh,
        )
        findings = check_items(tx, version.set_name, new) if check else None
    return Preview(changes=changes, count=len(new), findings=findings)


def blame(db: Database, reference: str) -> list[Blame]:
    """In which version each demonstration of a version came in, forks and merges followed."""
    with db.read() as tx:
        version = sets.resolve_version(tx, SetReference.parse(reference))
        items = set_items.stored_items(tx, version.id)
        came: dict[int, int] = {}  # demonstration id -> id of the version
        _trace(tx, version, {item.id for item in items}, came)
        versions = {item: sets.version_by_id(tx, item) for item in set(came.values())}
        texts = set_items.by_ids(tx, came)
    return [
        Blame(position=place, demonstration=texts[item.id], version=versions[came[item.id]])
        for place, item in enumerate(items)
    ]


def merge(
    db: Database,
    *,
    ours: str,
    theirs: str,
    actor: str,
    message: str | None = None,
    take: Take | None = None,
    settled: Mapping[int, Take | Sequence[Demonstration]] | None = None,
    unrelated: bool = False,
    strict: bool = False,
) -> Merged:
    """Bring another line into a set as its next version, three-way by content.

    Args:
        db: The store.
        ours: The set that gets the version.
        theirs: The version that is brought in.
        actor: Recorded as the author.
        message: Why; None names the version.
        take: Settles every conflict that ``settled`` does not name.
        settled: By number of the conflict: what to take, or what stands there instead.
        unrelated: Join lines without a common version too; everything counts as added.
        strict: Refuse what the checks warn about.

    Returns:
        With the new version, or with the open conflicts and nothing written.

    Raises:
        InputError: If the lines have no common version, or there is nothing to bring in.
    """
    with db.write() as tx:
        mine = sets.resolve_version(tx, SetReference(name=SetReference.parse(ours).name))
        other = sets.resolve_version(tx, SetReference.parse(theirs))
        base = _common_base(tx, mine, other, unrelated=unrelated)
        lists = {
            version.id: set_items.stored_items(tx, version.id)
            for version in (base, mine, other)
            if version is not None
        }
        before = [] if base is None else lists[base.id]
        merged = merge_lines(
            [item.id for item in before],
            _line(tx, before, lists[mine.id]),
            _line(tx, before, lists[other.id]),
        )
        conflicts = [item for item in merged if isinstance(item, Conflict)]
        choices = _choices(conflicts, take, settled or {})
        pairs = _conflicting_pairs(tx, conflicts)
        if None in choices:
            return Merged(base=base, ours=mine, theirs=other, committed=None, conflicts=pairs)
        known = {item.id: item for items in lists.values() for item in items}
        committed = freeze(
            tx,
            name=mine.set_name,
            items=_settled_items(merged, choices, known),
            message=message or f"Merge {other.label}",
            actor=actor,
            strict=strict,
            action="merge",
            merged_id=other.id,
            details={
                "base": None if base is None else base.label,
                "theirs": other.label,
                "conflicts": len(conflicts),
            },
        )
    return Merged(base=base, ours=mine, theirs=other, committed=committed, conflicts=pairs)


def _changes(tx: Transaction, left: SetVersion, right: SetVersion) -> Changes:
    return find_changes(
        [item.id for item in set_items.stored_items(tx, left.id)],
        [item.id for item in set_items.stored_items(tx, right.id)],
        lambda wanted: set_items.by_ids(tx, wanted),
    )


def _line(
    tx: Transaction, base: Sequence[StoredDemonstration], items: Sequence[StoredDemonstration]
) -> Line:
    before, after = [item.id for item in base], [item.id for item in items]
    changes = find_changes(before, after, lambda wanted: set_items.by_ids(tx, wanted))
    return Line(items=after, changes=changes)


def _common_base(
    tx: Transaction, mine: SetVersion, other: SetVersion, *, unrelated: bool
) -> SetVersion | None:
    """The newest version that both lines come from."""
    ours, theirs = sets.ancestors(tx, mine.id), sets.ancestors(tx, other.id)
    if other.id in ours:
        raise InputError(f"{mine.label} already holds {other.label}; there is nothing to merge.")
    common = ours & theirs
    if common:
        # Ids grow with time and a version is newer than what it comes from, so the newest common
        # one is no ancestor of another.
        return sets.version_by_id(tx, max(common))
    if not unrelated:
        raise InputError(
            f"{mine.label} and {other.label} have no version in common. Join them all the same "
            "with --unrelated: everything counts as added."
        )
    return None


def _choices(
    conflicts: Sequence[Conflict],
    take: Take | None,
    settled: Mapping[int, Take | Sequence[Demonstration]],
) -> list[Take | Sequence[Demonstration] | None]:
    unknown = [number for number in settled if not 1 <= number <= len(conflicts)]
    if unknown:
        raise InputError(
            f"There is no conflict {unknown[0]}; the merge has {len(conflicts)}. "
            "Write the conflicts anew with --conflicts FILE."
        )
    return [settled.get(number, take) for number in range(1, len(conflicts) + 1)]


def _settled_items(
    merged: Sequence[int | Conflict],
    choices: Sequence[Take | Sequence[Demonstration] | None],
    known: Mapping[int, StoredDemonstration],
) -> Iterator[Item]:
    rest = iter(choices)
    for item in merged:
        if not isinstance(item, Conflict):
            yield known[item]
            continue
        choice = next(rest)
        if isinstance(choice, Take):
            yield from (known[settled] for settled in item.settled(choice))
        else:
            yield from choice or ()


def _conflicting_pairs(
    tx: Transaction, conflicts: Sequence[Conflict]
) -> tuple[ConflictingPair, ...]:
    ids = [i for item in conflicts for i in (item.base, item.ours, item.theirs) if i is not None]
    texts = set_items.by_ids(tx, ids)
    return tuple(
        ConflictingPair(
            number=number,
            base=texts[item.base],
            ours=None if item.ours is None else texts[item.ours],
            theirs=None if item.theirs is None else texts[item.theirs],
        )
        for number, item in enumerate(conflicts, start=1)
    )


def _trace(tx: Transaction, version: SetVersion, wanted: set[int], came: dict[int, int]) -> None:
    """Find the version at which each wanted demonstration came into a line for good."""
    missing = set(wanted)
    step: SetVersion | None = version
    while step is not None and missing:
        here = missing & set_items.arrivals(tx, step)
        missing -= here
        if step.merged_id is not None:
            other = sets.version_by_id(tx, step.merged_id)
            brought = here & {item.id for item in set_items.stored_items(tx, other.id)}
            _trace(tx, other, brought, came)
            here -= brought
        came.update(dict.fromkeys(here, step.id))
        step = None if step.parent_id is None else sets.version_by_id(tx, step.parent_id)
