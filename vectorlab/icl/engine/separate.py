"""Inputs and targets as tokens of their own, which a layer of softmax attention joins.

The sequence is x_1, y_1, x_2, ..., y_N and the query, T = 2N + 1 tokens. Each has slots for x, for
y and for the code of its place:

    (x_j, 0, p_{2j-1})        (0, y_j, p_{2j})        (x, -W0 x, p_T)

Codes are the corners of a regular simplex in 2N dimensions, <p_i, p_i> = 1 and <p_i, p_j> =
-1/(2N), laid on circles so that one rotation R takes every code to the next and the last to the
first. The first layer looks one place ahead, at the tokens of demonstrations alone,

    e_i <- e_i + sum_j softmax_j(<p_j, R p_i> / temperature) W_V e_j        W_V keeps the y slot

so that beside x_j stands y_j. Behind the query comes x_1, whose y slot is empty: nothing is added
to it. Tokens of targets have no x, so that as keys of the layers behind they add nothing, whatever
their y slots hold. Those layers are the constructed ones, with zeros for the code.

Source: the setting is that of von Oswald et al. 2023, https://arxiv.org/abs/2212.07677, and its
`normal_token_construct.ipynb`, where both layers are trained and x and y share slots; codes and
matrices are chosen here.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from vectorlab.icl.engine.construction import LinearAttention, run_passes, tokens
from vectorlab.icl.engine.tasks import Tasks


@dataclass(frozen=True, kw_only=True)
class SoftmaxAttention:
    """One layer of softmax attention, its three matrices (d, d) acting on columns."""

    key: torch.Tensor
    query: torch.Tensor
    value: torch.Tensor
    temperature: float

    def attention(self, context: torch.Tensor, asking: torch.Tensor) -> torch.Tensor:
        """What share of its attention a token gives to each of the context.

        Args:
            context: (B, K, d).
            asking: (B, A, d).

        Returns:
            (B, A, K), rows that add up to 1.
        """
        scores = asking @ (self.query.mT @ self.key) @ context.mT
        return functional.softmax(scores / self.temperature, dim=-1)

    def __call__(self, context: torch.Tensor, asking: torch.Tensor) -> torch.Tensor:
        """The asking tokens after one pass, (B, A, d)."""
        return asking + self.attention(context, asking) @ (context @ self.value.mT)


def place_codes(n: int) -> torch.Tensor:
    """Codes of T = 2N + 1 places, (T, 2N) float64: cosines and sines of 2 pi k i / T, k = 1..N."""
    places = 2 * n + 1
    angles = torch.arange(places, dtype=torch.float64)[:, None] * _frequencies(n)
    return torch.stack([angles.cos(), angles.sin()], dim=-1).flatten(1) / math.sqrt(n)


def next_place(n: int) -> torch.Tensor:
    """R, (2N, 2N) float64: takes the code of every place to that of the next, cyclically."""
    cosines, sines = _frequencies(n).cos(), _frequencies(n).sin()
    turns = torch.stack([cosines, -sines, sines, cosines], dim=-1).view(n, 2, 2)
    turned: torch.Tensor = torch.block_diag(*turns)  # type: ignore[no-untyped-call]
    return turned


def copying_layer(dx: int, dy: int, n: int, temperature: float) -> SoftmaxAttention:
    """The layer that adds to every token the y slot of the one behind it.

    Args:
        dx: Entries of an input.
        dy: Entries of a target.
        n: N, demonstrations per task.
        temperature: The smaller, the more exactly (``vectorlab.icl.domain.copying``).
    """
    width = dx + dy + 2 * n
    key, query, value = torch.zeros(3, width, width, dtype=torch.float64)
    key[dx + dy :, dx + dy :] = torch.eye(2 * n, dtype=torch.float64)
    query[dx + dy :, dx + dy :] = next_place(n)
    value[dx : dx + dy, dx : dx + dy] = torch.eye(dy, dtype=torch.float64)
    return SoftmaxAttention(key=key, query=query, value=value, temperature=temperature)


def separate_tokens(tasks: Tasks, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Demonstrations as 2N tokens, (B, 2N, d), and queries, (B, Q, d), with d = dx + dy + 2N.

    Args:
        tasks: B tasks.
        weights: W0, (dy, dx).

    Raises:
        ShapeError: If W0 does not fit the tasks.
    """
    joined, queries = tokens(tasks, weights)
    inputs, targets = joined.clone(), joined.clone()
    inputs[..., tasks.dx :] = 0
    targets[..., : tasks.dx] = 0
    alternating = torch.stack([inputs, targets], dim=2).flatten(1, 2)
    codes = place_codes(tasks.n).to(joined)
    return _beside(alternating, codes[:-1]), _beside(queries, codes[-1])


def widened(layer: LinearAttention, width: int) -> LinearAttention:
    """The same layer for wider tokens, whose further slots it neither reads nor writes."""
    more = width - layer.width
    matrices = {
        name: functional.pad(getattr(layer, name), (0, more, 0, more))
        for name in ("key", "query", "value", "projection")
    }
    return LinearAttention(**matrices)


def join(
    tasks: Tasks, weights: torch.Tensor, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Separate tokens behind the first layer: demonstrations (B, 2N, d), queries (B, Q, d).

    Args:
        tasks: B tasks in float64.
        weights: W0, (dy, dx).
        temperature: Of the first layer.

    Raises:
        ShapeError: If W0 does not fit the tasks.
    """
    context, queries = separate_tokens(tasks, weights)
    layer = copying_layer(tasks.dx, tasks.dy, tasks.n, temperature)
    return layer(context, context), layer(context, queries)


def copying_error(tasks: Tasks, joined: torch.Tensor) -> float:
    """How far the target beside an input is from its own, at most: |y slot of x_j - y_j|.

    Args:
        tasks: B tasks.
        joined: Demonstrations as ``join`` returns them, (B, 2N, d).
    """
    copied = joined[:, ::2, tasks.dx : tasks.dx + tasks.dy]
    return float((copied - tasks.y).abs().max())


def run_separate(
    layer: LinearAttention,
    tasks: Tasks,
    weights: torch.Tensor,
    steps: int,
    *,
    temperature: float,
    damping: float = 1.0,
) -> torch.Tensor:
    """Predictions from separate tokens: the first layer once, then k passes through the other.

    Args:
        layer: The constructed layer for joined tokens.
        tasks: B tasks in float64.
        weights: W0, (dy, dx).
        steps: k.
        temperature: Of the first layer.
        damping: Share of what the constructed layer adds that a pass takes.

    Returns:
        (k + 1, B, Q, dy).

    Raises:
        ShapeError: If W0 or the layer does not fit the tasks.
        InputError: If the numbers grow beyond all bounds.
    """
    context, queries = join(tasks, weights, temperature)
    wide = widened(layer, context.shape[-1])
    return run_passes(wide, tasks, context, queries, steps, damping=damping)


def _frequencies(n: int) -> torch.Tensor:
    return 2 * torch.pi * torch.arange(1, n + 1, dtype=torch.float64) / (2 * n + 1)


def _beside(slots: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """Tokens with the codes of their places behind their other slots."""
    return torch.cat([slots, codes.expand(*slots.shape[:-1], -1)], dim=-1)
