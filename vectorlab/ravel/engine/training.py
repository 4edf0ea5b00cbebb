"""Training on counterfactual labels: what an edited run should say, token by token.

Letters: ``B`` rows, ``M`` swapped tokens, ``D`` width, ``V`` vocabulary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from vectorlab.errors import InputError
from vectorlab.ravel.domain.instances import Example
from vectorlab.ravel.domain.specs import Location
from vectorlab.ravel.engine.interchange import Swap, interchange
from vectorlab.ravel.engine.prompts import EntityPrompt
from vectorlab.ravel.engine.states import PromptStates
from vectorlab.steering import training_state
from vectorlab.steering.model.batching import forward_arguments, pad
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.training_state import TrainingState

_POINTS = 100  # of a curve, about


class Monitor(Protocol):
    """Follows a training and keeps where it stands."""

    identity: str  # of what is trained, so that nothing else goes on from its state

    def resume(self) -> bytes | None:
        """What was saved last; None at the beginning."""
        ...

    def progress(self, done: int, total: int) -> None:
        """Take note of how many steps are done; may raise to end the training."""
        ...

    def log_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Take a point of the curves: values by name at a step."""
        ...

    def is_due(self) -> bool:
        """Whether it is time to save."""
        ...

    def save(self, step: int, data: bytes) -> None:
        """Keep where the training stands; may raise to end it."""
        ...


class Unwatched:
    """A monitor that does nothing, for notebooks and tests."""

    identity = ""

    def resume(self) -> bytes | None:
        """Begin anew: nothing was saved, None."""
        return None

    def progress(self, done: int, total: int) -> None:
        """Take note of nothing; never ends the training."""

    def log_metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Keep nothing: nobody looks at the curves."""

    def is_due(self) -> bool:
        """Never time to save, False."""
        return False

    def save(self, step: int, data: bytes) -> None:
        """Keep nothing: there is nowhere to save to."""


class Trainable(Protocol):
    """A featurizer while it is trained; also a module."""

    def __call__(self, base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """Edit base states with the features of source states.

        Args:
            base: (M, D), states of the run that is edited.
            source: (M, D), states to copy from.

        Returns:
            (M, D), differentiable.
        """
        ...

    def penalty(self) -> torch.Tensor:
        """A scalar that is added to the loss."""
        ...

    def anneal(self, share: float) -> None:
        """Told before each step how much of the training is done, 0 to 1."""
        ...


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What edited runs are trained to say."""

    isolate: float  # weight of the prompts that ask for other attributes; 0 leaves them out


@dataclass(frozen=True, kw_only=True)
class Counterfactuals:
    """Training pairs with their prompts and source states; the source runs are over."""

    loaded: LoadedModel
    layer: int
    location: Location
    examples: Sequence[Example]
    attributes: Sequence[str]  # that the base prompt of each example asks for
    bases: Sequence[EntityPrompt]
    sources: PromptStates  # of each example's source prompt

    def loss(self, edit: Trainable, chosen: Sequence[int], *, keep_label: bool) -> torch.Tensor:
        """Mean cross entropy of the wanted tokens in the edited runs, teacher forced.

        Args:
            edit: How base and source states make the edited ones.
            chosen: Which examples.
            keep_label: The base's own answer is wanted; else the source's.

        Returns:
            A scalar.
        """
        labels = [
            self.examples[place].label if keep_label else self.examples[place].counter_label
            for place in chosen
        ]
        prompts = [self.bases[place] for place in chosen]
        # The last label token is predicted, never read.
        rows = [
            [*prompt.token_ids, *label[:-1]] for prompt, label in zip(prompts, labels, strict=True)
        ]
        batch = pad(rows, side="left", device=self.loaded.device)
        longest = max(map(len, labels))
        places = [prompt.places(self.location) for prompt in prompts]
        swap = Swap.of(
            places,
            [
                self.sources.aligned(place, len(several))
                for place, several in zip(chosen, places, strict=True)
            ],
            edit,
            self.loaded.device,
        )
        mask = batch.attention_mask if batch.is_padded else None
        arguments = forward_arguments(self.loaded, batch.input_ids, mask, batch.starts)
        if "logits_to_keep" in arguments:
            arguments["logits_to_keep"] = longest
        with interchange(self.loaded, self.layer, swap, batch.starts):
            logits = self.loaded.model(**arguments).logits[:, -longest:].float()  # (B, longest, V)
        targets = torch.full((len(rows), longest), -100)
        for row, label in enumerate(labels):
            targets[row, longest - len(label) :] = torch.tensor(label)
        return cross_entropy(logits.flatten(0, 1), targets.flatten().to(logits.device))

    def asking(self, attribute: str) -> tuple[list[int], list[int]]:
        """Examples whose base asks for the attribute, and those that ask for another."""
        own = [place for place, name in enumerate(self.attributes) if name == attribute]
        others = [place for place, name in enumerate(self.attributes) if name != attribute]
        return own, others


