"""Weights of a linear classifier of targets against sources, layer by layer.

With the states x_j of both sides less their common mean, in units of their root mean square
length, and y_j = 1 for targets and -1 for sources:

    w, b = argmin mean_j log(1 + exp(-y_j (w . x_j + b))) + penalty / 2 |w|^2
    direction = u * sqrt(mean_i (u . d_i)^2),   u = w / |w|

The minimum is unique, and Newton steps reach it to float64's accuracy, so the same states give
the same bits.

What it is not: aware of which source belongs to which target; w itself, whose length says how
sure the classifier is and grows without bound as ``penalty`` goes to 0.

Source: linear probes, Alain and Bengio 2016, https://arxiv.org/abs/1610.01644; as a steering
direction: Li et al. 2023, https://arxiv.org/abs/2306.03341
"""

import torch
from torch.nn.functional import softplus

from vectorlab.errors import InputError
from vectorlab.steering.extraction.methods.base import Method
from vectorlab.steering.extraction.methods.directions import as_long_as_the_shift

_STEPS = 100
_HALVINGS = 40
_TOLERANCE = 1e-11  # of a step, relative to the weights


def logistic_regression(
    source: torch.Tensor, target: torch.Tensor, *, penalty: float = 1e-3
) -> torch.Tensor:
    """Direction of the classifier's weights for every layer, towards the targets.

    Args:
        source: States of the sources, (N, L, D) float32.
        target: States of the targets; row i is the pair of source row i.
        penalty: Weight of the squared length; more of it brings the mean difference.

    Returns:
        (L, D) float32, as long as the pairs' root mean square shift along it.

    Raises:
        InputError: If ``penalty`` is not a positive number.
    """
    if not penalty > 0:
        raise InputError(f"Parameter penalty is {penalty!r}; it must be a number above 0.")
    directions = []
    for before, after in zip(source.double().unbind(1), target.double().unbind(1), strict=True):
        weights = _weights(torch.cat([before, after]), penalty)
        directions.append(as_long_as_the_shift(weights, after - before))
    return torch.stack(directions).float()


def _weights(states: torch.Tensor, penalty: float) -> torch.Tensor:
    """Weights (D,) for states (2N, D) of which the second half are targets."""
    centred = states - states.mean(dim=0)
    length = torch.linalg.vector_norm(centred) / len(centred) ** 0.5
    if not length > 0:
        return centred[0]
    return minimise(centred / length, penalty)


def minimise(rows: torch.Tensor, penalty: float, *, intercept: bool = True) -> torch.Tensor:
    """Weights (F,) at the minimum of the penalised mean loss.

    Args:
        rows: (M, F) float64, of which the second half are targets.
        penalty: Weight of the squared length.
        intercept: Whether the classifier has one, which is left out of the result.
    """
    if len(rows) >= rows.shape[1]:
        return _fit(rows, penalty, intercept=intercept)
    # The weights are a combination of the rows: solve in as many dimensions as there are.
    energy, left = torch.linalg.eigh(rows @ rows.T)
    keep = energy > energy[-1] * 1e-14
    roots, left = energy[keep].sqrt(), left[:, keep]
    fitted = _fit(left * roots, penalty, intercept=intercept)
    weights: torch.Tensor = (fitted / roots) @ left.T @ rows
    return weights


def _fit(rows: torch.Tensor, penalty: float, *, intercept: bool) -> torch.Tensor:
    """Weights of the columns of rows (M, F) by Newton's method; the intercept is left out."""
    count, width = rows.shape
    signs = rows.new_ones(count)
    signs[: count // 2] = -1
    features = torch.cat([rows, rows.new_ones(count, 1)], dim=1) if intercept else rows
    # The intercept is free, but for what keeps its curvature from vanishing in rounding.
    penalties = torch.full_like(features[0], penalty)
    penalties[width:] = 1e-12

    def loss(weights: torch.Tensor) -> torch.Tensor:
        fit = softplus(-signs * (features @ weights)).mean()
        return fit + (penalties * weights.square()).sum() / 2

    weights = torch.zeros_like(features[0])
    value = loss(weights)
    for _ in range(_STEPS):
        doubts = torch.sigmoid(-signs * (features @ weights))
        gradient = penalties * weights - (signs * doubts) @ features / count
        curvature = (features.T * (doubts * (1 - doubts) / count)) @ features
        curvature.diagonal().add_(penalties)
        step = torch.cholesky_solve(gradient[:, None], torch.linalg.cholesky(curvature))[:, 0]
        for _ in range(_HALVINGS):
            reached = loss(weights - step)
            if reached <= value:
                break
            step = step / 2
        else:
            break  # as low as rounding lets it be seen
        weights, value = weights - step, reached
        if torch.linalg.vector_norm(step) <= _TOLERANCE * torch.linalg.vector_norm(weights):
            break
    return weights[:width]


METHOD = Method(aggregator=logistic_regression)
