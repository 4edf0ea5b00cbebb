"""Differences between set versions, where each demonstration came in, and merging two lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vectorlab.domain.sets.checks import Finding
from vectorlab.domain.sets.diff import Changes
from vectorlab.domain.sets.drafts import Edit
from vectorlab.domain.sets.merge import Conflict, Take
from vectorlab.domain.sets.merge import merge as merge_lines
from vectorlab.domain.sets.versions import (
    Demonstration,
    SetReference,
    SetVersion,
)
from vectorlab.errors import InputError
from vectorlab.services.sets.lines import (
    ConflictingPair,
    ItemNumbers,
    check_shown,
    choices_for,
    conflicts_of,
)
from vectorlab.services.sets.sets import Committed, check_items, edited_items, freeze
from vectorlab.store.database import Database, Transaction
from vectorlab.store.sets import items as set_items
from vectorlab.store.sets import sets


@dataclass(frozen=True, kw_only=True)
class SetDiff:
    """What changed between two versions, by content."""

    before: SetVersion
    after: SetVersion
    changes: Changes


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What freezing would do."""

    changes: Changes  # of the version that it follows
    count: int  # demonstrations of the version it would make
    findings: tuple[Finding, ...] | None  # None: not looked for


@dataclass(frozen=True, kw_only=True)
class Blame:
    """Where a demonstration of a version came in."""

    position: int
    demonstration: Demonstration
    version: SetVersion  # the first one of its line that holds it


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What a merge did, or why it did nothing."""

    base: SetVersion | None  # the version that both lines come from
    ours: SetVersion
    theirs: SetVersion
    committed: Committed | None  # None: conflicts are open, nothing was written
    conflicts: tuple[ConflictingPair, ...]


@dataclass(frozen=True, kw_only=True)
class MergeOutlook:
    """What a merge comes to."""

    into: SetVersion  # the newest of our set
    theirs: SetVersion | None  # None: a draft
    conflicts: tuple[ConflictingPair, ...]
    outlook: Preview | None  # None while a conflict is open


def history(db: Database, name: str) -> list[SetVersion]:
    """Every version of a set and what they came from in other sets, newest first.

    Raises:
        NotFoundError: If there is no such set.
    """
    with db.read() as tx:
        ids = sets.ancestors(tx, *(version.id for version in sets.list_versions(tx, name)))
        return [sets.version_by_id(tx, version_id) for version_id in sorted(ids, reverse=True)]


def diff(db: Database, before: str, after: str) -> SetDiff:
    """Compare two versions: added, removed, edited and moved demonstrations."""
    with db.read() as tx:
        left = sets.resolve_version(tx, SetReference.parse(before))
        right = sets.resolve_version(tx, SetReference.parse(after))
        numbers = ItemNumbers(tx)
        lists = [numbers.of(set_items.stored_items(tx, version.id)) for version in (left, right)]
        return SetDiff(before=left, after=right, changes=numbers.changes(*lists))


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
        numbers = ItemNumbers(tx)
        ids = numbers.of(old), numbers.of(new)
        return look_ahead(tx, numbers, *ids, version.set_name, check=check)


def blame(db: Database, reference: str) -> list[Blame]:
    """In which version each demonstration of a version came in, forks and merges followed."""
    with db.read() as tx:
        version = sets.resolve_version(tx, SetReference.parse(reference))
        items = set_items.stored_items(tx, version.id)
        came: dict[int, int] = {}  # demonstration id -> id of the version
        _trace(tx, version, {stored.id for stored in items}, came)
        versions = {
            version_id: sets.version_by_id(tx, version_id) for version_id in set(came.values())
        }
        texts = set_items.by_ids(tx, came)
    return [
        Blame(position=place, demonstration=texts[stored.id], version=versions[came[stored.id]])
        for place, stored in enumerate(items)
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
    shown: Sequence[ConflictingPair] = (),
    base: str | None = None,
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
        shown: The conflicts as they were when they were settled; others are refused.
        base: The common version to start from, where there are several that differ.
        unrelated: Join lines without a common version too; everything counts as added.
        strict: Refuse what the checks warn about.

    Returns:
        With the new version, or with the open conflicts and nothing written.

    Raises:
        InputError: If the lines have no common version, or several from which different things
            follow, or there is nothing to bring in, or the conflicts are not those that were shown.
    """
    with db.write() as tx:
        joint = _join(tx, ours, theirs, base, unrelated=unrelated)
        check_shown(joint.pairs, shown)
        choices = choices_for(joint.conflicts, take, settled or {})
        committed = None
        if None not in choices:
            committed = freeze(
                tx,
                name=joint.mine.set_name,
                items=joint.numbers.settled(joint.merged, choices),
                message=message or f"Merge {joint.other.label}",
                actor=actor,
                strict=strict,
                action="merge",
                merged_id=joint.other.id,
                details={
                    "base": None if joint.base is None else joint.base.label,
                    "theirs": joint.other.label,
                    "conflicts": len(joint.conflicts),
                },
            )
    return Merged(
        base=joint.base,
        ours=joint.mine,
        theirs=joint.other,
        committed=committed,
        conflicts=joint.pairs,
    )


def look_at_merge(
    db: Database,
    *,
    ours: str,
    theirs: str,
    settled: Mapping[int, Take] | None = None,
    unrelated: bool = False,
    check: bool = True,
) -> MergeOutlook:
    """What a merge comes to; nothing is written.

    Args:
        db: The store.
        ours: The set that gets the version.
        theirs: The version that is brought in.
        settled: What is taken, by the number of the conflict.
        unrelated: Join lines without a common version too.
        check: Run the checks too; they read the whole version.

    Raises:
        InputError: As ``merge`` would.
    """
    with db.read() as tx:
        joint = _join(tx, ours, theirs, None, unrelated=unrelated)
        choices = choices_for(joint.conflicts, None, settled or {})
        outlook = None
        if None not in choices:
            new = joint.numbers.of(joint.numbers.settled(joint.merged, choices))
            outlook = look_ahead(
                tx, joint.numbers, joint.ours, new, joint.mine.set_name, check=check
            )
    return MergeOutlook(into=joint.mine, theirs=joint.other, conflicts=joint.pairs, outlook=outlook)


