"""Operators, one file each, found by its name; it holds ``OPERATION``."""

import torch

from vectorlab.catalogue import in_file_of
from vectorlab.domain.interventions.arms import Combine
from vectorlab.domain.interventions.operators import Operator
from vectorlab.steering.interventions.operators.base import AnyOperation, Given, Operation, Slots


def operation(operator: Operator) -> AnyOperation:
    """How an operator acts.

    Raises:
        CatalogueError: If its file is missing or holds no operation.
    """
    functions: AnyOperation = in_file_of(f"{__name__}.{operator}", "OPERATION", Operation)
    return functions


def prepare_constant(
    operator: Operator, tensors: Given, strengths: torch.Tensor, combine: Combine
) -> Slots:
    """Slots of one arm whose strengths hold at every position.

    Args:
        operator: The operator.
        tensors: What its vectors hold, (K, ...) each.
        strengths: (K,) float32.
        combine: Of the arm.
    """
    functions: Operation[Slots] = operation(operator)
    if functions.sums:
        totals = {name: _weighted_sum(strengths, part) for name, part in tensors.items()}
        return functions.prepare(totals, torch.ones(1))
    mean = operator.info.takes_mean and combine is Combine.MEAN
    return functions.prepare(tensors, strengths / len(strengths) if mean else strengths)


def _weighted_sum(strengths: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    """The sum over the leading axis, which stays with length 1."""
    total: torch.Tensor = (strengths.view(-1, *[1] * (part.ndim - 1)) * part).sum(0, keepdim=True)
    return total