def train(
    module: nn.Module,
    pairs: Counterfactuals,
    attribute: str,
    objective: Objective,
    parameters: Mapping[str, float],
    seed: int,
    monitor: Monitor,
) -> list[dict[str, float]]:
    """Train a featurizer on pairs; it goes on where the monitor says that it stood.

    Args:
        module: A ``Trainable``.
        pairs: Of the training part.
        attribute: That is to be changed.
        objective: Whether the others are to stay.
        parameters: ``steps``, ``batch`` (rows of each term) and ``learning_rate``.
        seed: Draws the batches.
        monitor: Told every step.

    Returns:
        The curve: step, loss, and the loss of each term.

    Raises:
        InputError: If the training part has no pair for a term.
    """
    own, others = pairs.asking(attribute)
    for name, some in (("of its own", own), ("of other attributes", others)):
        if not some and (some is own or objective.isolate):
            raise InputError(f"Attribute {attribute!r} has no training pairs {name}.")
    steps, batch = int(parameters["steps"]), int(parameters["batch"])
    optimizer = torch.optim.AdamW(
        module.parameters(), lr=parameters["learning_rate"], weight_decay=0.0
    )
    generator = torch.Generator().manual_seed(seed)
    live = {
        "modules": {"featurizer": module},
        "optimizers": {"adam": optimizer},
        "generators": {"data": generator},
    }
    curve: list[dict[str, float]] = []
    edit: Any = module
    for step in range(resumed_step(monitor, curve, **live), steps):
        edit.anneal(step / steps)
        cause = pairs.loss(edit, _draw(own, batch, generator), keep_label=False)
        loss = cause + edit.penalty()
        terms = {"cause": cause.item()}
        if objective.isolate:
            isolate = pairs.loss(edit, _draw(others, batch, generator), keep_label=True)
            loss = loss + objective.isolate * isolate
            terms["isolate"] = isolate.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % point_every(steps) == 0 or step == steps - 1:
            curve.append({"step": step, "loss": loss.item(), **terms})
            monitor.log_metrics(step, {"loss": loss.item(), **terms})
        monitor.progress(step + 1, steps)
        keep_state(monitor, step, curve, **live)
    return curve


def point_every(steps: int) -> int:
    """Steps between two points of a curve."""
    return max(1, steps // _POINTS)


def resumed_step(monitor: Monitor, curve: list[dict[str, float]], **live: Any) -> int:
    """The step to begin with; live objects and curve are put back to where they stood."""
    saved = monitor.resume()
    if saved is None:
        return 0
    state = training_state.load(saved, **live)
    curve.extend(state.notes["curve"])
    return state.step + 1


def keep_state(monitor: Monitor, step: int, curve: list[dict[str, float]], **live: Any) -> None:
    """Save where the training stands, if it is time to."""
    if monitor.is_due():
        state = TrainingState(
            step=step, notes={"curve": curve, "featurizer": monitor.identity}, **live
        )
        monitor.save(step, state.to_bytes())


def _draw(pool: Sequence[int], count: int, generator: torch.Generator) -> list[int]:
    chosen = torch.randint(len(pool), (count,), generator=generator)
    return [pool[place] for place in chosen.tolist()]
