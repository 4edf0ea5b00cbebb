"""Filter what a model answers well and draw the pairs of an instance."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from vectorlab.errors import InputError
from vectorlab.ravel.domain.entities import EntityData
from vectorlab.ravel.domain.instances import (
    Accuracy,
    Completion,
    Example,
    ExamplePart,
    InstanceSpec,
    SourceKind,
)

# Added to the count of a value before it divides: frequent values are drawn less often, rare ones
# not without bound. Source: explanare/ravel, src/utils/generate_ravel_instance.py
CONTEXT_SMOOTHING, ENTITY_SMOOTHING = 20, 10
_TRIES = 40  # per wanted example, before a part is taken to be exhausted


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What is left after the filters."""

    completions: tuple[Completion, ...]  # of kept templates and entities
    accuracies: tuple[Accuracy, ...]  # per attribute, over everything that was asked


def agrees(answer: str, gold: str, *, stop_characters: str, truncated: bool) -> bool:
    """Whether a completion names a gold value, letter case aside.

    Args:
        answer: What the model said, as far as the value goes.
        gold: The value on record; what stands in it behind a stop character is not compared.
        stop_characters: Where an answer was cut.
        truncated: The answer ran out of tokens, so that its beginning is all there is.
    """
    answer, gold = answer.strip().casefold(), gold.strip().casefold()
    ends = [place for place, sign in enumerate(gold) if place and sign in stop_characters]
    gold = gold[: ends[0]].strip() if ends else gold
    if not answer:
        return False
    if answer.startswith(gold):
        return not answer[len(gold) : len(gold) + 1].isalnum()
    return truncated and gold.startswith(answer)


def keep_known(data: EntityData, spec: InstanceSpec, completions: Sequence[Completion]) -> Kept:
    """Drop templates, then entities, that the model answers too badly.

    Completions without a gold value count for neither side.

    Raises:
        InputError: If no template of an attribute, or no entity, is left.
    """
    by_template = _accuracy((completion.template, completion.correct) for completion in completions)
    templates = {
        place
        for place, template in enumerate(data.templates)
        if template.attribute is not None
        and by_template.get(place, 1.0) >= spec.min_template_accuracy
    }
    accuracies = tuple(
        _attribute_accuracy(data, attribute, completions, templates)
        for attribute in data.attributes
    )
    for accuracy in accuracies:
        if not accuracy.templates_kept:
            raise InputError(
                f"No template of attribute {accuracy.name!r} is answered correctly often enough: "
                f"{accuracy.correct} of {accuracy.n} completions are correct, "
                f"{spec.min_template_accuracy:g} is wanted of a template. Lower "
                "--min-template-accuracy, or use a model that knows it."
            )
    left = [completion for completion in completions if completion.template in templates]
    by_entity = _accuracy((completion.entity, completion.correct) for completion in left)
    entities = {
        place
        for place in range(len(data.entities))
        if by_entity.get(place, 1.0) >= spec.min_entity_accuracy
    }
    if not entities:
        raise InputError(
            "No entity is answered correctly often enough; "
            f"{spec.min_entity_accuracy:g} is wanted. Lower --min-entity-accuracy."
        )
    kept = tuple(completion for completion in left if completion.entity in entities)
    return Kept(completions=kept, accuracies=accuracies)


def draw_examples(
    data: EntityData, spec: InstanceSpec, completions: Sequence[Completion]
) -> list[Example]:
    """The pairs of every part, balanced over templates, source kinds and counter-labels.

    Base and source entities of a part come from one split, so no test entity is ever seen in
    training; the same holds for templates. Only completions that are correct, or have no gold
    value, are used.

    Raises:
        InputError: If a part has too few entities or templates to draw a single pair.
    """
    usable = {
        (completion.template, completion.entity): completion.token_ids
        for completion in completions
        if completion.correct is not False
    }
    examples: list[Example] = []
    for part in ExamplePart:
        pool = _Pool(data, spec, part, usable)
        for attribute in data.attributes:
            examples += pool.draw(attribute)
    return examples


