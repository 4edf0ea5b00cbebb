"""The job that trains featurizers and scores them, arm by arm.

Every featurizer and every evaluation is committed as soon as it is there, under the fence of the
attempt, and found by its request: an interrupted run goes on with what is missing. Within a
training it goes on from its last checkpoint.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from vectorlab.domain.hashing import bytes_sha256
from vectorlab.errors import IntegrityError, ModelError
from vectorlab.ravel.domain.instances import ExamplePart, Instance
from vectorlab.ravel.domain.measures import Judged, Outcome, score
from vectorlab.ravel.domain.requests import RavelRunRequest
from vectorlab.ravel.domain.specs import (
    AttributeArm,
    Evaluation,
    FeaturizerArm,
    FeaturizerSpec,
    NamedTensor,
    NewEvaluation,
    NewFeaturizer,
    StoredFeaturizer,
    VectorArm,
    evaluation_sha256,
)
from vectorlab.ravel.engine.featurizers import maker
from vectorlab.ravel.engine.featurizers.base import Featurizer, Tensors
from vectorlab.ravel.engine.prompts import PromptBook
from vectorlab.ravel.engine.scoring import outcomes, vector_outcomes
from vectorlab.ravel.engine.workbench import Workbench
from vectorlab.ravel.store import entities, instances
from vectorlab.ravel.store import results as ravel_results
from vectorlab.steering import training_state
from vectorlab.steering.model.environment import describe_environment
from vectorlab.steering.model.loading import check_request
from vectorlab.store.database import Transaction
from vectorlab.store.vectors import vectors
from vectorlab.worker.context import JobContext
from vectorlab.worker.registry import handles

SERIES = 20  # featurizers that get curves of their own; those of a larger run share theirs


@handles(RavelRunRequest)
def run_ravel_run(context: JobContext, request: RavelRunRequest) -> None:
    """Make what is missing of a run, then store the run."""
    began = time.monotonic()
    spec = request.spec
    work = _RavelWork.begin(context, request)
    evaluations: list[int] = []
    for arm in spec.arms:
        if isinstance(arm, FeaturizerArm):
            featurizers = work.featurizers(arm)
            evaluations += [work.evaluated(arm, part, featurizers).id for part in spec.parts]
        else:
            evaluations += [work.steered(arm, part).id for part in spec.parts]
        context.lease.checkpoint()
    environment = work.environment
    context.lease.check()

    def write(tx: Transaction, result_ids: dict[str, int]) -> None:
        run = ravel_results.add_run(
            tx,
            name=context.name(tx),
            spec=spec,
            instance_id=request.instance_id,
            evaluation_ids=evaluations,
            environment=environment,
            duration_s=time.monotonic() - began,
            created_by=context.job.created_by,
        )
        result_ids["ravel_run_id"] = run.id

    context.commit(write)


@dataclass(frozen=True, kw_only=True)
class _RavelWork:
    """The instance on the loaded model, and the store to keep what is made."""

    context: JobContext
    instance: Instance
    bench: Workbench
    environment: Mapping[str, Any]
    weights: Tensors | None
    begins: Mapping[str, int]  # step of the run at which each featurizer begins, by its request
    saved: "_Saved"

    @classmethod
    def begin(cls, context: JobContext, request: RavelRunRequest) -> "_RavelWork":
        with context.db.read() as tx:
            instance = instances.instance_by_id(tx, request.instance_id)
            data = entities.data(tx, instance.version_id)
            completions = instances.completions(tx, instance.id)
            examples = instances.examples(tx, instance.id)
        loaded = context.load(instance.spec.dtype)
        check_request(
            loaded,
            model_fingerprint=instance.spec.model_fingerprint,
            dtype=instance.spec.dtype,
        )
        book = PromptBook(
            loaded,
            data,
            add_special_tokens=instance.spec.add_special_tokens,
            new_tokens=instance.spec.max_new_tokens,
        )
        specs = [
            featurizer
            for arm in request.spec.arms
            if isinstance(arm, FeaturizerArm)
            for featurizer in arm.featurizers
        ]
        bench = Workbench(
            book,
            instance.spec,
            completions,
            examples,
            [spec.layer for spec in specs],
            on_progress=context.lease.progress,
        )
        checkpoint = context.resume()
        return cls(
            context=context,
            instance=instance,
            bench=bench,
            environment=describe_environment(loaded),
            weights=_weights(request.weights, specs),
            begins=_begins(specs),
            saved=_Saved(None if checkpoint is None else checkpoint.data),
        )

    def featurizers(self, arm: FeaturizerArm) -> dict[str, StoredFeaturizer]:
        """The arm's featurizers by target, trained where they are not stored yet."""
        return {
            featurizer.attribute: self._featurizer(featurizer) for featurizer in arm.featurizers
        }

    def evaluated(
        self, arm: FeaturizerArm, part: ExamplePart, featurizers: Mapping[str, StoredFeaturizer]
    ) -> Evaluation:
        """The outcomes of the arm on a part."""
        stored = self._stored(arm, part)
        if stored is not None:
            return stored
        loaded = self._loaded(featurizers)
        trial = self.bench.trial(part, arm.first.layer, arm.first.location)
        results = outcomes(
            self.bench.book,
            self.instance.spec,
            trial,
            loaded,
            on_progress=self._tell(f"{arm.label} on {part}"),
        )
        return self._keep(
            arm, part, results, [featurizer.id for featurizer in featurizers.values()]
        )

    def steered(self, arm: VectorArm, part: ExamplePart) -> Evaluation:
        """The outcomes of a steering vector on a part."""
        stored = self._stored(arm, part)
        if stored is not None:
            return stored
        with self.context.db.read() as tx:
            vector = vectors.vector_by_id(tx, arm.vector_id)
            layers = vectors.layer_vectors(tx, vector.id)
        if vector.content_sha256 != arm.vector_sha256:
            raise IntegrityError(
                f"Vector {vector.name!r} has content {vector.content_sha256[:12]}, but the run is "
                f"asked for with {arm.vector_sha256[:12]}."
            )
        results = vector_outcomes(
            self.bench.book,
            self.instance.spec,
            arm,
            layers,
            self.bench.examples(part),
            on_progress=self._tell(f"{arm.label} on {part}"),
        )
        return self._keep(arm, part, results, [])

    def _featurizer(self, spec: FeaturizerSpec) -> StoredFeaturizer:
        with self.context.db.read() as tx:
            existing = ravel_results.find_featurizer(tx, spec.sha256)
        if existing is not None:
            return existing
        monitor = _JobMonitor(self.context, spec, self.begins, self.saved)
        began = time.monotonic()
        fitted = self.bench.fit(spec, monitor, weights=self.weights)
        self.context.lease.log(
            f"{spec.method} of {spec.attribute} at layer {spec.layer}: "
            f"{fitted.featurizer.n_features} features, {time.monotonic() - began:.1f} s"
        )
        new = NewFeaturizer(
            spec=spec,
            instance_id=self.instance.id,
            n_features=fitted.featurizer.n_features,
            tensors=[
                NamedTensor(name=name, values=value.detach().float().cpu().numpy())
                for name, value in fitted.featurizer.tensors().items()
            ],
            curve=fitted.curve,
            measures=fitted.measures,
            environment=self.environment,
        )
        stored: list[StoredFeaturizer] = []

        def write(tx: Transaction) -> None:
            author = self.context.job.created_by
            stored[:] = [ravel_results.add_featurizer(tx, new, author)]

        self.context.write(write)
        return stored[0]

    def _loaded(self, featurizers: Mapping[str, StoredFeaturizer]) -> dict[str, Featurizer]:
        """Featurizers as they are stored; one object where targets share all arrays."""
        shared: dict[str, Featurizer] = {}
        loaded = {}
        for target, stored in featurizers.items():
            with self.context.db.read() as tx:
                arrays = ravel_results.tensors(tx, stored.id)
            key = ",".join(array.sha256 for array in arrays.values())
            if key not in shared:
                shared[key] = maker(stored.spec.method).load(
                    {name: torch.from_numpy(array.values.copy()) for name, array in arrays.items()}
                )
            loaded[target] = shared[key]
        return loaded

    def _stored(self, arm: AttributeArm, part: ExamplePart) -> Evaluation | None:
        with self.context.db.read() as tx:
            return ravel_results.find_evaluation(tx, evaluation_sha256(arm, part))

    def _keep(
        self,
        arm: AttributeArm,
        part: ExamplePart,
        results: Sequence[Outcome],
        featurizer_ids: Sequence[int],
    ) -> Evaluation:
        examples = self.bench.examples(part)
        templates = self.bench.book.data.templates
        judged = [
            Judged(
                target=outcome.target,
                attribute=str(templates[examples[outcome.example].template].attribute),
                template=examples[outcome.example].template,
                changed=outcome.changed,
                kept=outcome.kept,
            )
            for outcome in results
        ]
        new = NewEvaluation(
            arm=arm,
            part=part,
            instance_id=self.instance.id,
            featurizer_ids=featurizer_ids,
            outcomes=results,
            scores=score(judged),
            environment=self.environment,
        )
        stored: list[Evaluation] = []

        def write(tx: Transaction) -> None:
            author = self.context.job.created_by
            stored[:] = [ravel_results.add_evaluation(tx, new, author)]

        self.context.write(write)
        return stored[0]

    def _tell(self, note: str) -> Any:
        return lambda done, total: self.context.lease.progress(done, total, note)


