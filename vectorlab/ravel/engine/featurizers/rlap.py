"""Relaxed linear adversarial projection: the directions a linear classifier cannot do without.

A classifier of the attribute's values plays against a projection that hides K directions from it:

    min over W, max over P:  CE(W (1 - P) x, value),   0 <= P <= 1,  trace P = K

R holds the K leading eigenvectors of P, and the edit is that of a subspace.

Source: Ravfogel et al. 2022, https://arxiv.org/abs/2201.12091
"""

import torch
from torch.nn.functional import cross_entropy

from vectorlab.ravel.engine.featurizers.base import Fitted, Maker, Task
from vectorlab.ravel.engine.featurizers.subspace import Subspace, load
from vectorlab.ravel.engine.training import point_every

_BISECTIONS = 60


def fit(task: Task) -> Fitted:
    """Play the game on the labelled states."""
    assert task.k is not None
    labelled = task.labelled()
    states = (labelled.states - labelled.states.mean(dim=0)).to(task.device)
    states = states / states.square().mean().sqrt()
    values = labelled.values.to(task.device)
    steps, batch = int(task.parameters["steps"]), int(task.parameters["batch"])
    generator = torch.Generator().manual_seed(task.seed)
    width = task.d_model
    weights = torch.zeros(width, labelled.count, device=task.device, requires_grad=True)
    hidden = torch.eye(width, device=task.device) * (task.k / width)
    optimizer = torch.optim.Adam([weights], lr=task.parameters["learning_rate"])
    curve: list[dict[str, float]] = []
    for step in range(steps):
        chosen = torch.randint(len(states), (min(batch, len(states)),), generator=generator)
        inputs, targets = states[chosen], values[chosen]
        loss = cross_entropy((inputs - inputs @ hidden) @ weights, targets)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        played = hidden.clone().requires_grad_()
        gain = cross_entropy((inputs - inputs @ played) @ weights.detach(), targets)
        (slope,) = torch.autograd.grad(gain, played)
        slope = (slope + slope.T) / 2
        # As long a step at every width, whatever the size of the classifier's weights.
        reach = task.parameters["learning_rate"] / slope.norm().clamp(min=1e-12)
        hidden = onto_fantope(hidden + reach * slope, task.k)
        if step % point_every(steps) == 0 or step == steps - 1:
            curve.append({"step": step, "loss": loss.item()})
            task.monitor.log_metrics(step, {"loss": loss.item()})
        task.monitor.progress(step + 1, steps)
    _, directions = torch.linalg.eigh(hidden)
    rows = directions[:, -task.k :].T.flip(0).contiguous()
    return Fitted(featurizer=Subspace(rows.float().cpu()), curve=curve)


def onto_fantope(matrix: torch.Tensor, k: int) -> torch.Tensor:
    """The nearest symmetric matrix with eigenvalues from 0 to 1 that add up to ``k``.

    Args:
        matrix: (D, D), symmetric.
        k: What the eigenvalues add up to.

    Returns:
        (D, D).

    Source: Vu et al. 2013, Fantope projection and selection, lemma 4.1
    """
    sizes, directions = torch.linalg.eigh(matrix)
    low, high = sizes.min() - 1, sizes.max()
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        too_much = (sizes - middle).clamp(0, 1).sum() > k
        low, high = torch.where(too_much, middle, low), torch.where(too_much, high, middle)
    projected: torch.Tensor = (directions * (sizes - high).clamp(0, 1)) @ directions.T
    return projected


MAKER = Maker(fit=fit, load=load)
