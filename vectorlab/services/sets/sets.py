"""Demonstration sets: create, commit and edit versions, address and read them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vectorlab.domain.sets.checks import Finding, OtherSide, SetChecks, TokenLimit, normalised_texts
from vectorlab.domain.sets.drafts import Edit
from vectorlab.domain.sets.versions import (
    Demonstration,
    DemonstrationSet,
    Relation,
    SetReference,
    SetVersion,
    StoredDemonstration,
    check_name,
    check_tag,
)
from vectorlab.errors import InputError
from vectorlab.store import audit
from vectorlab.store.database import Database, Transaction
from vectorlab.store.sets import findings, sets
from vectorlab.store.sets import items as set_items


@dataclass(frozen=True, kw_only=True)
class Committed:
    """What a commit made of a set."""

    version: SetVersion
    created: bool  # False: the latest version already held exactly this
    findings: tuple[Finding, ...] = ()  # what the checks found in it


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some demonstrations of a version."""

    rows: tuple[tuple[int, Demonstration], ...]  # with their position in the version
    total: int  # how many there are on all pages


def create(
    db: Database, *, name: str, description: str, task: str, labels: Sequence[str], actor: str
) -> DemonstrationSet:
    """Create an empty demonstration set.

    Args:
        db: The store.
        name: Of the set.
        description: What it is for.
        task: What its demonstrations are about.
        labels: Words to find it by.
        actor: Recorded as the one who made it.

    Raises:
        InputError: If the name cannot be used.
        ConflictError: If the name is taken.
    """
    check_name("set", name)
    with db.write() as tx:
        new_set = sets.create_set(tx, name=name, description=description, task=task, labels=labels)
        record(tx, actor, "create", new_set.id, {"name": name})
    return new_set


def describe(
    db: Database, name: str, *, actor: str, **changes: str | Sequence[str]
) -> DemonstrationSet:
    """Change ``description``, ``task`` or ``labels`` of a set; what is not named stays.

    Raises:
        NotFoundError: If there is no such set.
    """
    with db.write() as tx:
        described = sets.describe_set(tx, name, **changes)
        record(tx, actor, "describe", described.id, dict(changes))
    return described


def commit(
    db: Database,
    *,
    name: str,
    demonstrations: Iterable[Demonstration],
    message: str,
    actor: str,
    description: str = "",
    task: str = "",
    labels: Sequence[str] = (),
    strict: bool = False,
    limit: TokenLimit | None = None,
    details: Mapping[str, Any] | None = None,
) -> Committed:
    """Freeze demonstrations as the next version, creating the set where there is none.

    The demonstrations are taken as a stream, in one transaction: an error in it leaves nothing.
    Description, task and labels are used only when the set is created.

    Args:
        db: The store.
        name: Of the set.
        demonstrations: In their order.
        message: Why this version exists.
        actor: Recorded as its author.
        description: Of a new set.
        task: Of a new set.
        labels: Of a new set.
        strict: Refuse what the checks warn about.
        limit: Also check that texts fit into a model.
        details: How the version was made, JSON.

    Raises:
        InputError: If there is no demonstration, or the checks found something in ``strict``.
    """
    check_name("set", name)
    with db.write() as tx:
        sets.ensure_set(tx, name=name, description=description, task=task, labels=labels)
        return freeze(
            tx,
            name=name,
            items=demonstrations,
            message=message,
            actor=actor,
            strict=strict,
            limit=limit,
            details=details,
        )


def commit_edit(
    db: Database, *, reference: str, edit: Edit, message: str, actor: str, strict: bool = False
) -> Committed:
    """Freeze a version with some demonstrations changed; the others are not read again.

    Args:
        db: The store.
        reference: The version that was edited; the latest of its set.
        edit: What is replaced, removed and added.
        message: Why.
        actor: Recorded as the author.
        strict: Refuse what the checks warn about.

    Raises:
        InputError: If the version is not the latest any more, or a position is not in it.
    """
    with db.write() as tx:
        base = sets.resolve_version(tx, SetReference.parse(reference))
        latest = sets.resolve_version(tx, SetReference(name=base.set_name))
        if latest.id != base.id:
            raise InputError(
                f"{base.label} was edited, but the latest version is {latest.label} by now. Edit "
                f"that one, or fork and merge: vectorlab sets fork {base.label} NEW_NAME"
            )
        items = edited_items(set_items.stored_items(tx, base.id), edit, base)
        return freeze(
            tx, name=base.set_name, items=items, message=message, actor=actor, strict=strict
        )


def fork(db: Database, *, reference: str, name: str, actor: str) -> SetVersion:
    """Begin a new set from a version of another one; the lineage is kept as its parent.

    Raises:
        ConflictError: If the new name is taken.
    """
    check_name("set", name)
    with db.write() as tx:
        origin = sets.resolve_version(tx, SetReference.parse(reference))
        sets.create_set(tx, name=name)
        return freeze(
            tx,
            name=name,
            items=set_items.stored_items(tx, origin.id),
            message=f"Fork of {origin.label}",
            actor=actor,
            origin=sets.SetOrigin(version_id=origin.id, relation=Relation.FORK),
            action="fork",
        ).version


