"""How alike two predictors are: a trained model and gradient descent, most of all.

Source: von Oswald et al. 2023, section 3 and `src/train.py` (`analyse`, `interpolate`, `ood`)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from vectorlab.errors import InputError
from vectorlab.icl.domain.laws import Inputs, RegressionLaw
from vectorlab.icl.domain.training_spec import DAMPING
from vectorlab.icl.engine.losses import TaskMean, estimate, losses
from vectorlab.icl.engine.models import AttentionStack
from vectorlab.icl.engine.search import Rates, predictions
from vectorlab.icl.engine.tasks import Tasks, draw_tasks

Predictor = Callable[[Tasks], torch.Tensor]  # to (B, Q, dy)

INPUT_SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)  # times what was trained on
TARGET_SCALES = (0.5, 1.0, 2.0, 3.0, 5.0)
TINY = 1e-8
BLOCK = 5_000  # tasks at a time


@dataclass(frozen=True, kw_only=True)
class PredictorAlignment:
    """Two predictors on the same tasks."""

    loss: TaskMean  # of the first
    reference_loss: TaskMean  # of the second
    difference: TaskMean  # first minus second, task by task
    prediction_l2: TaskMean  # distance of the predictions
    cosine: TaskMean  # of the sensitivities d prediction / d x
    sensitivity_l2: TaskMean


def gradient_descent(rates: Rates, steps: int) -> Predictor:
    """K steps from W0 = 0 with fixed scalars, plain or GD++, as a predictor."""

    def predict(tasks: Tasks) -> torch.Tensor:
        eta = tasks.x.new_tensor(rates.eta)
        gamma = None if rates.gamma is None else tasks.x.new_tensor(rates.gamma)
        return predictions(tasks, steps, eta, gamma)

    return predict


def align(first: Predictor, second: Predictor, tasks: Tasks) -> PredictorAlignment:
    """Compare two predictors on every task.

    Sensitivities are d prediction / d x of a query, dy rows of dx entries: for gradient descent
    the effective weights W0 + dW themselves. Their cosine and distance take all rows as one
    vector.
    """
    parts = [_compare(first, second, part) for part in split(tasks)]
    columns = [estimate(torch.cat(values)) for values in zip(*parts, strict=True)]
    names = ("loss", "reference_loss", "difference", "prediction_l2", "cosine", "sensitivity_l2")
    return PredictorAlignment(**dict(zip(names, columns, strict=True)))


def mean_loss(predictor: Predictor, tasks: Tasks) -> TaskMean:
    """The loss over all tasks."""
    with torch.no_grad():
        return estimate(torch.cat([losses(predictor(p), p.targets) for p in split(tasks)]))


def sensitivities(predictor: Predictor, tasks: Tasks) -> tuple[torch.Tensor, torch.Tensor]:
    """What a predictor says, and how that moves with the query.

    Args:
        predictor: Maps tasks to predictions, (B, Q, dy).
        tasks: B tasks.

    Returns:
        Predictions, (B, Q, dy), and d prediction / d query, (B, Q, dy, dx).
    """
    queries = tasks.queries.detach().requires_grad_()
    outputs = predictor(replace(tasks, queries=queries))
    rows = [
        torch.autograd.grad(outputs[..., output].sum(), queries, retain_graph=True)[0]
        for output in range(tasks.dy)
    ]
    return outputs.detach(), torch.stack(rows, dim=-2)


def split(tasks: Tasks) -> list[Tasks]:
    """The tasks in blocks, to bound memory."""
    starts = range(0, len(tasks.x), BLOCK)
    return [
        Tasks(
            x=tasks.x[start : start + BLOCK],
            y=tasks.y[start : start + BLOCK],
            queries=tasks.queries[start : start + BLOCK],
            targets=tasks.targets[start : start + BLOCK],
        )
        for start in starts
    ]


def interpolate(model: AttentionStack, rates: Rates, share: float = 0.5) -> Predictor:
    """One linear layer between a trained one and the constructed one, by their products.

    Only W_K^T W_Q and P W_V can be identified. The mean diagonal of the first, on the x block, is
    moved into the second, so that both layers speak of keys on the same scale.

    Args:
        model: One head, linear, one layer or shared weights.
        rates: Of the constructed layer: plain gradient descent.
        share: 0 is the trained layer, 1 the constructed one.

    Raises:
        InputError: For softmax or several heads.
    """
    if model.is_softmax or model.key.shape[1] != 1 or len(model.key) != 1:
        raise InputError(
            "Only one linear head with shared weights can be averaged with the construction."
        )

    def predict(tasks: Tasks) -> torch.Tensor:
        keys, values = (product.detach() for product in model.products())
        dx = tasks.dx
        scale = keys.diagonal()[:dx].mean()
        made_keys, made_values = torch.zeros_like(keys), torch.zeros_like(values)
        made_keys[:dx, :dx] = torch.eye(dx)
        made_values[dx:, dx:] = -rates.eta / tasks.n * torch.eye(tasks.dy)
        mixed_keys = (1 - share) * keys / scale + share * made_keys
        mixed_values = (1 - share) * values * scale + share * made_values
        return _through_products(mixed_keys, mixed_values, tasks, model.depth)

    return predict


def out_of_distribution(
    predictors: dict[str, Predictor], law: RegressionLaw, *, batch: int, seed: int
) -> list[dict[str, float | str]]:
    """Losses where tasks are scaled or drawn from other laws than those of training.

    Returns:
        One row per kind of change and its size: ``change``, ``size`` and a loss by predictor,
        divided by that of the prediction 0 so that scales can be compared.
    """
    changed = [
        *(("input scale", k, replace(law, scale=k * law.scale)) for k in INPUT_SCALES),
        *(
            ("target scale", k, replace(law, weight_scale=k * law.weight_scale))
            for k in TARGET_SCALES
        ),
        *(
            (f"{inputs} inputs", 1.0, replace(law, inputs=inputs))
            for inputs in Inputs
            if inputs is not law.inputs
        ),
    ]
    rows: list[dict[str, float | str]] = []
    for change, size, other in changed:
        tasks = draw_tasks(other, batch, torch.Generator().manual_seed(seed))
        untrained = float(losses(torch.zeros_like(tasks.targets), tasks.targets).mean())
        row: dict[str, float | str] = {"change": change, "size": size}
        for name, predictor in predictors.items():
            row[name] = mean_loss(predictor, tasks).value / untrained
        rows.append(row)
    return rows


def follow(model: AttentionStack, tasks: Tasks, times: int) -> list[float]:
    """Losses of one trained layer applied again and again, damped, moving only the y slots.

    Returns:
        The loss before the first and after each of so many applications.
    """
    context = torch.cat([tasks.x, tasks.y], dim=-1)
    queries = torch.cat([tasks.queries, torch.zeros_like(tasks.targets)], dim=-1)
    keys, values = (product.detach() for product in model.products())
    followed = [_loss_of(queries, tasks)]
    for _ in range(times):
        update = DAMPING * keys.mT @ (context.mT @ context) @ values.mT
        update[..., : tasks.dx] = 0
        context, queries = context + context @ update, queries + queries @ update
        followed.append(_loss_of(queries, tasks))
    return followed


def follow_descent(rates: Rates, tasks: Tasks, times: int) -> list[float]:
    """Losses along so many damped steps of gradient descent, to compare ``follow`` with."""
    damped = Rates(eta=DAMPING * rates.eta)
    return [mean_loss(gradient_descent(damped, steps), tasks).value for steps in range(times + 1)]


def _loss_of(queries: torch.Tensor, tasks: Tasks) -> float:
    return float(losses(-queries[..., tasks.dx :], tasks.targets).mean())


def _compare(first: Predictor, second: Predictor, tasks: Tasks) -> Sequence[torch.Tensor]:
    ours, slope = sensitivities(first, tasks)
    theirs, other = sensitivities(second, tasks)
    loss, reference = losses(ours, tasks.targets), losses(theirs, tasks.targets)
    flat, other_flat = slope.flatten(2), other.flatten(2)
    lengths = (flat.norm(dim=-1) + TINY) * (other_flat.norm(dim=-1) + TINY)
    cosine = (flat * other_flat).sum(-1) / lengths
    return (
        loss,
        reference,
        loss - reference,
        (ours - theirs).norm(dim=-1).mean(-1),
        cosine.mean(-1),
        (flat - other_flat).norm(dim=-1).mean(-1),
    )


def _through_products(
    keys: torch.Tensor, values: torch.Tensor, tasks: Tasks, steps: int
) -> torch.Tensor:
    context = torch.cat([tasks.x, tasks.y], dim=-1)
    queries = torch.cat([tasks.queries, torch.zeros_like(tasks.targets)], dim=-1)
    for _ in range(steps):
        update = keys.mT @ (context.mT @ context) @ values.mT
        context, queries = context + context @ update, queries + queries @ update
    return -queries[..., tasks.dx :]
