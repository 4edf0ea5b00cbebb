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

from dataclasses import dataclass

import torch

from vectorlab.steering.operators.base import (
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
class TurnWork:
    """``rotate`` with the same weights at every position."""

    against: torch.Tensor  # (B, D, K)
    pushes: torch.Tensor  # (B, K, D) directions times weights
    active: Active

    def change(self, states: torch.Tensor, _values: object, /) -> torch.Tensor:
        """The states of (B, T, D) as they become, float32."""
        states = states.float()
        return self.active.changed(states, turn(states, self.against, self.pushes, None))


def prepare(given: Given, strengths: torch.Tensor) -> GatedSlots:
    """Unit directions (K, D), the strengths, and gates."""
    norms = norms_of(given["vector"])[:, 0]
    gates = norms.clamp(min=NORM_EPS) / norms.clamp(min=COSINE_EPS)
    return GatedSlots(directions=unit(given["vector"]), weights=strengths, gates=gates)


def rotate(states: torch.Tensor, slots: GatedSlots) -> torch.Tensor:
    """States (B, T, D) turned; the weights are s_k / K."""
    return turn(states, opposite(slots), slots.directions, slots.weights)


def opposite(slots: GatedSlots) -> torch.Tensor:
    """What ``rotate`` projects states onto, (B, D, K): the other way, as the gates scale it."""
    return (-slots.gates[:, :, None] * slots.directions).transpose(1, 2).contiguous()


def turn(
    states: torch.Tensor,
    against: torch.Tensor,
    directions: torch.Tensor,
    weights: torch.Tensor | None,
) -> torch.Tensor:
    """``rotate`` on prepared tensors; every step runs it at every layer, so each call counts.

    Args:
        states: (B, T, D) float32.
        against: (B, D, K) of ``opposite``.
        directions: (B, K, D), unit ones, or with their weights in them.
        weights: (B, 1 or T, K); None if they are in the directions.
    """
    norms = norms_of(states)
    pushes = torch.maximum(torch.baddbmm(norms, states, against), norms)  # r + max(0, -x v_k^)
    if weights is not None:
        pushes = pushes * weights
    if directions.shape[1] == 1:  # no need of a matrix product
        moved = torch.addcmul(states, pushes, directions)
    else:
        moved = torch.baddbmm(states, pushes, directions)
    # In place, and the guard by its plainest name: the code of every kernel of a step is read anew.
    return moved.mul_(norms.div_(norms_of(moved).clamp_min_(NORM_EPS)))


def fixed(slots: GatedSlots, active: Active) -> TurnWork:
    """What does not depend on the states once, instead of at every pass."""
    pushes = slots.directions * slots.weights.transpose(1, 2)
    return TurnWork(against=opposite(slots), pushes=pushes, active=active)


OPERATION = Operation(prepare=prepare, apply=rotate, fixed=fixed)
