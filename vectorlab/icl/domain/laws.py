"""In-context learning: the laws that tasks are drawn from, what is known of them, what is asked.

Trainings are in ``training_spec``.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

from vectorlab.domain.codec import Coded, Stored
from vectorlab.domain.description import About
from vectorlab.domain.fields import Dtype, ModelFingerprint, Seed
from vectorlab.domain.models import check_dtype
from vectorlab.domain.vectors.context_prompts import DEFAULT_LAYOUT, DEFAULT_SHOTS, find_layout
from vectorlab.errors import InputError
from vectorlab.icl.domain.copying import LEAK

MOST_STEPS = 1000  # of a construction
MOST_TASKS = 100_000
SCOPES = ("full", "short")


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
    dy: Annotated[int, About(name="dy", quiet=True)] = 1
    # The query is not one of them.
    n: Annotated[int, About(name="N", unit="demonstrations")] = 10
    inputs: Annotated[Inputs, About(name="inputs", quiet=True)] = Inputs.UNIFORM
    scale: Annotated[float, About(name="scale", quiet=True)] = 0.5
    weight_scale: Annotated[float, About(name="scale of the weights", quiet=True)] = 1.0
    # On the demonstrations' targets.
    noise: Annotated[float, About(name="noise", unit="standard deviation", quiet=True)] = 0.0

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


def best_penalty(law: RegressionLaw) -> float:
    """The ridge penalty on W with which the expected loss is smallest: noise^2 / weight_scale^2.

    With it ridge regression is the posterior mean of W ~ N(0, weight_scale^2) under Gaussian
    noise: no predictor of any kind has a smaller expected squared error. Without noise it is 0,
    least squares of smallest norm.

    Source: Bishop 2006, Pattern Recognition and Machine Learning, section 3.3
    """
    return (law.noise / law.weight_scale) ** 2


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


@dataclass(frozen=True, kw_only=True)
class ConstructOptions(Coded):
    """A construction beside explicit gradient descent.

    Attributes:
        law: Of the regression tasks.
        eta: Learning rate; None takes the best for one step, half the limit for several. With
            damping it is the best for one step, where the damped step stays below the limit.
        gamma: Strength of the correction of GD++; None takes a quarter of eta / N.
        steps: Gradient steps, and passes through the attention layer.
        tasks: That are drawn.
        seed: Of the tasks.
        random_start: Start from weights W0 ~ N(0, 1) instead of 0; without GD++ then.
        damping: Share of what the layer adds that a pass takes; all passes are the same layer.
        separate_tokens: Also write x_j and y_j as tokens of their own, which a first layer of
            softmax attention joins.
        temperature: Of that first layer; None takes the one at which 1e-12 of its attention goes
            to other tokens than the wanted one.

    Raises:
        InputError: If there are no tasks or too many, no steps or too many, or a number is out of
            its range.
    """

    law: Annotated[RegressionLaw, About(name="tasks", inline=True)] = field(
        default_factory=RegressionLaw
    )
    eta: Annotated[
        float | None,
        About(name="eta", none="the best for one step, or half the limit for several", quiet=True),
    ] = None
    gamma: Annotated[float | None, About(name="gamma", none="a quarter of eta / N", quiet=True)] = (
        None
    )
    steps: Annotated[int, About(name="steps")] = 1
    tasks: Annotated[int, About(name="tasks drawn", quiet=True)] = 1000
    seed: Seed = 0
    random_start: Annotated[bool, About(name="random start", quiet=True)] = False
    damping: Annotated[float, About(name="damping", quiet=True), Stored(if_given=True)] = 1.0
    separate_tokens: Annotated[
        bool, About(name="separate tokens", quiet=True), Stored(if_given=True)
    ] = False
    temperature: Annotated[
        float | None,
        About(name="temperature of copying", none=f"a leak of {LEAK:g}", quiet=True),
        Stored(if_given=True, only_with="separate_tokens"),
    ] = None

    def __post_init__(self) -> None:
        for name, value, most in (
            ("steps", self.steps, MOST_STEPS),
            ("tasks", self.tasks, MOST_TASKS),
        ):
            if not 1 <= value <= most:
                raise InputError(f"{name} = {value}; it must lie between 1 and {most}.")
        if self.eta is not None and not 0 < self.eta < float("inf"):
            raise InputError(f"eta = {self.eta}; a learning rate is a positive number.")
        if self.gamma is not None and not 0 <= self.gamma < float("inf"):
            raise InputError(f"gamma = {self.gamma}; it must be 0 or more.")
        if not 0 < self.damping <= 1:
            raise InputError(f"damping = {self.damping}; it must be above 0 and at most 1.")
        if self.temperature is not None and not 0 < self.temperature < float("inf"):
            raise InputError(f"temperature = {self.temperature}; it must be a positive number.")


@dataclass(frozen=True, kw_only=True)
class ReproductionSpec(Coded):
    """The published reference points.

    Raises:
        InputError: If there is no such scope.
    """

    # full, or short for what takes seconds
    scope: Annotated[str, About(name="scope")] = "full"
    seed: Seed = 0

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise InputError(f"Scope {self.scope!r} is not known. Use {' or '.join(SCOPES)}.")


@dataclass(frozen=True, kw_only=True)
class BridgeRequest:
    """What demonstrations do in the prompt of a model.

    Attributes:
        set_reference: Version whose pairs are the demonstrations.
        random_set: Version of a set for the random control; None takes random tokens.
        shots: Demonstrations in the prompt.
        queries: Most queries that are asked, from the pairs that are left.
        layout: How demonstrations are written in the prompt.
        heads: Also take attention apart by heads.
        seed: Of what is drawn.
        dtype: The model computes in this.

    Raises:
        InputError: If a number is out of its range or the layout unknown.
    """

    set_reference: Annotated[str, About(name="demonstrations")]
    random_set: Annotated[str | None, About(name="random control", none="random tokens")] = None
    shots: Annotated[int, About(name="shots", unit="demonstrations")] = DEFAULT_SHOTS
    queries: Annotated[int, About(name="queries")] = 8
    layout: Annotated[str, About(name="layout")] = DEFAULT_LAYOUT
    heads: Annotated[bool, About(name="attention heads")] = True
    seed: Seed = 0
    dtype: Dtype = "float32"

    def __post_init__(self) -> None:
        find_layout(self.layout)
        check_dtype(self.dtype)
        for name in ("shots", "queries"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} = {getattr(self, name)}; there must be at least one.")


@dataclass(frozen=True, kw_only=True)
class BridgeSpec(Coded):
    """What demonstrations do in the prompt of a model, each set by its content."""

    # A name, which is no part of the identity.
    set_reference: Annotated[str, About(name="demonstrations")]
    set_sha256: Annotated[str, About(name="set's content hash")]
    # Pairs of the random control.
    random_sha256: Annotated[
        str | None, About(name="random control", none="random tokens", quiet=True)
    ] = None
    shots: Annotated[int, About(name="shots", unit="demonstrations")] = DEFAULT_SHOTS
    queries: Annotated[int, About(name="queries", quiet=True)] = 8
    layout: Annotated[str, About(name="layout")] = DEFAULT_LAYOUT
    heads: Annotated[bool, About(name="attention heads", quiet=True)] = True
    seed: Seed = 0
    dtype: Dtype = "float32"
    model_fingerprint: ModelFingerprint

    def identity(self) -> dict[str, Any]:
        """The stored form without names."""
        return {name: value for name, value in self.to_json().items() if name != "set_reference"}
