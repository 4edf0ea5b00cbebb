"""Keep of a state what it says along a direction, and nothing beside it.

    x' = (1 - s) x + s P x

with P the orthogonal projection onto the span of the vectors. For one vector P x = (x . v^) v^:
strength 1 leaves what the state says along the vector and nothing else, the opposite of what
``ablate`` does. Doing it twice at strength 1 is doing it once. Several vectors span one space, so
they share one strength.

Source: the row space projection of Ravfogel et al. 2020, https://arxiv.org/abs/2004.07667, whose
null space projection is ``ablate`` at strength 1
"""

import torch

from vectorlab.steering.interventions.operators.base import DirectionSlots, Given, Operation

DEPENDENT = 1e-6  # share of a vector outside the others' span below which it adds nothing to it


def prepare(tensors: Given, strengths: torch.Tensor) -> DirectionSlots:
    """Orthonormal directions (K, D) and the strengths."""
    return DirectionSlots(directions=_orthonormal(tensors["vector"]), weights=strengths)


def project_to(states: torch.Tensor, slots: DirectionSlots) -> torch.Tensor:
    """States (B, T, D) moved towards the span; the weights of one position are equal."""
    shares = torch.bmm(states, slots.directions.transpose(1, 2))  # (B, T, K)
    projected = torch.bmm(shares, slots.directions)
    return torch.lerp(states, projected, slots.weights[:, :, :1], out=projected)


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


OPERATION = Operation(prepare=prepare, apply=project_to)
