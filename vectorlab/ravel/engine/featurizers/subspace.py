"""A subspace with orthonormal rows R (K x D): ``x = b + R^T R (s - b)``; das, mdas and rlap."""

import torch

from vectorlab.ravel.engine.featurizers.base import Tensors


class Subspace:
    """Swaps what states say along some directions.

    Args:
        rows: (K, D) float32, orthonormal.
    """

    def __init__(self, rows: torch.Tensor) -> None:
        self.rows = rows  # (K, D), orthonormal

    @property
    def n_features(self) -> int:
        """How many directions are swapped."""
        return len(self.rows)

    def edit(self, base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """Put the source's part in the subspace into the base states.

        Args:
            base: (M, D) float32, states of the run that is edited.
            source: (M, D) float32, states to copy from.

        Returns:
            (M, D) float32.
        """
        rows = self.rows.to(base.device)
        return base + (source - base) @ rows.T @ rows

    def tensors(self) -> Tensors:
        """What is stored, the directions: ``rows``, (K, D) float32."""
        return {"rows": self.rows}


def load(tensors: Tensors) -> Subspace:
    """The subspace that was stored.

    Args:
        tensors: As ``Subspace.tensors`` has them.
    """
    return Subspace(tensors["rows"])
