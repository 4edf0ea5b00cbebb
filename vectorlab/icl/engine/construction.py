"""A linear self-attention layer that does one gradient step, with every matrix written out.

Tokens are e_j = (x_j, y_j), width d = dx + dy. The layer keeps its input and adds

    e_i <- e_i + P sum_j (W_V e_j) (W_K e_j)^T (W_Q e_i)        j over demonstrations only

without softmax, scaling, bias, norm or mask. With

    W_K = W_Q = [[I, 0], [0, 0]]    W_V = [[0, 0], [W0, -I]]    P = (eta/N) I

every token goes (x, y) -> (x, y - dW x). A query starts with y slot -W0 x, so that its prediction
is **minus** its y slot. The same layer applied k times does k steps.

Source: von Oswald et al. 2023, https://arxiv.org/abs/2212.07677, Proposition 1
"""

from dataclasses import dataclass
from functools import cached_property

import torch

from vectorlab.errors import InputError, ShapeError
from vectorlab.icl.engine.descent import check_finite, check_weights
from vectorlab.icl.engine.tasks import Tasks


@dataclass(frozen=True, kw_only=True)
class LinearAttention:
    """The four matrices of one layer, each (d, d), acting on columns.

    Raises:
        ShapeError: If the four are no square matrices of one width.
    """

    key: torch.Tensor
    query: torch.Tensor
    value: torch.Tensor
    projection: torch.Tensor

    def __post_init__(self) -> None:
        shapes = {
            tuple(matrix.shape) for matrix in (self.key, self.query, self.value, self.projection)
        }
        shape = next(iter(shapes))
        if len(shapes) != 1 or len(shape) != 2 or shape[0] != shape[1]:
            raise ShapeError(
                f"The matrices of a layer have shapes {sorted(shapes)}; expected four of (d, d)."
            )

    @property
    def width(self) -> int:
        """Width d of a token."""
        return len(self.key)

    def __call__(
        self, context: torch.Tensor, queries: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One pass, in which demonstrations and queries are both moved.

        Args:
            context: (B, N, d), tokens of the demonstrations.
            queries: (B, Q, d), tokens of the queries.

        Returns:
            Demonstrations (B, N, d) and queries (B, Q, d).

        Raises:
            ShapeError: If the tokens have another width.
        """
        moves = self._moves(context)
        return self._moved(context, moves), self._moved(queries, moves)

    def attend(self, context: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
        """The queries after one pass, (B, Q, d); the demonstrations are not moved.

        All that the last layer needs, and the cheap half of a pass.

        Args:
            context: (B, N, d), tokens of the demonstrations.
            queries: (B, Q, d), tokens of the queries.

        Raises:
            ShapeError: If the tokens have another width.
        """
        return self._moved(queries, self._moves(context))

    def _moves(self, context: torch.Tensor) -> torch.Tensor:
        """sum_j (W_V e_j) (W_K e_j)^T W_Q without the zero rows of W_V, (B, rows, d).

        Keys are never formed: W_K^T W_Q is one matrix. So a step costs as many passes over the
        demonstrations as the explicit gradient.
        """
        return self.values_by_keys(context) @ self._keys_by_queries

    def _moved(self, tokens: torch.Tensor, moves: torch.Tensor) -> torch.Tensor:
        """Every token e becomes e + P (moves e); only slots that P writes to are computed."""
        moved = tokens.clone()
        added = torch.einsum("btd,brd->btr", tokens, moves)
        moved[..., self._written] += added @ self._projected.mT
        return moved

    def values_by_keys(self, context: torch.Tensor) -> torch.Tensor:
        """sum_j (W_V e_j) e_j^T without the zero rows of W_V, (B, rows, d).

        Args:
            context: (B, N, d), tokens of the demonstrations.

        Raises:
            ShapeError: If the tokens have another width.
        """
        if context.dim() != 3 or context.shape[2] != self.width:
            raise ShapeError(
                f"Tokens have shape {tuple(context.shape)}; this layer reads (B, N, {self.width})."
            )
        return torch.einsum("bnv,bnd->bvd", context @ self._values.mT, context)

    @cached_property
    def _keys_by_queries(self) -> torch.Tensor:
        return self.key.mT @ self.query

    @cached_property
    def _rows(self) -> torch.Tensor:
        return self.value.any(dim=1).nonzero().flatten()

    @cached_property
    def _values(self) -> torch.Tensor:
        return self.value[self._rows]

    @cached_property
    def _written(self) -> slice:
        """Slots of a token that the layer adds to, from the first to the last."""
        slots = self.projection[:, self._rows].any(dim=1).nonzero().flatten().tolist()
        return slice(slots[0], slots[-1] + 1) if slots else slice(0, 0)

    @cached_property
    def _projected(self) -> torch.Tensor:
        return self.projection[self._written][:, self._rows]


def construct(
    weights: torch.Tensor, *, eta: float, n: int, gamma: float | None = None
) -> LinearAttention:
    """The layer that does one gradient step.

    Args:
        weights: W0, (dy, dx).
        eta: Learning rate.
        n: Demonstrations per task; the query is not one of them.
        gamma: Strength of the curvature correction of GD++; None does plain gradient descent.

    Raises:
        InputError: If there are no demonstrations, or W0 is not 0 for GD++: the corrected inputs
            would no longer be those that W0 was made for.
        ShapeError: If W0 is not a matrix.
    """
    if weights.dim() != 2:
        raise ShapeError(f"W0 has shape {tuple(weights.shape)}; it is a matrix (dy, dx).")
    if n < 1:
        raise InputError(f"N = {n}: there is no gradient without demonstrations. Give at least 1.")
    dy, dx = weights.shape
    width = dx + dy
    one = torch.eye(width, dtype=weights.dtype, device=weights.device)
    keep, value, projection = torch.zeros_like(one), torch.zeros_like(one), eta / n * one
    keep[:dx, :dx] = one[:dx, :dx]
    value[dx:, :dx] = weights
    value[dx:, dx:] = -one[dx:, dx:]
    if gamma is not None:
        if bool(weights.any()):
            raise InputError("GD++ starts from W0 = 0; subtract W0 x_j from the targets first.")
        value[:dx, :dx] = one[:dx, :dx]
        projection[:dx, :dx] = -gamma * one[:dx, :dx]
    return LinearAttention(key=keep, query=keep, value=value, projection=projection)


def tokens(tasks: Tasks, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Demonstrations (x_j, y_j), (B, N, d), and queries (x, -W0 x), (B, Q, d).

    Args:
        tasks: B tasks.
        weights: W0, (dy, dx).

    Raises:
        ShapeError: If W0 does not fit the tasks.
    """
    check_weights(tasks, weights)
    queries = torch.cat([tasks.queries, -tasks.queries @ weights.mT], dim=-1)
    return torch.cat([tasks.x, tasks.y], dim=-1), queries


def read_out(queries: torch.Tensor, dx: int, dy: int | None = None) -> torch.Tensor:
    """Predictions: minus the y slot of the queries, (B, Q, d) -> (B, Q, dy).

    Args:
        queries: (B, Q, d).
        dx: Where the y slot begins.
        dy: Its width; None where nothing stands behind it.
    """
    return -queries[..., dx : None if dy is None else dx + dy]


def run_layers(
    layer: LinearAttention,
    tasks: Tasks,
    weights: torch.Tensor,
    steps: int,
    *,
    damping: float = 1.0,
) -> torch.Tensor:
    """Predictions after every one of k passes through the same layer, (k + 1, B, Q, dy).

    Args:
        layer: Used k times.
        tasks: B tasks.
        weights: W0, (dy, dx).
        steps: k.
        damping: Share of what the layer adds that a pass takes.

    Raises:
        ShapeError: If W0 or the layer does not fit the tasks.
        InputError: If the numbers grow beyond all bounds.
    """
    return run_passes(layer, tasks, *tokens(tasks, weights), steps, damping=damping)


def run_passes(
    layer: LinearAttention,
    tasks: Tasks,
    context: torch.Tensor,
    queries: torch.Tensor,
    steps: int,
    *,
    damping: float = 1.0,
) -> torch.Tensor:
    """As ``run_layers``, for tokens that are given.

    Args:
        layer: Used k times.
        tasks: B tasks that the tokens are of.
        context: (B, K, d), tokens of the demonstrations, x and y in their first slots.
        queries: (B, Q, d), tokens of the queries.
        steps: k.
        damping: Share of what the layer adds that a pass takes.

    Raises:
        ShapeError: If the layer does not fit the tokens.
        InputError: If the numbers grow beyond all bounds.
    """
    predictions = [read_out(queries, tasks.dx, tasks.dy)]
    for step in range(steps):
        if step == steps - 1:
            queries = _damped(queries, layer.attend(context, queries), damping)
        else:
            moved, asked = layer(context, queries)
            context, queries = _damped(context, moved, damping), _damped(queries, asked, damping)
        predictions.append(read_out(queries, tasks.dx, tasks.dy))
    eta = damping * float(layer.projection[tasks.dx, tasks.dx]) * tasks.n
    check_finite(predictions[-1], tasks, eta)
    return torch.stack(predictions)


def _damped(before: torch.Tensor, after: torch.Tensor, damping: float) -> torch.Tensor:
    return after if damping == 1 else torch.lerp(before, after, damping)