def tag(db: Database, *, reference: str, tags: Sequence[str], actor: str) -> SetVersion:
    """Let tags point at a version, so that ``name@tag`` means it.

    Raises:
        InputError: If a tag cannot be used.
    """
    for tag_name in tags:
        check_tag(tag_name)
    with db.write() as tx:
        version = sets.resolve_version(tx, SetReference.parse(reference))
        for tag_name in tags:
            sets.tag_version(tx, version, tag_name, actor)
        record(tx, actor, "tag", version.id, {"version": version.label, "tags": list(tags)})
        return sets.version_by_id(tx, version.id)


def untag(db: Database, *, name: str, tags: Sequence[str], actor: str) -> list[str]:
    """Take tags of a set away; returns those that were there."""
    with db.write() as tx:
        gone = [tag_name for tag_name in tags if sets.remove_tag(tx, name, tag_name)]
        record(tx, actor, "untag", sets.get_set(tx, name).id, {"tags": gone})
    return gone


def list_sets(
    db: Database, *, words: str = "", limit: int | None = None, offset: int = 0
) -> list[tuple[DemonstrationSet, SetVersion | None]]:
    """Sets by name with their latest version; ``words`` stand in name, description or task."""
    with db.read() as tx:
        return sets.list_sets(tx, words=words, limit=limit, offset=offset)


def get_set(db: Database, name: str) -> DemonstrationSet:
    """The set of that name.

    Raises:
        NotFoundError: If there is none.
    """
    with db.read() as tx:
        return sets.get_set(tx, name)


def get(db: Database, reference: str) -> SetVersion:
    """The version that ``name``, ``name@latest``, ``name@3``, a tag or a hash names.

    Raises:
        NotFoundError: If there is no such set or version.
    """
    with db.read() as tx:
        return sets.resolve_version(tx, SetReference.parse(reference))


def demonstrations(db: Database, version: SetVersion) -> list[Demonstration]:
    """The demonstrations of a version in their order."""
    with db.read() as tx:
        return sets.demonstrations(tx, version.id)


def stream(db: Database, version: SetVersion) -> Iterator[Demonstration]:
    """The demonstrations of a version one after the other, a batch in memory at a time.

    Raises:
        IntegrityError: After the last one, if they do not have the hash on record.
    """
    with db.read() as tx:
        yield from sets.iter_demonstrations(tx, version.id)


def page(
    db: Database, version: SetVersion, *, contains: str = "", offset: int = 0, limit: int = 50
) -> Page:
    """Part of a version, optionally only what has a text in its source or target.

    Args:
        db: The store.
        version: The version.
        contains: Only demonstrations with this text in source or target.
        offset: Demonstrations to pass over.
        limit: At most so many.
    """
    with db.read() as tx:
        rows, total = set_items.read_page(
            tx, version.id, contains=contains, offset=offset, limit=limit
        )
    return Page(rows=tuple(rows), total=total)


def log(db: Database, name: str) -> list[SetVersion]:
    """All versions of a set, newest first."""
    with db.read() as tx:
        return sets.list_versions(tx, name)


def check_report(db: Database, version: SetVersion) -> tuple[Finding, ...]:
    """What the checks found when the version was committed."""
    with db.read() as tx:
        return findings.of_version(tx, version.id)


def rename(db: Database, name: str, new: str, *, actor: str) -> DemonstrationSet:
    """Give a set another name; its versions, and what was made of them, stay as they are.

    Raises:
        NotFoundError: If there is no such set.
        InputError: If the new name is unusable.
        ConflictError: If another set has it.
    """
    from vectorlab.store import renaming

    with db.write() as tx:
        renaming.rename(tx, "set", sets.get_set(tx, name).id, new, actor=actor)
        return sets.get_set(tx, new)


def remove(db: Database, name: str, *, cascade: bool, actor: str) -> list[str]:
    """Purge a set with all its versions; returns one line per thing that went.

    Raises:
        ConflictError: If vectors or runs depend on it and ``cascade`` is off.
    """
    from vectorlab.store import purge

    with db.write() as tx:
        return purge.purge_set(tx, name, cascade=cascade, actor=actor)


def what_goes(db: Database, name: str) -> list[str]:
    """What purging a set takes along, a line each, the set itself first.

    Raises:
        NotFoundError: If there is no such set.
    """
    from vectorlab.store import purge

    with db.read() as tx:
        return purge.what_goes(tx, "set", sets.get_set(tx, name).id)


def without_target(db: Database, version: SetVersion) -> int:
    """How many demonstrations of a version have no target; a vector is made of pairs alone."""
    with db.read() as tx:
        return set_items.count_without_target(tx, version.id)


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
    for number, pair in enumerate(items, start=1):
        if pair.target is None or not pair.target.strip():
            raise InputError(
                f"Demonstration {number} of {label} has no target (source {pair.source[:60]!r}); "
                "extraction needs pairs. Import the set with --target-column."
            )
        if not pair.source.strip():
            raise InputError(f"Demonstration {number} of {label} has an empty source.")
        if pair.source == pair.target:
            raise InputError(
                f"Demonstration {number} of {label} has the same source and target "
                f"({pair.source[:60]!r}): the difference would be zero. Change or remove it."
            )