class _Saved:
    """The checkpoint of an earlier attempt, until the featurizer that it belongs to takes it."""

    def __init__(self, data: bytes | None) -> None:
        self._data = data

    def take(self, sha256: str) -> bytes | None:
        """The state of the training of that featurizer, once."""
        if self._data is None or training_state.load(self._data).notes.get("featurizer") != sha256:
            return None
        data, self._data = self._data, None
        return data


class _JobMonitor:
    """Follows the training of one featurizer of the run."""

    def __init__(
        self,
        context: JobContext,
        spec: FeaturizerSpec,
        begins: Mapping[str, int],
        saved: _Saved,
    ) -> None:
        self.identity = spec.sha256
        self._context = context
        self._spec = spec
        self._saved = saved
        self._count = len(begins)
        self._place = list(begins).index(spec.sha256)
        self._begin = begins[spec.sha256]

    def resume(self) -> bytes | None:
        return self._saved.take(self._spec.sha256)

    def progress(self, done: int, total: int) -> None:
        note = f"{self._spec.method} {self._spec.attribute} L{self._spec.layer}"
        if self._count > 1:
            note += f", featurizer {self._place + 1} of {self._count}"
        self._context.lease.progress(done, total, note)

    def log_metrics(self, step: int, values: Mapping[str, float]) -> None:
        # One axis of steps for the whole run, so that what an attempt drew too much can be cut.
        at = self._begin + step
        spec = self._spec
        own = f" {spec.method} {spec.attribute} L{spec.layer}" + (f" k{spec.k}" if spec.k else "")
        suffix = own if self._count <= SERIES else ""
        self._context.log_metrics(at, {f"{name}{suffix}": value for name, value in values.items()})

    def is_due(self) -> bool:
        return self._context.lease.checkpoint_is_due()

    def save(self, step: int, data: bytes) -> None:
        self._context.save_checkpoint(self._begin + step, data)


def _begins(specs: Sequence[FeaturizerSpec]) -> dict[str, int]:
    """The steps of all trainings of a run, one behind the other."""
    steps = [int(spec.parameters.get("steps", 1)) for spec in specs]
    begins = accumulate(steps, initial=0)
    return {spec.sha256: begin for spec, begin in zip(specs, begins, strict=False)}


def _weights(path: str | None, specs: Sequence[FeaturizerSpec]) -> Tensors | None:
    """The autoencoder that a run brings along, if it is still the file that was asked for."""
    if path is None:
        return None
    try:
        data = Path(path).read_bytes()
    except OSError as exc:
        raise ModelError(
            f"The autoencoder's weights {path} cannot be read by this worker: {exc.strerror}. "
            "Put the file where the worker runs and ask again."
        ) from exc
    if bytes_sha256(data) != specs[0].weights_sha256:
        raise IntegrityError(f"{path} changed since the run was asked for. Ask for it anew.")
    return safetensors.torch.load(data)
