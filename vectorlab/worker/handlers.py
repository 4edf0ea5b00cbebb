"""One function per job kind: read from the store, compute, commit result and completion at once."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.jobs import Job, JobKind
from vectorlab.domain.models import ModelDescription
from vectorlab.domain.runs import BatchPlan, FinishReason, GeneratedText, NewRun, RowKey, RunSpec
from vectorlab.errors import ModelError
from vectorlab.steering.environment import describe_environment
from vectorlab.steering.generation import generate, plan_run
from vectorlab.steering.loading import LoadedModel, describe_model, load_model
from vectorlab.store import audit, jobs, models, runs, vectors
from vectorlab.store.database import Database, Transaction
from vectorlab.worker.explanation import run_explanation
from vectorlab.worker.extraction import run_extraction
from vectorlab.worker.lease import Lease


class ModelShelf:
    """Keeps the model used last, so that jobs of one model load it once."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._key: tuple[str, str] | None = None
        self._loaded: LoadedModel | None = None
        self.model_id: int | None = None  # of the model held

    def get(self, model_id: int, description: ModelDescription, dtype: str) -> LoadedModel:
        """The described model in that dtype, loaded if it is not the one held."""
        key = (description.fingerprint, dtype)
        if self._loaded is None or self._key != key:
            self._loaded = None  # free the old weights before the new ones come
            self._loaded = load_model(description, device=self._device, dtype=dtype)
            self._key, self.model_id = key, model_id
        return self._loaded


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """What a handler works with."""

    db: Database
    job: Job
    lease: Lease
    shelf: ModelShelf
    state_cache_bytes: int  # most bytes of states that the store keeps; 0 keeps none

    def load(self, dtype: str) -> LoadedModel:
        """The job's model on the worker's device."""
        with self.db.read() as tx:
            model = models.get_model(tx, str(self.job.spec["model_id"]))
        self.lease.progress(0, None, f"loading {model.name}")
        description = model.description
        if self.job.spec.get("accept_changed_model"):
            description = describe_model(
                description.source,
                revision=description.revision,
                trust_remote_code=description.trust_remote_code,
            )
        try:
            return self.shelf.get(model.id, description, dtype)
        except ModelError as exc:
            raise ModelError(
                f"Model {model.name!r} cannot be loaded. {exc} If its files moved: "
                "vectorlab models add NEW_PATH"
            ) from exc

    @contextmanager
    def finish(self) -> Iterator[tuple[Transaction, dict[str, int]]]:
        """One transaction for the result and the completion of its job.

        Yields:
            The transaction, and a dict to fill with the ids of what was made.

        Raises:
            LeaseLost: If the job belongs to another attempt; nothing is written then.
        """
        made: dict[str, int] = {}
        with self.db.write() as tx:
            yield tx, made
            jobs.finish(tx, self.job.id, self.job.attempt, made)
            for name, object_id in made.items():
                audit.record(
                    tx,
                    actor=self.job.created_by,
                    action=self.job.kind.value,
                    object_kind=name.removesuffix("_id"),
                    object_id=object_id,
                    details={"job_id": self.job.id},
                )


def run_generation(context: JobContext) -> None:
    """Generate the texts of a run, or repeat those of the run that it replays."""
    data = context.job.spec
    spec = RunSpec.from_json(data["spec"], data["vector_ids"])
    with context.db.read() as tx:
        numbers = {
            sha256: vectors.layer_vectors(tx, vector_id)
            for sha256, vector_id in data["vector_ids"].items()
        }
        saved = jobs.chunks(tx, context.job.id)
    loaded = context.load(spec.dtype)
    started = time.monotonic()
    with _threads(data.get("threads")):
        environment = describe_environment(loaded)
        recorded = data.get("batch_plan")
        plan = BatchPlan.from_json(recorded) if recorded else plan_run(loaded, spec)
        chunks = _Chunks(context, environment)
        outcome = generate(
            loaded,
            # Another fingerprint gets here only when the replay asked for it by name.
            replace(spec, model_fingerprint=loaded.description.fingerprint),
            numbers,
            plan=plan,
            done=chunks.restore(plan, saved),
            on_batch=chunks.save,
            on_progress=lambda done, total: context.lease.progress(done, total, "tokens"),
        )
    if outcome.events:
        environment = environment | {"events": list(outcome.events)}
    context.lease.check()
    with context.finish() as (tx, made):
        run = runs.add_run(
            tx,
            NewRun(
                name=data["name"],
                model_id=data["model_id"],
                prompt_set_version_id=data["prompt_set_version_id"],
                spec=spec,
                environment=environment,
                batch_plan=outcome.plan,
                generations=outcome.generations,
                duration_s=time.monotonic() - started,
                replay_of=data.get("replay_of"),
            ),
            created_by=context.job.created_by,
        )
        made["run_id"] = run.id


HANDLERS: dict[JobKind, Callable[[JobContext], None]] = {
    JobKind.EXTRACT: run_extraction,
    JobKind.EXPLAIN: run_explanation,
    JobKind.GENERATE: run_generation,
}


class _Chunks:
    """Finished batches kept with the job, so that the next attempt does not repeat them.

    A batch counts only under the environment that made it: a run is never stitched together
    from two devices or versions.
    """

    def __init__(self, context: JobContext, environment: dict[str, Any]) -> None:
        self._context = context
        self._environment_sha256 = content_sha256("environment", environment)

    def restore(
        self, plan: BatchPlan, saved: dict[int, bytes]
    ) -> dict[tuple[int, ...], list[GeneratedText]]:
        chunks = [json.loads(data) for data in saved.values()]
        wanted = set(plan.batches)
        return {
            tuple(chunk["rows"]): [_text_from_json(item) for item in chunk["texts"]]
            for chunk in chunks
            if chunk["environment_sha256"] == self._environment_sha256
            and tuple(chunk["rows"]) in wanted
        }

    def save(self, rows: Sequence[int], texts: Sequence[GeneratedText]) -> None:
        data = {
            "environment_sha256": self._environment_sha256,
            "rows": list(rows),
            "texts": [_text_to_json(item) for item in texts],
        }
        job = self._context.job
        self._context.lease.check()
        with self._context.db.write() as tx:
            # The lowest row names the batch: no two batches of a run share a row.
            jobs.save_chunk(tx, job.id, job.attempt, min(rows), json.dumps(data).encode())


def _text_to_json(item: GeneratedText) -> dict[str, Any]:
    return {
        "key": [item.key.prompt, item.key.arm, item.key.sample],
        "text": item.text,
        "token_ids": list(item.token_ids),
        "finish_reason": item.finish_reason.value,
        "mean_logprob": item.mean_logprob,
    }


def _text_from_json(data: dict[str, Any]) -> GeneratedText:
    prompt, arm, sample = data["key"]
    return GeneratedText(
        key=RowKey(prompt=prompt, arm=arm, sample=sample),
        text=data["text"],
        token_ids=tuple(data["token_ids"]),
        finish_reason=FinishReason(data["finish_reason"]),
        mean_logprob=data["mean_logprob"],
    )


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Compute with the number of threads that a replayed run was made with."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
