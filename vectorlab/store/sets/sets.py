"""Demonstration sets and their frozen versions."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.sets.versions import (
    LATEST,
    Demonstration,
    DemonstrationSet,
    Relation,
    SetReference,
    SetVersion,
)
from vectorlab.errors import ConflictError, InputError, NotFoundError
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.references import MINIMUM_PREFIX, must_exist, storable_text
from vectorlab.store.sets import items
from vectorlab.store.upserts import insert_into

_sets = schema.demonstration_sets
_versions = schema.set_versions
_tags = schema.version_tags


@dataclass(frozen=True, kw_only=True)
class SetOrigin:
    """What the first version of a set was taken from."""

    version_id: int
    relation: Relation


def create_set(
    tx: Transaction,
    *,
    name: str,
    description: str = "",
    task: str = "",
    labels: Sequence[str] = (),
) -> DemonstrationSet:
    """A new set without versions.

    Args:
        tx: An open transaction that writes.
        name: Of the set.
        description: What it is for.
        task: What its demonstrations are about.
        labels: Words to find it by.

    Raises:
        ConflictError: If the name is taken.
    """
    if _find_set(tx, name) is not None:
        raise ConflictError(f"Set {name!r} exists already. Look at it: vectorlab sets log {name}")
    tx.execute(_sets.insert().values(_set_values(name, description, task, labels)))
    return get_set(tx, name)


def ensure_set(
    tx: Transaction,
    *,
    name: str,
    description: str = "",
    task: str = "",
    labels: Sequence[str] = (),
) -> DemonstrationSet:
    """The set of that name, made if there is none; two that ask at once get the same.

    Args:
        tx: An open transaction that writes.
        name: Of the set.
        description: What it is for; as the next two, used only where it is made.
        task: What its demonstrations are about.
        labels: Words to find it by.
    """
    values = _set_values(name, description, task, labels)
    tx.execute(
        insert_into(tx, _sets).values(values).on_conflict_do_nothing(index_elements=[_sets.c.name])
    )
    return get_set(tx, name)


def get_set(tx: Transaction, name: str) -> DemonstrationSet:
    """The set of that name.

    Raises:
        NotFoundError: If there is none.
    """
    return _set(must_exist(_find_set(tx, name), "set", name, listed_by="sets list"))


def list_sets(
    tx: Transaction, *, words: str = "", limit: int | None = None, offset: int = 0
) -> list[tuple[DemonstrationSet, SetVersion | None]]:
    """Sets by name with their latest version, None where there is no version yet.

    Args:
        tx: An open transaction.
        words: Somewhere in the name, the description or the task, in any case.
        limit: Most sets.
        offset: Sets before the first.
    """
    query = _sets.select().order_by(_sets.c.name).limit(limit).offset(offset)
    if words:
        places = (_sets.c.name, _sets.c.description, _sets.c.task)
        query = query.where(sa.or_(*(place.icontains(words, autoescape=True) for place in places)))
    sets = [_set(row) for row in tx.execute(query)]
    newest = sa.select(sa.func.max(_versions.c.id)).group_by(_versions.c.set_id)
    if limit is not None:
        newest = newest.where(_versions.c.set_id.in_([about.id for about in sets]))
    latest = {
        version.set_name: version for version in _select_versions(tx, _versions.c.id.in_(newest))
    }
    return [(about, latest.get(about.name)) for about in sets]


def describe_set(tx: Transaction, name: str, **changes: Any) -> DemonstrationSet:
    """Change description, task or labels of a set.

    Raises:
        NotFoundError: If there is no such set.
    """
    described = get_set(tx, name)
    values = {
        "labels_json" if key == "labels" else key: list(value)
        if key == "labels"
        else storable_text(key.capitalize(), value)
        for key, value in changes.items()
    }
    if values:
        tx.execute(_sets.update().where(_sets.c.id == described.id).values(values))
    return get_set(tx, name)


def add_version(
    tx: Transaction,
    *,
    set_name: str,
    demonstrations: Iterable[items.Item],
    message: str,
    author: str,
    origin: SetOrigin | None = None,
    merged_id: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> tuple[SetVersion, bool]:
    """Freeze demonstrations as the next version of a set.

    Args:
        tx: An open transaction that writes.
        set_name: The set.
        demonstrations: In their order, at least one; new ones and references to stored ones. Taken
            as a stream, of which a batch is held at a time.
        message: Why this version exists.
        author: Who made it.
        origin: Where the first version of a fork or a split comes from; None: it revises the
            latest of the set.
        merged_id: The version of another line that was merged in.
        details: How a split or merge was made, JSON.

    Returns:
        The version, and False if the latest one had the same content and was kept.

    Raises:
        NotFoundError: If there is no such set.
        InputError: If there is no demonstration, or a text cannot be stored.
    """
    # The lock (nothing on SQLite, which has one writer) keeps two authors from one number.
    owner = get_set(tx, set_name)
    tx.execute(sa.select(_sets.c.id).where(_sets.c.id == owner.id).with_for_update())
    latest = _end(tx, owner.id, sa.func.max)
    listed = items.store_demonstrations(tx, demonstrations)
    if not listed:
        raise InputError(
            f"There are no demonstrations, and a version of set {set_name!r} needs at least one "
            "demonstration."
        )
    content = listed.content_sha256
    # A merge is a fact of its own even where our line holds everything already.
    if merged_id is None and latest is not None and latest.content_sha256 == content:
        return latest, False
    number = 1 if latest is None else latest.number + 1
    if origin is None and latest is not None:
        origin = SetOrigin(version_id=latest.id, relation=Relation.REVISION)
    base_number, rows = items.plan_items(tx, listed, latest, number)
    values = {
        "set_id": owner.id,
        "number": number,
        "parent_id": origin and origin.version_id,
        "relation": origin and origin.relation,
        "merged_id": merged_id,
        "details_json": dict(details) if details else None,
        "content_sha256": content,
        "message": storable_text("Message", message),
        "author": author,
        "n_demonstrations": len(listed),
        "base_number": base_number,
        "created_at": utc_now(),
    }
    version_id = tx.execute(
        _versions.insert().values(values).returning(_versions.c.id)
    ).scalar_one()
    items.write_items(tx, owner.id, number, base_number, rows)
    return version_by_id(tx, version_id), True


def resolve_version(tx: Transaction, reference: SetReference) -> SetVersion:
    """The version that a reference means: a number goes before a tag, a tag before a hash.

    Raises:
        NotFoundError: If there is no such set or version.
        InputError: If the beginning of a hash fits versions of different content.
    """
    versions = list_versions(tx, reference.name)
    word = reference.version
    for version in versions:
        if word == LATEST or version.number == reference.number or word in version.tags:
            return version
    if len(word) >= MINIMUM_PREFIX:
        alike = [version for version in versions if version.content_sha256.startswith(word.lower())]
        if len({version.content_sha256 for version in alike}) > 1:
            raise InputError(
                f"{word!r} is the beginning of {len(alike)} versions of {reference.name}. "
                "Give more digits."
            )
        if alike:
            return alike[0]
    have = f"It has 1 to {len(versions)}." if versions else "It has none yet."
    hint = f"{have} See: vectorlab sets log {reference.name}"
    raise NotFoundError("set version", str(reference), hint=hint)


def tag_version(tx: Transaction, version: SetVersion, tag: str, author: str) -> None:
    """Let a tag of the version's set point at it, wherever it pointed before."""
    remove_tag(tx, version.set_name, tag)
    tx.execute(
        _tags.insert().values(
            set_id=get_set(tx, version.set_name).id,
            name=tag,
            set_version_id=version.id,
            created_at=utc_now(),
            created_by=author,
        )
    )


