"""What several methods share: leading directions, their sign and their length."""

import numpy as np
import torch

from vectorlab.domain.ties import TOLERANCE
from vectorlab.steering.extraction.leading_eigenvectors import principal


def mean_of(differences: torch.Tensor) -> torch.Tensor:
    """The mean over the first axis, float64.

    Through numpy, which converts as it adds; torch takes three times as long.

    Args:
        differences: (N, ...) on the CPU.

    Returns:
        (...) float64.
    """
    return torch.from_numpy(differences.numpy().mean(axis=0, dtype=np.float64))


def leading_direction(rows: torch.Tensor) -> torch.Tensor:
    """The unit vector along which rows (N, F) have most energy about zero, (F,) float64.

    The first right singular vector, through the smaller of the two Gram matrices; its sign is
    arbitrary. Zero if all rows are.
    """
    exact = rows.double()
    wide = exact.shape[0] <= exact.shape[1]
    energy, vectors = principal(exact if wide else exact.T, 1)
    if not energy[0] > torch.finfo(torch.float64).tiny:
        return exact.new_zeros(exact.shape[1])
    direction = vectors[:, 0] @ exact if wide else vectors[:, 0]
    return torch.nn.functional.normalize(direction, dim=0)


def towards(direction: torch.Tensor, differences: torch.Tensor) -> torch.Tensor:
    """The direction (F,) with the sign that the differences (N, F) have along it in sum.

    Where they cancel, the sign of the first of those that reach furthest.
    """
    along = differences.double() @ direction
    if along.sum().abs() > TOLERANCE * along.abs().sum():
        return direction * along.sum().sign()
    return direction * signs_of_largest(along[:, None])


def as_most_pairs(direction: torch.Tensor, differences: torch.Tensor) -> torch.Tensor:
    """The direction (F,) with the sign that most of the differences (N, F) have along it.

    Every pair has one vote, however far it reaches. Where they are equally many, the entry of the
    direction that is largest in size is positive.
    """
    along = differences.double() @ direction
    votes = along.sign() * (along.abs() > TOLERANCE * along.abs().amax())
    if votes.sum() != 0:
        return direction * votes.sum().sign()
    return direction * signs_of_largest(direction[:, None])


def signs_of_largest(values: torch.Tensor) -> torch.Tensor:
    """Sign of the entry that is largest in size, of equal ones the first, per column (N, C): (C,).

    Two pairs have entries of equal size, of which rounding would favour one or the other.
    """
    sizes = values.abs()
    first = (sizes >= sizes.amax(dim=0) * (1 - TOLERANCE)).int().argmax(dim=0)
    return values.gather(0, first[None, :]).sign()[0]


def as_long_as_the_shift(direction: torch.Tensor, differences: torch.Tensor) -> torch.Tensor:
    """The direction (F,) with the root mean square of the differences (N, F) along it as length.

    So strength 1 of ``add`` is as far as a typical pair lies apart along it, as with the mean
    difference, whatever unit a method's own numbers have.
    """
    unit = torch.nn.functional.normalize(direction, dim=0, eps=1e-300)
    return unit * (differences.double() @ unit).square().mean().sqrt()
