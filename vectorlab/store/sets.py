"""Demonstration sets and their frozen versions."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.hashing import canonical_json
from vectorlab.domain.sets import (
    Demonstration,
    DemonstrationSet,
    SetReference,
    SetVersion,
    set_content_sha256,
)
from vectorlab.errors import ConflictError, InputError, IntegrityError, NotFoundError
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.references import batches, insert_missing, storable_text

_sets = schema.demonstration_sets
_versions = schema.set_versions
_items = schema.set_version_items
_texts = schema.demonstrations


def create_set(
    tx: Transaction,
    *,
    name: str,
    description: str = "",
    task: str = "",
    tags: Sequence[str] = (),
) -> DemonstrationSet:
    """A new set without versions.

    Raises:
        ConflictError: If the name is taken.
    """
    if _find_set(tx, name) is not None:
        raise ConflictError(f"Set {name!r} exists already. Look at it: vectorlab sets log {name}")
    tx.execute(
        _sets.insert().values(
            name=name,
            description=storable_text("Description", description),
            task=storable_text("Task", task),
            tags_json=list(tags),
            created_at=utc_now(),
        )
    )
    return get_set(tx, name)


def get_set(tx: Transaction, name: str) -> DemonstrationSet:
    """The set of that name.

    Raises:
        NotFoundError: If there is none.
    """
    row = _find_set(tx, name)
    if row is None:
        raise NotFoundError("set", name, hint="See what there is: vectorlab sets list")
    return _set(row)


def list_sets(tx: Transaction) -> list[tuple[DemonstrationSet, SetVersion | None]]:
    """Every set by name with its latest version, None where it has no version yet."""
    sets = [_set(row) for row in tx.execute(_sets.select().order_by(_sets.c.name))]
    newest = sa.select(sa.func.max(_versions.c.id)).group_by(_versions.c.set_id)
    latest = {
        version.set_name: version for version in _select_versions(tx, _versions.c.id.in_(newest))
    }
    return [(item, latest.get(item.name)) for item in sets]


def set_tags(tx: Transaction, name: str, tags: Sequence[str]) -> DemonstrationSet:
    """Replace the tags of a set.

    Raises:
        NotFoundError: If there is no such set.
    """
    found = get_set(tx, name)
    tx.execute(_sets.update().where(_sets.c.id == found.id).values(tags_json=list(tags)))
    return get_set(tx, name)


def add_version(
    tx: Transaction,
    *,
    set_name: str,
    demonstrations: Sequence[Demonstration],
    message: str,
    author: str,
    parent_id: int | None = None,
) -> tuple[SetVersion, bool]:
    """Freeze demonstrations as the next version of a set.

    Args:
        tx: An open transaction that writes.
        set_name: The set.
        demonstrations: In their order, at least one.
        message: Why this version exists.
        author: Who made it.
        parent_id: The version it came from; None takes the latest of the set.

    Returns:
        The version, and False if the latest one had the same content and was kept.

    Raises:
        NotFoundError: If there is no such set.
        InputError: If there is no demonstration, or a text cannot be stored.
    """
    if not demonstrations:
        raise InputError(f"A version of set {set_name!r} needs at least one demonstration.")
    # The lock (nothing on SQLite, which has one writer) keeps two authors from one number.
    owner = get_set(tx, set_name)
    tx.execute(sa.select(_sets.c.id).where(_sets.c.id == owner.id).with_for_update())
    latest = next(iter(list_versions(tx, set_name)), None)
    content = set_content_sha256(demonstrations)
    if latest is not None and latest.content_sha256 == content:
        return latest, False
    values = {
        "set_id": owner.id,
        "number": 1 if latest is None else latest.number + 1,
        "parent_id": latest.id if parent_id is None and latest is not None else parent_id,
        "content_sha256": content,
        "message": storable_text("Message", message),
        "author": author,
        "n_demonstrations": len(demonstrations),
        "created_at": utc_now(),
    }
    version_id = tx.execute(
        _versions.insert().values(values).returning(_versions.c.id)
    ).scalar_one()
    _add_items(tx, version_id, demonstrations)
    return version_by_id(tx, version_id), True


def resolve_version(tx: Transaction, reference: SetReference) -> SetVersion:
    """The version that ``name``, ``name@latest`` or ``name@3`` means.

    Raises:
        NotFoundError: If there is no such set or version.
    """
    found = list_versions(tx, reference.name)
    for version in found:
        if reference.number in (None, version.number):
            return version
    have = f"It has 1 to {len(found)}." if found else "It has none yet."
    hint = f"{have} See: vectorlab sets log {reference.name}"
    raise NotFoundError("set version", str(reference), hint=hint)


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
    found = _select_versions(tx, _versions.c.content_sha256 == sha256)
    return max(found, key=lambda version: version.id, default=None)


def list_versions(tx: Transaction, name: str) -> list[SetVersion]:
    """Every version of a set, newest first.

    Raises:
        NotFoundError: If there is no such set.
    """
    return _select_versions(tx, _versions.c.set_id == get_set(tx, name).id, newest_first=True)


def demonstrations(tx: Transaction, version_id: int) -> list[Demonstration]:
    """The demonstrations of a version in their order, checked against its content hash.

    Raises:
        NotFoundError: If there is no such version.
        IntegrityError: If the texts do not have the hash on record.
    """
    version = version_by_id(tx, version_id)
    query = (
        sa.select(_texts.c.source, _texts.c.target, _texts.c.metadata_json)
        .join(_items, _items.c.demonstration_id == _texts.c.id)
        .where(_items.c.set_version_id == version_id)
        .order_by(_items.c.position)
    )
    found = [
        Demonstration(source=row.source, target=row.target, metadata=row.metadata_json)
        for row in tx.execute(query)
    ]
    content = set_content_sha256(found)
    if content != version.content_sha256:
        raise IntegrityError(
            f"Set version {version.label} has content hash {content}, on record is "
            f"{version.content_sha256}. Put a backup in place: vectorlab db restore BACKUP"
        )
    return found


def _find_set(tx: Transaction, name: str) -> sa.Row[Any] | None:
    return tx.execute(_sets.select().where(_sets.c.name == name)).one_or_none()


def _set(row: sa.Row[Any]) -> DemonstrationSet:
    return DemonstrationSet(
        id=row.id,
        name=row.name,
        description=row.description,
        task=row.task,
        tags=tuple(row.tags_json),
        created_at=row.created_at,
    )


def _select_versions(
    tx: Transaction, condition: sa.ColumnElement[bool], *, newest_first: bool = False
) -> list[SetVersion]:
    query = sa.select(_versions, _sets.c.name.label("set_name")).join(_sets).where(condition)
    order = _versions.c.number.desc() if newest_first else _versions.c.id
    return [
        SetVersion(
            id=row.id,
            set_name=row.set_name,
            number=row.number,
            parent_id=row.parent_id,
            content_sha256=row.content_sha256,
            message=row.message,
            author=row.author,
            count=row.n_demonstrations,
            created_at=row.created_at,
        )
        for row in tx.execute(query.order_by(order))
    ]


def _add_items(tx: Transaction, version_id: int, items: Sequence[Demonstration]) -> None:
    rows = {item.sha256: _demonstration_row(item) for item in items}
    insert_missing(tx, _texts, list(rows.values()), key="sha256")
    ids: dict[str, int] = {}
    for hashes in batches(rows):
        query = sa.select(_texts.c.sha256, _texts.c.id).where(_texts.c.sha256.in_(hashes))
        ids.update((row.sha256, row.id) for row in tx.execute(query))
    tx.execute(
        _items.insert(),
        [
            {
                "set_version_id": version_id,
                "position": position,
                "demonstration_id": ids[item.sha256],
            }
            for position, item in enumerate(items)
        ],
    )


def _demonstration_row(item: Demonstration) -> dict[str, Any]:
    storable_text("Metadata", canonical_json(dict(item.metadata)))
    return {
        "sha256": item.sha256,
        "source": storable_text("Source", item.source),
        "target": None if item.target is None else storable_text("Target", item.target),
        "metadata_json": dict(item.metadata),
    }
