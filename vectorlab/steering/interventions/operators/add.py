"""Add the vector as it is.

x' = x + sum_k s_k v_k
"""

import torch

from vectorlab.steering.interventions.operators.base import (
    Active,
    DirectionSlots,
    Given,
    Operation,
    ShiftWork,
)


def prepare(tensors: Given, strengths: torch.Tensor) -> DirectionSlots:
    """The vectors (K, D) and the strengths, as they are."""
    return DirectionSlots(directions=tensors["vector"], weights=strengths)


def add(states: torch.Tensor, slots: DirectionSlots) -> torch.Tensor:
    """States (B, T, D) shifted by the weighted sum of the vectors."""
    if slots.directions.shape[1] == 1:  # no need of a matrix product
        return torch.addcmul(states, slots.weights, slots.directions)
    weights = slots.weights.expand(-1, states.shape[1], -1)
    return states + torch.bmm(weights, slots.directions)


def fixed(slots: DirectionSlots, active: Active) -> ShiftWork:
    """The weighted sum once, instead of at every pass."""
    shift = (slots.weights.transpose(1, 2) * slots.directions).sum(dim=1, keepdim=True)
    return ShiftWork(shift=shift.where(active.rows, -0.0))


OPERATION = Operation(prepare=prepare, apply=add, sums=True, fixed=fixed)
