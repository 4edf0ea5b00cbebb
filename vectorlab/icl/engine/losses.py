"""Losses of predictions, with the uncertainty that comes from drawing finitely many tasks."""

from dataclasses import dataclass

import torch

SIGMAS = 2.5758  # two-sided 99 %


@dataclass(frozen=True, kw_only=True)
class TaskMean:
    """A mean over independent tasks and its 99 % interval."""

    value: float
    low: float
    high: float


def losses(predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Half the squared error of every task, mean over its queries and summed over outputs.

    Args:
        predictions: (..., B, Q, dy).
        targets: (B, Q, dy).

    Returns:
        (..., B).
    """
    return (predictions - targets).square().sum(-1).mean(-1) / 2


def estimate(values: torch.Tensor) -> TaskMean:
    """The mean of independent values, (B,), by the central limit theorem."""
    exact = values.double()
    mean = float(exact.mean())
    error = SIGMAS * float(exact.std()) / len(exact) ** 0.5 if len(exact) > 1 else float("inf")
    return TaskMean(value=mean, low=mean - error, high=mean + error)
