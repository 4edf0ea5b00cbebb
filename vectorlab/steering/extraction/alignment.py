"""How far each demonstration pulls along a vector, so that outliers show."""

from vectorlab.domain.vectors.vectors import Alignment
from vectorlab.steering.extraction.methods import Directions


def alignments(directions: Directions) -> list[Alignment]:
    """Cosine of every demonstration's difference with the layer vectors.

    Returns:
        One per demonstration, in order; a zero difference or vector has cosine 0.
    """
    means = directions.cosines.mean(dim=1).tolist()
    return [
        Alignment(position=position, cosines=tuple(row), mean=mean)
        for position, (row, mean) in enumerate(zip(directions.cosines.tolist(), means, strict=True))
    ]
