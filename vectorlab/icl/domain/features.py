"""m(x): what is asked for where a gradient step is taken on features of the inputs."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from vectorlab.domain.codec import Coded
from vectorlab.domain.description import About
from vectorlab.domain.fields import Seed
from vectorlab.errors import InputError
from vectorlab.icl.domain.laws import MOST_STEPS, MOST_TASKS, RegressionLaw
from vectorlab.icl.domain.training_spec import TrainingSpec, Variant

MOST_WIDTH = 10_000
MOST_TRAINING_STEPS = 1_000_000
LEARNED = (Variant.MLP_GD, Variant.MLP)


class FeatureMap(StrEnum):
    """What a gradient step is taken on; the last two are trained."""

    INPUT = "input"  # x itself: a linear model
    UNTRAINED = "untrained mlp"  # embedding and MLP with the weights that trainings begin with
    FOURIER = "random fourier"  # sqrt(2/D) cos(w x + b)
    SINE = "sin, cos"  # in which a sine of any phase is linear
    LEARNED_STEP = "mlp + step"  # trained: embedding and MLP in front of one fixed gradient step
    LEARNED_LAYER = "mlp + layer"  # trained: embedding, MLP and a linear attention layer


@dataclass(frozen=True, kw_only=True)
class FeatureOptions(Coded):
    """Sine tasks by gradient steps on m(x): by the layer, by the kernel, with m given and learned.

    Attributes:
        n: Demonstrations per task.
        noise: Standard deviation of the noise on their targets.
        steps: Gradient steps on features that are given; what is trained takes one.
        width: Random Fourier features.
        tasks: That the losses are means over.
        training_steps: Of both trainings; 0 leaves out what is trained.
        batch: Fresh tasks per training step.
        seed: Of the tasks, the random features and the trainings.

    Raises:
        InputError: If a number is out of its range.
    """

    n: Annotated[int, About(name="N", unit="demonstrations")] = 10
    noise: Annotated[float, About(name="noise", unit="standard deviation", quiet=True)] = 0.0
    steps: Annotated[int, About(name="steps")] = 1
    width: Annotated[int, About(name="random features", quiet=True)] = 40
    tasks: Annotated[int, About(name="tasks drawn", quiet=True)] = 2000
    training_steps: Annotated[int, About(name="training steps")] = 1500
    batch: Annotated[int, About(name="batch", unit="tasks", quiet=True)] = 256
    seed: Seed = 0

    def __post_init__(self) -> None:
        RegressionLaw(n=self.n, noise=self.noise)  # says what is wrong with these two
        for name, least, most in (
            ("steps", 1, MOST_STEPS),
            ("width", 1, MOST_WIDTH),
            ("tasks", 2, MOST_TASKS),
            ("training_steps", 0, MOST_TRAINING_STEPS),
            ("batch", 1, MOST_TASKS),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise InputError(f"{name} = {value}; it must lie between {least} and {most}.")

    @property
    def law(self) -> RegressionLaw:
        """Of the tasks, whose inputs and targets are those of sines."""
        return RegressionLaw(dx=1, n=self.n, noise=self.noise)

    def trainings(self) -> tuple[TrainingSpec, ...]:
        """What is trained: one variant after the other, on the same stream of tasks."""
        if self.training_steps == 0:
            return ()
        return tuple(
            TrainingSpec.published(
                variant,
                law=self.law,
                steps=self.training_steps,
                batch=self.batch,
                seed=self.seed,
            )
            for variant in LEARNED
        )