def remove_tag(tx: Transaction, set_name: str, tag: str) -> bool:
    """Take a tag away; whether it was there."""
    owner = get_set(tx, set_name)
    gone = tx.execute(_tags.delete().where(_tags.c.set_id == owner.id, _tags.c.name == tag))
    return gone.rowcount > 0


def version_by_id(tx: Transaction, version_id: int) -> SetVersion:
    """The version with that id.

    Raises:
        NotFoundError: If there is none.
    """
    for version in _select_versions(tx, _versions.c.id == version_id):
        return version
    raise NotFoundError(
        "set version", str(version_id), hint="See what there is: vectorlab sets list"
    )


def version_by_content(tx: Transaction, sha256: str) -> SetVersion | None:
    """The newest version with that content hash, or None."""
    matches = _select_versions(tx, _versions.c.content_sha256 == sha256)
    return max(matches, key=lambda version: version.id, default=None)


def list_versions(tx: Transaction, name: str) -> list[SetVersion]:
    """Every version of a set, newest first.

    Raises:
        NotFoundError: If there is no such set.
    """
    return _select_versions(tx, _versions.c.set_id == get_set(tx, name).id, newest_first=True)


def first_version(tx: Transaction, name: str) -> SetVersion | None:
    """The first version of a set, None if it has none.

    Raises:
        NotFoundError: If there is no such set.
    """
    return _end(tx, get_set(tx, name).id, sa.func.min)


