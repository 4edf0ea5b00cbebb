"""A construction that is kept: every route of the same steps, and what they are held against."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from vectorlab.errors import InputError
from vectorlab.icl.domain.copying import LEAK, leak_at, temperature_at
from vectorlab.icl.domain.laws import (
    ConstructOptions,
    Inputs,
    RegressionLaw,
    best_one_step,
    best_penalty,
)
from vectorlab.icl.engine import descent
from vectorlab.icl.engine.alignment import split
from vectorlab.icl.engine.closed_form import least_squares, ridge
from vectorlab.icl.engine.construction import LinearAttention, construct, run_layers
from vectorlab.icl.engine.losses import losses
from vectorlab.icl.engine.separate import copying_error, join, run_separate
from vectorlab.icl.engine.tasks import Tasks, draw_tasks

LEAKS = (0.3, 0.1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 1e-10, LEAK)  # whose temperatures are tried
LEAK_TASKS = 500  # for each of them


@dataclass(frozen=True, kw_only=True)
class _Setting:
    """What all routes of a construction share."""

    options: ConstructOptions
    tasks: Tasks  # float64
    start: torch.Tensor  # W0
    eta: float  # of the layer; a damped pass goes down by damping times this
    gamma: float
    limit: float

    @property
    def damping(self) -> float:
        return self.options.damping

    def layer(self, gamma: float | None = None) -> LinearAttention:
        return construct(self.start, eta=self.eta, n=self.tasks.n, gamma=gamma)


def compare_steps(options: ConstructOptions) -> dict[str, Any]:
    """Explicit descent, moved targets, constructed layers and GD++, all in float64.

    With damping a pass takes that share of what the layer adds, and explicit descent goes by
    damping times eta and gamma.

    Args:
        options: Tasks, rates, steps and how they are made.

    Returns:
        JSON: ``steps`` (losses by route), ``eta``, ``gamma``, ``limit``, ``largest_difference``
        between routes, ``best_one_step`` in closed form where the law has one, ``closed_forms``
        (losses of least squares from W0 and of ridge regression with the penalty that is best for
        the noise); with separate tokens ``copying``.

    Raises:
        InputError: If eta or gamma diverges over the steps; says what limit was passed.
    """
    setting = _setting(options)
    predictions, difference = _routes(setting)
    result = {
        "eta": setting.eta,
        "gamma": None if options.random_start else setting.gamma,
        "limit": setting.limit,
        "best_one_step": _one_step(options.law),
        "closed_forms": _closed_forms(setting),
    }
    if options.separate_tokens:
        predictions["separate"], result["copying"] = _separate(setting, predictions["layer"])
    targets = setting.tasks.targets
    columns = {name: losses(value, targets).mean(-1) for name, value in predictions.items()}
    return {
        **result,
        "largest_difference": difference,
        "steps": [
            {"step": step, **{name: float(value[step]) for name, value in columns.items()}}
            for step in range(options.steps + 1)
        ],
    }


def usual_eta(best: float, limit: float, steps: int) -> float:
    """The best learning rate for one step, or half the limit where several would diverge with it.

    Args:
        best: For one step.
        limit: From which on many steps diverge.
        steps: How many there are.
    """
    return best if steps == 1 or best < limit / 2 else limit / 2


def _setting(options: ConstructOptions) -> _Setting:
    law = options.law
    generator = torch.Generator().manual_seed(options.seed)
    tasks = draw_tasks(law, options.tasks, generator, dtype=torch.float64)
    start = torch.zeros(law.dy, law.dx, dtype=torch.float64)
    if options.random_start:
        start = torch.randn(law.dy, law.dx, generator=generator, dtype=torch.float64)
    limit = float(descent.largest_eta(tasks.x).min())
    eta = _eta(options, limit) if options.eta is None else options.eta
    gamma = eta / (4 * law.n) if options.gamma is None else options.gamma
    setting = _Setting(options=options, tasks=tasks, start=start, eta=eta, gamma=gamma, limit=limit)
    damping = options.damping
    descent.check_converges(
        tasks.x,
        damping * eta,
        None if options.random_start else damping * gamma,
        steps=options.steps,
    )
    return setting


def _eta(options: ConstructOptions, limit: float) -> float:
    """The learning rate of the layer where none is given."""
    law, damping = options.law, options.damping
    if law.inputs is Inputs.EXPONENTIAL:
        if options.steps == 1:
            raise InputError("The best eta is not known for exponential inputs; give one: --eta")
        return limit / 2
    best = best_one_step(law).eta
    if damping < 1 and damping * best < limit:
        return best  # one layer, made for one step, again and again: what damping is there for
    return usual_eta(best, limit, options.steps)


def _routes(setting: _Setting) -> tuple[dict[str, torch.Tensor], float]:
    """Predictions along every route, (k + 1, B, Q, dy), and how far they are apart at most."""
    tasks, start, steps = setting.tasks, setting.start, setting.options.steps
    damping = setting.damping
    eta, gamma = damping * setting.eta, damping * setting.gamma
    explicit = descent.predict(descent.descend(tasks, start, eta, steps), tasks.queries)
    layers = run_layers(setting.layer(), tasks, start, steps, damping=damping)
    moved = descent.move_targets(tasks, start, eta, steps)
    predictions = {"gd": explicit, "layer": layers, "targets": moved}
    difference = float(torch.maximum((explicit - layers).abs(), (explicit - moved).abs()).max())
    if not setting.options.random_start:
        corrected = descent.descend_corrected(tasks, eta, gamma, steps)
        predictions["gd++"] = descent.predict(corrected, tasks.queries)
        built = run_layers(setting.layer(setting.gamma), tasks, start, steps, damping=damping)
        predictions["layer++"] = built
        difference = max(difference, float((built - predictions["gd++"]).abs().max()))
    return predictions, difference


def _one_step(law: RegressionLaw) -> dict[str, float] | None:
    if law.inputs is Inputs.EXPONENTIAL:
        return None
    best = best_one_step(law)
    return {"eta": best.eta, "loss": best.loss}


def _closed_forms(setting: _Setting) -> dict[str, float]:
    """Losses of what descent goes towards, and of what no predictor does better than."""
    tasks, penalty = setting.tasks, best_penalty(setting.options.law)
    parts = split(tasks)
    ends = torch.cat([_losses(least_squares(part, setting.start), part) for part in parts])
    best = torch.cat([_losses(ridge(part, penalty), part) for part in parts])
    return {
        "least squares": float(ends.mean()),
        "ridge": float(best.mean()),
        "penalty": penalty,
    }


def _losses(weights: torch.Tensor, tasks: Tasks) -> torch.Tensor:
    return losses(descent.predict(weights, tasks.queries), tasks.targets)


def _separate(setting: _Setting, joined: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
    """Predictions from separate tokens, and how exactly they are those from joined ones."""
    n, given = setting.tasks.n, setting.options.temperature
    temperature = temperature_at(LEAK, n) if given is None else given
    predictions, about = _joined_at(setting, setting.tasks, joined, temperature)
    few, of_few = _first(setting.tasks, LEAK_TASKS), joined[:, :LEAK_TASKS]
    tried = []
    for leak in LEAKS:
        found, about_it = _joined_at(setting, few, of_few, temperature_at(leak, n))
        tried.append({**about_it, "loss": float(losses(found[-1], few.targets).mean())})
    return predictions, {**about, "temperatures": tried}


def _joined_at(
    setting: _Setting, tasks: Tasks, joined: torch.Tensor, temperature: float
) -> tuple[torch.Tensor, dict[str, float]]:
    """Predictions at a temperature; leak, wrongly copied targets and distance from ``joined``."""
    found, errors = [], []
    for part in split(tasks):
        errors.append(copying_error(part, join(part, setting.start, temperature)[0]))
        found.append(
            run_separate(
                setting.layer(),
                part,
                setting.start,
                setting.options.steps,
                temperature=temperature,
                damping=setting.damping,
            )
        )
    predictions = torch.cat(found, dim=1)
    return predictions, {
        "temperature": temperature,
        "leak": leak_at(temperature, tasks.n),
        "copied": max(errors),
        "difference": float((predictions - joined).abs().max()),
    }


def _first(tasks: Tasks, count: int) -> Tasks:
    return replace(
        tasks,
        x=tasks.x[:count],
        y=tasks.y[:count],
        queries=tasks.queries[:count],
        targets=tasks.targets[:count],
    )
