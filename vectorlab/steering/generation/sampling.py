"""Choose tokens: greedily, or by draws that belong to a row and to nothing around it."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.runs.runs import Decoding

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


class ChosenTokens(NamedTuple):
    """The next token of every row; each tensor is (B,)."""

    tokens: torch.Tensor  # int64
    logprobs: torch.Tensor  # float32, nats at temperature 1
    margins: torch.Tensor  # float32, how near another token was: nats, or probability if drawn


def choose(logits: torch.Tensor, uniforms: torch.Tensor | None, decoding: Decoding) -> ChosenTokens:
    """The next token of every row.

    Args:
        logits: (B, V) float32.
        uniforms: (B,) float64 draws in [0, 1); not used when decoding is greedy.
        decoding: How to choose.
    """
    if not decoding.do_sample:
        return greedy_choice(logits)
    assert uniforms is not None
    tokens, margins = _draw(logits, uniforms[:, None], decoding)
    return ChosenTokens(tokens, log_probability(logits, tokens), margins)


def greedy_choice(logits: torch.Tensor) -> ChosenTokens:
    """The likeliest token of every row; its margin is the difference of the two best logits.

    Args:
        logits: (B, V).
    """
    highest, tokens = logits.max(dim=-1)
    places = tokens[:, None]
    # In place from here: a second array of this size costs more than what is done to it.
    shifted = logits - highest[:, None]
    own = shifted.gather(1, places)  # 0, or what says that a logit was not finite
    margins = -shifted.scatter_(1, places, -math.inf).amax(dim=-1)
    logprobs = -shifted.scatter_(1, places, own).exp_().sum(dim=-1).log()
    return ChosenTokens(tokens, logprobs, margins)


def log_probability(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """What the tokens (B,) have at temperature 1, (B,) nats."""
    return logits.gather(1, tokens[:, None])[:, 0] - logits.logsumexp(dim=-1)


def _draw(
    logits: torch.Tensor, uniforms: torch.Tensor, decoding: Decoding
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens drawn, and how near each draw was to another token, (B,) each.

    Sampling inverts the cumulative distribution over tokens ordered by probability, ties by token
    id. ``min_p`` and ``top_k`` apply first, then ``top_p`` to what is left. ``min_p`` leaves out
    every token less likely than this share of the likeliest one.

    Args:
        logits: (B, V) float32.
        uniforms: (B, 1) float64.
        decoding: How to choose.

    Source: https://arxiv.org/abs/2407.01082 for min-p.
    """
    ordered, token_ids = logits.sort(dim=-1, descending=True, stable=True)
    probabilities = (ordered / decoding.temperature).softmax(dim=-1)
    # Whole numbers add up to the same sums in any order, so a parallel scan cannot change a draw.
    weights = (probabilities.double() * _SCALE).long()
    limited = weights[:, : decoding.top_k or None]
    if decoding.min_p:
        least = decoding.min_p * weights[:, :1].double()
        limited = limited.where(limited.double() >= least, 0)
    cumulative = limited.cumsum(dim=-1)
    # Of what is left, top-p keeps the tokens before which less than this has come.
    enough = (decoding.top_p * cumulative[:, -1:].double()).ceil().long()
    last = torch.searchsorted(cumulative, enough)
    total = cumulative.gather(1, last)
    threshold = (uniforms * total.double()).long().clamp(max=total - 1)
    rank = torch.searchsorted(cumulative, threshold, right=True)
    margins = _draw_margins(weights, cumulative, (rank, last), uniforms, decoding)
    return token_ids.gather(1, rank)[:, 0], margins


def _draw_margins(
    weights: torch.Tensor,
    cumulative: torch.Tensor,
    ranks: tuple[torch.Tensor, torch.Tensor],
    uniforms: torch.Tensor,
    decoding: Decoding,
) -> torch.Tensor:
    """The least change of a probability that would have given another token, (B,) in [0, 1].

    Probabilities are shares of what the cut-offs leave. It is the least of: the distances from the
    draw to the ends of the interval that it fell into; half of what the token has more or less
    than its neighbours in the order, with which it would change places; and the distance to where
    ``min_p`` or ``top_p`` take one token more or less, which moves every boundary, and the draw
    falls elsewhere. Several tokens that pass a cut-off at once are not looked at.

    Args:
        weights: (B, V) probabilities in falling order, in units of 2**-52.
        cumulative: (B, K) sums of those that ``min_p`` and ``top_k`` leave.
        ranks: (B, 1) each, of the token drawn and of the last that is kept.
        uniforms: (B, 1) the draws.
        decoding: How it was chosen.
    """
    rank, last = ranks
    vocabulary = weights.shape[1]
    columns = torch.cat([rank - 1, rank, rank + 1, last, last + 1], dim=1)
    probabilities = weights.gather(1, columns.clamp(0, vocabulary - 1)).double()
    before, own, behind, final, following = torch.split(probabilities, 1, dim=1)
    upper = cumulative.gather(1, rank).double()
    lower = upper - own
    total = cumulative.gather(1, last).double()
    point = uniforms * total
    distances = [
        torch.minimum(point - lower, (before - own) / 2).where(rank > 0, total),
        (upper - point).where(rank < last, total),
        ((own - behind) / 2).where(rank + 1 < vocabulary, total),
    ]
    if decoding.top_p < 1 or decoding.min_p:
        least = decoding.min_p * weights[:, :1].double()
        # Top-p looks at shares of what the others leave, which is more than what is drawn from.
        others = cumulative[:, -1:].double()
        enough, share = decoding.top_p * others, total / others
        both = 1 + decoding.min_p
        one_more = torch.maximum((least - following) / both, (total - enough) * share)
        one_less = torch.minimum((final - least) / both, (enough - total + final) * share)
        # What of the draw's way to another interval is left then has to be gone, too.
        further = torch.maximum(one_more, upper - uniforms * (total + following))
        nearer = torch.maximum(one_less, uniforms * (total - final) - lower)
        distances += [
            further.where(last + 1 < cumulative.shape[1], total),
            nearer.where(last > 0, total),
        ]
    nearest = torch.cat(distances, dim=1).amin(dim=1) / total[:, 0]
    return nearest.clamp(0, 1).float()