class _Pool:
    """Everything that the examples of one part are drawn from."""

    def __init__(
        self,
        data: EntityData,
        spec: InstanceSpec,
        part: ExamplePart,
        usable: Mapping[tuple[int, int], tuple[int, ...]],
    ) -> None:
        self._data, self._spec, self._part, self._usable = data, spec, part, usable
        self._rng = random.Random(f"{spec.seed} {part.value}")
        split = part.entity_split
        self._entities = {
            place for place, entity in enumerate(data.entities) if entity.split == split
        }
        self._places = {data.entities[place].name: place for place in self._entities}
        answered = {template for template, _ in usable}
        self._templates: dict[str | None, list[int]] = {}
        for place, template in enumerate(data.templates):
            asks = template.attribute is not None
            if template.split == part.template_split and (place in answered or not asks):
                self._templates.setdefault(template.attribute, []).append(place)
        is_entity_test = part.entity_split is not ExamplePart.TRAIN.entity_split
        self._smoothing = ENTITY_SMOOTHING if is_entity_test else CONTEXT_SMOOTHING

    def draw(self, attribute: str) -> list[Example]:
        """Examples whose base asks for an attribute."""
        templates = self._templates.get(attribute, [])
        answers = {
            template: {
                entity: self._usable[template, entity]
                for entity in sorted(self._entities)
                if (template, entity) in self._usable
            }
            for template in templates
        }
        templates = [template for template in templates if len(set(answers[template].values())) > 1]
        if not templates:
            raise InputError(
                f"Part {self._part} has no pair for attribute {attribute!r}: its "
                f"{self._part.entity_split} entities and {self._part.template_split} templates "
                "leave no two correct answers that differ. Lower --min-template-accuracy, or give "
                "more entities or templates."
            )
        count = self._spec.count(self._part)
        self._rng.shuffle(templates)
        examples: dict[tuple[object, ...], Example] = {}
        turns = zip(cycle(templates), range(count * _TRIES), strict=False)
        kinds = cycle(SourceKind)
        for template, _ in turns:
            example = self._one(attribute, template, answers[template], next(kinds))
            if example is not None:
                examples[tuple(map(str, example.row()))] = example
            if len(examples) == count:
                break
        return list(examples.values())

    def _one(
        self,
        attribute: str,
        template: int,
        answers: Mapping[int, tuple[int, ...]],
        kind: SourceKind,
    ) -> Example | None:
        entity = self._rng.choice(list(answers))
        source_template = self._source_template(attribute, kind)
        if source_template is None:
            return None
        tied = self._data.templates[source_template].entity
        others = list(answers) if tied is None else [self._places.get(tied, -1)]
        others = [
            other for other in others if other in answers and answers[other] != answers[entity]
        ]
        if not others:
            return None
        counts = Counter(answers.values())
        weights = [1 / (self._smoothing + counts[answers[other]]) for other in others]
        (source,) = self._rng.choices(others, weights)
        return Example(
            part=self._part,
            kind=kind,
            template=template,
            entity=entity,
            source_template=source_template,
            source_entity=source,
            label=answers[entity],
            counter_label=answers[source],
        )

    def _source_template(self, attribute: str, kind: SourceKind) -> int | None:
        if kind is SourceKind.OTHER:
            others = [name for name in self._data.attributes if name != attribute]
            source_attribute: str | None = self._rng.choice(others)
        else:
            source_attribute = attribute if kind is SourceKind.SAME else None
        pool = self._templates.get(source_attribute, [])
        return self._rng.choice(pool) if pool else None


def _accuracy(answers: Iterable[tuple[int, bool | None]]) -> dict[int, float]:
    right: Counter[int] = Counter()
    counts: Counter[int] = Counter()
    for place, correct in answers:
        if correct is not None:
            counts[place] += 1
            right[place] += correct
    return {place: right[place] / count for place, count in counts.items()}


def _attribute_accuracy(
    data: EntityData, attribute: str, completions: Sequence[Completion], kept: set[int]
) -> Accuracy:
    places = {
        place for place, template in enumerate(data.templates) if template.attribute == attribute
    }
    judged = [
        completion.correct
        for completion in completions
        if completion.template in places and completion.correct is not None
    ]
    return Accuracy(
        name=attribute,
        n=len(judged),
        correct=sum(judged),
        templates=len(places),
        templates_kept=len(places & kept),
    )
