"""What an intervention does to a state: one row per operator in one table.

Each operator has two halves. ``prepare`` runs once per run on the vectors of one arm at one
place; ``apply`` runs in the hook on float32 states. At one place operators act in the table's
order: ablate, project_to, add, add_norm_preserving, rotate; so the norm that the last two keep is
the norm that leaves the place.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from vectorlab.domain.runs import Combine, Operator

NORM_EPS = 1e-12  # as the ICV code guards norms
COSINE_EPS = 1e-8  # as the ICV code guards cosines
DEPENDENT = 1e-6  # share of a vector outside the others' span below which it adds nothing to it


@dataclass(frozen=True, kw_only=True)
class Slots:
    """Prepared vectors; a slot that is not used has zero direction and weight.

    ``prepare`` gives them the leading axes that are written here. For ``apply`` they stand per row
    of the batch, and the weights per position: (B, K, D), (B, 1 or T, K), (B, K).
    """

    directions: torch.Tensor  # (K, D) float32
    weights: torch.Tensor  # (K,) float32
    gates: torch.Tensor  # (K,) float32, factor from projections to cosines; rotate only


@dataclass(frozen=True, kw_only=True)
class OperatorFunctions:
    """The two halves of an operator."""

    prepare: Callable[[torch.Tensor, torch.Tensor], Slots]  # vectors (K, D), strengths (K,)
    apply: Callable[[torch.Tensor, Slots], torch.Tensor]  # (B, T, D), slots -> states
    takes_mean: bool = False  # whether ``Combine.MEAN`` divides by the number of vectors
    sums: bool = False  # whether vectors with constant weights can be added up beforehand


def rotate(states: torch.Tensor, slots: Slots) -> torch.Tensor:
    """Turn states towards the vectors, harder where they point away, and keep their norms.

    With r = |x|, unit vectors x^ and v_k^, strengths s_k and, under ``Combine.MEAN``, their
    number K as divisor (else 1):

        u  = sum_k s_k / K * (1 + max(0, cos(x, -v_k))) * v_k^
        x' = r * (x^ + u) / |x^ + u|

    It is computed as r * y / |y| with y = r x^ + r u = x + sum_k s_k / K * (r + max(0, -x v_k^))
    v_k^, which needs two passes over the states less.

    Args:
        states: (B, T, D) float32.
        slots: Unit directions (B, K, D), s_k / K as weights.

    Source: https://github.com/shengliu66/ICV, utils/llm_layers.py
    """
    every = torch.ones(len(states), 1, 1, dtype=torch.bool, device=states.device)
    return Turn.of(slots, every).apply(states, slots.weights)


@dataclass(frozen=True, kw_only=True)
class Turn:
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
    def of(cls, slots: Slots, active: torch.Tensor, *, weighted: bool = False) -> "Turn":
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
        norms = _norms(states)
        # r + max(0, -x v_k^)
        pushes = torch.clamp(torch.baddbmm(norms, states, self.against), norms, self.most)
        if weights is not None:
            pushes = pushes * weights
        if self.directions.shape[1] == 1:  # no need of a matrix product
            moved = torch.addcmul(states, pushes, self.directions, out=out)
        else:
            moved = torch.baddbmm(states, pushes, self.directions, out=out)
        factors = torch.addcdiv(self.start, norms, _norms(moved))
        # A state that became zero has no norm to restore; it stays zero by any finite factor.
        return moved.mul_(factors.nan_to_num_(1.0, 1 / NORM_EPS))


def add(states: torch.Tensor, slots: Slots) -> torch.Tensor:
    """``x + sum_k s_k v_k``."""
    if slots.directions.shape[1] == 1:  # no need of a matrix product
        return torch.addcmul(states, slots.weights, slots.directions)
    weights = slots.weights.expand(-1, states.shape[1], -1)
    return states + torch.bmm(weights, slots.directions)


def add_norm_preserving(states: torch.Tensor, slots: Slots) -> torch.Tensor:
    """``|x| unit(x + sum_k s_k v_k)``: the shift of ``add``, then the norm from before.

    Against ``rotate``, the vector counts with its own length, is added to the state itself rather
    than to its unit vector, and is not pushed harder where the state points away. A state that the
    sum cancels exactly has no direction left and becomes zero.

    Source: the shift of the in-context vectors paper, https://arxiv.org/abs/2311.06668, section 3
    """
    norms, moved = _norms(states), add(states, slots)
    return moved.div_(_norms(moved).clamp_(min=NORM_EPS)).mul_(norms)


def ablate(states: torch.Tensor, slots: Slots) -> torch.Tensor:
    """``x - s (x . v^) v^`` for one vector after another, in the arm's order.

    Source: directional ablation, Arditi et al. 2024, https://arxiv.org/abs/2406.11717
    """
    for slot in range(slots.directions.shape[1]):
        direction = slots.directions[:, slot, None]
        projection = (states * direction).sum(dim=-1, keepdim=True)
        share = slots.weights[:, :, slot, None] * projection * direction
        states = torch.sub(states, share, out=share)
    return states


def project_to(states: torch.Tensor, slots: Slots) -> torch.Tensor:
    """``(1 - s) x + s P x`` with P the orthogonal projection onto the span of the vectors.

    For one vector ``P x = (x . v^) v^``: strength 1 leaves what the state says along the vector
    and nothing else, the opposite of what ``ablate`` does. Doing it twice at strength 1 is doing
    it once. Several vectors span one space, so they share one strength.

    Args:
        states: (B, T, D) float32.
        slots: Orthonormal directions (B, K, D); the weights of one position are equal.

    Source: the row space projection of Ravfogel et al. 2020, https://arxiv.org/abs/2004.07667,
        whose null space projection is ``ablate`` at strength 1
    """
    shares = torch.bmm(states, slots.directions.transpose(1, 2))  # (B, T, K)
    projected = torch.bmm(shares, slots.directions)
    return torch.lerp(states, projected, slots.weights[:, :, :1], out=projected)


def _prepare_rotate(vectors: torch.Tensor, strengths: torch.Tensor) -> Slots:
    norms = _norms(vectors)[:, 0]
    gates = norms.clamp(min=NORM_EPS) / norms.clamp(min=COSINE_EPS)
    return Slots(directions=_unit(vectors), weights=strengths, gates=gates)


def _prepare_add(vectors: torch.Tensor, strengths: torch.Tensor) -> Slots:
    return Slots(directions=vectors, weights=strengths, gates=torch.ones(len(vectors)))


def _prepare_ablate(vectors: torch.Tensor, strengths: torch.Tensor) -> Slots:
    return Slots(directions=_unit(vectors), weights=strengths, gates=torch.ones(len(vectors)))


def _prepare_project_to(vectors: torch.Tensor, strengths: torch.Tensor) -> Slots:
    return Slots(
        directions=_orthonormal(vectors), weights=strengths, gates=torch.ones(len(vectors))
    )


def _orthonormal(vectors: torch.Tensor) -> torch.Tensor:
    """Orthonormal rows with the same span, in float64; zero for what the former ones hold."""
    basis = torch.zeros_like(vectors, dtype=torch.float64)
    for row, vector in enumerate(vectors.double()):
        rest = vector
        for _ in range(2):  # once more: what rounding left of the others
            rest = rest - (basis @ rest) @ basis
        if rest.norm() > DEPENDENT * vector.norm():
            basis[row] = rest / rest.norm()
    return basis.float()


def _norms(vectors: torch.Tensor) -> torch.Tensor:
    """Norms over the last axis, which stays with length 1."""
    norms: torch.Tensor = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return norms


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    return vectors / _norms(vectors).clamp(min=NORM_EPS)


OPERATORS: dict[Operator, OperatorFunctions] = {
    Operator.ABLATE: OperatorFunctions(prepare=_prepare_ablate, apply=ablate),
    Operator.PROJECT_TO: OperatorFunctions(prepare=_prepare_project_to, apply=project_to),
    Operator.ADD: OperatorFunctions(prepare=_prepare_add, apply=add, sums=True),
    Operator.ADD_NORM_PRESERVING: OperatorFunctions(
        prepare=_prepare_add, apply=add_norm_preserving, sums=True
    ),
    Operator.ROTATE: OperatorFunctions(prepare=_prepare_rotate, apply=rotate, takes_mean=True),
}


def prepare_constant(
    operator: Operator, vectors: torch.Tensor, strengths: torch.Tensor, combine: Combine
) -> Slots:
    """Slots of one arm whose strengths hold at every position.

    Args:
        operator: The operator.
        vectors: (K, D) float32.
        strengths: (K,) float32.
        combine: Of the arm.
    """
    functions = OPERATORS[operator]
    if functions.sums:
        total = (strengths[:, None] * vectors).sum(dim=0, keepdim=True)
        return functions.prepare(total, torch.ones(1))
    mean = functions.takes_mean and combine is Combine.MEAN
    return functions.prepare(vectors, strengths / len(vectors) if mean else strengths)