def freeze(
    tx: Transaction,
    *,
    name: str,
    items: Iterable[set_items.Item],
    message: str,
    actor: str,
    strict: bool = False,
    limit: TokenLimit | None = None,
    action: str = "commit",
    origin: sets.SetOrigin | None = None,
    merged_id: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> Committed:
    """Freeze a stream as the next version of a set that is there; checks included.

    Where it comes from is said as ``store.sets.sets.add_version`` takes it.

    Args:
        tx: An open transaction that writes.
        name: Of the set.
        items: Demonstrations, or references to stored ones, in their order.
        message: Why this version exists.
        actor: Recorded as the author.
        strict: Refuse what the checks find.
        limit: Also check that texts fit into a model.
        action: What the audit log calls it.
        origin: Where the first version of a fork or a split comes from.
        merged_id: The version of another line that was merged in.
        details: How it was made, JSON.

    Raises:
        InputError: If there is no demonstration, or the checks found something in ``strict``.
    """
    apart = _apart_from(tx, name, origin=origin, details=details)
    checks = SetChecks(limit=limit, other_side=_other_side(tx, apart))
    version, created = sets.add_version(
        tx,
        set_name=name,
        demonstrations=_watched(tx, items, checks),
        message=message,
        author=actor,
        origin=origin,
        merged_id=merged_id,
        details=details,
    )
    new_findings = checks.findings()
    if strict and new_findings:
        listed = "; ".join(map(str, new_findings))
        raise InputError(
            f"Nothing was committed to {name!r}: {listed}. Mend them, or leave --strict out."
        )
    if created:
        findings.add(tx, version.id, new_findings)
        record(tx, actor, action, version.id, {"version": version.label})
    return Committed(version=version, created=created, findings=new_findings)


def check_items(tx: Transaction, name: str, items: Iterable[set_items.Item]) -> tuple[Finding, ...]:
    """What the checks would find in the next version of a set."""
    checks = SetChecks(other_side=_other_side(tx, _apart_from(tx, name)))
    for _ in _watched(tx, items, checks):
        pass
    return checks.findings()


def edited_items(
    items: Sequence[StoredDemonstration], edit: Edit, base: SetVersion
) -> Iterator[set_items.Item]:
    """The list that an edit makes of the items of a version.

    Raises:
        InputError: If the version has no such position.
    """
    wrong = [place for place in (*edit.replaced, *edit.removed) if not 0 <= place < len(items)]
    if wrong:
        raise InputError(f"{base.label} has no position {wrong[0]}; it has 0 to {len(items) - 1}.")
    for place, demonstration in enumerate(items):
        if place not in edit.removed:
            yield edit.replaced.get(place, demonstration)
    yield from edit.added


def record(
    tx: Transaction, actor: str, action: str, object_id: int, details: dict[str, object]
) -> None:
    """Note in the audit log what was done to a set.

    Args:
        tx: An open transaction that writes.
        actor: Who did it.
        action: What was done, a word.
        object_id: Id of the set.
        details: What else there is to know, JSON types.
    """
    audit.record(
        tx, actor=actor, action=action, object_kind="set", object_id=object_id, details=details
    )


def _watched(
    tx: Transaction, items: Iterable[set_items.Item], checks: SetChecks
) -> Iterator[set_items.Item]:
    """The items as they come, shown to the checks on the way."""
    for batch in set_items.in_batches(items):
        known = set_items.by_ids(
            tx,
            (
                demonstration.id
                for demonstration in batch
                if isinstance(demonstration, StoredDemonstration)
            ),
        )
        checks.look(
            [
                known[demonstration.id]
                if isinstance(demonstration, StoredDemonstration)
                else demonstration
                for demonstration in batch
            ]
        )
        yield from batch


def _apart_from(
    tx: Transaction,
    name: str,
    *,
    origin: sets.SetOrigin | None = None,
    details: Mapping[str, Any] | None = None,
) -> list[str]:
    """Sets that a split keeps apart from this one, or from what it was forked or split from."""
    names = list((details or {}).get("apart_from", []))
    first = sets.first_version(tx, name)
    parent_id = first.parent_id if first else (None if origin is None else origin.version_id)
    while True:
        if first is not None:
            names += first.details.get("apart_from", [])
        if parent_id is None:
            return [fromkey for fromkey in dict.fromkeys(names) if fromkey != name]
        first = sets.first_version(tx, sets.version_by_id(tx, parent_id).set_name)
        parent_id = first.parent_id if first else None


def _other_side(tx: Transaction, names: Sequence[str]) -> OtherSide | None:
    """The texts of the sets that are kept apart from one."""
    others = [version for name in names if (version := sets.latest_version(tx, name)) is not None]
    if not others:
        return None
    texts: set[str] = set()
    for version in others:
        texts |= normalised_texts(sets.iter_demonstrations(tx, version.id))
    return OtherSide(label=", ".join(version.label for version in others), texts=texts)
