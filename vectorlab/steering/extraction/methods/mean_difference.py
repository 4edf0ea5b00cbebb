"""Mean of target minus source, layer by layer.

    direction_l = mean_i (h_l(target_i) - h_l(source_i))

What it is not: normalised or whitened; its length is the typical shift in activation units.

Source: contrastive activation addition, Rimsky et al. 2024, https://arxiv.org/abs/2312.06681
"""

from collections.abc import Iterator

import torch

from vectorlab.steering.extraction.methods.base import Method
from vectorlab.steering.extraction.methods.directions import mean_of

BLOCK = 256  # pairs left out at a time, to bound memory


def _without_each(source: torch.Tensor, target: torch.Tensor) -> Iterator[torch.Tensor]:
    """In closed form: m + (m - d_i) / (N - 1)."""
    mean = mean_of(target - source)
    for start in range(0, len(source), BLOCK):
        part = slice(start, start + BLOCK)
        differences = (target[part] - source[part]).double()
        yield mean + (mean - differences) / (len(source) - 1)


def mean_difference(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Direction from the sources towards the targets.

    Args:
        source: States of the sources, (N, L, D) float32.
        target: States of the targets; row i is the pair of source row i.

    Returns:
        (L, D) float32, not normalised (activation units).
    """
    return mean_of(target - source).float()


METHOD = Method(aggregator=mean_difference, omission=_without_each)
