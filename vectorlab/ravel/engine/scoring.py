"""What edited runs say: every example of a part under every target's featurizer, or a vector."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from vectorlab.domain.interventions.arms import Arm, Combine, Intervention
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.vectors.vectors import LayerVector, Site
from vectorlab.errors import InputError
from vectorlab.progress import OnProgress
from vectorlab.ravel.domain.instances import Example, InstanceSpec
from vectorlab.ravel.domain.measures import Outcome
from vectorlab.ravel.domain.specs import Location, VectorArm
from vectorlab.ravel.engine.completions import EditedBatch, ValueEnd, complete, value_text
from vectorlab.ravel.engine.featurizers.base import Featurizer
from vectorlab.ravel.engine.interchange import Swap, interchange
from vectorlab.ravel.engine.prompts import EntityPrompt, PromptBook
from vectorlab.ravel.engine.states import PromptStates
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import steer


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The examples of a part with their base prompts and source states at one layer."""

    examples: Mapping[int, Example]  # by position in the instance
    bases: Sequence[EntityPrompt]  # in the order of the examples
    sources: PromptStates  # same
    layer: int
    location: Location


def outcomes(
    book: PromptBook,
    spec: InstanceSpec,
    trial: Trial,
    featurizers: Mapping[str, Featurizer],
    *,
    on_progress: OnProgress | None = None,
) -> list[Outcome]:
    """Outcomes of every example under the featurizer of every target.

    A featurizer that serves several targets is run once.

    Args:
        book: The model's prompts.
        spec: Of the instance.
        trial: What is swapped.
        featurizers: By target attribute.
        on_progress: Called with (runs done, runs in all).
    """
    distinct = {id(featurizer): featurizer for featurizer in featurizers.values()}
    total = len(distinct) * len(trial.bases)
    values: dict[int, list[tuple[int, ...]]] = {}
    for number, (key, featurizer) in enumerate(distinct.items()):

        def tell(done: int, _all: int, before: int = number * len(trial.bases)) -> None:
            if on_progress is not None:
                on_progress(before + done, total)

        values[key] = complete(
            book.loaded,
            trial.bases,
            max_new_tokens=spec.max_new_tokens,
            value_end=ValueEnd(book.loaded, spec.stop_characters),
            edited=_swapping(book, trial, featurizer),
            on_progress=tell,
        )
    judged = []
    for target, featurizer in featurizers.items():
        rows = zip(trial.examples.items(), trial.bases, values[id(featurizer)], strict=True)
        judged += [
            _outcome(book, target, position, example, prompt, tokens)
            for (position, example), prompt, tokens in rows
        ]
    return judged


def vector_outcomes(
    book: PromptBook,
    spec: InstanceSpec,
    arm: VectorArm,
    vector: Sequence[LayerVector],
    examples: Mapping[int, Example],
    *,
    on_progress: OnProgress | None = None,
) -> list[Outcome]:
    """What the steered model says where the vector should turn one value into another.

    Of the examples, those count whose base entity has the value before and, where the base asks
    for the attribute, whose source entity has the value after. Nothing is copied from a source.

    Args:
        book: The model's prompts about the data.
        spec: Of the instance.
        arm: How the vector acts, and which value it should turn into which.
        vector: Its layers.
        examples: By position.
        on_progress: Told how many examples are done.

    Raises:
        InputError: If there is no such example on one side.
    """
    chosen = {
        position: example for position, example in examples.items() if _is_meant(book, arm, example)
    }
    own = sum(_asks(book, example) == arm.attribute for example in chosen.values())
    if not own or own == len(chosen):
        raise InputError(
            f"Vector arm {arm.label!r} finds {own} examples that ask for {arm.attribute!r} with "
            f"base {arm.before!r} and source {arm.after!r}, and {len(chosen) - own} that ask for "
            "another attribute; it takes some of both. Build the instance with more examples: "
            "--test-examples"
        )
    keys = [(example.template, example.entity) for example in chosen.values()]
    unique = list(dict.fromkeys(keys))
    prompts = book.prompts(unique)
    tokens = complete(
        book.loaded,
        prompts,
        max_new_tokens=spec.max_new_tokens,
        value_end=ValueEnd(book.loaded, spec.stop_characters),
        edited=_steering(book, arm, vector),
        on_progress=on_progress,
    )
    answers = dict(zip(unique, zip(prompts, tokens, strict=True), strict=True))
    return [
        _outcome(book, arm.attribute, position, example, *answers[example.template, example.entity])
        for position, example in chosen.items()
    ]


def _swapping(book: PromptBook, trial: Trial, featurizer: Featurizer) -> EditedBatch:
    @contextmanager
    def edited(batch: Sequence[int], starts: torch.Tensor) -> Iterator[None]:
        places = [trial.bases[row].places(trial.location) for row in batch]
        sources = [
            trial.sources.aligned(row, len(several))
            for row, several in zip(batch, places, strict=True)
        ]
        swap = Swap.of(places, sources, featurizer.edit, book.loaded.device)
        with interchange(book.loaded, trial.layer, swap, starts):
            yield

    return edited


def _steering(book: PromptBook, arm: VectorArm, vector: Sequence[LayerVector]) -> EditedBatch:
    intervention = Intervention(
        vector_id=arm.vector_id,
        vector_sha256=arm.vector_sha256,
        operator=Operator(arm.operator),
        strength=arm.strength,
        site=Site(arm.site),
        positions=Positions.parse(arm.positions),
        layers=arm.layers,
    )
    steered = Arm(label=arm.label, interventions=(intervention,), combine=Combine.MEAN)
    table = SteeringTable.build(book.loaded, [steered], {arm.vector_sha256: vector})

    @contextmanager
    def edited(batch: Sequence[int], _starts: torch.Tensor) -> Iterator[None]:
        first = [True]
        with steer(book.loaded, table, [0] * len(batch)) as steering:

            def look(*_: object) -> None:
                steering.set_response(not first[0])
                first[0] = False

            handle = book.loaded.model.register_forward_pre_hook(look, prepend=True)
            try:
                yield
            finally:
                handle.remove()

    return edited


def _outcome(
    book: PromptBook,
    target: str,
    position: int,
    example: Example,
    prompt: EntityPrompt,
    tokens: tuple[int, ...],
) -> Outcome:
    return Outcome(
        target=target,
        example=position,
        output=value_text(book.loaded, prompt, tokens),
        changed=tokens == example.counter_label,
        kept=tokens == example.label,
    )


def _is_meant(book: PromptBook, arm: VectorArm, example: Example) -> bool:
    entities = book.data.entities
    before = entities[example.entity].values.get(arm.attribute)
    after = entities[example.source_entity].values.get(arm.attribute)
    if before != arm.before:
        return False
    return _asks(book, example) != arm.attribute or after == arm.after


def _asks(book: PromptBook, example: Example) -> str | None:
    return book.data.templates[example.template].attribute
