"""Runs that are kept: steps beside steps, and a trained model beside gradient descent."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from vectorlab.errors import InputError
from vectorlab.icl.domain.laws import Inputs, RegressionLaw, best_one_step
from vectorlab.icl.domain.training_spec import TrainingSpec, Variant
from vectorlab.icl.engine import descent
from vectorlab.icl.engine.alignment import (
    Predictor,
    align,
    follow,
    follow_descent,
    gradient_descent,
    interpolate,
    mean_loss,
    out_of_distribution,
)
from vectorlab.icl.engine.construction import construct, run_layers
from vectorlab.icl.engine.learning import Learner, held_out
from vectorlab.icl.engine.losses import losses
from vectorlab.icl.engine.models import AttentionStack, FeatureModel, LearnedRates
from vectorlab.icl.engine.search import Rates, best_rates
from vectorlab.icl.engine.tasks import draw_tasks

WATCHED_TASKS = 1_000  # for every point of a curve
ALIGNMENT_TASKS = 10_000
CHANGED_TASKS = 2_000  # for every change of the law
FOLLOWED_STEPS = 50


def compare_steps(
    law: RegressionLaw,
    *,
    eta: float | None,
    gamma: float | None,
    steps: int,
    batch: int,
    seed: int,
    random_start: bool,
) -> dict[str, Any]:
    """Explicit descent, moved targets, constructed layers and GD++, all in float64.

    Args:
        law: What tasks are drawn from.
        eta: Learning rate; None takes the best for one step, or, where several would diverge with
            it, half of the limit.
        gamma: Of GD++; None takes a quarter of eta / N.
        steps: k.
        batch: Tasks.
        seed: Of the tasks and of W0.
        random_start: W0 ~ N(0, 1) instead of 0; GD++ is left out then.

    Raises:
        InputError: If eta or gamma diverges over the steps; says what limit was passed.
    """
    generator = torch.Generator().manual_seed(seed)
    tasks = draw_tasks(law, batch, generator, dtype=torch.float64)
    weights = torch.zeros(law.dy, law.dx, dtype=torch.float64)
    if random_start:
        weights = torch.randn(law.dy, law.dx, generator=generator, dtype=torch.float64)
    limit = float(descent.largest_eta(tasks.x).min())
    eta = _usual_eta(law, limit, steps) if eta is None else eta
    gamma = eta / (4 * law.n) if gamma is None else gamma
    descent.check_converges(tasks.x, eta, None if random_start else gamma, steps=steps)
    explicit = descent.predict(descent.descend(tasks, weights, eta, steps), tasks.queries)
    layers = run_layers(construct(weights, eta=eta, n=law.n), tasks, weights, steps)
    moved = descent.move_targets(tasks, weights, eta, steps)
    predictions = {"gd": explicit, "layer": layers, "targets": moved}
    difference = float(torch.maximum((explicit - layers).abs(), (explicit - moved).abs()).max())
    if not random_start:
        corrected = descent.descend_corrected(tasks, eta, gamma, steps)
        predictions["gd++"] = descent.predict(corrected, tasks.queries)
        built = run_layers(construct(weights, eta=eta, n=law.n, gamma=gamma), tasks, weights, steps)
        predictions["layer++"] = built
        difference = max(difference, float((built - predictions["gd++"]).abs().max()))
    columns = {name: losses(value, tasks.targets).mean(-1) for name, value in predictions.items()}
    return {
        "eta": eta,
        "gamma": None if random_start else gamma,
        "limit": limit,
        "largest_difference": difference,
        "steps": [
            {"step": step, **{name: float(value[step]) for name, value in columns.items()}}
            for step in range(steps + 1)
        ],
    }


def progress_of(spec: TrainingSpec) -> Callable[[nn.Module], dict[str, float]]:
    """What is drawn while a variant trains: its loss, descent's, and how alike the two are."""
    tasks = held_out(spec, WATCHED_TASKS)
    if spec.variant.on_sines or spec.law.inputs is Inputs.EXPONENTIAL:
        return lambda model: {"loss": mean_loss(model, tasks).value}
    reference = gradient_descent(_reference(spec), spec.layers)
    reference_loss = mean_loss(reference, tasks).value

    def watch(model: nn.Module) -> dict[str, float]:
        alignment = align(model, reference, tasks)
        return {
            "loss": alignment.loss.value,
            "gradient descent": reference_loss,
            "cosine of sensitivities": alignment.cosine.value,
            "distance of predictions": alignment.prediction_l2.value,
            "distance of sensitivities": alignment.sensitivity_l2.value,
        }

    return watch


