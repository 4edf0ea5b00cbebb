"""Gradient steps by hand, small enough to follow a slider: numpy alone, no job, no torch.

The same formulas as ``vectorlab.icl``, which a test holds them to.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from vectorlab.errors import InputError
from vectorlab.icl.domain.laws import Inputs, RegressionLaw, best_one_step

_Numbers = npt.NDArray[np.float64]

ROUTES = {
    "gd": "gradient descent",
    "layer": "constructed layer",
    "gd++": "GD++",
    "layer++": "constructed layer of GD++",
}
MOST_STEPS = 50
BOUND = 1e6  # beyond it a number is shown as unbounded


@dataclass(frozen=True, kw_only=True)
class Walk:
    """k steps on some tasks, along every route."""

    losses: pd.DataFrame  # step, route, loss: mean over the tasks
    predictions: pd.DataFrame  # step, route, prediction: of the first task's query
    target: float  # of that query
    limit: float  # learning rate from which on many steps diverge on one of the tasks
    gamma_limit: float
    best_eta: float  # for one step, on average over the law


def walk(
    law: RegressionLaw,
    *,
    eta: float,
    gamma: float,
    steps: int,
    tasks: int = 200,
    seed: int = 0,
) -> Walk:
    """Descend from W0 = 0, with the explicit gradient and with the attention layer.

    Args:
        law: Of the tasks; one output, symmetric inputs.
        eta: Learning rate.
        gamma: Of GD++.
        steps: k, at most ``MOST_STEPS``.
        tasks: How many the loss is a mean over.
        seed: Of the tasks.

    Raises:
        InputError: If there are too many steps or several outputs.
    """
    if not 1 <= steps <= MOST_STEPS or law.dy != 1:
        raise InputError(
            f"{steps} steps with {law.dy} outputs; here it is 1 to {MOST_STEPS} steps and 1 output."
        )
    x, y, query, target = _draw(law, tasks, seed)
    predictions = {
        "gd": _descend(x, y, query, eta, steps),
        "layer": _layers(x, y, query, eta, None, steps),
        "gd++": _descend_corrected(x, y, query, eta, gamma, steps),
        "layer++": _layers(x, y, query, eta, gamma, steps),
    }
    largest = np.linalg.norm(x, ord=2, axis=(1, 2)) ** 2  # lambda_max(X^T X)
    return Walk(
        losses=_frame(
            "loss", {name: _losses(value, target) for name, value in predictions.items()}
        ),
        predictions=_frame(
            "prediction", {name: value[:, 0] for name, value in predictions.items()}
        ),
        target=float(target[0]),
        limit=float(2 * law.n / largest.max()),
        gamma_limit=float(2 / largest.max()),
        best_eta=best_one_step(law).eta,
    )


def matrices(law: RegressionLaw, *, eta: float, gamma: float | None = None) -> dict[str, _Numbers]:
    """W_K, W_Q, W_V and P of the constructed layer for W0 = 0, each (dx + 1, dx + 1)."""
    width = law.dx + 1
    keep = np.diag([1.0] * law.dx + [0.0])
    value = np.diag([0.0 if gamma is None else 1.0] * law.dx + [-1.0])
    projection = eta / law.n * np.eye(width)
    if gamma is not None:
        projection[: law.dx, : law.dx] = -gamma * np.eye(law.dx)
    return {"W_K": keep, "W_Q": keep, "W_V": value, "P": projection}


def _draw(
    law: RegressionLaw, tasks: int, seed: int
) -> tuple[_Numbers, _Numbers, _Numbers, _Numbers]:
    """X (B, N, dx), y (B, N), queries (B, dx) and their targets (B,)."""
    rng = np.random.default_rng(seed)
    shape = (tasks, law.n + 1, law.dx)
    match law.inputs:
        case Inputs.NORMAL:
            inputs = rng.normal(0, law.scale, shape)
        case Inputs.LAPLACE:
            inputs = rng.laplace(0, law.scale, shape)
        case Inputs.EXPONENTIAL:
            inputs = rng.exponential(law.scale, shape)
        case Inputs.UNIFORM:
            inputs = rng.uniform(-law.scale, law.scale, shape)
    weights = rng.normal(0, law.weight_scale, (tasks, law.dx))
    outputs = np.einsum("bnd,bd->bn", inputs, weights)
    noise = law.noise * rng.normal(size=(tasks, law.n))
    return inputs[:, : law.n], outputs[:, : law.n] + noise, inputs[:, law.n], outputs[:, law.n]


def _descend(x: _Numbers, y: _Numbers, query: _Numbers, eta: float, steps: int) -> _Numbers:
    weights = np.zeros_like(query)
    predictions = [np.zeros(len(x))]
    for _ in range(steps):
        residuals = np.einsum("bnd,bd->bn", x, weights) - y
        weights = weights - eta / x.shape[1] * np.einsum("bn,bnd->bd", residuals, x)
        predictions.append(np.einsum("bd,bd->b", weights, query))
    return np.stack(predictions)


def _descend_corrected(
    x: _Numbers, y: _Numbers, query: _Numbers, eta: float, gamma: float, steps: int
) -> _Numbers:
    prediction, predictions = np.zeros(len(x)), [np.zeros(len(x))]
    for _ in range(steps):
        update = eta / x.shape[1] * np.einsum("bn,bnd->bd", y, x)
        prediction = prediction + np.einsum("bd,bd->b", update, query)
        y = y - np.einsum("bd,bnd->bn", update, x)
        moment = gamma * np.einsum("bni,bnj->bij", x, x)
        x, query = x - x @ moment, query - np.einsum("bi,bij->bj", query, moment)
        predictions.append(prediction)
    return np.stack(predictions)


def _layers(
    x: _Numbers, y: _Numbers, query: _Numbers, eta: float, gamma: float | None, steps: int
) -> _Numbers:
    """Minus the query's y slot after every pass through the same explicit layer."""
    law = RegressionLaw(dx=x.shape[2], n=x.shape[1])
    layer = matrices(law, eta=eta, gamma=gamma)
    context = np.concatenate([x, y[..., None]], axis=-1)
    token = np.concatenate([query, np.zeros((len(x), 1))], axis=-1)
    predictions = [-token[:, -1]]
    for _ in range(steps):
        outer = np.einsum("bni,bnj->bij", context @ layer["W_V"].T, context @ layer["W_K"].T)
        update = layer["P"] @ outer @ layer["W_Q"]
        token = token + np.einsum("bij,bj->bi", update, token)
        context = context + np.einsum("bij,bnj->bni", update, context)
        predictions.append(-token[:, -1])
    return np.stack(predictions)


def _losses(predictions: _Numbers, target: _Numbers) -> _Numbers:
    return np.asarray(np.square(predictions - target).mean(axis=1) / 2)


def _frame(name: str, by_route: dict[str, _Numbers]) -> pd.DataFrame:
    rows = [
        {"step": step, "route": ROUTES[route], name: float(value)}
        for route, values in by_route.items()
        for step, value in enumerate(values)
        if abs(value) < BOUND
    ]
    return pd.DataFrame(rows, columns=["step", "route", name])
