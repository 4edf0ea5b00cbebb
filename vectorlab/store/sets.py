"""Demonstration sets and their frozen versions."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.sets import (
    Demonstration,
    DemonstrationSet,
    SetReference,
    SetVersion,
)
from vectorlab.errors import ConflictError, InputError, NotFoundError
from vectorlab.store import schema, set_items
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.references import storable_text

_sets = schema.demonstration_sets
_versions = schema.set_versions


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
    demonstrations: Iterable[set_items.Item],
    message: str,
    author: str,
    parent_id: int | None = None,
) -> tuple[SetVersion, bool]:
    """Freeze demonstrations as the next version of a set.

    Args:
        tx: An open transaction that writes.
        set_name: The set.
        demonstrations: In their order, at least one; new ones and references to stored ones. Taken
            as a stream, of which a batch is held at a time.
        message: Why this version exists.
        author: Who made it.
        parent_id: The version it came from; None takes the latest of the set.

    Returns:
        The version, and False if the latest one had the same content and was kept.

    Raises:
        NotFoundError: If there is no such set.
        InputError: If there is no demonstration, or a text cannot be stored.
    """
    # The lock (nothing on SQLite, which has one writer) keeps two authors from one number.
    owner = get_set(tx, set_name)
    tx.execute(sa.select(_sets.c.id).where(_sets.c.id == owner.id).with_for_update())
    latest = _latest(tx, owner.id)
    listed = set_items.store_demonstrations(tx, demonstrations)
    if not listed:
        raise InputError(
            f"There are no demonstrations, and a version of set {set_name!r} needs at least one "
            "demonstration."
        )
    content = listed.content_sha256
    if latest is not None and latest.content_sha256 == content:
        return latest, False
    values = {
        "set_id": owner.id,
        "number": 1 if latest is None else latest.number + 1,
        "parent_id": latest.id if parent_id is None and latest is not None else parent_id,
        "content_sha256": content,
        "message": storable_text("Message", message),
        "author": author,
        "n_demonstrations": len(listed),
        "created_at": utc_now(),
    }
    version_id = tx.execute(
        _versions.insert().values(values).returning(_versions.c.id)
    ).scalar_one()
    set_items.write_items(tx, version_id, listed)
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
    return list(iter_demonstrations(tx, version_id))


def iter_demonstrations(tx: Transaction, version_id: int) -> Iterator[Demonstration]:
    """Like ``demonstrations``, a batch in memory at a time; the hash is checked at the end."""
    yield from set_items.read_items(tx, version_by_id(tx, version_id))


def _latest(tx: Transaction, set_id: int) -> SetVersion | None:
    newest = sa.select(sa.func.max(_versions.c.id)).where(_versions.c.set_id == set_id)
    return next(iter(_select_versions(tx, _versions.c.id == newest.scalar_subquery())), None)


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
