"""First principal direction of the differences less their mean, layer by layer.

With m_l the mean of the differences d_il at layer l:

    u_l = unit u that maximises sum_i (u . (d_il - m_l))^2
    direction_l = u_l, signed as most pairs have it: each has one vote, the sign of u . d_il

Where as many pairs vote for one sign as for the other, the entry of u that is largest in size is
positive, as in scikit-learn's PCA.

What it is not: ``pca``, which leaves the shift that all pairs share in and so is led by it. Here
that shift decides the sign alone; the line is the one along which the pairs differ from each other.

Source: ``pca_diff`` of repeng, https://github.com/vgel/repeng (repeng/extract.py), its default.
"""

import torch

from vectorlab.steering.extraction.methods.base import Method
from vectorlab.steering.extraction.methods.directions import as_most_pairs, leading_direction


def centred_direction(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """First direction of the centred differences of every layer.

    Args:
        source: States of the sources, (N, L, D) float32.
        target: States of the targets; row i is the pair of source row i.

    Returns:
        (L, D) float32 of length 1 at every layer; zero where all pairs differ alike.
    """
    directions = []
    for differences in (target - source).double().unbind(dim=1):
        line = leading_direction(differences - differences.mean(dim=0))
        directions.append(as_most_pairs(line, differences))
    return torch.stack(directions).float()


METHOD = Method(aggregator=centred_direction)
