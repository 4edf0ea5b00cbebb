"""Regression tasks, drawn fresh and in batches."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from vectorlab.errors import InputError, ShapeError
from vectorlab.icl.domain.laws import Inputs, RegressionLaw


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """B regression tasks with N demonstrations and Q queries each.

    Raises:
        ShapeError: If the four do not agree.
        InputError: If there are no demonstrations.
    """

    x: torch.Tensor  # (B, N, dx)
    y: torch.Tensor  # (B, N, dy)
    queries: torch.Tensor  # (B, Q, dx)
    targets: torch.Tensor  # (B, Q, dy), without noise

    def __post_init__(self) -> None:
        shapes = [tuple(tensor.shape) for tensor in (self.x, self.y, self.queries, self.targets)]
        x, y, queries, targets = shapes
        agree = (
            all(len(shape) == 3 for shape in shapes)
            and len({shape[0] for shape in shapes}) == 1
            and x[1] == y[1]
            and queries[1] == targets[1]
            and x[2] == queries[2]
            and y[2] == targets[2]
        )
        if not agree:
            raise ShapeError(
                f"Tasks have x {x}, y {y}, queries {queries} and targets {targets}; expected "
                "(B, N, dx), (B, N, dy), (B, Q, dx) and (B, Q, dy)."
            )
        if x[1] == 0:
            raise InputError(
                "N = 0: a task without demonstrations has no gradient. Give at least one."
            )

    @property
    def n(self) -> int:
        """N, the demonstrations per task."""
        return self.x.shape[1]

    @property
    def dx(self) -> int:
        """Number of entries of an input."""
        return self.x.shape[2]

    @property
    def dy(self) -> int:
        """Number of entries of a target."""
        return self.y.shape[2]

    def through(self, features: Callable[[torch.Tensor], torch.Tensor]) -> "Tasks":
        """The same tasks with every input x replaced by m(x), (..., dx) -> (..., dm)."""
        return replace(self, x=features(self.x), queries=features(self.queries))


def draw_tasks(
    law: RegressionLaw,
    batch: int,
    generator: torch.Generator,
    *,
    queries: int = 1,
    dtype: torch.dtype = torch.float32,
) -> Tasks:
    """Draw B tasks.

    Args:
        law: What they are drawn from.
        batch: B.
        generator: Decides them.
        queries: Q.
        dtype: Of all numbers.
    """
    shape = (batch, law.n + queries, law.dx)
    inputs = _draw_inputs(law, shape, generator, dtype)
    weights = torch.randn(batch, law.dy, law.dx, generator=generator, dtype=dtype)
    outputs = inputs @ (law.weight_scale * weights).mT
    y = _with_noise(outputs[:, : law.n], law.noise, generator)
    return Tasks(x=inputs[:, : law.n], y=y, queries=inputs[:, law.n :], targets=outputs[:, law.n :])


def draw_sines(
    batch: int,
    generator: torch.Generator,
    *,
    n: int = 10,
    queries: int = 1,
    noise: float = 0.0,
    at: torch.Tensor | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tasks:
    """Sine tasks: y = a sin(x + phase), a ~ U(0.1, 0.5), phase ~ U(0, pi), x ~ U(-5, 5).

    Args:
        batch: B.
        generator: Decides them.
        n: N, demonstrations per task.
        queries: Q.
        noise: Standard deviation of what is added to the demonstrations' targets.
        at: Queries of every task, (Q, 1), instead of drawn ones.
        dtype: Of all numbers.

    Returns:
        Tasks with dx = dy = 1.

    Raises:
        InputError: If there are no demonstrations.

    Source: the paper's non-linear regression, `src/data.py` of its code
    """
    if n < 1:
        raise InputError(f"N = {n}: a task needs at least one demonstration.")
    amplitude = 0.1 + 0.4 * torch.rand(batch, 1, 1, generator=generator, dtype=dtype)
    phase = torch.pi * torch.rand(batch, 1, 1, generator=generator, dtype=dtype)
    inputs = 10 * torch.rand(batch, n + queries, 1, generator=generator, dtype=dtype) - 5
    if at is not None:
        inputs = torch.cat([inputs[:, :n], at.to(dtype).expand(batch, -1, -1)], dim=1)
    outputs = amplitude * torch.sin(inputs + phase)
    y = _with_noise(outputs[:, :n], noise, generator)
    return Tasks(x=inputs[:, :n], y=y, queries=inputs[:, n:], targets=outputs[:, n:])


def _with_noise(targets: torch.Tensor, noise: float, generator: torch.Generator) -> torch.Tensor:
    """Targets with Gaussian noise; without any, nothing is drawn for it."""
    if not noise:
        return targets
    return targets + noise * torch.randn(targets.shape, generator=generator, dtype=targets.dtype)


def _draw_inputs(
    law: RegressionLaw, shape: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype
) -> torch.Tensor:
    if law.inputs is Inputs.NORMAL:
        return law.scale * torch.randn(shape, generator=generator, dtype=dtype)
    even = torch.rand(shape, generator=generator, dtype=dtype)
    if law.inputs is Inputs.UNIFORM:
        return law.scale * (2 * even - 1)
    if law.inputs is Inputs.EXPONENTIAL:
        return -law.scale * torch.log1p(-even)
    tiny = torch.finfo(dtype).tiny
    centred = even - 0.5
    return -law.scale * centred.sign() * torch.log((1 - 2 * centred.abs()).clamp(min=tiny))
