"""Mean of target minus source, layer by layer.

    direction_l = mean_i (h_l(target_i) - h_l(source_i))

What it is not: normalised or whitened; its length is the typical shift in activation units.

Source: contrastive activation addition, Rimsky et al. 2024, https://arxiv.org/abs/2312.06681
"""

import torch

from vectorlab.steering.methods.registry import register


@register("mean_difference")
def mean_difference(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Direction from the sources towards the targets.

    Args:
        source: States of the sources, (N, L, D) float32.
        target: States of the targets; row i is the pair of source row i.

    Returns:
        (L, D) float32, not normalised (activation units).
    """
    return (target - source).double().mean(dim=0).float()