def compare_trained(learner: Learner) -> dict[str, Any]:
    """A trained model beside as many steps of gradient descent and of GD++.

    Returns:
        JSON: ``loss`` always; for linear tasks ``gd`` and ``gd++`` (rates and alignment),
        ``out_of_distribution``; for one linear head with shared weights ``interpolated``, and for
        one such layer ``followed``, its damped repetition beside descent's.
    """
    spec, model = learner.spec, learner.model
    tasks = held_out(spec, ALIGNMENT_TASKS)
    result: dict[str, Any] = {"loss": asdict(mean_loss(model, tasks)), **_learned(model)}
    if spec.variant.on_sines or spec.law.inputs is Inputs.EXPONENTIAL:
        return result
    predictors: dict[str, Predictor] = {"trained": model}
    for name, corrected in (("gd", False), ("gd++", True)):
        if corrected and spec.layers == 1:
            continue
        rates = best_rates(spec.law, spec.layers, corrected=corrected)
        predictors[name] = gradient_descent(rates, spec.layers)
        result[name] = {
            "eta": rates.eta,
            "gamma": rates.gamma,
            "alignment": asdict(align(model, predictors[name], tasks)),
        }
    result["out_of_distribution"] = out_of_distribution(
        predictors, spec.law, batch=CHANGED_TASKS, seed=spec.seed
    )
    return result | _by_weights(spec, model, Rates(eta=result["gd"]["eta"]))


def _by_weights(spec: TrainingSpec, model: nn.Module, rates: Rates) -> dict[str, Any]:
    """What can be said of the matrices themselves."""
    one_head = isinstance(model, AttentionStack) and not model.is_softmax and spec.heads == 1
    if (
        not one_head
        or not isinstance(model, AttentionStack)
        or not (spec.shared or spec.layers == 1)
    ):
        return {}
    tasks = held_out(spec, ALIGNMENT_TASKS)
    measures: dict[str, Any] = {
        "interpolated": {
            str(share): asdict(mean_loss(interpolate(model, rates, share), tasks))
            for share in (0.0, 0.25, 0.5, 0.75, 1.0)
        }
    }
    keys, values = (product.detach() for product in model.products())
    measures["products"] = {"keys": keys.tolist(), "values": values.tolist()}
    if spec.layers == 1:
        part = held_out(spec, CHANGED_TASKS)
        measures["followed"] = {
            "trained": follow(model, part, FOLLOWED_STEPS),
            "gd": follow_descent(rates, part, FOLLOWED_STEPS),
        }
    return measures


def _learned(model: nn.Module) -> dict[str, Any]:
    if not isinstance(model, LearnedRates):
        return {"features": isinstance(model, FeatureModel)}
    gammas = None if model.log_gamma is None else model.log_gamma.exp().tolist()
    return {"learned": {"etas": model.log_eta.exp().tolist(), "gammas": gammas}}


def _reference(spec: TrainingSpec) -> Rates:
    corrected = spec.variant is Variant.GD_PLUS_PLUS and spec.layers > 1
    return best_rates(spec.law, spec.layers, corrected=corrected)


def _usual_eta(law: RegressionLaw, limit: float, steps: int) -> float:
    if law.inputs is Inputs.EXPONENTIAL:
        if steps == 1:
            raise InputError("The best eta is not known for exponential inputs; give one: --eta")
        return limit / 2
    best = best_one_step(law).eta
    return best if steps == 1 or best < limit / 2 else limit / 2
