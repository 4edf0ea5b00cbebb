"""The leading part of a spectrum, to full accuracy and the same bits every time."""

from collections.abc import Callable

import torch

_SMALL = 128  # rows up to which the whole decomposition costs nothing
_GRAM = 512  # rows up to which their products cost less than Lanczos steps over the rows
_STEPS = 60  # of Lanczos; a spectrum that takes more is decomposed whole
_LOOK = 5  # steps between looks at the residual
_TOLERANCE = 1e-13  # of the residual, relative to the largest eigenvalue


def gram(rows: torch.Tensor) -> torch.Tensor:
    """Products of all rows (N, F) float64 with each other, (N, N).

    Through numpy, which computes half of a product of a matrix with its own transpose and mirrors
    it; torch computes both halves.
    """
    if rows.device.type != "cpu":
        return rows @ rows.T
    values = rows.numpy()
    return torch.from_numpy(values @ values.T)


def principal(rows: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest eigenvalues of ``gram(rows)``, descending, and their vectors.

    Many rows are not multiplied with each other if one vector is wanted: it comes from products
    of the rows with vectors.

    Args:
        rows: (N, F) float64.
        count: How many; fewer come back when N is smaller.

    Returns:
        (count,) eigenvalues and (N, count) vectors of unit length, their signs arbitrary.
    """
    if count == 1 and len(rows) > _GRAM:
        longest = torch.linalg.vector_norm(rows, dim=1).argmax()
        leading = _lanczos(lambda vector: rows @ (vector @ rows), rows @ rows[longest])
        if leading is not None:
            return leading
    return largest(gram(rows), count)


def largest(matrix: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest eigenvalues of a positive semidefinite matrix, descending, and their vectors.

    Where one is asked for and the matrix is not small, it comes from Lanczos steps with full
    reorthogonalisation, begun at a row of the matrix and so without chance; if they do not
    converge to float64's own accuracy, from the whole decomposition as otherwise.

    Args:
        matrix: (N, N) float64.
        count: How many; fewer come back when N is smaller.

    Returns:
        (count,) eigenvalues and (N, count) vectors of unit length, their signs arbitrary.

    Source: Golub and Van Loan, Matrix Computations, 4th edition, section 10.3.
    """
    if count == 1 and len(matrix) > _SMALL:
        leading = _lanczos(lambda vector: matrix @ vector, matrix[matrix.diagonal().argmax()])
        if leading is not None:
            return leading
    values, vectors = torch.linalg.eigh(matrix)
    return values.flip(0)[:count], vectors.flip(1)[:, :count]


def _lanczos(
    apply: Callable[[torch.Tensor], torch.Tensor], start: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The largest eigenpair, (1,) and (N, 1); None if it does not show soon enough.

    Args:
        apply: What the matrix makes of a vector (N,).
        start: Where the steps begin, (N,).
    """
    basis = start.new_zeros(_STEPS + 1, len(start))
    basis[0] = torch.nn.functional.normalize(start, dim=0)
    small = start.new_zeros(_STEPS + 1, _STEPS + 1)  # the matrix, seen from the basis
    for step in range(_STEPS):
        seen = basis[: step + 1]
        image = apply(basis[step])
        small[step, step] = image @ basis[step]
        for _ in range(2):  # once is not enough in floating point, twice is
            image = image - (seen @ image) @ seen
        length = torch.linalg.vector_norm(image)
        small[step, step + 1] = small[step + 1, step] = length
        is_closed = not length > 0  # the basis holds all that the matrix does to it
        if is_closed or step % _LOOK == _LOOK - 1:
            values, parts = torch.linalg.eigh(small[: step + 1, : step + 1])
            if length * parts[-1, -1].abs() <= _TOLERANCE * values[-1]:
                return values[-1:], (parts[:, -1] @ seen)[:, None]
        basis[step + 1] = image / length
    return None
