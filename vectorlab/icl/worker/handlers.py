"""Jobs of in-context learning as gradient descent."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import safetensors.torch
import torch

from vectorlab.domain.codec import decode, encode
from vectorlab.icl.domain.reference_points import ReferenceCheck
from vectorlab.icl.domain.requests import (
    IclBridgeRequest,
    IclConstructRequest,
    IclFeaturesRequest,
    IclReproduceRequest,
    IclRequest,
    IclTrainRequest,
)
from vectorlab.icl.domain.runs import HeadUpdate, IclKind, LayerEffect, NewIclRun
from vectorlab.icl.engine import reproduction
from vectorlab.icl.engine.bridge import BridgeOptions, bridge
from vectorlab.icl.engine.comparison import compare_trained, progress_of
from vectorlab.icl.engine.features import FeatureTraining, compare_features
from vectorlab.icl.engine.learning import Learner
from vectorlab.icl.engine.steps import compare_steps
from vectorlab.icl.store import runs
from vectorlab.steering.model.environment import describe_environment, software
from vectorlab.store.database import Transaction
from vectorlab.store.jobs import queue
from vectorlab.store.sets import sets
from vectorlab.worker.context import JobContext
from vectorlab.worker.registry import handles

POINTS = 100  # of each curve of a training


@handles(IclConstructRequest)
def run_construction(context: JobContext, request: IclConstructRequest) -> None:
    """The constructed layer beside explicit gradient descent, step by step."""
    began = time.monotonic()
    context.lease.progress(0, 1, "comparing steps")
    result = compare_steps(request.spec)
    _store(context, request, IclKind.CONSTRUCT, result, began, _numbers_only())


@handles(IclFeaturesRequest)
def run_features(context: JobContext, request: IclFeaturesRequest) -> None:
    """Train what is trained on features, then compare all maps by layer and by kernel."""
    began, spec = time.monotonic(), request.spec
    training = FeatureTraining(spec)
    _train(context, training, spec.training_steps, training.watch)
    context.lease.progress(spec.training_steps, spec.training_steps, "comparing features")
    result = compare_features(spec, training.models)
    weights = training.weights()
    _store(
        context,
        request,
        IclKind.FEATURES,
        result,
        began,
        _numbers_only(),
        weights=safetensors.torch.save(weights) if weights else None,
    )


@handles(IclTrainRequest)
def run_training(context: JobContext, request: IclTrainRequest) -> None:
    """Train one model, drawing its curve beside gradient descent's, and compare the two."""
    began, spec = time.monotonic(), request.spec
    learner = Learner(spec)
    watch = progress_of(spec)
    _train(context, learner, spec.steps, lambda: watch(learner.model))
    context.lease.progress(spec.steps, spec.steps, "comparing with gradient descent")
    result = compare_trained(learner)
    weights = safetensors.torch.save(
        {name: value.contiguous() for name, value in learner.model.state_dict().items()}
    )
    _store(context, request, IclKind.TRAIN, result, began, _numbers_only(), weights=weights)


def _train(
    context: JobContext,
    training: Learner | FeatureTraining,
    steps: int,
    watch: Callable[[], Mapping[str, float]],
) -> None:
    """All steps of a training, from its last checkpoint on, with its curves drawn."""
    saved = context.resume()
    if saved is not None:
        training.restore(saved.data)
    every = math.ceil(steps / POINTS)
    if training.done == 0 and steps:
        context.log_metrics(0, watch())
    while training.done < steps:
        training.step()
        if training.done % every == 0 or training.done == steps:
            context.log_metrics(training.done, watch())
        context.lease.progress(training.done, steps, "steps")
        if context.lease.checkpoint_is_due():
            context.save_checkpoint(training.done, training.to_bytes())


@handles(IclReproduceRequest)
def run_reproduction(context: JobContext, request: IclReproduceRequest) -> None:
    """Measure the published reference points, part by part; finished parts are kept."""
    began, spec = time.monotonic(), request.spec
    scope = {"full": reproduction.FULL, "short": reproduction.SHORT}[spec.scope]
    with context.db.read() as tx:
        saved = queue.chunks(tx, context.job.id)
    checks: list[ReferenceCheck] = []
    used = time.process_time()
    for place, stage in enumerate(reproduction.stages(scope, seed=spec.seed)):
        if place in saved:
            checks += [decode(ReferenceCheck, load) for load in json.loads(saved[place])]
            continue
        measured = stage.run(context.lease.progress)
        checks += measured
        data = json.dumps([encode(check) for check in measured]).encode()
        context.write(
            lambda tx, place=place, data=data: queue.save_chunk(  # type: ignore[misc]
                tx, context.job.id, context.job.attempt, place, data
            )
        )
        context.lease.checkpoint()
    result = {
        "ok": sum(check.verdict == "ok" for check in checks),
        "of": len(checks),
        # What this attempt computed, whatever else the machine did meanwhile.
        "cpu_s": time.process_time() - used,
    }
    _store(context, request, IclKind.REPRODUCE, result, began, _numbers_only(), checks=checks)


@handles(IclBridgeRequest)
def run_bridge(context: JobContext, request: IclBridgeRequest) -> None:
    """What a set does in the prompt of a language model."""
    began, spec = time.monotonic(), request.spec
    with context.db.read() as tx:
        items = sets.demonstrations(tx, request.set_version_id)
        other = request.random_version_id
        others = None if other is None else sets.demonstrations(tx, other)
    loaded = context.load(spec.dtype)
    measured = bridge(
        loaded,
        items,
        BridgeOptions(
            shots=spec.shots,
            queries=spec.queries,
            layout=spec.layout,
            seed=spec.seed,
            heads=spec.heads,
        ),
        random_set=others,
        on_progress=context.lease.progress,
    )
    result = {
        "rest": list(measured.rest),
        "demonstrations": list(measured.demonstrations),
        "queries": list(measured.queries),
        "vector_norms": measured.vector.norm(dim=-1).tolist(),
    }
    environment = describe_environment(loaded)
    _store(
        context,
        request,
        IclKind.BRIDGE,
        result,
        began,
        environment,
        set_version_id=request.set_version_id,
        layers=measured.effects,
        heads=measured.heads,
    )


def _store(
    context: JobContext,
    request: IclRequest,
    kind: IclKind,
    result: dict[str, Any],
    began: float,
    environment: dict[str, Any],
    *,
    set_version_id: int | None = None,
    checks: Sequence[ReferenceCheck] = (),
    layers: Sequence[LayerEffect] = (),
    heads: Sequence[HeadUpdate] = (),
    weights: bytes | None = None,
) -> None:
    """Commit the run together with the completion of its job."""
    new = NewIclRun(
        kind=kind,
        spec=request.spec.to_json(),
        spec_sha256=request.spec_sha256,
        model_id=request.model_id,
        set_version_id=set_version_id,
        job_id=context.job.id,
        result=_without_infinities(result),
        environment=environment,
        duration_s=time.monotonic() - began,
        checks=checks,
        layers=layers,
        heads=heads,
        weights=weights,
    )
    context.lease.check()

    def write(tx: Transaction, result_ids: dict[str, int]) -> None:
        result_ids["icl_run_id"] = runs.add_run(tx, new, context.job.created_by)

    context.commit(write)


def _without_infinities(value: Any) -> Any:
    """Numbers that grew beyond all bounds, as losses far from the training law do, become null."""
    if isinstance(value, dict):
        return {name: _without_infinities(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_infinities(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _numbers_only() -> dict[str, Any]:
    """The environment of what needs no language model."""
    return {
        **software(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "device": "cpu",
        "threads": torch.get_num_threads(),
    }
