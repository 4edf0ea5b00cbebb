"""Where vectors and differences lie: cosines, and a plane that shows many of them at once."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vectorlab.domain.ties import first_best
from vectorlab.domain.vectors.vectors import LayerVector

Matrix = npt.NDArray[np.float64]


def unit_rows(matrix: npt.NDArray[np.floating]) -> Matrix:
    """Rows at length 1, (N, D); rows without length stay zero."""
    rows = np.asarray(matrix, dtype=np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    units: Matrix = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    return units


def shared_cosines(first: Sequence[LayerVector], second: Sequence[LayerVector]) -> dict[int, float]:
    """Cosine of two vectors at every layer that both have."""
    others = {vector.layer: vector.values for vector in second}
    both = [(vector, others[vector.layer]) for vector in first if vector.layer in others]
    if not both:
        return {}
    own = unit_rows(np.stack([vector.values for vector, _ in both]))
    other = unit_rows(np.stack([values for _, values in both]))
    cosines = (own * other).sum(axis=1)
    return {vector.layer: float(value) for (vector, _), value in zip(both, cosines, strict=True)}


def plane(rows: npt.NDArray[np.floating]) -> tuple[Matrix, tuple[float, float]]:
    """Coordinates of rows in the plane of their largest variance, and its shares of it.

    Signs are fixed so that the same rows always give the same picture: the row that lies farthest
    out along an axis, the first of several, is on its positive side.

    Args:
        rows: (N, D) with N at least 2.

    Returns:
        Coordinates (N, 2), and the share of the variance along either axis.
    """
    centred = np.asarray(rows, dtype=np.float64)
    centred = centred - centred.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    coordinates = np.zeros((len(centred), 2))
    kept = min(2, len(sizes))
    coordinates[:, :kept] = left[:, :kept] * sizes[:kept]
    signs = np.sign([axis[first_best(np.abs(axis))] for axis in coordinates.T])
    signs[signs == 0] = 1.0
    total = float((sizes**2).sum()) or 1.0
    shares = [*(float(size**2) / total for size in sizes[:2]), 0.0, 0.0]
    return coordinates * signs, (shares[0], shares[1])
