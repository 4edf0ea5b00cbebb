"""Comparisons of generated texts with the baseline, token by token, as float32 blobs."""

from typing import Any

import sqlalchemy as sa

from vectorlab.domain.packing import pack_floats, read_floats
from vectorlab.domain.runs.batch_plan import RowKey
from vectorlab.domain.runs.texts import Divergence
from vectorlab.store import schema
from vectorlab.store.database import Transaction

_generations = schema.generations


def columns_of(divergence: Divergence | None) -> dict[str, Any]:
    """What a row of a text holds of its comparison; nothing but nulls without one."""
    if divergence is None:
        names = ("mean_kl", "baseline_mean_logprob", "kl", "logprobs", "baseline_logprobs")
        return dict.fromkeys(names)
    return {
        "mean_kl": divergence.mean_kl,
        "baseline_mean_logprob": divergence.baseline_mean_logprob,
        "kl": pack_floats(divergence.kl),
        "logprobs": pack_floats(divergence.logprobs),
        "baseline_logprobs": pack_floats(divergence.baseline_logprobs),
    }


def divergence_of(row: sa.Row[Any]) -> Divergence | None:
    """The divergence that columns hold: the inverse of ``columns_of``."""
    if row.kl is None:
        return None
    return Divergence(
        kl=read_floats(row.kl),
        logprobs=read_floats(row.logprobs),
        baseline_logprobs=read_floats(row.baseline_logprobs),
    )


def of_prompt(tx: Transaction, run_id: int, prompt: int) -> dict[RowKey, Divergence]:
    """The comparisons of one prompt of a run by their row; empty if it made none."""
    c = _generations.c
    query = _generations.select().where(c.run_id == run_id, c.prompt == prompt)
    compared = {
        RowKey(prompt=row.prompt, arm=row.arm, sample=row.sample): divergence_of(row)
        for row in tx.execute(query.where(c.kl.is_not(None)))
    }
    return {key: divergence for key, divergence in compared.items() if divergence is not None}
