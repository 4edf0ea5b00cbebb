"""Ask for what single tokens tell, and read what was found: near a vector, and in a text."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.jobs.requests import NearestRequest, ReadRequest
from vectorlab.domain.runs.tokens import NearestTokens, ReadTokens
from vectorlab.errors import NotFoundError
from vectorlab.services.asking import Asked, ask, job_reader
from vectorlab.store.database import Database, Transaction
from vectorlab.store.jobs import queue
from vectorlab.store.runs import divergences, runs, token_views
from vectorlab.store.vectors import vectors

NEAREST = 12  # tokens at either end of a layer vector


def nearest(db: Database, reference: str) -> list[NearestTokens]:
    """The tokens nearest to a vector by layer; empty until a job has found them.

    Raises:
        NotFoundError: If there is no such vector.
    """
    with db.read() as tx:
        return token_views.nearest(tx, vectors.get_vector(tx, reference).id)


def request_nearest(
    db: Database, reference: str, *, actor: str, priority: int = PRIORITY_INTERACTIVE
) -> Asked[list[NearestTokens]]:
    """Find the nearest tokens of a vector in the store, or ask for them.

    Raises:
        NotFoundError: If there is no such vector.
    """
    with db.write() as tx:
        vector = vectors.get_vector(tx, reference)
        request = NearestRequest(vector_id=vector.id, model_id=vector.model_id, count=NEAREST)
        return ask(
            tx,
            request,
            found=token_views.nearest(tx, vector.id) or None,
            read=job_reader(db, "vector_id", token_views.nearest),
            actor=actor,
            priority=priority,
        )


def read_tokens(db: Database, run_id: int, prompt: int) -> dict[tuple[int, int], ReadTokens]:
    """The tokens of the texts of one prompt by arm and sample, as far as they are known.

    A run with ``kl`` knows them; those of another are read by a job.
    """
    with db.read() as tx:
        return _read_tokens(tx, run_id, prompt)


def request_read(
    db: Database,
    reference: str,
    prompt: int,
    *,
    actor: str,
    priority: int = PRIORITY_INTERACTIVE,
) -> Asked[dict[tuple[int, int], ReadTokens]]:
    """Find the tokens of the texts of one prompt in the store, or ask a worker to read them.

    Args:
        db: The store.
        reference: The run.
        prompt: Number of the prompt in it, from 0.
        actor: Recorded as the one who asked.
        priority: Of the job.

    Raises:
        NotFoundError: If there is no such run, or it has no such prompt.
    """
    with db.write() as tx:
        run = runs.get_run(tx, reference)
        ids = token_views.generation_ids(tx, run.id, prompt)
        if not ids:
            raise NotFoundError(
                "prompt", f"{prompt} of run {run.id}", hint=f"vectorlab runs show {run.id}"
            )
        tokens = _read_tokens(tx, run.id, prompt)
        return ask(
            tx,
            ReadRequest(run_id=run.id, prompt=prompt, model_id=run.model_id),
            found=tokens if len(tokens) == len(ids) else None,
            read=job_reader(db, "run_id", lambda tx, run_id: _read_tokens(tx, run_id, prompt)),
            actor=actor,
            priority=priority,
        )


def _read_tokens(tx: Transaction, run_id: int, prompt: int) -> dict[tuple[int, int], ReadTokens]:
    ids = token_views.generation_ids(tx, run_id, prompt)
    known = token_views.read(tx, list(ids.values()))
    compared = divergences.of_prompt(tx, run_id, prompt) if known else {}
    kl = {(key.arm, key.sample): divergence.kl for key, divergence in compared.items()}
    return {
        key: replace(known[number], kl=kl.get(key))
        for key, number in ids.items()
        if number in known
    }


def reading_job(db: Database, run_id: int, prompt: int) -> int | None:
    """The job under way that reads the tokens of a prompt, if there is one."""
    with db.read() as tx:
        return queue.active_job(tx, f"read:{run_id}:{prompt}")


def nearest_frame(layers: Sequence[NearestTokens]) -> pd.DataFrame:
    """One row per token near either end of a layer vector."""
    return pd.DataFrame(
        [
            (near.layer, side, rank, token.token_id, token.piece, token.value)
            for near in layers
            for side, tokens in (("toward", near.toward), ("away", near.away))
            for rank, token in enumerate(tokens, start=1)
        ],
        columns=["layer", "side", "rank", "token_id", "token", "logit"],
    )


def tokens_frame(
    texts: Mapping[tuple[int, int], ReadTokens], labels: Mapping[int, str]
) -> pd.DataFrame:
    """One row per token of the texts of one prompt; ``labels`` names the arms."""
    return pd.DataFrame(
        [
            (labels[arm], sample, place, *numbers)
            for (arm, sample), text in sorted(texts.items())
            for place, numbers in enumerate(
                zip(
                    text.pieces,
                    text.logprobs,
                    text.baseline_logprobs,
                    text.kl or [None] * len(text.pieces),
                    strict=True,
                )
            )
        ],
        columns=["arm", "sample", "place", "token", "logprob", "baseline_logprob", "kl"],
    )