def latest_version(tx: Transaction, name: str) -> SetVersion | None:
    """The newest version of a set; None if it has none or there is no such set."""
    row = _find_set(tx, name)
    return None if row is None else _end(tx, row.id, sa.func.max)


def ancestors(tx: Transaction, *version_ids: int, through_splits: bool = True) -> set[int]:
    """Ids of versions and of everything that they came from, through parents and merges.

    Args:
        tx: An open transaction.
        version_ids: Where to begin.
        through_splits: Also from a side of a split to what was divided.
    """
    came_from = {
        row.id: (
            row.parent_id if through_splits or row.relation != Relation.SPLIT else None,
            row.merged_id,
        )
        for row in tx.execute(
            sa.select(
                _versions.c.id, _versions.c.parent_id, _versions.c.relation, _versions.c.merged_id
            )
        )
    }
    reached: set[int] = set()
    waiting = list(version_ids)
    while waiting:
        version_id = waiting.pop()
        if version_id not in reached:
            reached.add(version_id)
            waiting += [parent for parent in came_from[version_id] if parent is not None]
    return reached


def demonstrations(tx: Transaction, version_id: int) -> list[Demonstration]:
    """The demonstrations of a version in their order, checked against its content hash.

    Raises:
        NotFoundError: If there is no such version.
        IntegrityError: If the texts do not have the hash on record.
    """
    return list(iter_demonstrations(tx, version_id))


def iter_demonstrations(tx: Transaction, version_id: int) -> Iterator[Demonstration]:
    """Like ``demonstrations``, a batch in memory at a time; the hash is checked at the end."""
    yield from items.read_items(tx, version_by_id(tx, version_id))


def _end(tx: Transaction, set_id: int, end: Callable[..., Any]) -> SetVersion | None:
    query = sa.select(end(_versions.c.id)).where(_versions.c.set_id == set_id)
    return next(iter(_select_versions(tx, _versions.c.id == query.scalar_subquery())), None)


def _set_values(name: str, description: str, task: str, labels: Sequence[str]) -> dict[str, Any]:
    return {
        "name": name,
        "description": storable_text("Description", description),
        "task": storable_text("Task", task),
        "labels_json": list(labels),
        "created_at": utc_now(),
    }


def _find_set(tx: Transaction, name: str) -> sa.Row[Any] | None:
    return tx.execute(_sets.select().where(_sets.c.name == name)).one_or_none()


def _set(row: sa.Row[Any]) -> DemonstrationSet:
    return DemonstrationSet(
        id=row.id,
        name=row.name,
        description=row.description,
        task=row.task,
        labels=tuple(row.labels_json),
        created_at=row.created_at,
    )


def _select_versions(
    tx: Transaction, condition: sa.ColumnElement[bool], *, newest_first: bool = False
) -> list[SetVersion]:
    query = sa.select(_versions, _sets.c.name.label("set_name")).join(_sets).where(condition)
    order = _versions.c.number.desc() if newest_first else _versions.c.id
    tags = _tags_of(tx, condition)
    return [
        SetVersion(
            id=row.id,
            set_name=row.set_name,
            number=row.number,
            parent_id=row.parent_id,
            relation=None if row.relation is None else Relation(row.relation),
            merged_id=row.merged_id,
            details=row.details_json or {},
            content_sha256=row.content_sha256,
            message=row.message,
            author=row.author,
            count=row.n_demonstrations,
            created_at=row.created_at,
            tags=tags.get(row.id, ()),
        )
        for row in tx.execute(query.order_by(order))
    ]


def _tags_of(tx: Transaction, condition: sa.ColumnElement[bool]) -> dict[int, tuple[str, ...]]:
    query = sa.select(_tags.c.set_version_id, _tags.c.name).join(
        _versions, _versions.c.id == _tags.c.set_version_id
    )
    tags: dict[int, tuple[str, ...]] = {}
    for row in tx.execute(query.where(condition).order_by(_tags.c.name)):
        tags[row.set_version_id] = (*tags.get(row.set_version_id, ()), row.name)
    return tags
