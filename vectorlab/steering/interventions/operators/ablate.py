"""Take a direction out of a state.

    x' = x - s (x . v^) v^

for one vector after another, in the arm's order.

Source: directional ablation, Arditi et al. 2024, https://arxiv.org/abs/2406.11717
"""

import torch

from vectorlab.steering.interventions.operators.base import DirectionSlots, Given, Operation, unit


def prepare(tensors: Given, strengths: torch.Tensor) -> DirectionSlots:
    """Unit directions (K, D) and the strengths."""
    return DirectionSlots(directions=unit(tensors["vector"]), weights=strengths)


def ablate(states: torch.Tensor, slots: DirectionSlots) -> torch.Tensor:
    """States (B, T, D) without the share of each direction that its weight says."""
    for slot in range(slots.directions.shape[1]):
        direction = slots.directions[:, slot, None]
        projection = (states * direction).sum(dim=-1, keepdim=True)
        share = slots.weights[:, :, slot, None] * projection * direction
        states = torch.sub(states, share, out=share)
    return states


OPERATION = Operation(prepare=prepare, apply=ablate)
