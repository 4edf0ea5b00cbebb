"""What an intervention does to a state: one row per operator in one table.

Each operator has two halves. ``prepare`` runs once per run on the vectors of one arm at one
place; ``apply`` runs in the hook on float32 states. At one place operators act in the table's
order: ablate, add, rotate; so the norm that ``rotate`` keeps is the norm that leaves the place.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from vectorlab.domain.runs import Combine, Operator

NORM_EPS = 1e-12  # as the ICV code guards norms
COSINE_EPS = 1e-8  # as the ICV code guards cosines


@dataclass(frozen=True, kw_only=True)
class Slots:
    """Prepared vectors; a slot that is not used has zero direction and weight."""

    directions: torch.Tensor  # (..., K, D) float32
    weights: torch.Tensor  # (..., K) float32
    gates: torch.Tensor  # (..., K) float32, factor from projections to cosines; rotate only


@dataclass(frozen=True, kw_only=True)
class OperatorFunctions:
    """The two halves of an operator."""

    prepare: Callable[[torch.Tensor, torch.Tensor, Combine], Slots]  # (K, D), (K,) -> slots
    apply: Callable[[torch.Tensor, Slots], torch.Tensor]  # (B, T, D), slots (B, K, ...) -> states


def rotate(states: torch.Tensor, slots: Slots) -> torch.Tensor:
    """Turn states towards the vectors, harder where they point away, and keep their norms.

    With r = |x|, unit vectors x^ and v_k^, strengths s_k and, under ``Combine.MEAN``, their
    number K as divisor (else 1):

        u  = sum_k s_k / K * (1 + max(0, cos(x, -v_k))) * v_k^
        x' = r * (x^ + u) / |x^ + u|

    Args:
        states: (B, T, D) float32.
        slots: Unit directions (B, K, D), s_k / K as weights.

    Source: https://github.com/shengliu66/ICV, utils/llm_layers.py
    """
    norms = _norms(states)
    projections = torch.bmm(states, slots.directions.transpose(1, 2))  # (B, T, K)
    cosines = projections * slots.gates[:, None] / norms.clamp(min=COSINE_EPS)
    push = torch.bmm((1 + (-cosines).clamp(min=0)) * slots.weights[:, None], slots.directions)
    return norms * _unit(_unit(states) + push)


def add(states: torch.Tensor, slots: Slots) -> torch.Tensor:
    """``x + sum_k s_k v_k``; the sum was made when the slots were prepared."""
    return states + slots.directions


def ablate(states: torch.Tensor, slots: Slots) -> torch.Tensor:
    """``x - s (x . v^) v^`` for one vector after another, in the arm's order.

    Source: directional ablation, Arditi et al. 2024, https://arxiv.org/abs/2406.11717
    """
    for slot in range(slots.directions.shape[1]):
        direction = slots.directions[:, slot, None]
        projection = (states * direction).sum(dim=-1, keepdim=True)
        states = states - slots.weights[:, slot, None, None] * projection * direction
    return states


def _prepare_rotate(vectors: torch.Tensor, strengths: torch.Tensor, combine: Combine) -> Slots:
    norms = _norms(vectors)[:, 0]
    divisor = len(vectors) if combine is Combine.MEAN else 1
    return Slots(
        directions=_unit(vectors),
        weights=strengths / divisor,
        gates=norms.clamp(min=NORM_EPS) / norms.clamp(min=COSINE_EPS),
    )


def _prepare_add(vectors: torch.Tensor, strengths: torch.Tensor, _combine: Combine) -> Slots:
    total = (strengths[:, None] * vectors).sum(dim=0, keepdim=True)
    return Slots(directions=total, weights=torch.ones(1), gates=torch.ones(1))


def _prepare_ablate(vectors: torch.Tensor, strengths: torch.Tensor, _combine: Combine) -> Slots:
    return Slots(
        directions=_unit(vectors),
        weights=strengths,
        gates=torch.ones(len(vectors)),
    )


def _norms(vectors: torch.Tensor) -> torch.Tensor:
    """Norms over the last axis, which stays with length 1."""
    norms: torch.Tensor = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return norms


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    return vectors / _norms(vectors).clamp(min=NORM_EPS)


OPERATORS: dict[Operator, OperatorFunctions] = {
    Operator.ABLATE: OperatorFunctions(prepare=_prepare_ablate, apply=ablate),
    Operator.ADD: OperatorFunctions(prepare=_prepare_add, apply=add),
    Operator.ROTATE: OperatorFunctions(prepare=_prepare_rotate, apply=rotate),
}
