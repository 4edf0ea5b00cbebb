"""An instance on a loaded model: states recorded once for all layers, and what is made of them.

States are kept for as long as the workbench is: those of the source prompts of each part, and
those of the training entities that PCA, RLAP and the autoencoder look at.
"""

import random
from collections.abc import Mapping, Sequence
from functools import cached_property

import torch

from vectorlab.errors import InputError
from vectorlab.progress import OnNamedProgress
from vectorlab.ravel.domain.entities import EntityData, Split
from vectorlab.ravel.domain.instances import Completion, Example, ExamplePart, InstanceSpec
from vectorlab.ravel.domain.specs import FeaturizerSpec, Location, check_recipe
from vectorlab.ravel.engine.featurizers import maker
from vectorlab.ravel.engine.featurizers.base import Fitted, Labelled, Task, Tensors
from vectorlab.ravel.engine.prompts import PromptBook
from vectorlab.ravel.engine.scoring import Trial
from vectorlab.ravel.engine.states import PromptStates, record_prompts
from vectorlab.ravel.engine.training import Counterfactuals, Monitor

LABELLED = 8192  # states of training entities at most; they are drawn where there are more
_Key = tuple[int, int]  # template and entity by their places in the data


class Workbench:
    """What is made and judged on one instance.

    Args:
        book: The model's prompts about the instance's data.
        spec: Of the instance.
        completions: What the model answered.
        examples: By position.
        layers: That will be asked for, so that every prompt is read once.
        on_progress: Told how the reading of states goes.
    """

    def __init__(
        self,
        book: PromptBook,
        spec: InstanceSpec,
        completions: Sequence[Completion],
        examples: Mapping[int, Example],
        layers: Sequence[int],
        *,
        on_progress: OnNamedProgress | None = None,
    ) -> None:
        self.book = book
        self.spec = spec
        self._examples = examples
        self._completions = completions
        self._layers = sorted(set(layers))
        self._on_progress = on_progress
        self._states: dict[tuple[ExamplePart | None, Location], dict[int, PromptStates]] = {}

    def fit(
        self, spec: FeaturizerSpec, monitor: Monitor, *, weights: Tensors | None = None
    ) -> Fitted:
        """Make the featurizer that is asked for.

        Args:
            spec: Method, attribute, layer and the rest.
            monitor: Follows the training.
            weights: Of an autoencoder that was given.

        Raises:
            InputError: If the instance has too little to make it from, or the request is of an
                earlier recipe.
        """
        check_recipe(spec)
        place = (spec.layer, spec.location)
        task = Task(
            attribute=spec.attribute,
            k=spec.k,
            parameters=spec.parameters,
            d_model=self.book.loaded.description.d_model,
            device=self.book.loaded.device,
            seed=spec.seed,
            labelled=lambda: self._labelled(spec.attribute, *place),
            unlabelled=lambda: self._known_states(*place).last(),
            counterfactuals=lambda: self._counterfactuals(*place),
            monitor=monitor,
            weights=weights,
        )
        return maker(spec.method).fit(task)

    def examples(self, part: ExamplePart) -> dict[int, Example]:
        """Examples of a part by position.

        Raises:
            InputError: If there are none.
        """
        examples = {
            place: example for place, example in self._examples.items() if example.part is part
        }
        if not examples:
            raise InputError(f"Part {part} of the instance has no examples.")
        return examples

    def trial(self, part: ExamplePart, layer: int, location: Location) -> Trial:
        """The examples of a part, ready to be edited."""
        examples = self.examples(part)
        keys = [(example.template, example.entity) for example in examples.values()]
        return Trial(
            examples=examples,
            bases=self.book.prompts(keys),
            sources=self._source_states(part, location)[layer],
            layer=layer,
            location=location,
        )

    @cached_property
    def _data(self) -> EntityData:
        return self.book.data

    def _counterfactuals(self, layer: int, location: Location) -> Counterfactuals:
        trial = self.trial(ExamplePart.TRAIN, layer, location)
        examples = list(trial.examples.values())
        return Counterfactuals(
            loaded=self.book.loaded,
            layer=layer,
            location=location,
            examples=examples,
            attributes=[
                str(self._data.templates[example.template].attribute) for example in examples
            ],
            bases=trial.bases,
            sources=trial.sources,
        )

    def _source_states(self, part: ExamplePart, location: Location) -> dict[int, PromptStates]:
        if (part, location) not in self._states:
            keys = [
                (example.source_template, example.source_entity)
                for example in self.examples(part).values()
            ]
            self._states[part, location] = self._recorded(keys, location, f"sources of {part}")
        return self._states[part, location]

    def _known_states(self, layer: int, location: Location) -> PromptStates:
        """States of training entities in training prompts; ``_known`` says which."""
        if (None, location) not in self._states:
            self._states[None, location] = self._recorded(self._known, location, "states")
        return self._states[None, location][layer]

    def _labelled(self, attribute: str, layer: int, location: Location) -> Labelled:
        states = self._known_states(layer, location).last()
        values = [self._value(attribute, entity) for _, entity in self._known]
        rows = [row for row, value in enumerate(values) if value is not None]
        names = sorted({str(values[row]) for row in rows})
        if len(names) < 2:
            raise InputError(
                f"Attribute {attribute!r} has {len(names)} values among the training entities; "
                "it takes two to tell them apart."
            )
        return Labelled(
            states=states[rows],
            values=torch.tensor([names.index(str(values[row])) for row in rows]),
            count=len(names),
        )

    def _value(self, attribute: str, entity: int) -> str | None:
        """The gold value, or else what the model said most recently."""
        gold = self._data.entities[entity].values.get(attribute)
        return gold if gold is not None else self._said.get((attribute, entity))

    @cached_property
    def _said(self) -> dict[tuple[str, int], str]:
        return {
            (
                str(self._data.templates[completion.template].attribute),
                completion.entity,
            ): completion.text
            for completion in self._completions
        }

    @cached_property
    def _known(self) -> list[_Key]:
        """Training prompts about training entities, neutral ones included."""
        data = self._data
        entities = {completion.entity for completion in self._completions}
        trained = [place for place in sorted(entities) if data.entities[place].split is Split.TRAIN]
        answered = {completion.template for completion in self._completions}
        keys = [
            (place, entity)
            for place, template in enumerate(data.templates)
            if template.split is Split.TRAIN and (place in answered or template.attribute is None)
            for entity in trained
            if template.entity in (None, data.entities[entity].name)
        ]
        if len(keys) > LABELLED:
            keys = sorted(random.Random(self.spec.seed).sample(keys, LABELLED))
        return keys

    def _recorded(
        self, keys: Sequence[_Key], location: Location, note: str
    ) -> dict[int, PromptStates]:
        def tell(done: int, total: int) -> None:
            if self._on_progress is not None:
                self._on_progress(done, total, f"reading {note}")

        return record_prompts(
            self.book.loaded,
            self.book.prompts(keys),
            layers=self._layers,
            location=location,
            on_progress=tell,
        )
