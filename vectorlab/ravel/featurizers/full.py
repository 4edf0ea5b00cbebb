"""The whole state: the reference point for Cause. ``x = s``."""

import torch

from vectorlab.ravel.featurizers.base import Fitted, Maker, Task, Tensors


class FullRepresentation:
    """Copies everything."""

    def __init__(self, d_model: int) -> None:
        self.n_features = d_model

    def edit(self, base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """The source states."""
        del base
        return source

    def tensors(self) -> Tensors:
        """The width alone."""
        return {"d_model": torch.tensor([float(self.n_features)])}


def fit(task: Task) -> Fitted:
    """Nothing is trained."""
    return Fitted(featurizer=FullRepresentation(task.d_model))


def load(tensors: Tensors) -> FullRepresentation:
    """From what was stored."""
    return FullRepresentation(int(tensors["d_model"].item()))


MAKER = Maker(fit=fit, load=load)
