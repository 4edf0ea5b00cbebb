"""Jobs about single tokens: those nearest to a vector, and those of texts that were generated."""

from vectorlab.domain.jobs.requests import NearestRequest, ReadRequest
from vectorlab.domain.runs.tokens import ReadTokens
from vectorlab.evals.forced import read_texts
from vectorlab.steering.generation.prepared_run import PreparedRun
from vectorlab.steering.model.logit_lens import nearest_tokens
from vectorlab.steering.model.tokens import pieces
from vectorlab.store.database import Transaction
from vectorlab.store.runs import runs, token_views
from vectorlab.store.vectors import vectors
from vectorlab.worker.context import JobContext
from vectorlab.worker.registry import handles


@handles(NearestRequest)
def run_nearest(context: JobContext, request: NearestRequest) -> None:
    """Find the vocabulary tokens at both ends of every layer vector."""
    vector_id = request.vector_id
    with context.db.read() as tx:
        layers = vectors.layer_vectors(tx, vector_id)
    loaded = context.load("float32")
    layer_tokens = nearest_tokens(
        loaded,
        layers,
        count=request.count,
        on_progress=lambda done, total: context.lease.progress(done, total, "layers"),
    )
    context.lease.check()

    def write(tx: Transaction, result_ids: dict[str, int]) -> None:
        token_views.add_nearest(tx, vector_id, layer_tokens)
        result_ids["vector_id"] = vector_id

    context.commit(write)


@handles(ReadRequest)
def run_read(context: JobContext, request: ReadRequest) -> None:
    """Read the texts of one prompt once more, steered and not, for the figures of every token."""
    with context.db.read() as tx:
        run = runs.run_by_id(tx, request.run_id)
        numbers = {
            sha256: vectors.layer_vectors(tx, vector_id)
            for sha256, vector_id in run.spec.vector_ids().items()
        }
        ids = token_views.generation_ids(tx, run.id, request.prompt)
        texts = runs.generations_of_prompt(tx, run.id, request.prompt)
    loaded = context.load(run.spec.dtype)
    prepared = PreparedRun.prepare(loaded, run.spec, numbers)
    read = read_texts(
        prepared,
        texts,
        on_progress=lambda done, total: context.lease.progress(done, total, "tokens"),
    )
    context.lease.check()
    tokens = [
        ReadTokens(
            generation_id=ids[text.key.arm, text.key.sample],
            pieces=pieces(loaded.tokenizer, prepared.ids_of(text.key), text.token_ids),
            logprobs=tuple(own.by_token.tolist()),
            baseline_logprobs=tuple(plain.by_token.tolist()),
        )
        for text, (own, plain) in zip(texts, read, strict=True)
    ]

    def write(tx: Transaction, result_ids: dict[str, int]) -> None:
        token_views.add_read(tx, tokens)
        result_ids["run_id"] = run.id

    context.commit(write)
