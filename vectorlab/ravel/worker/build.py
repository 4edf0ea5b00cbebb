"""The job that builds an instance: completions, filters and pairs."""

import json

from vectorlab.ravel.domain.drawing import draw_examples, keep_known
from vectorlab.ravel.domain.instances import Completion, NewInstance
from vectorlab.ravel.domain.requests import RavelBuildRequest
from vectorlab.ravel.engine.completions import asking_pairs, complete_all
from vectorlab.ravel.engine.prompts import PromptBook
from vectorlab.ravel.store import entities, instances
from vectorlab.steering.model.environment import describe_environment
from vectorlab.steering.model.loading import check_request
from vectorlab.store import models
from vectorlab.store.database import Transaction
from vectorlab.store.jobs import queue
from vectorlab.worker.context import JobContext
from vectorlab.worker.registry import handles

CHUNK = 4096  # completions that an interrupted job does not repeat


@handles(RavelBuildRequest)
def run_ravel_build(context: JobContext, request: RavelBuildRequest) -> None:
    """Complete every template about every entity, filter, draw pairs and store the instance."""
    spec = request.spec
    with context.db.read() as tx:
        data = entities.data(tx, request.version_id)
        version = entities.version_by_id(tx, request.version_id)
        model = models.get_model(tx, str(request.model_id))
        saved = queue.chunks(tx, context.job.id)
    loaded = context.load(spec.dtype)
    check_request(loaded, model_fingerprint=spec.model_fingerprint, dtype=spec.dtype)
    book = PromptBook(
        loaded,
        data,
        add_special_tokens=spec.add_special_tokens,
        new_tokens=spec.max_new_tokens,
    )
    pairs = list(asking_pairs(data))
    book.prompts(pairs)  # every mention is located before anything is computed
    completions: list[Completion] = []
    for seq, start in enumerate(range(0, len(pairs), CHUNK)):
        if seq in saved:
            completions += _unpacked(saved[seq])
            continue

        def tell(done: int, _all: int, before: int = start) -> None:
            context.lease.progress(before + done, len(pairs), "completions")

        completed = complete_all(book, spec, pairs[start : start + CHUNK], on_progress=tell)
        completions += completed
        if start + CHUNK < len(pairs):
            _save(context, seq, completed)
    kept = keep_known(data, spec, completions)
    for accuracy in kept.accuracies:
        share = "no gold values" if accuracy.share is None else f"{accuracy.share:.3f} correct"
        context.lease.log(
            f"{accuracy.name}: {share}, {accuracy.templates_kept} of {accuracy.templates} "
            "templates kept"
        )
    examples = draw_examples(data, spec, kept.completions)
    environment = describe_environment(loaded)
    usual_name = f"{version.type_name}-{model.name}"
    context.lease.check()

    def write(tx: Transaction, result_ids: dict[str, int]) -> None:
        instance = instances.add_instance(
            tx,
            NewInstance(
                name=context.name(tx) or instances.free_name(tx, usual_name),
                model_id=request.model_id,
                version_id=request.version_id,
                spec=spec,
                completions=kept.completions,
                examples=examples,
                accuracies=kept.accuracies,
                environment=environment,
            ),
            context.job.created_by,
        )
        result_ids["ravel_instance_id"] = instance.id

    context.commit(write)


def _save(context: JobContext, seq: int, completions: list[Completion]) -> None:
    data = json.dumps([vars(completion) for completion in completions]).encode()
    context.write(lambda tx: queue.save_chunk(tx, context.job.id, context.job.attempt, seq, data))
    context.lease.checkpoint()


def _unpacked(data: bytes) -> list[Completion]:
    return [
        Completion(**{**load, "token_ids": tuple(load["token_ids"])}) for load in json.loads(data)
    ]
