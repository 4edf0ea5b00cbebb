"""Mean difference seen through the inverse covariance of the states, layer by layer.

With m the mean of target minus source and S the covariance of the states about the mean of their
own side (sources, targets):

    u = unit of ((1 - a) S + a t I)^-1 m,   t = trace(S) / D
    direction = u * sqrt(mean_i (u . d_i)^2)

Directions in which texts differ anyway count less. It is Fisher's discriminant; S cannot be
inverted with fewer texts than dimensions, so it is shrunk towards a sphere by the share ``a`` of
Ledoit and Wolf, which depends on the states alone.

What it is not: ``mean_difference`` rescaled by dimension; correlations between dimensions count.

Source: mass-mean probing, Marks and Tegmark 2023, https://arxiv.org/abs/2310.06824; the share:
Ledoit and Wolf 2004, https://doi.org/10.1016/S0047-259X(03)00096-4
"""

import torch

from vectorlab.errors import InputError
from vectorlab.steering.extraction.methods.base import Method
from vectorlab.steering.extraction.methods.directions import as_long_as_the_shift

_LEAST = 1e-3  # share of the sphere below which the inverse would be of noise


def whitened_mean_difference(
    source: torch.Tensor, target: torch.Tensor, *, shrinkage: float | None = None
) -> torch.Tensor:
    """Inverse shrunk covariance times mean difference, for every layer.

    Args:
        source: States of the sources, (N, L, D) float32.
        target: States of the targets; row i is the pair of source row i.
        shrinkage: Share of the sphere, above 0 and up to 1 (1 is the mean difference's line);
            None takes that of Ledoit and Wolf, at least 0.001.

    Returns:
        (L, D) float32, as long as the pairs' root mean square shift along it.

    Raises:
        InputError: If ``shrinkage`` is not such a share.
    """
    if shrinkage is not None and not 0 < shrinkage <= 1:
        raise InputError(f"Parameter shrinkage is {shrinkage!r}; it must be above 0, at most 1.")
    directions = []
    for before, after in zip(source.double().unbind(1), target.double().unbind(1), strict=True):
        within = torch.cat([before - before.mean(dim=0), after - after.mean(dim=0)])
        differences = after - before
        direction = _whitened(differences.mean(dim=0), within, shrinkage)
        directions.append(as_long_as_the_shift(direction, differences))
    return torch.stack(directions).float()


def _whitened(mean: torch.Tensor, within: torch.Tensor, shrinkage: float | None) -> torch.Tensor:
    """The inverse shrunk covariance of rows (M, D) about zero, times (D,), up to a factor."""
    count, width = within.shape
    gram = within @ within.T if count <= width else within.T @ within
    size = gram.diagonal().sum() / (count * width)  # of the sphere
    share = _ledoit_wolf(within, gram, size) if shrinkage is None else shrinkage
    share = max(share, _LEAST)
    sphere = share * size
    if share == 1 or not sphere > torch.finfo(torch.float64).tiny:
        return mean
    if count > width:
        covariance = gram * ((1 - share) / count)
        covariance.diagonal().add_(sphere)
        solved: torch.Tensor = torch.linalg.solve(covariance, mean)
        return solved
    # Woodbury: with few rows, a system of their number instead of the width.
    system = gram.clone()
    system.diagonal().add_(sphere * count / (1 - share))
    inner: torch.Tensor = torch.linalg.solve(system, within @ mean)
    return mean - within.T @ inner


def _ledoit_wolf(within: torch.Tensor, gram: torch.Tensor, size: torch.Tensor) -> float:
    """The share that is expected to bring the covariance closest to the true one."""
    count, width = within.shape
    squared = gram.square().sum() / count**2  # |S|^2, the same from either Gram matrix
    apart = squared - width * size.square()
    spread = within.square().sum(dim=1).square().sum() / count**2 - squared / count
    return float((spread / apart).clamp(0, 1)) if apart > 0 else 1.0


METHOD = Method(aggregator=whitened_mean_difference)
