"""How far steered tokens are from the baseline, from the passes that generate them.

Beside every steered row runs a shadow: a row of the same batch that is not steered and is fed the
tokens that the steered row chooses. Both distributions of every next token are then there at once.
"""

from collections.abc import Sequence

import torch

from vectorlab.domain.runs.texts import Divergence
from vectorlab.steering.generation.sampling import log_probability


class BaselineDivergence:
    """What is known of every token of a batch.

    Args:
        rows: Of the batch without shadows, which stand behind them.
        shadows: The row that each shadow belongs to.
        steps: Most tokens.
        device: Of the model.
    """

    def __init__(self, rows: int, shadows: Sequence[int], steps: int, device: torch.device) -> None:
        self._rows = rows
        self._places = {row: place for place, row in enumerate(shadows)}
        self._index = torch.tensor(list(shadows), dtype=torch.long, device=device)
        self._step = 0
        # KL and log-probability under the baseline: nats, per shadow and token.
        self._found = torch.zeros(2, len(shadows), steps, device=device)

    def take(self, logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Compare the distributions of the coming token.

        Args:
            logits: (B + S, V) float32, the shadows behind.
            tokens: (B + S,) as chosen; what is said for shadows does not count.

        Returns:
            (B + S,) tokens to feed: a shadow gets that of its row.
        """
        chosen = tokens[: self._rows]
        forced = chosen[self._index]
        steered = logits[: self._rows][self._index].log_softmax(dim=-1)
        baseline = logits[self._rows :].log_softmax(dim=-1)
        self._found[0, :, self._step] = kl_divergence(steered, baseline)
        self._found[1, :, self._step] = log_probability(baseline, forced)
        self._step += 1
        return torch.cat([chosen, forced])

    def of_row(self, row: int) -> tuple[list[float], list[float]] | None:
        """KL and log-probability under the baseline of a row's tokens; None for a baseline row."""
        if row not in self._places:
            return None
        kl, logprobs = self._found[:, self._places[row], : self._step].tolist()
        return kl, logprobs


def kl_divergence(seen_from: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """``sum_v p_v (log p_v - log q_v)`` in nats.

    Args:
        seen_from: (..., V) log-probabilities log p.
        other: (..., V) log-probabilities log q.

    Returns:
        (...), never negative.
    """
    return (seen_from.exp() * (seen_from - other)).sum(dim=-1).clamp(min=0)


def divergence(
    logprobs: Sequence[float], compared: tuple[list[float], list[float]] | None, length: int
) -> Divergence:
    """What is kept of one text; a baseline does not differ from itself."""
    own = tuple(logprobs[:length])
    if compared is None:
        return Divergence(kl=(0.0,) * length, logprobs=own, baseline_logprobs=own)
    kl, baseline = compared
    return Divergence(
        kl=tuple(kl[:length]), logprobs=own, baseline_logprobs=tuple(baseline[:length])
    )
