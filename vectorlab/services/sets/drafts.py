"""Drafts: changes of a version, or the pairs of a set that begins, kept until they are frozen.

A draft belongs to a version and a person. Whatever window it is open in writes its steps into the
one draft. What was frozen meanwhile is never overwritten: such a draft is merged with it, or
becomes a set of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vectorlab.domain.sets.drafts import NOTHING_YET, Draft, DraftStep, without_twins
from vectorlab.domain.sets.merge import Conflict, Take
from vectorlab.domain.sets.merge import merge as merge_lines
from vectorlab.domain.sets.versions import Relation, SetReference, SetVersion, check_name
from vectorlab.errors import ConflictError, InputError
from vectorlab.services.sets import history
from vectorlab.services.sets.history import MergeOutlook, Preview
from vectorlab.services.sets.lines import (
    ConflictingPair,
    ItemNumbers,
    check_shown,
    choices_for,
    conflicts_of,
)
from vectorlab.services.sets.sets import Committed, edited_items, freeze
from vectorlab.store.database import Database, Transaction
from vectorlab.store.sets import drafts, sets
from vectorlab.store.sets import items as set_items


def find(db: Database, set_name: str, base_number: int, *, author: str) -> Draft | None:
    """Somebody's draft of a version of a set, None if there is none.

    Args:
        db: The store.
        set_name: The set.
        base_number: Of the version; ``NOTHING_YET`` where the set has none.
        author: Whose draft.
    """
    with db.read() as tx:
        return drafts.find(tx, set_name, base_number, author)


def get(db: Database, draft_id: int) -> Draft:
    """The draft with that number.

    Raises:
        NotFoundError: If there is none.
    """
    with db.read() as tx:
        return drafts.get(tx, draft_id)


def list_drafts(db: Database, *, author: str | None = None) -> list[Draft]:
    """All drafts, or those of one person, what was changed last first."""
    with db.read() as tx:
        return drafts.list_drafts(tx, author=author)


def take_step(
    db: Database, set_name: str, base_number: int, step: DraftStep, *, author: str
) -> Draft | None:
    """Change somebody's draft of a version, and begin it if need be.

    Args:
        db: The store.
        set_name: The set.
        base_number: Of the version; ``NOTHING_YET`` where the set has none.
        step: What changes.
        author: Whose draft.

    Returns:
        The draft; None if it changes nothing any more, and then it is not kept.

    Raises:
        NotFoundError: If there is no such set or version.
        InputError: If the version has no such position, or a text cannot be stored.
    """
    with db.write() as tx:
        base = _base(tx, set_name, base_number)
        draft = drafts.open_draft(tx, set_name, base_number, author)
        edit = draft.edit.after(step)
        if base is not None:
            wanted = [*edit.replaced, *edit.removed]
            originals = set_items.at_positions(tx, base.id, wanted) if wanted else {}
            beyond = [place for place in wanted if place not in originals]
            if beyond:
                raise InputError(f"{base.label} has no position {beyond[0]}.")
            edit = without_twins(edit, originals)
        if edit.is_empty:
            drafts.remove(tx, draft)
            return None
        return draft if edit == draft.edit else drafts.change(tx, draft, edit)


def discard(db: Database, draft_id: int) -> Draft:
    """Throw a draft away; what it held is lost.

    Raises:
        NotFoundError: If there is no such draft.
    """
    with db.write() as tx:
        draft = drafts.get(tx, draft_id)
        drafts.remove(tx, draft)
    return draft


def look_ahead(db: Database, draft: Draft, *, check: bool = True) -> Preview:
    """What a draft changes of its version, and what the checks find; nothing is written.

    Args:
        db: The store.
        draft: As it is shown.
        check: Run the checks too; they read the whole version.
    """
    with db.read() as tx:
        base = _base(tx, draft.set_name, draft.base_number)
        numbers = ItemNumbers(tx)
        old = [] if base is None else numbers.of(set_items.stored_items(tx, base.id))
        new = numbers.of(_items(tx, draft))
        return history.look_ahead(tx, numbers, old, new, draft.set_name, check=check)


def freeze_draft(
    db: Database,
    draft: Draft,
    *,
    message: str,
    actor: str,
    fork_as: str | None = None,
    strict: bool = False,
) -> Committed:
    """Freeze a draft as the next version of its set, or as the first of a fork.

    Nothing is left of the draft then.

    Args:
        db: The store.
        draft: As it was shown.
        message: Why.
        actor: Recorded as the author.
        fork_as: Name of a new set that goes its own way from the version that was edited.
        strict: Refuse what the checks find.

    Raises:
        ConflictError: If the draft is another one by now, its version is not the latest any more
            and it is no fork, or the name of the fork is taken.
        InputError: If nothing would be left, or the checks found something in ``strict``.
    """
    with db.write() as tx:
        _check_current(tx, draft)
        base = _base(tx, draft.set_name, draft.base_number)
        name, origin = draft.set_name, None
        if fork_as is not None and base is not None:
            name = check_name("set", fork_as)
            sets.create_set(tx, name=name)
            origin = sets.SetOrigin(version_id=base.id, relation=Relation.FORK)
        else:
            _check_latest(tx, draft)
        committed = freeze(
            tx,
            name=name,
            items=_items(tx, draft),
            message=message or (f"Fork of {draft.label}" if origin else ""),
            actor=actor,
            strict=strict,
            origin=origin,
            action="fork" if origin else "commit",
        )
        drafts.remove(tx, draft)
    return committed


def look_at_merge(
    db: Database, draft: Draft, *, settled: Mapping[int, Take] | None = None, check: bool = True
) -> MergeOutlook:
    """What merging a draft with the newest version comes to; nothing is written.

    Args:
        db: The store.
        draft: As it is shown.
        settled: What is taken, by the number of the conflict.
        check: Run the checks too.
    """
    with db.read() as tx:
        joint = _join(tx, draft)
        choices = choices_for(joint.conflicts, None, settled or {})
        outlook = None
        if None not in choices:
            new = joint.numbers.of(joint.numbers.settled(joint.merged, choices))
            outlook = history.look_ahead(
                tx, joint.numbers, joint.ours, new, draft.set_name, check=check
            )
        return MergeOutlook(into=joint.into, theirs=None, conflicts=joint.pairs, outlook=outlook)


def merge_draft(
    db: Database,
    draft: Draft,
    seen: MergeOutlook,
    *,
    settled: Mapping[int, Take],
    message: str,
    actor: str,
    strict: bool = False,
) -> Committed:
    """Freeze a draft joined with what was frozen meanwhile, three-way by content.

    Args:
        db: The store.
        draft: As it was shown.
        seen: The merge as it was shown.
        settled: What is taken, by the number of the conflict; every one is named.
        message: Why.
        actor: Recorded as the author.
        strict: Refuse what the checks find.

    Raises:
        ConflictError: If the draft is another one by now, or another version was frozen since.
        InputError: If a conflict is open, or the checks found something in ``strict``.
    """
    with db.write() as tx:
        _check_current(tx, draft)
        joint = _join(tx, draft)
        if joint.into.id != seen.into.id:
            raise ConflictError(
                f"{joint.into.label} was frozen since the merge with {seen.into.label} was shown. "
                "Look at the merge with it."
            )
        check_shown(joint.pairs, seen.conflicts)
        choices = choices_for(joint.conflicts, None, settled)
        if None in choices:
            raise InputError(
                f"Conflict {choices.index(None) + 1} of {len(choices)} is open. Say what is taken."
            )
        committed = freeze(
            tx,
            name=draft.set_name,
            items=joint.numbers.settled(joint.merged, choices),
            message=message or f"Merge of a draft of {draft.label} with {joint.into.label}",
            actor=actor,
            strict=strict,
            action="merge",
            details={"base": draft.label, "conflicts": len(choices)},
        )
        drafts.remove(tx, draft)
    return committed


@dataclass(frozen=True, kw_only=True)
class _DraftJoint:
    """A draft and the newest version of its set, joined."""

    into: SetVersion
    numbers: ItemNumbers
    ours: list[int]
    merged: list[int | Conflict]
    conflicts: Sequence[Conflict]
    pairs: tuple[ConflictingPair, ...]


def _join(tx: Transaction, draft: Draft) -> _DraftJoint:
    into = sets.resolve_version(tx, SetReference(name=draft.set_name))
    base = _base(tx, draft.set_name, draft.base_number)
    numbers = ItemNumbers(tx)
    before = [] if base is None else numbers.of(set_items.stored_items(tx, base.id))
    ours = numbers.of(set_items.stored_items(tx, into.id))
    theirs = numbers.of(_items(tx, draft))
    merged = merge_lines(before, numbers.line(before, ours), numbers.line(before, theirs))
    conflicts = conflicts_of(merged)
    return _DraftJoint(
        into=into,
        numbers=numbers,
        ours=ours,
        merged=merged,
        conflicts=conflicts,
        pairs=numbers.conflicting_pairs(conflicts),
    )


def _base(tx: Transaction, set_name: str, number: int) -> SetVersion | None:
    """The version that a draft is of; None where the set has none."""
    if number == NOTHING_YET:
        sets.get_set(tx, set_name)
        return None
    return sets.resolve_version(tx, SetReference(name=set_name, version=str(number)))


def _items(tx: Transaction, draft: Draft) -> Iterator[set_items.Item]:
    """The list that a draft makes."""
    base = _base(tx, draft.set_name, draft.base_number)
    if base is None:
        return iter(draft.edit.added)
    return edited_items(set_items.stored_items(tx, base.id), draft.edit, base)


def _check_current(tx: Transaction, draft: Draft) -> None:
    """Refuse to freeze another draft than the one that somebody looked at."""
    now = drafts.find(tx, draft.set_name, draft.base_number, draft.author, hold=True)
    if now is None:
        raise ConflictError(
            f"The draft of {draft.label} is gone: it was frozen or thrown away elsewhere."
        )
    if now.edit != draft.edit:
        raise ConflictError(
            f"The draft of {draft.label} was changed elsewhere since it was shown. "
            "Look at it again."
        )


def _check_latest(tx: Transaction, draft: Draft) -> None:
    latest = sets.latest_version(tx, draft.set_name)
    if latest is not None and latest.number != draft.base_number:
        raise ConflictError(
            f"{draft.label} was edited, but the latest version is {latest.label} by now. "
            "Merge the draft with it, or freeze it as a fork."
        )
