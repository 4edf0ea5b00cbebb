"""Differential binary masking: which dimensions of the state carry the attribute.

    x = (1 - m) b + m s,   m = sigmoid(w / temperature) in training, w > 0 afterwards

The temperature falls to a tenth over the training. A mask that was never trained has w = 0 and
swaps nothing.

Source: De Cao et al. 2020, https://arxiv.org/abs/2004.14992; explanare/ravel, src/methods
"""

import torch
from torch import nn

from vectorlab.ravel.featurizers.base import Fitted, Maker, Task, Tensors
from vectorlab.ravel.training import Objective, train

_COLDEST = 0.1  # of the temperature that the training begins with


class Mask:
    """Swaps chosen dimensions."""

    def __init__(self, chosen: torch.Tensor) -> None:
        self._chosen = chosen  # (D,) 0 or 1

    @property
    def n_features(self) -> int:
        """How many dimensions."""
        return int(self._chosen.sum().item())

    def edit(self, base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """The base states with the source's numbers in the chosen dimensions."""
        return torch.where(self._chosen.to(base.device) > 0.5, source, base)

    def tensors(self) -> Tensors:
        """The mask."""
        return {"mask": self._chosen}


class SoftMask(nn.Module):
    """The trained form of a mask."""

    def __init__(self, d_model: int, temperature: float, l1: float) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(d_model))
        self._warmest = self._temperature = temperature
        self._l1 = l1

    def forward(self, base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """Edited states, (M, D)."""
        mask = torch.sigmoid(self.logits / self._temperature)
        return base + mask * (source - base)

    def penalty(self) -> torch.Tensor:
        """Weight of the mask's size."""
        return self._l1 * torch.sigmoid(self.logits / self._temperature).sum()

    def anneal(self, share: float) -> None:
        """Lower the temperature; ``share`` is how much of the training is done."""
        self._temperature = self._warmest * _COLDEST**share

    def hard(self) -> Mask:
        """The mask as it is used."""
        return Mask((self.logits.detach() > 0).float().cpu())


def fit(task: Task) -> Fitted:
    """Train to change the attribute, whatever becomes of the others."""
    return fit_mask(task, Objective(isolate=0.0))


def fit_mask(task: Task, objective: Objective) -> Fitted:
    """Train a mask for an objective."""
    parameters = task.parameters
    module = SoftMask(task.d_model, parameters["temperature"], parameters["l1"]).to(task.device)
    curve = train(
        module,
        task.counterfactuals(),
        task.attribute,
        objective,
        parameters,
        task.seed,
        task.monitor,
    )
    return Fitted(featurizer=module.hard(), curve=curve)


def load(tensors: Tensors) -> Mask:
    """From what was stored."""
    return Mask(tensors["mask"])


MAKER = Maker(fit=fit, load=load)
