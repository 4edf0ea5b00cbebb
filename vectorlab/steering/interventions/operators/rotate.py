"""Turn a state towards the vectors, harder where it points away, and keep its norm.

With r = |x|, unit vectors x^ and v_k^, strengths s_k and, under ``Combine.MEAN``, their number K as
divisor (else 1):

    u  = sum_k s_k / K * (1 + max(0, cos(x, -v_k))) * v_k^
    x' = r * (x^ + u) / |x^ + u|

It is computed as r * y / |y| with
y = r x^ + r u = x + sum_k s_k / K * (r + max(0, -x v_k^)) v_k^, which needs two passes over the
states less.

Source: https://github.com/shengliu66/ICV, utils/llm_layers.py
"""

import math
from dataclasses import dataclass

import torch

from vectorlab.steering.interventions.operators.base import (
    COSINE_EPS,
    NORM_EPS,
    Active,
    DirectionSlots,
    Given,
    Operation,
    norms_of,
    unit,
)


@dataclass(frozen=True, kw_only=True)
class GatedSlots(DirectionSlots):
    """Slots whose directions push harder where states point away."""

    gates: torch.Tensor  # (K,) float32, factor from projections to cosines


@dataclass(frozen=True, kw_only=True)
class PreparedRotation:
    """``rotate`` of a batch, prepared: every step runs it at every layer, so each call counts.

    Rows that do nothing take part in every call and come out as they were: -0.0 is added to them,
    which changes no bit (several vectors make 0.0 of -0.0), and the factor that restores their norm
    is exactly 1. So no call has to tell them from the others.
    """

    against: torch.Tensor  # (B, D, K): states are projected onto it; the other way, as gates scale
    directions: torch.Tensor  # (B, K, D) of length 1, or with their weights in them
    most: torch.Tensor  # (B, 1, 1) that a push may be: infinity; 0 in rows that do nothing
    start: torch.Tensor  # (B, 1, 1) that factors are added to: 0; NaN in rows that do nothing

    @classmethod
    def of(
        cls, slots: GatedSlots, active: torch.Tensor, *, weighted: bool = False
    ) -> "PreparedRotation":
        """Prepare what does not depend on the states.

        Args:
            slots: Of the batch.
            active: (B, 1, 1) bool, rows that do something.
            weighted: Weights hold at every position and go into the directions.
        """
        pushes = slots.directions * slots.weights.transpose(1, 2) if weighted else slots.directions
        zeros = torch.zeros_like(active, dtype=torch.float32)
        return cls(
            against=(-slots.gates[:, :, None] * slots.directions).transpose(1, 2).contiguous(),
            directions=pushes.where(active, -0.0),  # which keeps even the sign of a 0
            most=zeros.where(~active, math.inf),
            start=zeros.where(active, math.nan),
        )

    def apply(
        self,
        states: torch.Tensor,
        weights: torch.Tensor | None = None,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The states as they become, (B, T, D) float32.

        Args:
            states: (B, T, D) float32.
            weights: (B, 1 or T, K); None if they are in the directions.
            out: Where to write, which may be the states.
        """
        norms = norms_of(states)
        # r + max(0, -x v_k^)
        pushes = torch.clamp(torch.baddbmm(norms, states, self.against), norms, self.most)
        if weights is not None:
            pushes = pushes * weights
        if self.directions.shape[1] == 1:  # no need of a matrix product
            moved = torch.addcmul(states, pushes, self.directions, out=out)
        else:
            moved = torch.baddbmm(states, pushes, self.directions, out=out)
        factors = torch.addcdiv(self.start, norms, norms_of(moved))
        # A state that became zero has no norm to restore; it stays zero by any finite factor.
        return moved.mul_(factors.nan_to_num_(1.0, 1 / NORM_EPS))


@dataclass(frozen=True, kw_only=True)
class TurnWork:
    """``rotate`` with the same weights at every position."""

    turn: PreparedRotation

    def change(self, states: torch.Tensor, _values: object, /) -> torch.Tensor:
        """The states of (B, T, D) as they become, float32."""
        own = None if states.dtype is torch.float32 else states.float()
        return self.turn.apply(states if own is None else own, out=own)


def prepare(tensors: Given, strengths: torch.Tensor) -> GatedSlots:
    """Unit directions (K, D), the strengths, and gates."""
    norms = norms_of(tensors["vector"])[:, 0]
    gates = norms.clamp(min=NORM_EPS) / norms.clamp(min=COSINE_EPS)
    return GatedSlots(directions=unit(tensors["vector"]), weights=strengths, gates=gates)


def rotate(states: torch.Tensor, slots: GatedSlots) -> torch.Tensor:
    """States (B, T, D) turned; the weights are s_k / K."""
    every = torch.ones(len(states), 1, 1, dtype=torch.bool, device=states.device)
    return PreparedRotation.of(slots, every).apply(states, slots.weights)


def fixed(slots: GatedSlots, active: Active) -> TurnWork:
    """What does not depend on the states once, instead of at every pass."""
    return TurnWork(turn=PreparedRotation.of(slots, active.rows, weighted=True))


def ruled(slots: GatedSlots, active: Active) -> PreparedRotation:
    """The same but for the weights."""
    return PreparedRotation.of(slots, active.rows)


OPERATION = Operation(prepare=prepare, apply=rotate, fixed=fixed, ruled=ruled)
