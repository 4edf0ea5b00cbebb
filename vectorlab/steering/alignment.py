"""How far each demonstration pulls along a vector, so that outliers show."""

import torch

from vectorlab.domain.vectors import Alignment
from vectorlab.steering.activations import States
from vectorlab.steering.methods import Directions


def alignments(source: States, target: States, directions: Directions) -> list[Alignment]:
    """Cosine of every demonstration's difference with the layer vectors.

    Args:
        source: States of the N sources.
        target: States of the N targets, paired by row.
        directions: Of the same layers.

    Returns:
        One per demonstration, in order; a zero difference or vector has cosine 0.
    """
    differences = (target.per_layer() - source.per_layer()).double()
    values = directions.values.double()
    lengths = torch.linalg.vector_norm(differences, dim=-1) * torch.linalg.vector_norm(
        values, dim=-1
    )
    cosines = torch.einsum("nld,ld->nl", differences, values) / lengths.clamp(min=1e-24)
    return [
        Alignment(position=position, cosines=tuple(row), mean=sum(row) / len(row))
        for position, row in enumerate(cosines.tolist())
    ]
