"""What gradient steps are held against: least squares, and ridge regression for noisy targets."""

from collections.abc import Callable

import torch

from vectorlab.icl.domain.laws import RegressionLaw, best_penalty
from vectorlab.icl.engine.descent import check_weights
from vectorlab.icl.engine.tasks import Tasks


def least_squares(tasks: Tasks, start: torch.Tensor | None = None) -> torch.Tensor:
    """Where gradient descent from W0 ends: the least squares solution that is nearest to W0.

        W = W0 + (Y - X W0^T)^T (X^+)^T

    Args:
        tasks: B tasks.
        start: W0, (dy, dx); None is 0.

    Returns:
        (B, dy, dx) float64.

    Raises:
        ShapeError: If W0 does not fit the tasks.
    """
    x, y = tasks.x.double(), tasks.y.double()
    inverse: torch.Tensor = torch.linalg.pinv(x)
    if start is None:
        return (inverse @ y).mT
    check_weights(tasks, start)
    origin = start.double()
    return origin + (inverse @ (y - x @ origin.mT)).mT


def ridge(tasks: Tasks, penalty: float) -> torch.Tensor:
    """The minimum of sum_j ||W x_j - y_j||^2 + penalty ||W||^2.

        W = Y^T X (X^T X + penalty I)^-1

    Args:
        tasks: B tasks.
        penalty: 0 is least squares of smallest norm.

    Returns:
        (B, dy, dx) float64.
    """
    if penalty == 0:
        return least_squares(tasks)
    x, y = tasks.x.double(), tasks.y.double()
    identity = torch.eye(tasks.dx, dtype=x.dtype, device=x.device)
    solved: torch.Tensor = torch.linalg.solve(x.mT @ x + penalty * identity, x.mT @ y)
    return solved.mT


def kernel_ridge(
    kernel: torch.Tensor, cross: torch.Tensor, y: torch.Tensor, penalty: float
) -> torch.Tensor:
    """Ridge regression in its kernel form, k(q, X) (K + penalty I)^-1 y.

    Args:
        kernel: Among the demonstrations, (B, N, N).
        cross: Of queries with demonstrations, (B, Q, N).
        y: (B, N, dy).
        penalty: Positive.

    Returns:
        Predictions for the queries, (B, Q, dy).
    """
    identity = torch.eye(kernel.shape[-1], dtype=kernel.dtype, device=kernel.device)
    weights: torch.Tensor = torch.linalg.solve(kernel + penalty * identity, y)
    return cross @ weights


def best_in_closed_form(law: RegressionLaw) -> Callable[[Tasks], torch.Tensor]:
    """The predictor with the smallest expected loss on tasks of a law: ridge, or least squares."""
    penalty = best_penalty(law)

    def predict(tasks: Tasks) -> torch.Tensor:
        weights = ridge(tasks, penalty)
        return (tasks.queries.double() @ weights.mT).to(tasks.queries.dtype)

    return predict
