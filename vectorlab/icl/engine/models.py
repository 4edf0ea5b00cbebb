"""What is trained to do regression in context, every variant behind one call.

A model maps ``Tasks`` to predictions for the queries, (B, Q, dy). Attention is as in
``construction``: demonstrations alone are keys and values, and predictions are minus the y slot.
"""

import torch
from torch import nn
from torch.nn import functional

from vectorlab.icl.domain.laws import Inputs, best_one_step
from vectorlab.icl.domain.training_spec import FIXED_ETA, MLP_WIDTHS, TrainingSpec, Variant
from vectorlab.icl.engine.tasks import Tasks


class Regressor(nn.Module):
    """Predicts targets of queries from demonstrations, without any state of its own."""

    def forward(self, tasks: Tasks) -> torch.Tensor:
        """Predict the targets of the queries.

        Args:
            tasks: B tasks.

        Returns:
            (B, Q, dy).
        """
        raise NotImplementedError


def build_model(spec: TrainingSpec, generator: torch.Generator) -> Regressor:
    """A fresh model of a variant; the generator decides its weights."""
    match spec.variant:
        case Variant.LINEAR | Variant.SOFTMAX:
            return AttentionStack(spec, spec.law.dx + spec.law.dy, generator)
        case Variant.GD | Variant.GD_PLUS_PLUS:
            return LearnedRates(spec)
        case Variant.MLP | Variant.MLP_GD:
            return FeatureModel(spec, generator)


