"""Differential binary masking: which dimensions of the state carry the attribute.

    x = (1 - m) b + m s,   m = sigmoid(w / temperature) in training, w > 0 afterwards

The temperature falls to a tenth over the training. A mask that was never trained has w = 0 and
swaps nothing.

Source: De Cao et al. 2020, https://arxiv.org/abs/2004.14992; explanare/ravel, src/methods
"""

import torch
from torch import nn

from vectorlab.ravel.engine.featurizers.base import Fitted, Maker, Task, Tensors
from vectorlab.ravel.engine.training import Objective, train

_COLDEST = 0.1  # of the temperature that the training begins with


class Mask:
    """Swaps the chosen dimensions of a state.

    Args:
        chosen: (D,) float32, 1 where a dimension is swapped, else 0.
    """

    def __init__(self, chosen: torch.Tensor) -> None:
        self._chosen = chosen  # (D,) 0 or 1

    @property
    def n_features(self) -> int:
        """How many dimensions are swapped."""
        return int(self._chosen.sum().item())

    def edit(self, base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """Put the source's numbers into the chosen dimensions of the base states.

        Args:
            base: (M, D) float32, states of the run that is edited.
            source: (M, D) float32, states to copy from.

        Returns:
            (M, D) float32.
        """
        return torch.where(self._chosen.to(base.device) > 0.5, source, base)

    def tensors(self) -> Tensors:
        """The mask as it is stored: ``mask``, (D,) float32 of 0 and 1."""
        return {"mask": self._chosen}


class SoftMask(nn.Module):
    """The trained form of a mask: one number between 0 and 1 per dimension.

    Args:
        d_model: D.
        temperature: Of the sigmoid at the beginning of the training.
        l1: Weight of the mask's size in the loss.
    """

    def __init__(self, d_model: int, temperature: float, l1: float) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(d_model))
        self._warmest = self._temperature = temperature
        self._l1 = l1

    def forward(self, base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """Edit the base states by the mask as it is now: b + m (s - b).

        Args:
            base: (M, D), states of the run that is edited.
            source: (M, D), states to copy from.

        Returns:
            (M, D), differentiable.
        """
        mask = torch.sigmoid(self.logits / self._temperature)
        return base + mask * (source - base)

    def penalty(self) -> torch.Tensor:
        """The scalar that is added to the loss: the sum over the mask, times its weight."""
        return self._l1 * torch.sigmoid(self.logits / self._temperature).sum()

    def anneal(self, share: float) -> None:
        """Lower the temperature; ``share`` is how much of the training is done."""
        self._temperature = self._warmest * _COLDEST**share

    def hard(self) -> Mask:
        """The mask as it is used: 1 where a weight is positive, else 0."""
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
    """The mask that was stored.

    Args:
        tensors: As ``Mask.tensors`` has them.
    """
    return Mask(tensors["mask"])


MAKER = Maker(fit=fit, load=load)
