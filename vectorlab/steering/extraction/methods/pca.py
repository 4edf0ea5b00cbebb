"""First principal direction of the differences about zero, layer by layer.

    u_l = unit u that maximises sum_i (u . d_il)^2,   with sum_i u . d_il >= 0
    direction_l = u_l * sqrt(mean_i (u_l . d_il)^2)

Not less their mean: subtracting it, as a library's PCA does, takes away the shift that all pairs
share, which is what a steering vector is for. It is the PCA of the differences together with
their negatives.

What it is not: one direction over the whole stack (``icv_paper``), or of unit length.

Source: Zou et al. 2023, "Representation engineering", https://arxiv.org/abs/2310.01405, in the
form of the steering-vectors library, https://github.com/steering-vectors/steering-vectors.
"""

import torch

from vectorlab.steering.extraction.methods.base import Method
from vectorlab.steering.extraction.methods.directions import (
    as_long_as_the_shift,
    leading_direction,
    towards,
)


def principal_direction(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """First direction of the uncentred differences of every layer.

    Args:
        source: States of the sources, (N, L, D) float32.
        target: States of the targets; row i is the pair of source row i.

    Returns:
        (L, D) float32, as long as the pairs' root mean square shift along it.
    """
    directions = []
    for differences in (target - source).unbind(dim=1):
        direction = towards(leading_direction(differences), differences)
        directions.append(as_long_as_the_shift(direction, differences))
    return torch.stack(directions).float()


METHOD = Method(aggregator=principal_direction)
