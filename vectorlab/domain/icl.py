"""In-context regression: the laws that tasks are drawn from, and what is known of them exactly."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from vectorlab.domain.codec import Coded
from vectorlab.domain.description import About
from vectorlab.errors import InputError


class Inputs(StrEnum):
    """What inputs are drawn from; each entry on its own."""

    UNIFORM = "uniform"  # U(-scale, scale)
    NORMAL = "normal"  # N(0, scale^2)
    LAPLACE = "laplace"  # Laplace(0, scale)
    EXPONENTIAL = "exponential"  # Exp of mean scale: never negative


@dataclass(frozen=True, kw_only=True)
class RegressionLaw(Coded):
    """Tasks y = W x + noise with W ~ N(0, weight_scale^2), fresh for every task.

    The defaults are those of the paper's code: ``input_range = 1`` there is U(-0.5, 0.5), where
    the paper's text says U(-1, 1).

    Raises:
        InputError: If a number is out of its range; without demonstrations nothing is learned.

    Source: von Oswald et al. 2023, https://arxiv.org/abs/2212.07677
    """

    dx: Annotated[int, About(name="dx")] = 10
    dy: Annotated[int, About(name="dy")] = 1
    # The query is not one of them.
    n: Annotated[int, About(name="N", unit="demonstrations")] = 10
    inputs: Annotated[Inputs, About(name="inputs")] = Inputs.UNIFORM
    scale: Annotated[float, About(name="scale")] = 0.5
    weight_scale: Annotated[float, About(name="scale of the weights")] = 1.0
    # On the demonstrations' targets.
    noise: Annotated[float, About(name="noise", unit="standard deviation")] = 0.0

    def __post_init__(self) -> None:
        for name, value in (("n", self.n), ("dx", self.dx), ("dy", self.dy)):
            if value < 1:
                raise InputError(
                    f"{name} = {value}; a task needs at least 1. Without demonstrations there is "
                    "no gradient to take."
                    if name == "n"
                    else f"{name} = {value}; inputs and targets have at least one entry."
                )
        for name, number in (("scale", self.scale), ("weight_scale", self.weight_scale)):
            if not 0 < number < float("inf"):
                raise InputError(f"{name} = {number}; it must be a positive number.")
        if not 0 <= self.noise < float("inf"):
            raise InputError(f"noise = {self.noise}; a standard deviation is 0 or more.")


@dataclass(frozen=True, kw_only=True)
class OneStep:
    """The best single gradient step from W0 = 0, in closed form."""

    eta: float
    loss: float
    untrained_loss: float  # of the prediction 0


def best_one_step(law: RegressionLaw) -> OneStep:
    """The learning rate that makes the expected loss after one step smallest, and that loss.

    With S = (1/N) sum_j x_j x_j^T, inputs of variance v and fourth moment m, and weights of
    variance w, half the expected squared error of one output is

        L(eta) = w v/2 tr E[(I - eta S)^2] + eta^2 noise^2 d v^2 / (2 N)

    with tr E[S] = d v and tr E[S^2] = (d m + d (d - 1) v^2 + (N - 1) d v^2) / N, a parabola in
    eta. Targets of the query carry no noise. Summed over the ``dy`` outputs.

    Args:
        law: Of inputs that are symmetric about zero.

    Raises:
        InputError: For exponential inputs, whose mean is not zero.
    """
    v, m = _moments(law)
    w, d, n = law.weight_scale**2, law.dx, law.n
    trace, square = d * v, (d * m + d * (d - 1) * v**2 + (n - 1) * d * v**2) / n
    curvature = w * square + law.noise**2 * d * v / n
    eta = w * trace / curvature
    untrained = law.dy * w * v / 2 * d
    loss = law.dy * v / 2 * (w * d - w * trace * eta)
    return OneStep(eta=eta, loss=loss, untrained_loss=untrained)


def _moments(law: RegressionLaw) -> tuple[float, float]:
    """Variance and fourth moment of one entry of an input."""
    square = law.scale**2
    match law.inputs:
        case Inputs.UNIFORM:
            return square / 3, square**2 / 5
        case Inputs.NORMAL:
            return square, 3 * square**2
        case Inputs.LAPLACE:
            return 2 * square, 24 * square**2
    raise InputError(
        f"The best step has no closed form here for {law.inputs} inputs: their mean is not zero. "
        "Use uniform, normal or laplace."
    )
