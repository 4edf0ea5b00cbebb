"""First principal direction of the states less the middle of their pair, layer by layer.

With x_j the states of both sides at layer l, each less c_il = (h_l(target_i) + h_l(source_i)) / 2
of its pair:

    u_l = unit u that maximises sum_j (u . x_j)^2
    direction_l = u_l * sqrt(mean_j (u_l . x_j)^2), signed towards the targets

Because both states of a pair lie half their difference from the middle, this is the line of
``pca`` and half its length: how far a state lies from the middle of its pair.

What it is not: PCA of the differences less their mean, which removes the shared shift.

Source: ``pca_center`` of repeng, https://github.com/vgel/repeng (repeng/extract.py).
"""

import torch

from vectorlab.steering.extraction.methods.base import Method
from vectorlab.steering.extraction.methods.directions import (
    as_long_as_the_shift,
    leading_direction,
    towards,
)


def pair_centred_direction(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """First direction of the pair-centred states of every layer.

    Args:
        source: States of the sources, (N, L, D) float32.
        target: States of the targets; row i is the pair of source row i.

    Returns:
        (L, D) float32, as long as the root mean square distance from the middle along it.
    """
    directions = []
    for before, after in zip(source.double().unbind(1), target.double().unbind(1), strict=True):
        middle = (before + after) / 2
        centred = torch.cat([after - middle, before - middle])
        direction = towards(leading_direction(centred), after - before)
        directions.append(as_long_as_the_shift(direction, centred))
    return torch.stack(directions).float()


METHOD = Method(aggregator=pair_centred_direction)