class AttentionStack(Regressor):
    """Self-attention layers, linear or softmax, with all of their matrices free.

    Parameters have shape (rows, H, d, d): one row for shared weights, else one per layer.
    """

    def __init__(self, spec: TrainingSpec, width: int, generator: torch.Generator) -> None:
        super().__init__()
        rows = 1 if spec.shared else spec.layers
        self.depth = spec.layers
        self.is_softmax = spec.variant is Variant.SOFTMAX
        self.activation_clip = spec.activation_clip
        std = (spec.init_scale / width) ** 0.5
        shape = (rows, spec.heads, width, width)
        self.key = nn.Parameter(_truncated(shape, std, generator))
        self.query = nn.Parameter(_truncated(shape, std, generator))
        self.value = nn.Parameter(_truncated(shape, std, generator))
        self.projection = nn.Parameter(_truncated(shape, std, generator))

    def forward(self, tasks: Tasks) -> torch.Tensor:
        """Minus the y slot of the queries behind the last layer, (B, Q, dy)."""
        context = torch.cat([tasks.x, tasks.y], dim=-1)
        empty = tasks.queries.new_zeros(*tasks.queries.shape[:2], tasks.dy)
        queries = self.through(context, torch.cat([tasks.queries, empty], dim=-1))
        return -queries[..., tasks.dx :]

    def through(self, context: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
        """Let queries attend to demonstrations, layer by layer.

        Args:
            context: (B, N, d), tokens of the demonstrations.
            queries: (B, Q, d), tokens of the queries.

        Returns:
            (B, Q, d), the queries behind the last layer.
        """
        for layer in range(self.depth):
            row = layer % len(self.key)
            moved = self._clipped(queries + self._added(row, context, queries))
            if layer < self.depth - 1:
                context = self._clipped(context + self._added(row, context, context))
            queries = moved
        return queries

    def products(self, layer: int = 0, head: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """What of a layer can be identified: W_K^T W_Q and P W_V, both (d, d)."""
        row = layer % len(self.key)
        keys = self.key[row, head].mT @ self.query[row, head]
        return keys, self.projection[row, head] @ self.value[row, head]

    def _added(self, row: int, context: torch.Tensor, asking: torch.Tensor) -> torch.Tensor:
        added = torch.zeros_like(asking)
        for head in range(self.key.shape[1]):
            keys, values = self.products(row, head)
            if self.is_softmax:
                scores = asking @ keys.mT @ context.mT / len(keys) ** 0.5
                added = added + functional.softmax(scores, dim=-1) @ context @ values.mT
            else:
                added = added + asking @ (keys.mT @ (context.mT @ context) @ values.mT)
        return added

    def _clipped(self, tokens: torch.Tensor) -> torch.Tensor:
        limit = self.activation_clip
        return tokens if limit is None else tokens.clamp(-limit, limit)


class LearnedRates(Regressor):
    """The constructed layer with learned eta, and gamma for GD++; shared or one per layer.

    Learned as logarithms, so that they stay positive. They start where one step is best, with
    gamma = eta / N^2 as the paper's code has it.
    """

    def __init__(self, spec: TrainingSpec) -> None:
        super().__init__()
        rows = 1 if spec.shared else spec.layers
        self.depth = spec.layers
        symmetric = spec.law.inputs is not Inputs.EXPONENTIAL
        start = best_one_step(spec.law).eta if symmetric else 1.0
        self.log_eta = nn.Parameter(torch.full((rows,), start).log())
        self.log_gamma = (
            nn.Parameter(torch.full((rows,), start / spec.law.n**2).log())
            if spec.variant is Variant.GD_PLUS_PLUS
            else None
        )

    def forward(self, tasks: Tasks) -> torch.Tensor:
        """Predictions of descent from W0 = 0 with the learned rates, (B, Q, dy)."""
        etas = self.log_eta.exp()
        gammas = None if self.log_gamma is None else self.log_gamma.exp()
        x, y, queries = tasks.x, tasks.y, tasks.queries
        predictions = torch.zeros_like(tasks.targets)
        for layer in range(self.depth):
            row = layer % len(etas)
            update = etas[row] / tasks.n * y.mT @ x
            predictions = predictions + queries @ update.mT
            y = y - x @ update.mT
            if gammas is not None:
                moment = gammas[row] * x.mT @ x
                x, queries = x - x @ moment, queries - queries @ moment
        return predictions


class FeatureModel(Regressor):
    """Embedding 2 -> 40 and a residual GELU MLP 40-160-40, then attention or one fixed step.

    The whole token (x, y) goes through, with y = 0 for queries, so that the y slot, the last
    entry, is transformed as well and the first prediction is not zero.
    """

    def __init__(self, spec: TrainingSpec, generator: torch.Generator) -> None:
        super().__init__()
        width, hidden = MLP_WIDTHS
        self.embedding = nn.Linear(2, width)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)
        for layer in (self.embedding, self.up, self.down):
            std = layer.in_features**-0.5
            layer.weight.data = _truncated(tuple(layer.weight.shape), std, generator)
            nn.init.zeros_(layer.bias)
        self.attention = (
            AttentionStack(spec, width, generator) if spec.variant is Variant.MLP else None
        )

    def forward(self, tasks: Tasks) -> torch.Tensor:
        """Predictions from the features of demonstrations and queries, (B, Q, 1)."""
        context = self.features(torch.cat([tasks.x, tasks.y], dim=-1))
        empty = torch.zeros_like(tasks.targets)
        queries = self.features(torch.cat([tasks.queries, empty], dim=-1))
        if self.attention is not None:
            return -self.attention.through(context, queries)[..., -1:]
        x, y = context[..., :-1], context[..., -1:]
        update = FIXED_ETA / tasks.n * y.mT @ x
        return queries[..., :-1] @ update.mT - queries[..., -1:]

    def features(self, tokens: torch.Tensor) -> torch.Tensor:
        """m(token), (B, T, 2) -> (B, T, 40)."""
        embedded = self.embedding(tokens)
        moved: torch.Tensor = embedded + self.down(functional.gelu(self.up(embedded)))
        return moved


def _truncated(shape: tuple[int, ...], std: float, generator: torch.Generator) -> torch.Tensor:
    """Normal numbers cut at two standard deviations, scaled so that ``std`` is theirs."""
    values = torch.empty(shape)
    nn.init.trunc_normal_(values, std=1.0, a=-2.0, b=2.0, generator=generator)
    return values * (std / 0.87962566103423978)
