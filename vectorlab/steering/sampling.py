"""Choose tokens: greedily, or by draws that belong to a row and to nothing around it."""

import numpy as np
import numpy.typing as npt
import torch

from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.runs import Decoding

_SCALE = float(2**52)  # probabilities become whole numbers of this unit


def row_uniforms(seed: int, prompt_text: str, sample: int, steps: int) -> npt.NDArray[np.float64]:
    """The uniform draws of one row, (steps,) float64 in [0, 1).

    They depend on the four arguments alone: not on the arm, so that arms are compared on common
    random numbers, and not on what shares the batch. A longer request begins with the same draws.

    Source: Philox, a counter-based generator, Salmon et al. 2011,
    https://doi.org/10.1145/2063384.2063405
    """
    key = int(content_sha256("row-uniforms", [seed, prompt_text, sample])[:32], 16)
    # The raw stream is what NumPy promises never to change; its float methods are not.
    raw = np.random.Philox(key=key).random_raw(steps)
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53


def pick_tokens(
    logits: torch.Tensor, uniforms: torch.Tensor | None, decoding: Decoding
) -> torch.Tensor:
    """The next token of every row.

    Sampling inverts the cumulative distribution over tokens ordered by probability, ties by token
    id. ``min_p`` and ``top_k`` apply first, then ``top_p`` to what is left. ``min_p`` leaves out
    every token less likely than this share of the likeliest one.

    Args:
        logits: (B, V) float32.
        uniforms: (B,) float64 draws in [0, 1); not used when decoding is greedy.
        decoding: How to choose.

    Returns:
        (B,) int64 token ids.

    Source: https://arxiv.org/abs/2407.01082 for min-p.
    """
    if not decoding.do_sample:
        return logits.argmax(dim=-1)
    assert uniforms is not None
    ordered, token_ids = logits.sort(dim=-1, descending=True, stable=True)
    weights = _filtered_weights(ordered, decoding)
    # Whole numbers add up to the same sums in any order, so a parallel scan cannot change a draw.
    cumulative = weights.cumsum(dim=-1)
    total = cumulative[:, -1:]
    threshold = (uniforms[:, None] * total.double()).long().clamp(max=total - 1)
    rank = torch.searchsorted(cumulative, threshold, right=True)
    return token_ids.gather(1, rank)[:, 0]


def greedy_choice(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The likeliest token of every row, (B,) int64, and its log-probability at temperature 1."""
    highest, tokens = logits.max(dim=-1)
    return tokens, -(logits - highest[:, None]).exp().sum(dim=-1).log()


def log_probability(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """What the tokens (B,) have at temperature 1, (B,) nats."""
    return logits.gather(1, tokens[:, None])[:, 0] - logits.logsumexp(dim=-1)


def _filtered_weights(ordered: torch.Tensor, decoding: Decoding) -> torch.Tensor:
    """Probabilities in units of 2**-52, int64, zero where min-p, top-k or top-p cut (B, V)."""
    probabilities = (ordered / decoding.temperature).softmax(dim=-1)
    weights = (probabilities.double() * _SCALE).long()
    if decoding.min_p:
        least = decoding.min_p * weights[:, :1].double()
        weights = weights.where(weights.double() >= least, 0)
    if decoding.top_k:
        weights[:, decoding.top_k :] = 0
    if decoding.top_p < 1:
        cumulative = weights.cumsum(dim=-1)
        before = (cumulative - weights).double()
        weights = weights.where(before < decoding.top_p * cumulative[:, -1:].double(), 0)
    return weights
