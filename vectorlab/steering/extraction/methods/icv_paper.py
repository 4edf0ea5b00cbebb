"""In-context vectors, as the paper defines them.

With differences d_i = H(target_i) - H(source_i), where H flattens the states of all layers:

    direction = unit h that maximises sum_i (h . d_i)^2,   with sum_i h . d_i >= 0

the first right singular vector of the differences as they are, not less their mean. It has
length 1 over all layers together, so a layer's length is the layer's share.

What it is not: ``icv``, which is what the authors' code computes (mean plus first component of the
*centred* differences). The sign, which the objective leaves open, is the one towards the targets.

Source: Liu, Ye, Xing, Zou, "In-context Vectors", https://arxiv.org/abs/2311.06668, section 3.
"""

import torch

from vectorlab.steering.extraction.methods.base import Method
from vectorlab.steering.extraction.methods.directions import leading_direction, towards


def in_context_vector_of_the_paper(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """First direction of the uncentred differences, over the whole stack at once.

    Args:
        source: States of the sources, (N, L, D) float32.
        target: States of the targets; row i is the pair of source row i.

    Returns:
        (L, D) float32 of length 1 over all layers; zero if no pair differs.
    """
    differences = (target - source).flatten(start_dim=1)
    direction = towards(leading_direction(differences), differences)
    return direction.reshape(target.shape[1:]).float()


METHOD = Method(aggregator=in_context_vector_of_the_paper)
