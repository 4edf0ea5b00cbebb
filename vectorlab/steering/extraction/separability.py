"""How well a layer tells sources from targets that had no part in its vector."""

from collections.abc import Mapping
from typing import Any

import torch

from vectorlab.steering.extraction.methods import find_method
from vectorlab.steering.recording.activations import States

FOLDS = 5
MOST_PAIRS = 128  # spread over the set: a share of 256 states is exact enough to compare layers


def separability(
    method: str, source: States, target: States, parameters: Mapping[str, Any]
) -> torch.Tensor | None:
    """Held-out accuracy of the projection on each layer's direction.

    The pairs are dealt into five folds (as many as there are pairs, if fewer). Each fold in turn
    is left out, the method makes a direction of the others, and a state that was left out counts
    as right if it projects on its own side of the middle between the others' two means; one that
    lies on the middle counts half. Nothing is random.

    Args:
        method: Name of a registered method.
        source: States of the N sources.
        target: Of the N targets, paired by row.
        parameters: Of the method.

    Returns:
        (L,) float64 in 0..1, where 0.5 is chance; None with one pair, and where a parameter names
        a pair by its position, which in a part of the set is another one.
    """
    total = len(source.values)
    count = min(total, MOST_PAIRS)
    if total < 2 or "position" in parameters:
        return None
    chosen = torch.arange(count) * total // count
    sides = [states.values[chosen] for states in (source, target)]
    # (2, count, L, D): what a projection is of.
    read = torch.stack([states.per_layer()[chosen] for states in (source, target)]).double()
    whole = read.sum(dim=(0, 1))
    signs = torch.tensor([-1, 1])[:, None, None]
    fold = torch.arange(count) % FOLDS
    aggregator = find_method(method).aggregator
    right = torch.zeros(len(source.layers), dtype=torch.float64)
    for number in range(min(FOLDS, count)):
        rest, out = fold != number, read[:, number::FOLDS]
        direction = aggregator(*(side[rest] for side in sides), **parameters).double()
        middle = (whole - out.sum(dim=(0, 1))) / (2 * int(rest.sum()))
        beyond = torch.einsum("snld,ld->snl", out - middle, direction) * signs
        right += (beyond.sign() + 1).sum(dim=(0, 1)) / 2
    return right / (2 * count)
