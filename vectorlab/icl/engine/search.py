"""The scalars that make k steps of gradient descent best on average over tasks."""

from dataclasses import dataclass, replace
from functools import cache

import torch

from vectorlab.errors import InputError
from vectorlab.icl.domain.laws import RegressionLaw, best_one_step
from vectorlab.icl.engine.losses import losses
from vectorlab.icl.engine.tasks import Tasks, draw_tasks

SEARCH_TASKS = 10_000
ROUNDS = 60
FIRST_MOVE = 0.1  # of a logarithm


@dataclass(frozen=True, kw_only=True)
class Rates:
    """eta, shared by all steps, and gamma for GD++ (None: plain descent)."""

    eta: float
    gamma: float | None = None


def best_rates(law: RegressionLaw, steps: int, *, corrected: bool = False, seed: int = 0) -> Rates:
    """Minimise the mean loss of k steps over many tasks.

    One step has a closed form. Otherwise the logarithms of the scalars go down the gradient, by
    moves that get smaller, from what is best for one step less of each; so for GD++ the minimum
    is a local one. Inputs of another scale need the same search: eta and gamma go with its
    inverse square.

    Args:
        law: What the tasks are drawn from; symmetric inputs.
        steps: k, at least 1.
        corrected: GD++ instead of plain descent.
        seed: Of the tasks that are searched on.

    Raises:
        InputError: If there is no step, or the inputs are not symmetric.
    """
    if steps < 1:
        raise InputError(f"steps = {steps}; there is nothing to choose without a step.")
    unit = replace(
        law, scale=1.0, weight_scale=1.0, noise=law.noise / (law.scale * law.weight_scale)
    )
    scalars = [
        value / law.scale**2 for value in _unit_scalars(unit, steps, corrected=corrected, seed=seed)
    ]
    return Rates(eta=scalars[0], gamma=scalars[1] if len(scalars) > 1 else None)


@cache
def _unit_scalars(
    law: RegressionLaw, steps: int, *, corrected: bool, seed: int
) -> tuple[float, ...]:
    """The search itself, for inputs and weights of scale 1."""
    eta = best_one_step(law).eta
    if steps == 1:
        return (eta,)
    generator = torch.Generator().manual_seed(seed)
    tasks = draw_tasks(law, SEARCH_TASKS, generator, dtype=torch.float64)
    scalars = [eta, eta / law.n**2] if corrected else [eta]
    for count in range(2, steps + 1) if corrected else [steps]:
        scalars = _minimise(tasks, count, scalars, ROUNDS if count == steps else ROUNDS // 4)
    return tuple(scalars)


def predictions(
    tasks: Tasks, steps: int, eta: torch.Tensor, gamma: torch.Tensor | None
) -> torch.Tensor:
    """Predictions after k steps from W0 = 0, (B, Q, dy), differentiable in the scalars.

    Args:
        tasks: B tasks.
        steps: k.
        eta: Learning rate, a scalar.
        gamma: Strength of the correction of GD++, a scalar; None for plain descent.
    """
    x, y, queries = tasks.x, tasks.y, tasks.queries
    predicted = torch.zeros_like(tasks.targets)
    for _ in range(steps):
        update = eta / tasks.n * y.mT @ x
        predicted = predicted + queries @ update.mT
        y = y - x @ update.mT
        if gamma is not None:
            moment = gamma * x.mT @ x
            x, queries = x - x @ moment, queries - queries @ moment
    return predicted


def _minimise(tasks: Tasks, steps: int, start: list[float], rounds: int) -> list[float]:
    """Adam on the logarithms; heavy tails of the loss make line searches leap too far."""
    logs = torch.tensor(start, dtype=torch.float64).log().requires_grad_()
    adam = torch.optim.Adam([logs], lr=FIRST_MOVE, betas=(0.7, 0.9))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, rounds)
    for _ in range(rounds):
        scalars = logs.exp()
        gamma = scalars[1] if len(scalars) > 1 else None
        loss = losses(predictions(tasks, steps, scalars[0], gamma), tasks.targets).mean()
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        schedule.step()
    return [float(value) for value in logs.detach().exp()]
