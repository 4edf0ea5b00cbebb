"""A subspace with orthonormal rows R (K x D): ``x = b + R^T R (s - b)``; das, mdas and rlap."""

import torch

from vectorlab.ravel.featurizers.base import Tensors


class Subspace:
    """Swaps what states say along some directions."""

    def __init__(self, rows: torch.Tensor) -> None:
        self.rows = rows  # (K, D), orthonormal

    @property
    def n_features(self) -> int:
        """How many directions."""
        return len(self.rows)

    def edit(self, base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """The base states with the source's part in the subspace."""
        rows = self.rows.to(base.device)
        return base + (source - base) @ rows.T @ rows

    def tensors(self) -> Tensors:
        """The directions."""
        return {"rows": self.rows}


def load(tensors: Tensors) -> Subspace:
    """From what was stored."""
    return Subspace(tensors["rows"])
