"""The job that searches the threshold of a condition on two sets of prompts."""

from dataclasses import replace
from typing import Any

from vectorlab.domain.interventions.conditions import (
    Candidate,
    Condition,
    NewSearch,
    SearchSpec,
    ThresholdSide,
    best,
    candidates,
    tells,
)
from vectorlab.domain.jobs.requests import ThresholdRequest
from vectorlab.domain.vectors.vectors import LayerVector
from vectorlab.errors import InputError
from vectorlab.steering.generation.prepared_run import written
from vectorlab.steering.interventions.conditions import read_conditions
from vectorlab.steering.model.environment import describe_environment
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.model.tokens import encode
from vectorlab.store.database import Transaction
from vectorlab.store.sets import sets
from vectorlab.store.vectors import threshold_searches, vectors
from vectorlab.worker.context import JobContext
from vectorlab.worker.registry import handles

CURVE_POINTS = 200  # of the chosen layer's sweep that are kept at most; its values are all kept


@handles(ThresholdRequest)
def run_condition_search(context: JobContext, request: ThresholdRequest) -> None:
    """Measure both sets at every layer and keep the threshold that tells them apart best."""
    spec = request.spec
    with context.db.read() as tx:
        parts = vectors.layer_vectors(tx, request.vector_id)
        sides = [
            [demonstration.source for demonstration in sets.demonstrations(tx, version)]
            for version in (request.positive_version_id, request.negative_version_id)
        ]
    loaded = context.load(spec.dtype)
    conditions = _conditions(spec, request.vector_id, parts)
    values = [_measured(context, loaded, spec, conditions, parts, side) for side in sides]
    layers = [
        (condition, [row[place] for row in values[0]], [row[place] for row in values[1]])
        for place, condition in enumerate(conditions)
    ]
    chosen, evidence = _choose(layers)
    condition, candidate = chosen
    context.lease.check()

    def write(tx: Transaction, result_ids: dict[str, int]) -> None:
        new = NewSearch(
            spec=spec,
            model_id=request.model_id,
            positive_version_id=request.positive_version_id,
            negative_version_id=request.negative_version_id,
            condition=condition,
            chosen=candidate,
            evidence=evidence,
            environment=describe_environment(loaded),
        )
        result_ids["condition_search_id"] = threshold_searches.add_search(
            tx, new, context.job.created_by
        ).id

    context.commit(write)


def _conditions(spec: SearchSpec, vector_id: int, parts: list[LayerVector]) -> list[Condition]:
    """What is measured at every layer to choose from; thresholds come later."""
    known = [part.layer for part in parts if part.norm > 0]
    layers = known if spec.layers is None else [layer for layer in spec.layers if layer in known]
    if not layers:
        raise InputError(
            f"The vector has a direction at layers {known}, none of those asked for "
            f"({list(spec.layers or ())})."
        )
    return [
        Condition(
            vector_id=vector_id,
            vector_sha256=spec.vector_sha256,
            layer=layer,
            measure=spec.measure,
            comparison=ThresholdSide.ABOVE,
            threshold=0.0,
            window=spec.window,
            site=spec.site,
        )
        for layer in layers
    ]


def _measured(
    context: JobContext,
    loaded: LoadedModel,
    spec: SearchSpec,
    conditions: list[Condition],
    parts: list[LayerVector],
    texts: list[str],
) -> list[list[float]]:
    ids = encode(
        loaded.tokenizer,
        [written(loaded, spec.chat, text) for text in texts],
        add_special_tokens=spec.chat is None,
        context_length=loaded.description.context_length,
        new_tokens=0,
        noun="Prompt",
    )
    values = []
    for done, row in enumerate(ids, start=1):
        values += read_conditions(loaded, [row], conditions, {spec.vector_sha256: parts})
        context.lease.progress(done, len(ids), "prompts")
    return values


def _choose(
    layers: list[tuple[Condition, list[float], list[float]]],
) -> tuple[tuple[Condition, Candidate], dict[str, Any]]:
    """The best layer and threshold, and all that led to them."""
    # Where all values are equal there is nothing to choose, unless that is so at every layer.
    telling = [layer for layer in layers if tells(layer[1], layer[2])] or layers[:1]
    swept = [
        (condition, candidates(positive, negative)) for condition, positive, negative in telling
    ]
    bests = [best(curve) for _, curve in swept]
    chosen = best(bests)
    place = bests.index(chosen)
    condition, positive, negative = telling[place]
    curve = swept[place][1]
    thinned = curve[:: max(1, -(-len(curve) // CURVE_POINTS))]
    evidence = {
        "layers": [
            {"layer": condition.layer, **candidate.to_json()}
            for (condition, _), candidate in zip(swept, bests, strict=True)
        ],
        "positive": positive,
        "negative": negative,
        "curve": [candidate.to_json() for candidate in thinned],
        "candidates": len(curve),
    }
    return (
        replace(condition, comparison=chosen.comparison, threshold=chosen.threshold),
        chosen,
    ), evidence
