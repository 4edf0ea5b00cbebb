"""Jobs of in-context learning as gradient descent."""

import json
import math
import time
from collections.abc import Sequence
from typing import Any

import safetensors.torch
import torch

from vectorlab.domain.codec import decode, encode
from vectorlab.domain.icl import RegressionLaw
from vectorlab.domain.icl_checks import Check
from vectorlab.domain.icl_runs import HeadUpdate, IclKind, LayerEffect, NewIclRun
from vectorlab.domain.icl_training import TrainingSpec
from vectorlab.icl import reproduction
from vectorlab.icl.bridge import BridgeOptions, bridge
from vectorlab.icl.comparison import compare_steps, compare_trained, progress_of
from vectorlab.icl.learning import Learner
from vectorlab.steering.environment import describe_environment, software
from vectorlab.store import icl, jobs, sets
from vectorlab.store.database import Transaction
from vectorlab.worker.context import JobContext

POINTS = 100  # of each curve of a training


def run_construction(context: JobContext) -> None:
    """The constructed layer beside explicit gradient descent, step by step."""
    began, spec = time.monotonic(), context.job.spec["spec"]
    context.lease.progress(0, 1, "comparing steps")
    result = compare_steps(
        RegressionLaw.from_json(spec["law"]),
        eta=spec["eta"],
        gamma=spec["gamma"],
        steps=spec["steps"],
        batch=spec["tasks"],
        seed=spec["seed"],
        random_start=spec["random_start"],
    )
    _store(context, IclKind.CONSTRUCT, result, began, _numbers_only())


def run_training(context: JobContext) -> None:
    """Train one model, drawing its curve beside gradient descent's, and compare the two."""
    began, spec = time.monotonic(), TrainingSpec.from_json(context.job.spec["spec"])
    learner = Learner(spec)
    saved = context.resume()
    if saved is not None:
        learner.restore(saved.data)
    watch = progress_of(spec)
    every = math.ceil(spec.steps / POINTS)
    if learner.done == 0:
        context.log_metrics(0, watch(learner.model))
    while learner.done < spec.steps:
        learner.step()
        if learner.done % every == 0 or learner.done == spec.steps:
            context.log_metrics(learner.done, watch(learner.model))
        context.lease.progress(learner.done, spec.steps, "steps")
        if context.lease.checkpoint_is_due():
            context.save_checkpoint(learner.done, learner.to_bytes())
    context.lease.progress(spec.steps, spec.steps, "comparing with gradient descent")
    result = compare_trained(learner)
    weights = safetensors.torch.save(
        {name: value.contiguous() for name, value in learner.model.state_dict().items()}
    )
    _store(context, IclKind.TRAIN, result, began, _numbers_only(), weights=weights)


def run_reproduction(context: JobContext) -> None:
    """Measure the published reference points, part by part; finished parts are kept."""
    began, spec = time.monotonic(), context.job.spec["spec"]
    scope = {"full": reproduction.FULL, "short": reproduction.SHORT}[spec["scope"]]
    with context.db.read() as tx:
        saved = jobs.chunks(tx, context.job.id)
    found: list[Check] = []
    used = time.process_time()
    for place, stage in enumerate(reproduction.stages(scope, seed=spec["seed"])):
        if place in saved:
            found += [decode(Check, item) for item in json.loads(saved[place])]
            continue
        checks = stage.run(context.lease.progress)
        found += checks
        data = json.dumps([encode(item) for item in checks]).encode()
        context.write(
            lambda tx, place=place, data=data: jobs.save_chunk(  # type: ignore[misc]
                tx, context.job.id, context.job.attempt, place, data
            )
        )
        context.lease.checkpoint()
    result = {
        "ok": sum(item.verdict == "ok" for item in found),
        "of": len(found),
        # What this attempt computed, whatever else the machine did meanwhile.
        "cpu_s": time.process_time() - used,
    }
    _store(context, IclKind.REPRODUCE, result, began, _numbers_only(), checks=found)


def run_bridge(context: JobContext) -> None:
    """What a set does in the prompt of a language model."""
    began, data, spec = time.monotonic(), context.job.spec, context.job.spec["spec"]
    with context.db.read() as tx:
        items = sets.demonstrations(tx, data["set_version_id"])
        other = data["random_version_id"]
        others = None if other is None else sets.demonstrations(tx, other)
    loaded = context.load(spec["dtype"])
    found = bridge(
        loaded,
        items,
        BridgeOptions(
            shots=spec["shots"],
            queries=spec["queries"],
            layout=spec["layout"],
            seed=spec["seed"],
            heads=spec["heads"],
        ),
        random_set=others,
        on_progress=context.lease.progress,
    )
    result = {
        "rest": list(found.rest),
        "demonstrations": list(found.demonstrations),
        "queries": list(found.queries),
        "vector_norms": found.vector.norm(dim=-1).tolist(),
    }
    environment = describe_environment(loaded)
    _store(
        context,
        IclKind.BRIDGE,
        result,
        began,
        environment,
        layers=found.effects,
        heads=found.heads,
    )


def _store(
    context: JobContext,
    kind: IclKind,
    result: dict[str, Any],
    began: float,
    environment: dict[str, Any],
    *,
    checks: Sequence[Check] = (),
    layers: Sequence[LayerEffect] = (),
    heads: Sequence[HeadUpdate] = (),
    weights: bytes | None = None,
) -> None:
    """Commit the run together with the completion of its job."""
    data = context.job.spec
    new = NewIclRun(
        kind=kind,
        spec=data["spec"],
        spec_sha256=data["spec_sha256"],
        model_id=data.get("model_id"),
        set_version_id=data.get("set_version_id"),
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

    def write(tx: Transaction, made: dict[str, int]) -> None:
        made["icl_run_id"] = icl.add_run(tx, new, context.job.created_by)

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
