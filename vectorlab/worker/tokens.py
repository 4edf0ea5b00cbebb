"""Jobs about single tokens: those nearest to a vector, and those of texts that were generated."""

from typing import TYPE_CHECKING

from vectorlab.domain.runs import RowKey
from vectorlab.domain.tokens import ReadTokens
from vectorlab.steering.nearest import nearest_tokens
from vectorlab.steering.prepared import PreparedRun
from vectorlab.steering.reading import read_texts
from vectorlab.store import runs, token_views, vectors
from vectorlab.store.database import Transaction

if TYPE_CHECKING:
    from vectorlab.worker.context import JobContext


def run_nearest(context: "JobContext") -> None:
    """Find the vocabulary tokens at both ends of every layer vector."""
    vector_id = context.job.spec["vector_id"]
    with context.db.read() as tx:
        layers = vectors.layer_vectors(tx, vector_id)
    loaded = context.load("float32")
    found = nearest_tokens(
        loaded,
        layers,
        count=context.job.spec["count"],
        on_progress=lambda done, total: context.lease.progress(done, total, "layers"),
    )
    context.lease.check()

    def write(tx: Transaction, made: dict[str, int]) -> None:
        token_views.add_nearest(tx, vector_id, found)
        made["vector_id"] = vector_id

    context.commit(write)


def run_read(context: "JobContext") -> None:
    """Read the texts of one prompt once more, token by token, steered and not."""
    spec = context.job.spec
    with context.db.read() as tx:
        run = runs.run_by_id(tx, spec["run_id"])
        numbers = {
            sha256: vectors.layer_vectors(tx, vector_id)
            for sha256, vector_id in run.spec.vector_ids().items()
        }
        ids = token_views.generation_ids(tx, run.id, spec["prompt"])
        texts = runs.generations_of_prompt(tx, run.id, spec["prompt"])
    loaded = context.load(run.spec.dtype)
    prepared = PreparedRun.prepare(loaded, run.spec, numbers)
    keys: list[RowKey] = [item.key for item in texts]
    read = read_texts(
        prepared,
        keys,
        [item.token_ids for item in texts],
        on_step=lambda done, total: context.lease.progress(done, total, "steps"),
    )
    context.lease.check()
    found = [
        ReadTokens(
            generation_id=ids[key.arm, key.sample],
            pieces=item.pieces,
            logprobs=item.logprobs,
            baseline_logprobs=item.baseline_logprobs,
        )
        for key, item in zip(keys, read, strict=True)
    ]

    def write(tx: Transaction, made: dict[str, int]) -> None:
        token_views.add_read(tx, found)
        made["run_id"] = run.id

    context.commit(write)
