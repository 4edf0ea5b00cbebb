"""What is kept of a training: the model beside gradient descent and the best closed form."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from torch import nn

from vectorlab.icl.domain.laws import Inputs, best_penalty
from vectorlab.icl.domain.training_spec import TrainingSpec, Variant
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
from vectorlab.icl.engine.closed_form import best_in_closed_form
from vectorlab.icl.engine.learning import Learner, held_out
from vectorlab.icl.engine.models import AttentionStack, FeatureModel, LearnedRates
from vectorlab.icl.engine.search import Rates, best_rates

WATCHED_TASKS = 1_000  # for every point of a curve
ALIGNMENT_TASKS = 10_000
CHANGED_TASKS = 2_000  # for every change of the law
FOLLOWED_STEPS = 50


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
        ``closed form`` (the ridge penalty that is best for the noise, and alignment),
        ``out_of_distribution``; for one linear head with shared weights ``interpolated``, and for
        one such layer ``followed``, its damped repetition beside descent's and the closed form.
    """
    spec, model = learner.spec, learner.model
    tasks = held_out(spec, ALIGNMENT_TASKS)
    result: dict[str, Any] = {"loss": asdict(mean_loss(model, tasks)), **_learned(model)}
    if spec.variant.on_sines:
        return result
    best = best_in_closed_form(spec.law)
    result["closed form"] = {
        "penalty": best_penalty(spec.law),
        "alignment": asdict(align(model, best, tasks)),
    }
    if spec.law.inputs is Inputs.EXPONENTIAL:
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
            "closed form": mean_loss(best_in_closed_form(spec.law), part).value,
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
