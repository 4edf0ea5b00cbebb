"""Explicit gradient descent on the in-context loss, the plain truth that attention is held to.

    L(W)  = 1/(2N) sum_j ||W x_j - y_j||^2
    dW    = -(eta/N) sum_j (W x_j - y_j) x_j^T

Moving the weights by dW and moving the targets by y_j <- y_j - dW x_j are the same step. GD++
also transforms the inputs, x <- x - gamma (sum_j x_j x_j^T) x, for demonstrations and queries.

Source: von Oswald et al. 2023, https://arxiv.org/abs/2212.07677
"""

from collections.abc import Sequence

import torch

from vectorlab.errors import InputError, ShapeError
from vectorlab.icl.engine.tasks import Tasks


def weight_update(weights: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """DW of one step with eta = 1.

    Args:
        weights: (dy, dx), or (B, dy, dx) with weights of its own for every task.
        x: (B, N, dx).
        y: (B, N, dy).

    Returns:
        (B, dy, dx).
    """
    residuals = x @ weights.mT - y
    return torch.einsum("bno,bni->boi", residuals, x) / -x.shape[1]


def descend(
    tasks: Tasks, weights: torch.Tensor, eta: float | torch.Tensor, steps: int
) -> torch.Tensor:
    """Weights of every task along k gradient steps.

    Args:
        tasks: B tasks.
        weights: W0, (dy, dx).
        eta: Learning rate, the same at every step.
        steps: k.

    Returns:
        (k + 1, B, dy, dx), from W0 on.

    Raises:
        ShapeError: If the weights do not fit the tasks.
        InputError: If the numbers grow beyond all bounds; says what limit eta passed.
    """
    check_weights(tasks, weights)
    current = weights.expand(len(tasks.x), -1, -1)
    path = [current]
    for _ in range(steps):
        current = current + eta * weight_update(current, tasks.x, tasks.y)
        path.append(current)
    check_finite(current, tasks, eta)
    return torch.stack(path)


def predict(weights: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
    """W x for every task: weights (..., B, dy, dx), queries (B, Q, dx) -> (..., B, Q, dy)."""
    return queries @ weights.mT


def move_targets(
    tasks: Tasks, weights: torch.Tensor, eta: float | torch.Tensor, steps: int
) -> torch.Tensor:
    """Predictions for the queries along k steps that keep W0 and move the targets instead.

    Args:
        tasks: B tasks.
        weights: W0, (dy, dx).
        eta: Learning rate, the same at every step; a scalar.
        steps: k.

    Returns:
        (k + 1, B, Q, dy); equal to ``predict(descend(...), queries)``.

    Raises:
        ShapeError: If the weights do not fit the tasks.
        InputError: If the numbers grow beyond all bounds.
    """
    check_weights(tasks, weights)
    y, moved = tasks.y, predict(weights, tasks.queries)
    predictions = [moved]
    for _ in range(steps):
        update = eta * weight_update(weights, tasks.x, y)
        y = y - tasks.x @ update.mT
        moved = moved + tasks.queries @ update.mT
        predictions.append(moved)
    check_finite(moved, tasks, eta)
    return torch.stack(predictions)


def descend_corrected(
    tasks: Tasks, eta: float | torch.Tensor, gamma: float | torch.Tensor, steps: int
) -> torch.Tensor:
    """GD++ from W0 = 0 as weights that act on the inputs as they were given.

    After t steps inputs are H_t x with H_0 = I and H_{t+1} = (I - gamma H_t S H_t^T) H_t, where
    S = sum_j x_j x_j^T. So no query has to be transformed: each dW H_t is one more term of A.

        A <- A + (eta/N) sum_j (y_j - A x_j) (H_t x_j)^T H_t

    Args:
        tasks: B tasks.
        eta: Learning rate, a scalar.
        gamma: Strength of the correction, a scalar.
        steps: k.

    Returns:
        A, (k + 1, B, dy, dx).

    Raises:
        InputError: If the numbers grow beyond all bounds.
    """
    x, y = tasks.x, tasks.y
    identity = torch.eye(tasks.dx, dtype=x.dtype, device=x.device)
    moment = x.mT @ x
    transform = identity.expand(len(x), -1, -1)
    weights = x.new_zeros(len(x), tasks.dy, tasks.dx)
    path = [weights]
    for _ in range(steps):
        residuals = y - x @ weights.mT
        seen = x @ transform.mT
        weights = weights + eta / tasks.n * residuals.mT @ seen @ transform
        transform = (identity - gamma * transform @ moment @ transform.mT) @ transform
        path.append(weights)
    check_finite(weights, tasks, eta, gamma)
    return torch.stack(path)


def kernel_descent(
    kernel: torch.Tensor, cross: torch.Tensor, y: torch.Tensor, eta: float, steps: int
) -> torch.Tensor:
    """Kernelised least squares from the prediction 0, by k gradient steps.

        f(X) <- f(X) - (eta/N) K (f(X) - y)

    Args:
        kernel: <m(x_i), m(x_j)> among the demonstrations, (B, N, N).
        cross: <m(q), m(x_j)> of queries with demonstrations, (B, Q, N).
        y: (B, N, dy).
        eta: Learning rate.
        steps: k.

    Returns:
        Predictions for the queries, (k + 1, B, Q, dy).
    """
    n = kernel.shape[-1]
    fitted = torch.zeros_like(y)
    predicted = y.new_zeros(len(y), cross.shape[1], y.shape[2])
    predictions = [predicted]
    for _ in range(steps):
        error = fitted - y
        predicted = predicted - eta / n * cross @ error
        fitted = fitted - eta / n * kernel @ error
        predictions.append(predicted)
    return torch.stack(predictions)


def largest_eta(x: torch.Tensor) -> torch.Tensor:
    """The learning rate from which on descent diverges: 2 / lambda_max(X^T X / N), (B,).

    Args:
        x: (B, N, dx).

    Returns:
        (B,) float64.
    """
    singular: torch.Tensor = torch.linalg.svdvals(x.double())[:, 0]
    return 2 * x.shape[1] / singular.square()


def check_converges(
    x: torch.Tensor, eta: float, gamma: float | None = None, *, steps: int = 2
) -> None:
    """Make sure that many steps of this size come closer to the least squares solution.

    A single step may be larger: it cannot swing.

    Args:
        x: (B, N, dx).
        eta: Learning rate.
        gamma: Strength of the correction of GD++; None for plain descent.
        steps: How many there are.

    Raises:
        InputError: With the limit that was passed.
    """
    if steps < 2:
        return
    limit = float(largest_eta(x).min())
    if not 0 < eta <= limit:
        raise InputError(
            f"eta = {eta:g} diverges over {steps} steps: eta * lambda_max(X^T X / N) is "
            f"{2 * eta / limit:.3g} and must lie between 0 and 2. The limit for these "
            f"demonstrations is eta = {limit:.4g}."
        )
    most = limit / x.shape[1]
    if gamma is not None and not 0 <= gamma <= most:
        raise InputError(
            f"gamma = {gamma:g} diverges over {steps} steps: gamma * lambda_max(X^T X) is "
            f"{2 * gamma / most:.3g} and must lie between 0 and 2. The limit for these "
            f"demonstrations is gamma = {most:.4g}."
        )


def check_weights(tasks: Tasks, weights: torch.Tensor) -> None:
    """Make sure that W0 is (dy, dx).

    Args:
        tasks: B tasks.
        weights: W0.

    Raises:
        ShapeError: If it is not.
    """
    expected: Sequence[int] = (tasks.dy, tasks.dx)
    if tuple(weights.shape) != expected:
        raise ShapeError(
            f"W0 has shape {tuple(weights.shape)}; for inputs of width {tasks.dx} and targets of "
            f"width {tasks.dy} it is {expected}."
        )


def check_finite(
    values: torch.Tensor,
    tasks: Tasks,
    eta: float | torch.Tensor,
    gamma: float | torch.Tensor | None = None,
) -> None:
    """Make sure that descent has not run away.

    Args:
        values: What the last step gave, of any shape.
        tasks: B tasks.
        eta: Learning rate, a scalar.
        gamma: Strength of the correction of GD++; None for plain descent.

    Raises:
        InputError: With the limit that was passed.
    """
    if bool(torch.isfinite(values).all()):
        return
    check_converges(tasks.x, float(eta), None if gamma is None else float(gamma))
    raise InputError(f"Descent with eta = {float(eta):g} does not stay finite; take it smaller.")
