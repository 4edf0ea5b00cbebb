"""What RAVEL knows of one entity type: entities with attribute values, and prompts about them.

Source: Huang et al. 2024, https://arxiv.org/abs/2402.17700; https://github.com/explanare/ravel
"""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from vectorlab.domain.hashing import content_sha256
from vectorlab.errors import InputError

SLOT = "%s"  # where a template mentions the entity
SPLIT_SHARES = (0.5, 0.25)  # of train and val where a file names no splits; the rest is test


class Split(StrEnum):
    """A part of the entities or, independently, of the templates; the words of the data files."""

    TRAIN = "train"
    VALIDATION = "val"
    TEST = "test"


@dataclass(frozen=True, kw_only=True)
class Entity:
    """One thing with its gold attribute values."""

    name: str  # as the templates mention it
    split: Split
    values: Mapping[str, str] = field(default_factory=dict)  # by attribute; missing where unknown


@dataclass(frozen=True, kw_only=True)
class Template:
    """A prompt with one ``%s`` for the entity; it ends where the attribute's value begins."""

    text: str
    split: Split
    attribute: str | None  # what it asks for; None asks for nothing: a neutral prompt
    entity: str | None = None  # whom a neutral prompt was written about; None fits every entity

    def prompt(self, entity: str) -> str:
        """The prompt about an entity."""
        return self.text.replace(SLOT, entity, 1)

    @property
    def slot(self) -> int:
        """Characters in front of the mention."""
        return self.text.index(SLOT)


@dataclass(frozen=True, kw_only=True)
class EntityData:
    """All there is about one entity type; equal data have equal hashes."""

    attributes: tuple[str, ...]
    entities: tuple[Entity, ...]
    templates: tuple[Template, ...]  # of every attribute, and the neutral prompts

    @cached_property
    def sha256(self) -> str:
        """Content hash over attributes, entities and templates."""
        return content_sha256(
            "ravel-data",
            {
                "attributes": list(self.attributes),
                "entities": [
                    [entity.name, entity.split.value, dict(entity.values)]
                    for entity in self.entities
                ],
                "templates": [
                    [template.text, template.split.value, template.attribute, template.entity]
                    for template in self.templates
                ],
            },
        )

    def templates_of(self, attribute: str | None) -> list[Template]:
        """Templates that ask for an attribute; those of None are the neutral prompts."""
        return [template for template in self.templates if template.attribute == attribute]

    def values_of(self, attribute: str) -> Counter[str]:
        """How many entities have each gold value."""
        return Counter(
            entity.values[attribute] for entity in self.entities if attribute in entity.values
        )

    def split_counts(self, items: "Iterable[Entity | Template]") -> dict[Split, int]:
        """How many of them are in each split."""
        counts = Counter(entry.split for entry in items)
        return {split: counts[split] for split in Split}


@dataclass(frozen=True, kw_only=True)
class EntityVersion:
    """One frozen state of the data about an entity type."""

    id: int
    type_name: str
    number: int  # counts from 1 within the type
    content_sha256: str  # of the data
    message: str
    author: str
    attributes: tuple[str, ...]
    n_entities: int
    n_templates: int  # that ask for an attribute
    n_neutral: int  # prompts that ask for nothing
    created_at: datetime  # UTC

    @property
    def label(self) -> str:
        """How people name it, ``name@number``."""
        return f"{self.type_name}@{self.number}"


def check_data(name: str, data: EntityData) -> EntityData:
    """The data themselves, if instances can be built of them.

    An attribute without any gold value is accepted: its labels are the model's own completions.

    Raises:
        InputError: Naming the entity, template, attribute or split that cannot be used.
    """
    _check_attributes(name, data)
    _check_unique(name, "entity", [entity.name for entity in data.entities])
    for template in data.templates:
        check_template(template)
        if template.attribute is not None and template.attribute not in data.attributes:
            raise InputError(
                f"Template {template.text!r} of {name!r} asks for {template.attribute!r}, which is "
                f"no attribute. Use one of {', '.join(data.attributes)}."
            )
    for attribute in (*data.attributes, None):
        texts = [template.text for template in data.templates_of(attribute)]
        _check_unique(name, f"template of {attribute or 'no attribute'}", texts)
        if attribute is not None and not texts:
            raise InputError(
                f"Attribute {attribute!r} of {name!r} has no template. Give one that ends where "
                "its value begins."
            )
    _check_splits(name, data)
    return data


def check_template(template: Template) -> None:
    """Refuse a template that does not mention the entity exactly once.

    Raises:
        InputError: With the template and the count.
    """
    count = template.text.count(SLOT)
    if count != 1:
        raise InputError(
            f"Template {template.text!r} has {count} {SLOT}; it must have exactly one, where the "
            "entity is mentioned."
        )


def draw_splits(names: Sequence[str], seed: int) -> list[Split]:
    """Half of the names for training, a quarter each for val and test, by a seeded shuffle."""
    order = list(range(len(names)))
    random.Random(seed).shuffle(order)
    ends = [round(len(names) * sum(SPLIT_SHARES[: part + 1])) for part in range(2)]
    splits = [Split.TEST] * len(names)
    for place, index in enumerate(order):
        if place < ends[0]:
            splits[index] = Split.TRAIN
        elif place < ends[1]:
            splits[index] = Split.VALIDATION
    return splits


def _check_attributes(name: str, data: EntityData) -> None:
    _check_unique(name, "attribute", data.attributes)
    if len(data.attributes) < 2:
        raise InputError(
            f"{name!r} has {len(data.attributes)} attributes; it takes two to see whether changing "
            "one leaves the others alone."
        )
    for entity in data.entities:
        unknown = sorted(set(entity.values) - set(data.attributes))
        if unknown:
            raise InputError(
                f"Entity {entity.name!r} of {name!r} has a value for {unknown[0]!r}, which is no "
                f"attribute. Use one of {', '.join(data.attributes)}."
            )
    for attribute in data.attributes:
        values = data.values_of(attribute)
        if len(values) == 1:
            raise InputError(
                f"Attribute {attribute!r} of {name!r} has a single value, {next(iter(values))!r}; "
                "there is nothing to change it to. Leave the attribute out or add entities."
            )


def _check_unique(name: str, what: str, texts: Sequence[str]) -> None:
    if any(not text.strip() for text in texts):
        raise InputError(f"{name!r} has an empty {what}. Give every {what} some text.")
    twice = [text for text, count in Counter(texts).items() if count > 1]
    if twice:
        raise InputError(f"{name!r} has the {what} {twice[0]!r} twice. Leave one of them out.")


def _check_splits(name: str, data: EntityData) -> None:
    asking = [template for template in data.templates if template.attribute is not None]
    for what, counts in (
        ("entities", data.split_counts(data.entities)),
        ("templates", data.split_counts(asking)),
    ):
        held_out = counts[Split.VALIDATION] + counts[Split.TEST]
        if not counts[Split.TRAIN] or not held_out:
            empty = "train" if not counts[Split.TRAIN] else "val and test"
            raise InputError(
                f"{name!r} has no {what} in split {empty}: train {counts[Split.TRAIN]}, val "
                f"{counts[Split.VALIDATION]}, test {counts[Split.TEST]}. Featurizers are trained "
                "on train and judged on the others."
            )
