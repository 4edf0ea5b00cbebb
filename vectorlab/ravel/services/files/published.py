"""The five JSON files per entity type that the RAVEL authors published.

Source: https://github.com/explanare/ravel, data.tgz
"""

from pathlib import Path

from vectorlab.errors import InputError
from vectorlab.ravel.domain.entities import Entity, EntityData, Template, check_data
from vectorlab.ravel.services.files.json_in import json_object, split_of, text_of

_PARTS = (
    "ravel_{}_entity_attributes.json",
    "ravel_{}_attribute_to_prompts.json",
    "ravel_{}_entity_to_split.json",
    "ravel_{}_prompt_to_split.json",
    "wikipedia_{}_entity_prompts.json",
)
_BEFORE, _BEHIND = _PARTS[0].split("{}")


def published_types(folder: Path) -> list[str]:
    """Entity types that a folder has files of."""
    names = (path.name for path in folder.glob(_PARTS[0].format("*")))
    return sorted(name.removeprefix(_BEFORE).removesuffix(_BEHIND) for name in names)


def read_published(folder: Path, kind: str) -> EntityData:
    """Read the five files of an entity type, whole.

    Gold values that are missing or empty are left out; an attribute without any (Gender Bias of
    occupations) keeps its templates.

    Raises:
        InputError: If a file is missing or holds something else.
    """
    attributes, prompts, entity_splits, prompt_splits, neutral = (
        json_object(folder / part.format(kind)) for part in _PARTS
    )
    entities = []
    for name, values in attributes.items():
        where = f"{kind}: entity {name!r}"
        if not isinstance(values, dict):
            raise InputError(f"{where} has values {values!r}; an object is expected.")
        entities.append(
            Entity(
                name=name,
                split=split_of(where, entity_splits.get(name)),
                values={
                    key: text_of(f"{where}, {key}", value) for key, value in values.items() if value
                },
            )
        )
    templates = []
    for attribute, texts in prompts.items():
        if not isinstance(texts, list):
            raise InputError(f"{kind}: prompts of {attribute!r} are {texts!r}; a list is expected.")
        for text in texts:
            where = f"{kind}: template {text!r}"
            split = split_of(where, prompt_splits.get(text))
            templates.append(Template(text=text_of(where, text), split=split, attribute=attribute))
    for text, about in neutral.items():
        where = f"{kind}: neutral prompt {text!r}"
        if not isinstance(about, dict):
            raise InputError(f"{where} has {about!r}; an object is expected.")
        entity = about.get("entity")
        templates.append(
            Template(
                text=text,
                split=split_of(where, about.get("split")),
                attribute=None,
                entity=None if entity is None else text_of(where, entity),
            )
        )
    data = EntityData(
        attributes=tuple(prompts), entities=tuple(entities), templates=tuple(templates)
    )
    return check_data(kind, data)
