"""Versioned data about entity types: entities, attribute values and templates."""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.sets.versions import LATEST, SetReference
from vectorlab.errors import IntegrityError
from vectorlab.ravel.domain.entities import Entity, EntityData, EntityVersion, Split, Template
from vectorlab.ravel.store import tables
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.references import batches, must_exist, storable_text
from vectorlab.store.upserts import insert_into

_types = tables.ravel_types
_versions = tables.ravel_versions
_attributes = tables.ravel_attributes
_entities = tables.ravel_entities
_values = tables.ravel_values
_templates = tables.ravel_templates


def add_version(
    tx: Transaction, *, name: str, data: EntityData, message: str, author: str
) -> tuple[EntityVersion, bool]:
    """Freeze data as the next version of an entity type, which is made if need be.

    Args:
        tx: An open transaction that writes.
        name: Of the entity type.
        data: Entities, attributes and templates.
        message: Why this version exists.
        author: Who made it.

    Returns:
        The version, and whether it is new: the latest one is found if its content is the same.
    """
    tx.execute(
        insert_into(tx, _types)
        .values(name=name, created_at=utc_now())
        .on_conflict_do_nothing(index_elements=[_types.c.name])
    )
    type_id = tx.execute(sa.select(_types.c.id).where(_types.c.name == name)).scalar_one()
    # Two that add a version at once: the second waits here for the first.
    tx.execute(sa.select(_types.c.id).where(_types.c.id == type_id).with_for_update())
    latest = _select(tx, _versions.c.type_id == type_id)[:1]
    if latest and latest[0].content_sha256 == data.sha256:
        return latest[0], False
    version_id = tx.execute(
        _versions.insert()
        .values(
            type_id=type_id,
            number=latest[0].number + 1 if latest else 1,
            content_sha256=data.sha256,
            message=storable_text("Message", message),
            author=author,
            n_entities=len(data.entities),
            n_templates=sum(template.attribute is not None for template in data.templates),
            n_neutral=len(data.templates_of(None)),
            created_at=utc_now(),
        )
        .returning(_versions.c.id)
    ).scalar_one()
    _add_rows(tx, version_id, data)
    return version_by_id(tx, version_id), True


def resolve(tx: Transaction, reference: str) -> EntityVersion:
    """The version that ``name``, ``name@latest`` or ``name@3`` means.

    Raises:
        NotFoundError: If there is none.
    """
    return must_exist(find(tx, reference), "entity data", reference, listed_by="ravel list")


def find(tx: Transaction, reference: str) -> EntityVersion | None:
    """The version of entity data that a reference means, or None."""
    parsed = SetReference.parse(reference)
    query = _types.c.name == parsed.name
    if parsed.version != LATEST:
        by_hash = _versions.c.content_sha256.startswith(parsed.version)
        number = parsed.number
        query = sa.and_(query, by_hash if number is None else _versions.c.number == number)
    return next(iter(_select(tx, query)), None)


def list_versions(tx: Transaction) -> list[EntityVersion]:
    """Every version of every entity type, newest first."""
    return _select(tx, sa.true())


def version_by_id(tx: Transaction, version_id: int) -> EntityVersion:
    """The version with that row id."""
    (version,) = _select(tx, _versions.c.id == version_id)
    return version


def data(tx: Transaction, version_id: int) -> EntityData:
    """All that a version holds."""
    names = _names(tx, version_id)
    values: dict[int, dict[str, str]] = {}
    for row in tx.execute(
        _values.select()
        .where(_values.c.version_id == version_id)
        .order_by(_values.c.entity, _values.c.attribute)
    ):
        values.setdefault(row.entity, {})[names[row.attribute]] = row.value
    entities = tx.execute(
        _entities.select()
        .where(_entities.c.version_id == version_id)
        .order_by(_entities.c.position)
    )
    templates = tx.execute(
        _templates.select()
        .where(_templates.c.version_id == version_id)
        .order_by(_templates.c.position)
    )
    return EntityData(
        attributes=tuple(names),
        entities=tuple(
            Entity(name=row.name, split=Split(row.split), values=values.get(row.position, {}))
            for row in entities
        ),
        templates=tuple(
            Template(
                text=row.text,
                split=Split(row.split),
                attribute=None if row.attribute is None else names[row.attribute],
                entity=row.entity,
            )
            for row in templates
        ),
    )


def check_content(tx: Transaction, version_id: int) -> None:
    """Return if a version holds what its hash says.

    Raises:
        IntegrityError: If it was altered.
    """
    version, sha256 = version_by_id(tx, version_id), data(tx, version_id).sha256
    if sha256 != version.content_sha256:
        raise IntegrityError(
            f"Entity data {version.label} has hash {sha256}, on record is "
            f"{version.content_sha256}. Put a backup in place: vectorlab db restore BACKUP"
        )


def _names(tx: Transaction, version_id: int) -> list[str]:
    query = sa.select(_attributes.c.name).where(_attributes.c.version_id == version_id)
    return list(tx.scalars(query.order_by(_attributes.c.position)))


def _add_rows(tx: Transaction, version_id: int, data: EntityData) -> None:
    places = {name: place for place, name in enumerate(data.attributes)}
    tables: list[tuple[sa.Table, Iterable[Mapping[str, Any]]]] = [
        (
            _attributes,
            (
                {"position": place, "name": storable_text("Attribute", name)}
                for name, place in places.items()
            ),
        ),
        (
            _entities,
            (
                {
                    "position": place,
                    "name": storable_text("Entity", entity.name),
                    "split": entity.split.value,
                }
                for place, entity in enumerate(data.entities)
            ),
        ),
        (
            _values,
            (
                {
                    "entity": place,
                    "attribute": places[attribute],
                    "value": storable_text(f"{attribute} of {entity.name}", value),
                }
                for place, entity in enumerate(data.entities)
                for attribute, value in entity.values.items()
            ),
        ),
        (
            _templates,
            (
                {
                    "position": place,
                    "text": storable_text("Template", template.text),
                    "split": template.split.value,
                    "attribute": None if template.attribute is None else places[template.attribute],
                    "entity": template.entity,
                }
                for place, template in enumerate(data.templates)
            ),
        ),
    ]
    for table, rows in tables:
        for some in batches({"version_id": version_id, **row} for row in rows):
            tx.execute(table.insert(), some)


def _select(tx: Transaction, condition: sa.ColumnElement[bool]) -> list[EntityVersion]:
    """Versions, newest first."""
    query = (
        sa.select(_versions, _types.c.name.label("type_name"))
        .join(_types, _types.c.id == _versions.c.type_id)
        .where(condition)
        .order_by(_versions.c.id.desc())
    )
    return [
        EntityVersion(
            id=row.id,
            type_name=row.type_name,
            number=row.number,
            content_sha256=row.content_sha256,
            message=row.message,
            author=row.author,
            attributes=tuple(_names(tx, row.id)),
            n_entities=row.n_entities,
            n_templates=row.n_templates,
            n_neutral=row.n_neutral,
            created_at=row.created_at,
        )
        for row in tx.execute(query).all()
    ]
