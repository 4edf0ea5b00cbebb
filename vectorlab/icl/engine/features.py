"""Gradient steps on m(x): by the constructed layer, by the kernel, with m given and m learned.

On features a step is one on L(W) = 1/(2N) sum_j ||W m(x_j) - y_j||^2, which needs products of
features alone:

    prediction(x) = (eta/N) sum_j y_j <m(x_j), m(x)>

so that the layer on tokens (m(x_j), y_j) and the sum over the kernel are one predictor. What is
trained sends the whole token (x, y) through m, y slot included (``models.FeatureModel``); behind
it stands the constructed layer with a fixed eta, or a layer whose matrices are learned too. Its
kernel is <m, W_K^T W_Q m'>.

Source: von Oswald et al. 2023, https://arxiv.org/abs/2212.07677, section on non-linear regression;
random Fourier features: Rahimi and Recht 2007
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from vectorlab.icl.domain.features import FeatureMap, FeatureOptions
from vectorlab.icl.domain.training_spec import FIXED_ETA, TrainingSpec, Variant
from vectorlab.icl.engine import descent
from vectorlab.icl.engine.alignment import Predictor, mean_loss, split
from vectorlab.icl.engine.closed_form import kernel_ridge
from vectorlab.icl.engine.construction import LinearAttention, construct, read_out, run_layers
from vectorlab.icl.engine.learning import (
    FIRST_WEIGHTS,
    HELD_OUT_TASKS,
    Learner,
    generator,
    held_out,
)
from vectorlab.icl.engine.models import FeatureModel
from vectorlab.icl.engine.steps import usual_eta
from vectorlab.icl.engine.tasks import Tasks, draw_sines
from vectorlab.steering import training_state
from vectorlab.steering.training_state import TrainingState

CHOICES = 0  # what the seed is mixed with: random features, and the tasks that rates are chosen on
CHOICE_TASKS = 2_000
PENALTIES = tuple(10.0**power for power in range(-8, 3))  # of ridge regression, that are tried
GRID = 41  # queries of the example, from -5 to 5

Features = Callable[[torch.Tensor], torch.Tensor]  # (..., 1) to (..., dm)


@dataclass(frozen=True, kw_only=True)
class FeatureRoute:
    """One map of features and the predictors that are made on it."""

    map: FeatureMap
    width: int
    eta: float | None  # None: the layer's matrices are learned
    layer: Predictor
    kernel: Predictor
    ridge: Predictor | None = None
    penalty: float | None = None


class FeatureTraining:
    """The trained variants of a comparison, side by side on the same stream of tasks."""

    def __init__(self, options: FeatureOptions) -> None:
        self.steps = options.training_steps
        self.done = 0
        self._learners = {spec.variant: Learner(spec) for spec in options.trainings()}
        self._watched = {
            variant: held_out(learner.spec, CHOICE_TASKS // 2)
            for variant, learner in self._learners.items()
        }

    @property
    def models(self) -> dict[Variant, FeatureModel]:
        """The models as they stand."""
        return {
            variant: learner.model
            for variant, learner in self._learners.items()
            if isinstance(learner.model, FeatureModel)
        }

    def step(self) -> None:
        """Learn from one batch each."""
        for learner in self._learners.values():
            learner.step()
        self.done += 1

    def watch(self) -> dict[str, float]:
        """The losses on held-out tasks, by variant."""
        return {
            str(variant): mean_loss(learner.model, self._watched[variant]).value
            for variant, learner in self._learners.items()
        }

    def to_bytes(self) -> bytes:
        """The state of all trainings."""
        return TrainingState(step=self.done, **self._live()).to_bytes()

    def restore(self, data: bytes) -> None:
        """Go on from ``to_bytes``.

        Raises:
            IntegrityError: If the bytes are not of these trainings.
        """
        self.done = training_state.load(data, **self._live()).step
        for learner in self._learners.values():
            learner.done = self.done

    def weights(self) -> dict[str, torch.Tensor]:
        """All weights, by variant and name."""
        return {
            f"{variant}.{name}": value.contiguous()
            for variant, model in self.models.items()
            for name, value in model.state_dict().items()
        }

    def _live(self) -> dict[str, Any]:
        live: dict[str, Any] = {"modules": {}, "optimizers": {}, "generators": {}}
        for variant, learner in self._learners.items():
            for kind, objects in learner.live().items():
                live[kind] |= {f"{variant}.{name}": item for name, item in objects.items()}
        return live


def compare_features(
    options: FeatureOptions, models: Mapping[Variant, FeatureModel]
) -> dict[str, Any]:
    """Every map's losses by layer and by kernel, and what each says of one task.

    Args:
        options: Tasks, steps and random features.
        models: What was trained, by variant; may be empty.

    Returns:
        JSON: ``untrained`` (of the prediction 0), ``maps`` (a row each: map, width, eta, loss with
        its interval, loss of the kernel form, the largest difference of the two, loss of ridge
        regression on the same features, and the mean distance from the trained layer's
        predictions), ``example`` (one task's demonstrations, and predictions along a line of
        queries).
    """
    held = generator(options.seed, HELD_OUT_TASKS)
    tasks = _draw(options, options.tasks, held)
    routes = [*_given(options, tasks), *_learned(models)]
    trained = next((route for route in routes if route.map is FeatureMap.LEARNED_LAYER), None)
    return {
        "untrained": asdict(mean_loss(lambda part: torch.zeros_like(part.targets), tasks)),
        "maps": [_row(route, trained, tasks) for route in routes],
        "example": _example(options, routes, held),
    }


def _row(route: FeatureRoute, trained: FeatureRoute | None, tasks: Tasks) -> dict[str, Any]:
    return {
        "map": route.map.value,
        "width": route.width,
        "eta": route.eta,
        "loss": asdict(mean_loss(route.layer, tasks)),
        "kernel": mean_loss(route.kernel, tasks).value,
        "difference": float(_apart(route.layer, route.kernel, tasks).max()),
        "ridge": None if route.ridge is None else mean_loss(route.ridge, tasks).value,
        "penalty": route.penalty,
        "from_trained": (
            None if trained is None else float(_apart(route.layer, trained.layer, tasks).mean())
        ),
    }


def _apart(first: Predictor, second: Predictor, tasks: Tasks) -> torch.Tensor:
    with torch.no_grad():
        return torch.cat([(first(part) - second(part)).abs() for part in split(tasks)])


def _given(options: FeatureOptions, tasks: Tasks) -> list[FeatureRoute]:
    """Routes on maps that are not trained; rates and penalties are chosen on tasks of their own."""
    choices = generator(options.seed, CHOICES)
    maps = _given_maps(options, choices)
    search = _draw(options, CHOICE_TASKS, choices)
    return [_route(name, features, options, search, tasks) for name, features in maps.items()]


def _given_maps(options: FeatureOptions, choices: torch.Generator) -> dict[FeatureMap, Features]:
    width = options.width
    scales = torch.randn(width, generator=choices, dtype=torch.float64)
    shifts = 2 * torch.pi * torch.rand(width, generator=choices, dtype=torch.float64)
    spec = TrainingSpec.published(Variant.MLP_GD, steps=1, seed=options.seed)
    untrained = FeatureModel(spec, generator(spec.seed, FIRST_WEIGHTS)).double()

    def embedded(x: torch.Tensor) -> torch.Tensor:
        return untrained.features(torch.cat([x, torch.zeros_like(x)], dim=-1))[..., :-1].detach()

    return {
        FeatureMap.INPUT: lambda x: x,
        FeatureMap.UNTRAINED: embedded,
        FeatureMap.FOURIER: lambda x: (2 / width) ** 0.5 * torch.cos(x * scales + shifts),
        FeatureMap.SINE: lambda x: torch.cat([x.sin(), x.cos()], dim=-1),
    }


def _route(
    name: FeatureMap, features: Features, options: FeatureOptions, search: Tasks, tasks: Tasks
) -> FeatureRoute:
    seen = search.through(features)
    limit = float(descent.largest_eta(tasks.through(features).x).min())
    eta = usual_eta(_best_eta(seen), limit, options.steps)
    origin = torch.zeros(1, seen.dx, dtype=torch.float64)
    layer = construct(origin, eta=eta, n=options.n)
    penalty = _best_penalty(seen)

    def by_layer(given: Tasks) -> torch.Tensor:
        return run_layers(layer, given.through(features), origin, options.steps)[-1]

    def by_kernel(given: Tasks) -> torch.Tensor:
        kernel, cross = _kernels(given.through(features))
        return descent.kernel_descent(kernel, cross, given.y, eta, options.steps)[-1]

    def by_ridge(given: Tasks) -> torch.Tensor:
        return kernel_ridge(*_kernels(given.through(features)), given.y, penalty)

    return FeatureRoute(
        map=name,
        width=seen.dx,
        eta=eta,
        layer=by_layer,
        kernel=by_kernel,
        ridge=by_ridge,
        penalty=penalty,
    )


def _kernels(seen: Tasks) -> tuple[torch.Tensor, torch.Tensor]:
    """<m(x_i), m(x_j)> among demonstrations, (B, N, N), and of queries with them, (B, Q, N)."""
    return seen.x @ seen.x.mT, seen.queries @ seen.x.mT


def _best_eta(seen: Tasks) -> float:
    """The rate with the smallest mean loss of one step; the loss is a parabola in it."""
    one = descent.kernel_descent(*_kernels(seen), seen.y, 1.0, 1)[-1]
    return float((one * seen.targets).sum() / one.square().sum())


def _best_penalty(seen: Tasks) -> float:
    kernel, cross = _kernels(seen)

    def loss(penalty: float) -> float:
        predicted = kernel_ridge(kernel, cross, seen.y, penalty)
        return float((predicted - seen.targets).square().mean())

    return min(PENALTIES, key=loss)


def _learned(models: Mapping[Variant, FeatureModel]) -> list[FeatureRoute]:
    """Routes on what was trained, computed in float64 from its float32 weights."""
    routes = []
    for variant, name in (
        (Variant.MLP_GD, FeatureMap.LEARNED_STEP),
        (Variant.MLP, FeatureMap.LEARNED_LAYER),
    ):
        if variant in models:
            model = copy.deepcopy(models[variant]).double().requires_grad_(False)
            routes.append(_learned_route(name, model))
    return routes


def _learned_route(name: FeatureMap, model: FeatureModel) -> FeatureRoute:
    """The layer with its matrices written out, and the sum over its kernel."""
    width = model.down.out_features - 1  # the last slot is that of y

    def tokens(given: Tasks) -> tuple[torch.Tensor, torch.Tensor]:
        queries = torch.cat([given.queries, torch.zeros_like(given.targets)], dim=-1)
        return model.features(torch.cat([given.x, given.y], dim=-1)), model.features(queries)

    def by_layer(given: Tasks) -> torch.Tensor:
        return read_out(_layer(model, given.n, width).attend(*tokens(given)), width)

    def by_kernel(given: Tasks) -> torch.Tensor:
        context, queries = tokens(given)
        layer = _layer(model, given.n, width)
        products = layer.key.mT @ layer.query
        values = -(context @ (layer.projection @ layer.value).mT)[..., width:]
        kernel, cross = context @ products @ context.mT, queries @ products.mT @ context.mT
        moved = descent.kernel_descent(kernel, cross, values, given.n, 1)[-1]
        return moved - queries[..., width:]

    eta = FIXED_ETA if model.attention is None else None
    return FeatureRoute(map=name, width=width, eta=eta, layer=by_layer, kernel=by_kernel)


def _layer(model: FeatureModel, n: int, width: int) -> LinearAttention:
    """The layer behind a trained map: constructed with the fixed eta, or as it was learned."""
    if model.attention is None:
        origin = torch.zeros(1, width, dtype=torch.float64)
        return construct(origin, eta=FIXED_ETA, n=n)
    return LinearAttention(
        **{
            name: getattr(model.attention, name)[0, 0]
            for name in ("key", "query", "value", "projection")
        }
    )


def _draw(
    options: FeatureOptions,
    batch: int,
    source: torch.Generator,
    *,
    at: torch.Tensor | None = None,
) -> Tasks:
    return draw_sines(batch, source, n=options.n, noise=options.noise, at=at, dtype=torch.float64)


def _example(
    options: FeatureOptions, routes: list[FeatureRoute], source: torch.Generator
) -> dict[str, Any]:
    """One task and what every route says along a line of queries."""
    line = torch.linspace(-5, 5, GRID, dtype=torch.float64)[:, None]
    task = _draw(options, 1, source, at=line)
    with torch.no_grad():
        said = {route.map.value: route.layer(task).flatten().tolist() for route in routes}
    return {
        "demonstrations": {"x": task.x.flatten().tolist(), "y": task.y.flatten().tolist()},
        "x": line.flatten().tolist(),
        "target": task.targets.flatten().tolist(),
        "predictions": said,
    }
