"""Training from scratch on fresh tasks: one step at a time, to be stopped and gone on with."""

from typing import Any

import torch

from vectorlab.icl.domain.training_spec import BETAS, TrainingSpec
from vectorlab.icl.engine.losses import losses
from vectorlab.icl.engine.models import build_model
from vectorlab.icl.engine.tasks import Tasks, draw_sines, draw_tasks
from vectorlab.steering import training_state
from vectorlab.steering.training_state import TrainingState

FIRST_WEIGHTS, TRAINING_TASKS, HELD_OUT_TASKS = 1, 2, 3  # what the seed is mixed with


class Learner:
    """A model, its optimiser and the stream of tasks it learns from.

    Tasks are never repeated, so that there is nothing to overfit. Half the squared error of the
    queries is minimised by AdamW without decay, its gradient cut to a norm.
    """

    def __init__(self, spec: TrainingSpec) -> None:
        self.spec = spec
        self.done = 0
        self.model = build_model(spec, generator(spec.seed, FIRST_WEIGHTS))
        self._tasks = generator(spec.seed, TRAINING_TASKS)
        self._adam = torch.optim.AdamW(
            self.model.parameters(), lr=spec.learning_rate, betas=BETAS, weight_decay=0.0
        )

    def step(self) -> float:
        """Learn from one batch; the loss before the step."""
        tasks = draw(self.spec, self.spec.batch, self._tasks)
        loss = losses(self.model(tasks), tasks.targets).mean()
        self._adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.spec.clip)
        self._adam.step()
        self.done += 1
        return float(loss.detach())

    def to_bytes(self) -> bytes:
        """The state of the training: weights, optimiser, generators and step."""
        return TrainingState(step=self.done, **self.live()).to_bytes()

    def restore(self, data: bytes) -> None:
        """Go on from ``to_bytes``.

        Raises:
            IntegrityError: If the bytes are not of this training.
        """
        self.done = training_state.load(data, **self.live()).step

    def live(self) -> dict[str, Any]:
        """What its state is of, by name, as ``TrainingState`` takes it."""
        return {
            "modules": {"model": self.model},
            "optimizers": {"adam": self._adam},
            "generators": {"tasks": self._tasks},
        }


def draw(spec: TrainingSpec, batch: int, generator: torch.Generator) -> Tasks:
    """Tasks of the kind that a variant learns from."""
    if spec.variant.on_sines:
        return draw_sines(batch, generator, n=spec.law.n, noise=spec.law.noise)
    return draw_tasks(spec.law, batch, generator)


def held_out(spec: TrainingSpec, batch: int) -> Tasks:
    """Tasks that the training never sees; the same for every call."""
    return draw(spec, batch, generator(spec.seed, HELD_OUT_TASKS))


def generator(seed: int, purpose: int) -> torch.Generator:
    """Of a seed, for one purpose: numbers below 4, each with draws of its own."""
    return torch.Generator().manual_seed(4 * seed + purpose)
