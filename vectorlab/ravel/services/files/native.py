"""Our own file, a JSON object with attributes, entities and templates, and what is built in."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vectorlab.errors import InputError
from vectorlab.ravel.domain.entities import Entity, EntityData, Template, check_data
from vectorlab.ravel.services.files.json_in import json_object, split_of, text_of

FORMAT = "vectorlab-ravel/1"
BUILT_IN = {"cities": Path(__file__).parent / "cities.json"}


def built_in(name: str) -> EntityData:
    """Data that come with the package.

    Raises:
        InputError: If there are none of that name.
    """
    if name not in BUILT_IN:
        raise InputError(f"No built-in data {name!r}. There is: {', '.join(BUILT_IN)}.")
    return read_native(BUILT_IN[name])


def read_native(path: Path) -> EntityData:
    """Read a file that ``write_native`` wrote, or that was written by hand after its example.

    Raises:
        InputError: Naming what cannot be used.
    """
    content = json_object(path)
    if content.get("format") != FORMAT:
        raise InputError(
            f"{path} has format {content.get('format')!r}; expected {FORMAT!r}. An example: "
            "vectorlab ravel import cities, then vectorlab ravel export cities FILE"
        )
    data = EntityData(
        attributes=tuple(
            text_of(f"{path}: attribute {place}", attribute)
            for place, attribute in enumerate(_list(path, content, "attributes"))
        ),
        entities=tuple(
            _entity(f"{path}: entity {place}", entity)
            for place, entity in enumerate(_list(path, content, "entities"))
        ),
        templates=tuple(
            _template(f"{path}: template {place}", template)
            for place, template in enumerate(_list(path, content, "templates"))
        ),
    )
    return check_data(path.stem, data)


def write_native(path: Path, data: EntityData) -> None:
    """Write data so that reading them gives the same content hash."""
    entities = [
        {"name": entity.name, "split": entity.split.value, "values": dict(entity.values)}
        for entity in data.entities
    ]
    templates = [
        {
            "text": template.text,
            "split": template.split.value,
            "attribute": template.attribute,
            "entity": template.entity,
        }
        for template in data.templates
    ]
    head = f'{{\n"format": {json.dumps(FORMAT)},\n"attributes": {_line(list(data.attributes))}'
    parts = [
        head,
        f'"entities": [\n{_lines(entities)}\n]',
        f'"templates": [\n{_lines(templates)}\n]',
    ]
    path.write_text(",\n".join(parts) + "\n}\n", encoding="utf-8")


def _entity(where: str, entity: object) -> Entity:
    fields = _fields(where, entity)
    values = fields.get("values", {})
    if not isinstance(values, dict):
        raise InputError(f"{where} has values {values!r}; an object is expected.")
    return Entity(
        name=text_of(f"{where}, name", fields.get("name")),
        split=split_of(where, fields.get("split")),
        values={
            name: text_of(f"{where}, {name}", value)
            for name, value in values.items()
            if value != ""
        },
    )


def _template(where: str, template: object) -> Template:
    fields = _fields(where, template)
    attribute, entity = fields.get("attribute"), fields.get("entity")
    return Template(
        text=text_of(f"{where}, text", fields.get("text")),
        split=split_of(where, fields.get("split")),
        attribute=None if attribute is None else text_of(f"{where}, attribute", attribute),
        entity=None if entity is None else text_of(f"{where}, entity", entity),
    )


def _fields(where: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where} is {value!r}; an object is expected.")
    return value


def _list(path: Path, content: Mapping[str, Any], name: str) -> list[Any]:
    items = content.get(name)
    if not isinstance(items, list):
        raise InputError(f"{path} has {name!r} {items!r}; a list is expected.")
    return items


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _lines(items: list[dict[str, Any]]) -> str:
    return ",\n".join(map(_line, items))
