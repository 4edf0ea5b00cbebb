"""The difference of one pair, layer by layer.

    direction_l = h_l(target_p) - h_l(source_p)

What it is not: an average; the other pairs of the set are read and shown by their alignment with
it, but have no part in it.

Source: activation addition, Turner et al. 2023, https://arxiv.org/abs/2308.10248
"""

import torch

from vectorlab.errors import InputError
from vectorlab.steering.extraction.methods.base import Method


def single_pair(source: torch.Tensor, target: torch.Tensor, *, position: int = 0) -> torch.Tensor:
    """Direction from one source to its target.

    Args:
        source: States of the sources, (N, L, D) float32.
        target: States of the targets; row i is the pair of source row i.
        position: Of the pair in the set, from 0.

    Returns:
        (L, D) float32, not normalised (activation units).

    Raises:
        InputError: If there is no pair of that position.
    """
    if not isinstance(position, int) or not 0 <= position < len(source):
        raise InputError(
            f"Parameter position is {position!r}; it must be the number of a pair, 0 to "
            f"{len(source) - 1}."
        )
    return target[position] - source[position]


METHOD = Method(aggregator=single_pair)
