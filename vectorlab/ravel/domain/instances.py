"""An instance: what one model answers about the entities, and which pairs of runs are swapped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, ClassVar

from vectorlab.domain.codec import Request
from vectorlab.domain.description import About
from vectorlab.domain.fields import Dtype, ModelFingerprint, Seed, SpecialTokens
from vectorlab.domain.hashing import ListHasher, canonical_json
from vectorlab.errors import InputError
from vectorlab.ravel.domain.entities import Split

STOP_CHARACTERS = '"\n.,;}'  # a value ends in front of them, whatever the tokenizer


class ExamplePart(StrEnum):
    """Examples that belong together; which entities and templates they draw from."""

    TRAIN = "train"  # train entities, train templates
    ENTITY_VALIDATION = "entity_val"  # val entities, train templates
    ENTITY_TEST = "entity_test"  # test entities, train templates
    CONTEXT_VALIDATION = "context_val"  # train entities, val templates
    CONTEXT_TEST = "context_test"  # train entities, test templates

    @property
    def entity_split(self) -> Split:
        """Split of the base and source entities."""
        return {
            ExamplePart.ENTITY_VALIDATION: Split.VALIDATION,
            ExamplePart.ENTITY_TEST: Split.TEST,
        }.get(self, Split.TRAIN)

    @property
    def template_split(self) -> Split:
        """Split of the base and source templates."""
        return {
            ExamplePart.CONTEXT_VALIDATION: Split.VALIDATION,
            ExamplePart.CONTEXT_TEST: Split.TEST,
        }.get(self, Split.TRAIN)


TESTS = (ExamplePart.ENTITY_TEST, ExamplePart.CONTEXT_TEST)


class SourceKind(StrEnum):
    """What the source prompt of an example asks for."""

    SAME = "same"  # the base's attribute
    OTHER = "other"  # another attribute
    NEUTRAL = "neutral"  # nothing


@dataclass(frozen=True, kw_only=True)
class InstanceSource:
    """What an instance is made of."""

    data_sha256: Annotated[str, About(name="entity data")]  # content hash
    model_fingerprint: ModelFingerprint


@dataclass(frozen=True, kw_only=True)
class InstanceOptions:
    """How an instance is made.

    Attributes:
        max_new_tokens: Most tokens of every completion.
        stop_characters: A completion ends in front of these.
        min_template_accuracy: Templates whose share of right answers is below this are left out.
        min_entity_accuracy: Entities whose share of right answers is below this are left out.
        n_train: Training pairs per attribute.
        n_test: Test pairs per attribute and part.
        seed: Of the pairs that are drawn.
        add_special_tokens: Let the tokenizer add BOS where it would.
        dtype: The model computes in this.
    """

    max_new_tokens: Annotated[int, About(name="new tokens at most")] = 8
    stop_characters: Annotated[str, About(name="stop characters", words=repr)] = STOP_CHARACTERS
    min_template_accuracy: Annotated[float, About(name="least accuracy of a template")] = 0.5
    min_entity_accuracy: Annotated[float, About(name="least accuracy of an entity")] = 0.5
    n_train: Annotated[int, About(name="training examples", unit="per attribute")] = 512
    n_test: Annotated[int, About(name="test examples", unit="per attribute and part")] = 128
    seed: Seed = 0
    add_special_tokens: SpecialTokens = True
    dtype: Dtype = "float32"


@dataclass(frozen=True, kw_only=True)
class InstanceSpec(InstanceOptions, InstanceSource, Request):
    """A complete request for an instance; equal requests have equal hashes."""

    TAG: ClassVar[str] = "ravel-instance-request"

    def count(self, part: ExamplePart) -> int:
        """Examples per attribute in a part."""
        return self.n_train if part is ExamplePart.TRAIN else self.n_test


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

    part: ExamplePart
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
        """The fields that an instance's content hash is made of."""
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
        for completion in self.completions:
            hasher.add(
                canonical_json([completion.template, completion.entity, list(completion.token_ids)])
            )
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
