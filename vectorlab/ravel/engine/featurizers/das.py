"""Distributed alignment search: a rotated subspace trained on counterfactual labels.

    x = b + R^T R (s - b),   R R^T = 1,   loss = CE(edited run, what the source would answer)

over pairs whose base prompt asks for the attribute.

Source: Geiger et al. 2023, https://arxiv.org/abs/2303.02536
"""

from typing import Any

import torch
from torch import nn

from vectorlab.ravel.engine.featurizers.base import Fitted, Maker, Task
from vectorlab.ravel.engine.featurizers.subspace import Subspace, load
from vectorlab.ravel.engine.training import Objective, train


class Rotation(nn.Module):
    """The trained form of a subspace: K orthonormal rows of width D, found by descent."""

    def __init__(self, d_model: int, k: int, seed: int) -> None:
        super().__init__()
        linear = nn.Linear(d_model, k, bias=False)
        start = torch.randn(k, d_model, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            linear.weight.copy_(torch.linalg.qr(start.T).Q.T)
        with torch.random.fork_rng(devices=[]):  # it completes the frame with random directions
            torch.manual_seed(seed)
            self.frame = nn.utils.parametrizations.orthogonal(linear)

    def forward(self, base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """Edit the base states within the subspace: b + R^T R (s - b).

        Args:
            base: (M, D), states of the run that is edited.
            source: (M, D), states to copy from.

        Returns:
            (M, D), differentiable.
        """
        rows = self.rows()
        return base + (source - base) @ rows.T @ rows

    def rows(self) -> torch.Tensor:
        """The orthonormal rows R, (K, D)."""
        weight: Any = self.frame.weight
        rows: torch.Tensor = weight
        return rows

    def penalty(self) -> torch.Tensor:
        """What is added to the loss: the scalar 0, for a rotation is not penalised."""
        return torch.zeros(())

    def anneal(self, share: float) -> None:
        """Change nothing: a rotation has no temperature, whatever ``share`` is done."""


def fit(task: Task) -> Fitted:
    """Train to change the attribute, whatever becomes of the others."""
    return fit_rotation(task, Objective(isolate=0.0))


def fit_rotation(task: Task, objective: Objective) -> Fitted:
    """Train a rotation for an objective.

    Args:
        task: What the featurizer is made from; its ``k`` is given.
        objective: What the edited runs should say.
    """
    assert task.k is not None
    module = Rotation(task.d_model, task.k, task.seed).to(task.device)
    curve = train(
        module, task.counterfactuals(), task.attribute, objective, task.parameters, task.seed,
        task.monitor,
    )  # fmt: skip
    rows = module.rows().detach().float().cpu()
    return Fitted(featurizer=Subspace(rows), curve=curve)


MAKER = Maker(fit=fit, load=load)
