"""Scorers: one file each, filed in a registry; some need torch. Knows no store.

A scorer gets one text and what belongs to it and says a value or why there is none. What becomes
of many values is for ``vectorlab.domain.metrics`` and ``vectorlab.domain.statistics``.
"""

from vectorlab.evals import (
    bleu,
    chrf,
    classifier,
    contains,
    distinct,
    embedding_similarity,
    exact,
    judge,
    kl,
    length,
    logit_difference,
    mean_logprob,
    perplexity,
    projection,
    regex,
    repetition,
    rouge,
    sentiment,
)

__all__ = [
    "bleu",
    "chrf",
    "classifier",
    "contains",
    "distinct",
    "embedding_similarity",
    "exact",
    "judge",
    "kl",
    "length",
    "logit_difference",
    "mean_logprob",
    "perplexity",
    "projection",
    "regex",
    "repetition",
    "rouge",
    "sentiment",
]
