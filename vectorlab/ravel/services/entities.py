"""Data about entity types: import, look, export, and demonstration sets made of them."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from vectorlab.domain.sets.versions import Demonstration, check_name
from vectorlab.errors import InputError
from vectorlab.ravel.domain.entities import EntityData, EntityVersion, Split, check_data
from vectorlab.ravel.services import files
from vectorlab.ravel.store import entities
from vectorlab.services.sets import sets
from vectorlab.services.sets.sets import Committed
from vectorlab.store import audit
from vectorlab.store.database import Database


def read(
    source: str, *, templates: str | None = None, kind: str | None = None, seed: int = 0
) -> dict[str, EntityData]:
    """Data by entity type: of a folder of published files, a file, or what is built in.

    Args:
        source: A folder with ``ravel_TYPE_entity_attributes.json`` and its companions, a JSON file
            of our own, a CSV file, or the name of built-in data (``cities``).
        templates: The CSV file of templates that belongs to a CSV file of entities.
        kind: Only this type of a folder.
        seed: Draws the splits of CSV files without a column for them.

    Raises:
        InputError: If nothing usable is there.
    """
    path = Path(source)
    if path.is_dir():
        return _folder(path, kind)
    if kind is not None:
        raise InputError(f"--type chooses from a folder of published files; {source!r} is none.")
    if path.suffix.lower() == ".csv":
        if templates is None:
            raise InputError(
                f"{source} names entities alone. Give their templates as well: --templates FILE "
                "with the columns attribute and template"
            )
        return {path.stem: files.read_spreadsheet(path, Path(templates), seed=seed)}
    if templates is not None:
        raise InputError(f"--templates goes with a CSV file of entities; {source!r} is none.")
    if path.suffix.lower() == ".json" or path.exists():
        return {path.stem: files.read_native(path)}
    return {source: files.built_in(source)}


def check_one_name(data_by_type: Mapping[str, EntityData], name: str | None) -> None:
    """Refuse one name for several entity types.

    Raises:
        InputError: With the types that were found.
    """
    if name is not None and len(data_by_type) > 1:
        raise InputError(
            f"--name {name!r} cannot name {len(data_by_type)} entity types "
            f"({', '.join(data_by_type)}). Choose one of them with --type."
        )


def add(
    db: Database, *, name: str, data: EntityData, actor: str, message: str = ""
) -> tuple[EntityVersion, bool]:
    """Freeze data as the next version of an entity type.

    Args:
        db: The store.
        name: Of the entity type.
        data: Entities, attributes and templates.
        actor: Recorded as the author.
        message: Why this version exists.

    Returns:
        The version, and whether it is new.

    Raises:
        InputError: If the name or the data cannot be used; nothing is stored then.
    """
    check_name("entity type", name)
    check_data(name, data)
    with db.write() as tx:
        version, is_new = entities.add_version(
            tx, name=name, data=data, message=message, author=actor
        )
        if is_new:
            audit.record(
                tx,
                actor=actor,
                action="import",
                object_kind="entity_data",
                object_id=version.id,
                details={"label": version.label},
            )
    return version, is_new


def add_all(
    db: Database,
    data_by_type: Mapping[str, EntityData],
    *,
    name: str | None,
    actor: str,
    message: str = "",
) -> list[tuple[EntityVersion, bool]]:
    """Freeze data of several types as ``add`` does; ``name`` is for data of one type alone."""
    check_one_name(data_by_type, name)
    return [
        add(db, name=name or kind, data=data, actor=actor, message=message)
        for kind, data in data_by_type.items()
    ]


def get(db: Database, reference: str) -> EntityVersion:
    """The version that ``name``, ``name@latest`` or ``name@3`` means.

    Raises:
        NotFoundError: If there is none.
    """
    with db.read() as tx:
        return entities.resolve(tx, reference)


def find(db: Database, reference: str) -> EntityVersion | None:
    """The version of entity data that a reference means, or None."""
    with db.read() as tx:
        return entities.find(tx, reference)


def list_versions(db: Database) -> list[EntityVersion]:
    """Every version of every entity type, newest first."""
    with db.read() as tx:
        return entities.list_versions(tx)


def data_of(db: Database, version: EntityVersion) -> EntityData:
    """All that a version holds."""
    with db.read() as tx:
        return entities.data(tx, version.id)


def attributes_frame(data: EntityData) -> pd.DataFrame:
    """One row per attribute, and one for the neutral prompts: how much there is of each."""
    rows = []
    for attribute in (*data.attributes, None):
        templates = data.split_counts(data.templates_of(attribute))
        values = data.values_of(attribute) if attribute is not None else {}
        rows.append(
            {
                "attribute": attribute or "(neutral)",
                "values": len(values) if attribute is not None else None,
                "entities with a value": sum(values.values()) if attribute is not None else None,
                **{f"templates {split}": count for split, count in templates.items()},
            }
        )
    return pd.DataFrame(rows)


def entities_frame(data: EntityData) -> pd.DataFrame:
    """One row per entity: its split and values."""
    return pd.DataFrame(
        [
            {"entity": entity.name, "split": entity.split.value}
            | {name: entity.values.get(name, "") for name in data.attributes}
            for entity in data.entities
        ]
    )


def demonstrations(
    db: Database,
    *,
    reference: str,
    attribute: str,
    before: str,
    after: str,
    set_name: str,
    actor: str,
    limit: int = 64,
) -> Committed:
    """A demonstration set that turns one value of an attribute into another.

    Pairs are prompts of train templates about train entities: the same template about an entity
    with the value ``before`` and, as target, about one with ``after``.

    Args:
        db: The store.
        reference: Of the entity data.
        attribute: Whose value changes.
        before: Gold value of the sources.
        after: Gold value of the targets.
        set_name: Of the set, whose next version is made.
        actor: Recorded as its author.
        limit: Most pairs.

    Raises:
        InputError: If the attribute or a value is unknown, or no train entity has it.
    """
    version = get(db, reference)
    data = data_of(db, version)
    if attribute not in data.attributes:
        raise InputError(
            f"{version.label} has no attribute {attribute!r}. Use one of "
            f"{', '.join(data.attributes)}."
        )
    names = {value: _having(data, version.label, attribute, value) for value in (before, after)}
    templates = [
        template for template in data.templates_of(attribute) if template.split is Split.TRAIN
    ]
    pairs = [
        Demonstration(
            source=template.prompt(source),
            target=template.prompt(target),
            metadata={"attribute": attribute, "before": before, "after": after},
        )
        for place, template in enumerate(templates)
        for number, source in enumerate(names[before])
        for target in [names[after][(number + place) % len(names[after])]]
    ]
    # Templates alternate, so that a limit leaves all of them in.
    sources = len(names[before])
    ordered = [pairs[i] for start in range(sources) for i in range(start, len(pairs), sources)]
    return sets.commit(
        db,
        name=set_name,
        demonstrations=ordered[:limit],
        message=f"{attribute} of {version.label}: {before} -> {after}",
        actor=actor,
    )


def _folder(path: Path, kind: str | None) -> dict[str, EntityData]:
    kinds = files.published_types(path)
    if not kinds:
        raise InputError(
            f"{path} has no ravel_TYPE_entity_attributes.json. Give the folder of the published "
            "data files, a CSV or JSON file, or the name of built-in data: cities"
        )
    if kind is not None and kind not in kinds:
        raise InputError(f"{path} has no entity type {kind!r}. It has: {', '.join(kinds)}.")
    return {name: files.read_published(path, name) for name in (kinds if kind is None else [kind])}


def _having(data: EntityData, label: str, attribute: str, value: str) -> list[str]:
    names = [
        entity.name
        for entity in data.entities
        if entity.split is Split.TRAIN and entity.values.get(attribute) == value
    ]
    if not names:
        known = ", ".join(name for name, _ in data.values_of(attribute).most_common(8))
        raise InputError(
            f"No train entity of {label} has {attribute} {value!r}. Frequent values: {known}."
        )
    return names
