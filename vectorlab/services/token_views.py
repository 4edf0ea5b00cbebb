"""Ask for what single tokens tell, and read what was found: near a vector, and in a text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from vectorlab.domain.jobs import PRIORITY_INTERACTIVE, Job, JobKind, NewJob
from vectorlab.domain.tokens import NearestTokens, ReadTokens
from vectorlab.errors import NotFoundError
from vectorlab.store import divergences, jobs, runs, token_views, vectors
from vectorlab.store.database import Database

NEAREST = 12  # tokens at either end of a layer vector


@dataclass(frozen=True, kw_only=True)
class TokenRequest:
    """Whether everything is there already, or the job that will find it."""

    is_known: bool
    job: Job | None


def nearest(db: Database, reference: str) -> list[NearestTokens]:
    """The tokens nearest to a vector by layer; empty until a job has found them.

    Raises:
        NotFoundError: If there is no such vector.
    """
    with db.read() as tx:
        return token_views.nearest(tx, vectors.get_vector(tx, reference).id)


def request_nearest(
    db: Database, reference: str, *, actor: str, priority: int = PRIORITY_INTERACTIVE
) -> TokenRequest:
    """Find the nearest tokens of a vector in the store, or ask for them.

    Raises:
        NotFoundError: If there is no such vector.
    """
    with db.write() as tx:
        vector = vectors.get_vector(tx, reference)
        if token_views.nearest(tx, vector.id):
            return TokenRequest(is_known=True, job=None)
        job, _ = jobs.enqueue(
            tx,
            NewJob(
                kind=JobKind.NEAREST,
                spec={"vector_id": vector.id, "model_id": vector.model_id, "count": NEAREST},
                dedupe_key=f"nearest:{vector.id}",
                model_id=vector.model_id,
                priority=priority,
                created_by=actor,
            ),
        )
    return TokenRequest(is_known=False, job=job)


def read_tokens(db: Database, run_id: int, prompt: int) -> dict[tuple[int, int], ReadTokens]:
    """The tokens of the texts of one prompt by arm and sample, as far as they are known.

    A run with ``kl`` knows them; those of another are read by a job.
    """
    with db.read() as tx:
        ids = token_views.generation_ids(tx, run_id, prompt)
        known = token_views.read(tx, list(ids.values()))
        compared = divergences.of_prompt(tx, run_id, prompt) if known else {}
    kl = {(key.arm, key.sample): item.kl for key, item in compared.items()}
    return {
        key: replace(known[number], kl=kl.get(key))
        for key, number in ids.items()
        if number in known
    }


def request_read(
    db: Database,
    reference: str,
    prompt: int,
    *,
    actor: str,
    priority: int = PRIORITY_INTERACTIVE,
) -> TokenRequest:
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
        if len(token_views.read(tx, list(ids.values()))) == len(ids):
            return TokenRequest(is_known=True, job=None)
        job, _ = jobs.enqueue(
            tx,
            NewJob(
                kind=JobKind.READ,
                spec={"run_id": run.id, "prompt": prompt, "model_id": run.model_id},
                dedupe_key=f"read:{run.id}:{prompt}",
                model_id=run.model_id,
                priority=priority,
                created_by=actor,
            ),
        )
    return TokenRequest(is_known=False, job=job)


def reading_job(db: Database, run_id: int, prompt: int) -> int | None:
    """The job under way that reads the tokens of a prompt, if there is one."""
    with db.read() as tx:
        return jobs.active_job(tx, f"read:{run_id}:{prompt}")


def nearest_frame(found: Sequence[NearestTokens]) -> pd.DataFrame:
    """One row per token near either end of a layer vector."""
    return pd.DataFrame(
        [
            (item.layer, side, rank, token.token_id, token.piece, token.value)
            for item in found
            for side, tokens in (("toward", item.toward), ("away", item.away))
            for rank, token in enumerate(tokens, start=1)
        ],
        columns=["layer", "side", "rank", "token_id", "token", "logit"],
    )


def tokens_frame(
    found: Mapping[tuple[int, int], ReadTokens], labels: Mapping[int, str]
) -> pd.DataFrame:
    """One row per token of the texts of one prompt; ``labels`` names the arms."""
    return pd.DataFrame(
        [
            (labels[arm], sample, place, *numbers)
            for (arm, sample), item in sorted(found.items())
            for place, numbers in enumerate(
                zip(
                    item.pieces,
                    item.logprobs,
                    item.baseline_logprobs,
                    item.kl or [None] * len(item.pieces),
                    strict=True,
                )
            )
        ],
        columns=["arm", "sample", "place", "token", "logprob", "baseline_logprob", "kl"],
    )