def look_ahead(
    tx: Transaction,
    numbers: ItemNumbers,
    old: Sequence[int],
    new: Sequence[int],
    set_name: str,
    *,
    check: bool,
) -> Preview:
    """What a list would change as the next version of a set.

    Args:
        tx: An open transaction.
        numbers: Of both lists.
        old: The list before.
        new: The list that is to be frozen.
        set_name: The set.
        check: Run the checks too.
    """
    items = (numbers.item(number) for number in new)
    return Preview(
        changes=numbers.changes(old, new),
        count=len(new),
        findings=check_items(tx, set_name, items) if check else None,
    )


@dataclass(frozen=True, kw_only=True)
class _Joint:
    """Two lines that are joined."""

    base: SetVersion | None
    mine: SetVersion
    other: SetVersion
    numbers: ItemNumbers
    ours: list[int]
    merged: list[int | Conflict]
    conflicts: Sequence[Conflict]
    pairs: tuple[ConflictingPair, ...]


def _join(tx: Transaction, ours: str, theirs: str, base: str | None, *, unrelated: bool) -> _Joint:
    mine = _latest_named(tx, ours)
    other = sets.resolve_version(tx, SetReference.parse(theirs))
    bases = _common_bases(tx, mine, other, base, unrelated=unrelated)
    numbers = ItemNumbers(tx)
    lists = {
        version.id: numbers.of(set_items.stored_items(tx, version.id))
        for version in (*bases, mine, other)
    }
    origin, merged = _merge_from(numbers, bases, lists, mine, other)
    conflicts = conflicts_of(merged)
    return _Joint(
        base=origin,
        mine=mine,
        other=other,
        numbers=numbers,
        ours=lists[mine.id],
        merged=merged,
        conflicts=conflicts,
        pairs=numbers.conflicting_pairs(conflicts),
    )


def _latest_named(tx: Transaction, ours: str) -> SetVersion:
    """The newest version of the set that gets the merge."""
    if "@" in ours:
        raise InputError(
            f"{ours!r} names a version, but a merge makes the next version of a set: write "
            f"{ours.partition('@')[0]}."
        )
    return sets.resolve_version(tx, SetReference.parse(ours))


def _common_bases(
    tx: Transaction, mine: SetVersion, other: SetVersion, chosen: str | None, *, unrelated: bool
) -> list[SetVersion]:
    """The newest versions that both lines come from, none of them the ancestor of another.

    The sides of a split have none: what one lacks was not removed from the other.
    """
    ours = sets.ancestors(tx, mine.id, through_splits=False)
    theirs = sets.ancestors(tx, other.id, through_splits=False)
    if other.id in ours:
        raise InputError(f"{mine.label} already holds {other.label}; there is nothing to merge.")
    common = ours & theirs
    if chosen is not None:
        base = sets.resolve_version(tx, SetReference.parse(chosen))
        if base.id not in common:
            raise InputError(
                f"{base.label} is not a version that both {mine.label} and {other.label} come "
                "from. See: vectorlab sets log " + mine.set_name
            )
        return [base]
    if not common and not unrelated:
        raise InputError(
            f"{mine.label} and {other.label} have no version in common (the sides of a split have "
            "none). Join them all the same with --unrelated: everything counts as added."
        )
    older = {
        ancestor
        for version_id in common
        for ancestor in sets.ancestors(tx, version_id, through_splits=False) - {version_id}
    }
    return [
        sets.version_by_id(tx, version_id) for version_id in sorted(common - older, reverse=True)
    ]


def _merge_from(
    numbers: ItemNumbers,
    bases: Sequence[SetVersion],
    lists: Mapping[int, Sequence[int]],
    mine: SetVersion,
    other: SetVersion,
) -> tuple[SetVersion | None, list[int | Conflict]]:
    """The merged list, if it is the same from every base that it can start from."""
    merges: list[tuple[SetVersion | None, list[int | Conflict]]] = []
    candidates: Sequence[SetVersion | None] = bases or [None]
    for base in candidates:
        before = [] if base is None else lists[base.id]
        merged = merge_lines(
            before,
            numbers.line(before, lists[mine.id]),
            numbers.line(before, lists[other.id]),
        )
        merges.append((base, merged))
    if any(merged != merges[0][1] for _, merged in merges):
        labels = " and ".join(base.label for base, _ in merges if base is not None)
        raise InputError(
            f"{mine.label} and {other.label} were merged both ways before and come from {labels}; "
            f"different things follow from each. Choose one: --base {bases[0].label}"
        )
    return merges[0]


def _trace(tx: Transaction, version: SetVersion, ids: set[int], came: dict[int, int]) -> None:
    """Find the version at which each of these demonstrations came into a line for good."""
    missing = set(ids)
    step: SetVersion | None = version
    while step is not None and missing:
        here = missing & set_items.arrivals(tx, step)
        missing -= here
        if step.merged_id is not None:
            other = sets.version_by_id(tx, step.merged_id)
            brought = here & {stored.id for stored in set_items.stored_items(tx, other.id)}
            _trace(tx, other, brought, came)
            here -= brought
        came.update(dict.fromkeys(here, step.id))
        step = None if step.parent_id is None else sets.version_by_id(tx, step.parent_id)
