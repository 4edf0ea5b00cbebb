"""Comparisons of generated texts with the baseline, token by token, as float32 blobs."""

from collections.abc import Sequence

import numpy as np

from vectorlab.domain.runs import Divergence, GeneratedText, RowKey
from vectorlab.store import schema
from vectorlab.store.database import Transaction

_divergences = schema.generation_divergences
NUMBERS = np.dtype("<f4")  # how values per token are stored


def add_all(tx: Transaction, run_id: int, texts: Sequence[GeneratedText]) -> None:
    """Store the comparisons of those texts of a run that have one."""
    rows = [
        {
            "run_id": run_id,
            "prompt": item.key.prompt,
            "arm": item.key.arm,
            "sample": item.key.sample,
            "n_tokens": len(item.divergence.kl),
            "mean_kl": item.divergence.mean_kl,
            "baseline_mean_logprob": item.divergence.baseline_mean_logprob,
            "kl": _blob(item.divergence.kl),
            "logprobs": _blob(item.divergence.logprobs),
            "baseline_logprobs": _blob(item.divergence.baseline_logprobs),
        }
        for item in texts
        if item.divergence is not None
    ]
    if rows:
        tx.execute(_divergences.insert(), rows)


def of_run(tx: Transaction, run_id: int, *, prompt: int | None = None) -> dict[RowKey, Divergence]:
    """The comparisons of a run, or of one prompt, by their row; empty if it made none."""
    query = _divergences.select().where(_divergences.c.run_id == run_id)
    if prompt is not None:
        query = query.where(_divergences.c.prompt == prompt)
    return {
        RowKey(prompt=row.prompt, arm=row.arm, sample=row.sample): Divergence(
            kl=_numbers(row.kl),
            logprobs=_numbers(row.logprobs),
            baseline_logprobs=_numbers(row.baseline_logprobs),
        )
        for row in tx.execute(query)
    }


def _blob(values: Sequence[float]) -> bytes:
    return np.asarray(values, dtype=NUMBERS).tobytes()


def _numbers(data: bytes) -> tuple[float, ...]:
    return tuple(np.frombuffer(data, dtype=NUMBERS).tolist())
