"""What every featurizer is, and what it may use to become one.

Letters: ``M`` tokens, ``D`` width, ``K`` features, ``N`` labelled states.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch

from vectorlab.ravel.engine.training import Counterfactuals, Monitor

Tensors = Mapping[str, torch.Tensor]  # float32, by name


class Featurizer(Protocol):
    """Swaps what it takes for an attribute.

    Law: where source and base agree, the edit gives the base back. The autoencoder gives its
    reconstruction instead.
    """

    @property
    def n_features(self) -> int:
        """How many features are swapped."""
        ...

    def edit(self, base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """Put the source's features into the base states.

        Args:
            base: (M, D) float32, states of the run that is edited.
            source: (M, D) float32, states to copy from.

        Returns:
            (M, D) float32.
        """
        ...

    def tensors(self) -> Tensors:
        """All that has to be stored of it, float32 by name; ``Maker.load`` reads it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """States of training entities with the values of an attribute."""

    states: torch.Tensor  # (N, D) float32
    values: torch.Tensor  # (N,) int64, which value
    count: int  # of different values


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a featurizer is made from: one attribute, one layer, one location."""

    attribute: str
    k: int | None
    parameters: Mapping[str, float]
    d_model: int
    device: torch.device
    seed: int
    labelled: Callable[[], Labelled]  # recorded at the first call
    unlabelled: Callable[[], torch.Tensor]  # (N, D): those and states of neutral prompts
    counterfactuals: Callable[[], Counterfactuals]
    monitor: Monitor
    weights: Tensors | None = None  # of an autoencoder that was given


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A finished featurizer and what its making showed."""

    featurizer: Featurizer
    curve: list[dict[str, float]] = field(default_factory=list)
    measures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Maker:
    """How a featurizer comes to be."""

    fit: Callable[[Task], Fitted]
    load: Callable[[Tensors], Featurizer]
