"""What a file of an extraction method exposes, and what all methods return."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, kw_only=True)
class Directions:
    """One direction per layer, and how well it describes the pairs."""

    values: torch.Tensor  # (L, D) float32, not normalised (activation units)
    explained_variance: torch.Tensor | None  # (L,) float32, 0..1
    cosines: torch.Tensor  # (N, L) float64, of each pair's difference with the direction
    layers: tuple[int, ...]


# From the states of N sources and N targets, (N, L[+1], D) float32, to directions (L, D);
# keyword arguments are the method's parameters.
Aggregator = Callable[..., torch.Tensor]
# The same, to the directions without pair 0, without pair 1 and so on: blocks (n, L, D).
Omission = Callable[..., Iterator[torch.Tensor]]
# From N demonstrations, and the method's parameters by keyword, to 2 N texts: sources, targets.
Texts = Callable[..., list[str]]


@dataclass(frozen=True, kw_only=True)
class Method:
    """An aggregator and what it needs."""

    aggregator: Aggregator
    needs_embeddings: bool = False  # whether row 0 of the states must be the embeddings
    omission: Omission | None = None  # a way that is quicker than aggregating N times
    texts: Texts | None = None  # what is read in the place of the demonstrations' own texts


def omit(
    aggregator: Aggregator,
    source: torch.Tensor,
    target: torch.Tensor,
    pair: int,
    parameters: Mapping[str, Any],
) -> torch.Tensor:
    """Aggregate all pairs but one, (L, D).

    Args:
        aggregator: Of the method.
        source: (N, L, D).
        target: (N, L, D), paired by row.
        pair: Number of the pair that is left out.
        parameters: Of the method.
    """
    others = [number for number in range(len(source)) if number != pair]
    values: torch.Tensor = aggregator(source[others], target[others], **parameters)
    return values
