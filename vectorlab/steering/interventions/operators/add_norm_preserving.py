"""The shift of ``add``, then the norm from before.

    x' = |x| unit(x + sum_k s_k v_k)

Against ``rotate``, the vector counts with its own length, is added to the state itself rather than
to its unit vector, and is not pushed harder where the state points away. A state that the sum
cancels exactly has no direction left and becomes zero.

Source: the shift of the in-context vectors paper, https://arxiv.org/abs/2311.06668, section 3
"""

import torch

from vectorlab.steering.interventions.operators.add import add, prepare
from vectorlab.steering.interventions.operators.base import (
    NORM_EPS,
    DirectionSlots,
    Operation,
    norms_of,
)


def add_norm_preserving(states: torch.Tensor, slots: DirectionSlots) -> torch.Tensor:
    """States (B, T, D) shifted by the weighted sum of the vectors, with the norms they had."""
    norms, moved = norms_of(states), add(states, slots)
    return moved.div_(norms_of(moved).clamp_(min=NORM_EPS)).mul_(norms)


OPERATION = Operation(prepare=prepare, apply=add_norm_preserving, sums=True)
