"""The whole state: the reference point for Cause. ``x = s``."""

import torch

from vectorlab.ravel.engine.featurizers.base import Fitted, Maker, Task, Tensors


class FullRepresentation:
    """Copies the whole state.

    Args:
        d_model: D.
    """

    def __init__(self, d_model: int) -> None:
        self.n_features = d_model

    def edit(self, base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """Take the source states in the place of the base states.

        Args:
            base: (M, D) float32, states of the run that is edited.
            source: (M, D) float32, states to copy from.

        Returns:
            (M, D) float32.
        """
        del base
        return source

    def tensors(self) -> Tensors:
        """What is stored, the width alone: ``d_model``, (1,) float32."""
        return {"d_model": torch.tensor([float(self.n_features)])}


def fit(task: Task) -> Fitted:
    """The featurizer for the width of the task; nothing is trained."""
    return Fitted(featurizer=FullRepresentation(task.d_model))


def load(tensors: Tensors) -> FullRepresentation:
    """The featurizer that was stored.

    Args:
        tensors: As ``FullRepresentation.tensors`` has them.
    """
    return FullRepresentation(int(tensors["d_model"].item()))


MAKER = Maker(fit=fit, load=load)
