"""An instance: what one model answers about the entities, and which pairs of runs are swapped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from vectorlab.domain.hashing import ListHasher, canonical_json, content_sha256
from vectorlab.domain.ravel import Split
from vectorlab.errors import InputError

STOP_CHARACTERS = '"\n.,;}'  # a value ends in front of them, whatever the tokenizer


class Part(StrEnum):
    """Examples that belong together; which entities and templates they draw from."""

    TRAIN = "train"  # train entities, train templates
    ENTITY_VALIDATION = "entity_val"  # val entities, train templates
    ENTITY_TEST = "entity_test"  # test entities, train templates
    CONTEXT_VALIDATION = "context_val"  # train entities, val templates
    CONTEXT_TEST = "context_test"  # train entities, test templates

    @property
    def entity_split(self) -> Split:
        """Split of the base and source entities."""
        return {Part.ENTITY_VALIDATION: Split.VALIDATION, Part.ENTITY_TEST: Split.TEST}.get(
            self, Split.TRAIN
        )

    @property
    def template_split(self) -> Split:
        """Split of the base and source templates."""
        return {Part.CONTEXT_VALIDATION: Split.VALIDATION, Part.CONTEXT_TEST: Split.TEST}.get(
            self, Split.TRAIN
        )


TESTS = (Part.ENTITY_TEST, Part.CONTEXT_TEST)


class SourceKind(StrEnum):
    """What the source prompt of an example asks for."""

    SAME = "same"  # the base's attribute
    OTHER = "other"  # another attribute
    NEUTRAL = "neutral"  # nothing


@dataclass(frozen=True, kw_only=True)
class InstanceSpec:
    """A complete request for an instance; equal requests have equal hashes."""

    data_sha256: str  # content hash of the entity data
    model_fingerprint: str
    max_new_tokens: int = 8  # of every completion
    stop_characters: str = STOP_CHARACTERS
    min_template_accuracy: float = 0.5  # templates below are left out
    min_entity_accuracy: float = 0.5  # entities below are left out
    n_train: int = 512  # examples per attribute
    n_test: int = 128  # examples per attribute in each of the other parts
    seed: int = 0
    add_special_tokens: bool = True
    dtype: str = "float32"

    @cached_property
    def sha256(self) -> str:
        """Identity of the request."""
        return content_sha256("ravel-instance-request", self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The request as JSON types."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "InstanceSpec":
        """Inverse of ``to_json``."""
        return cls(**data)

    def count(self, part: Part) -> int:
        """Examples per attribute in a part."""
        return self.n_train if part is Part.TRAIN else self.n_test


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What the model says behind a template about an entity, greedily."""

    template: int  # position in the data
    entity: int  # position in the data
    text: str  # as far as the value goes
    token_ids: tuple[int, ...]  # the same as tokens, never empty
    correct: bool | None  # agrees with the gold value; None where there is none


@dataclass(frozen=True, kw_only=True)
class Example:
    """A base run to edit and a source run to copy from; everything by position in the data.

    Raises:
        InputError: If label and counter-label agree: neither Cause nor Isolate could be told.
    """

    part: Part
    kind: SourceKind
    template: int  # of the base
    entity: int  # of the base
    source_template: int
    source_entity: int
    label: tuple[int, ...]  # tokens that the base run says unedited
    counter_label: tuple[int, ...]  # tokens that the base template says about the source entity

    def __post_init__(self) -> None:
        if self.label == self.counter_label:
            raise InputError(
                f"Example of template {self.template}, entity {self.entity} and source entity "
                f"{self.source_entity}: label and counter-label are the same tokens "
                f"{list(self.label)}. Pair entities that the model answers differently about."
            )

    def row(self) -> list[object]:
        """What is hashed."""
        return [
            self.part.value, self.kind.value, self.template, self.entity, self.source_template,
            self.source_entity, list(self.label), list(self.counter_label),
        ]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """How often the model's completions agree with gold values."""

    name: str  # of an attribute
    n: int  # completions with a gold value
    correct: int
    templates: int
    templates_kept: int

    @property
    def share(self) -> float | None:
        """Between 0 and 1; None without gold values."""
        return self.correct / self.n if self.n else None


@dataclass(frozen=True, kw_only=True)
class NewInstance:
    """An instance that is about to be stored."""

    name: str
    model_id: int
    version_id: int
    spec: InstanceSpec
    completions: Sequence[Completion]  # of kept templates and entities
    examples: Sequence[Example]
    accuracies: Sequence[Accuracy]
    environment: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def content_sha256(self) -> str:
        """Hash of the request, every completion and every example."""
        hasher = ListHasher("ravel-instance")
        hasher.add(self.spec.sha256)
        for item in self.completions:
            hasher.add(canonical_json([item.template, item.entity, list(item.token_ids)]))
        for example in self.examples:
            hasher.add(canonical_json(example.row()))
        return hasher.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A stored instance without its completions and examples."""

    id: int
    name: str
    content_sha256: str
    spec: InstanceSpec
    model_id: int
    model_name: str
    version_id: int
    version_label: str  # name@number of the entity data
    attributes: tuple[str, ...]
    n_completions: int
    n_examples: Mapping[str, int]  # by part
    accuracies: tuple[Accuracy, ...]
    created_at: datetime  # UTC
    created_by: str
