"""In-context vectors, as the published code computes them.

With differences d_i = H(target_i) - H(source_i), where H flattens the residual stream of the last
token behind the embeddings and behind every block into one vector:

    direction = mean_i d_i + sum of the first ``rank`` principal components of the d_i

The components are unit vectors of the *centred* differences. The mean is not normalised and is
far longer, so layer by layer the direction is nearly the mean difference. Row 0, the embeddings,
takes part in the components and is dropped at the end.

What it is not: the paper's own formula, which is the first direction of the uncentred
differences. Deleting punctuation first belongs to the text's preparation (``strip_punctuation``).

Source: Liu, Ye, Xing, Zou, "In-context Vectors", https://arxiv.org/abs/2311.06668, and their
code, https://github.com/shengliu66/ICV (tasks/base.py, utils/pca.py).
"""

import math
from collections.abc import Iterator

import torch

from vectorlab.errors import InputError
from vectorlab.steering.extraction.leading_eigenvectors import gram, principal
from vectorlab.steering.extraction.methods.base import Method, omit
from vectorlab.steering.extraction.methods.directions import mean_of, signs_of_largest

_BLOCK = 256  # pairs left out at a time, to bound memory


def _without_each(
    source: torch.Tensor, target: torch.Tensor, *, rank: int = 1
) -> Iterator[torch.Tensor]:
    """Leaving a pair out takes one rank from the scatter of the centred differences.

    With D = U S V' the centred differences, the scatter without pair i is, in the basis V,
    S^2 - N / (N - 1) z z' with z = S U_i: a diagonal less one rank, whose largest eigenvalue is
    the root of a secular equation (Golub 1973, https://doi.org/10.1137/1015032). So all N
    components come out of the one decomposition of the N x N Gram matrix. A pair whose root is
    not found to accuracy is aggregated without instead.
    """
    differences = (target - source).double().flatten(start_dim=1)
    mean = differences.mean(dim=0)
    shape = target.shape[1:]
    components = _Downdates(differences - mean) if rank == 1 else None
    for start in range(0, len(source), _BLOCK):
        part = torch.arange(start, min(start + _BLOCK, len(source)))
        rest = mean + (mean - differences[part]) / (len(source) - 1)
        is_exact = torch.full(part.shape, rank == 0)
        if components is not None:
            leading, is_exact = components.without(part)
            rest = rest + leading
        block = rest.reshape(len(part), *shape)[:, 1:]
        for row in (~is_exact).nonzero()[:, 0].tolist():
            others = omit(in_context_vector, source, target, int(part[row]), {"rank": rank})
            block[row] = others.double()
        yield block


def in_context_vector(source: torch.Tensor, target: torch.Tensor, *, rank: int = 1) -> torch.Tensor:
    """Mean difference plus the first centred components, over the whole stack at once.

    Args:
        source: States of the sources with embeddings in row 0, (N, 1 + L, D) float32.
        target: The same of the targets; row i is the pair of source row i.
        rank: Number of components that are added; 1 everywhere in the original work.

    Returns:
        (L, D) float32, not normalised (activation units).

    Raises:
        InputError: If ``rank`` is not a whole number of 0 or more.
    """
    if not isinstance(rank, int) or rank < 0:
        raise InputError(f"Parameter rank is {rank!r}; it must be a whole number, 0 or more.")
    differences = (target - source).flatten(start_dim=1)
    mean = mean_of(differences)
    # What rounding alone leaves of differences that are all the same has no direction.
    noise = torch.linalg.vector_norm(differences).double().square() * 1e-28
    # float64 keeps the Gram matrix, which squares the condition, at float32's own accuracy.
    centred = differences.double().sub_(mean)
    direction = mean + _principal_components(centred, rank, noise).sum(dim=0)
    return direction.reshape(target.shape[1:])[1:].float()


def _principal_components(centred: torch.Tensor, rank: int, noise: torch.Tensor) -> torch.Tensor:
    """First right singular vectors, (up to ``rank``, F), through the N x N Gram matrix.

    Components without variance are left out: they have no direction, and one pair has none.
    """
    if rank == 0:
        return centred[:0]
    variances, left = principal(centred, rank)
    floor = torch.maximum(variances[0] * 1e-12, noise) + torch.finfo(torch.float64).tiny
    left = left[:, variances > floor]
    components = (left * signs_of_largest(left)).T @ centred
    return torch.nn.functional.normalize(components, dim=1)


class _Downdates:
    """First components of the centred differences without each of the pairs.

    Args:
        centred: Differences less their mean, (N, F) float64.
    """

    _STEPS = 80  # of bisection; each halves what is left of the interval
    _LEAST = 1e-7  # of the largest variance: less cannot be told from rounding with accuracy
    _TOLERANCE = 1e-9  # of an eigenpair's residual, relative to the eigenvalue

    def __init__(self, centred: torch.Tensor) -> None:
        self.centred = centred
        variances, left = torch.linalg.eigh(gram(centred))
        keep = variances > variances[-1] * 1e-14 + torch.finfo(torch.float64).tiny
        self.variances = variances[keep].flip(0)  # (R,) descending
        self.left = left[:, keep].flip(1)  # (N, R)
        self.scores = self.left * self.variances.sqrt()  # (N, R) of every pair on every component

    def without(self, pairs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Components (n, F) without each of n pairs, and which of them are exact."""
        total = len(self.centred)
        if total < 3 or len(self.variances) == 0:
            return self.centred[pairs], torch.zeros(len(pairs), dtype=torch.bool)
        z, weight = self.scores[pairs], total / (total - 1)
        y, value = self._largest(z, weight)
        image = self.variances * y - weight * (z * y).sum(1, keepdim=True) * z
        residual = torch.linalg.vector_norm(image - value[:, None] * y, dim=1)
        # The decomposition itself is no better than rounding of the largest variance.
        is_left = value > self._LEAST * self.variances[0]
        is_exact = is_left & (residual < self._TOLERANCE * value)  # False for NaN too
        y = y * self._signs_without(y, z, pairs)[:, None]
        return (y / self.variances.sqrt()) @ self.left.T @ self.centred, is_exact

    def _largest(self, z: torch.Tensor, weight: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Eigenvectors (n, R) of unit length and largest eigenvalues (n,), for each row of z.

        The eigenvalue is the first variance less a gap, and the gap is bisected: it is where
        ``weight * (z_1^2 / gap - sum_j>1 z_j^2 / (v_1 - v_j - gap)) = 1``.
        """
        first, others = z[:, :1], z[:, 1:]
        apart = self.variances[0] - self.variances[1:]
        low = torch.zeros_like(first)
        high = (weight * first.square()).clamp(max=float(apart[0]) if len(apart) else math.inf)
        for _ in range(self._STEPS):
            gap = (low + high) / 2
            rest = (others.square() / (apart - gap)).sum(1, keepdim=True)
            # Without division by a gap of zero, which a pair with score zero has.
            too_small = weight * first.square() > gap * (1 + weight * rest)
            low, high = torch.where(too_small, gap, low), torch.where(too_small, high, gap)
        gap = (low + high) / 2
        factor = torch.where(first == 0, 0.0, gap / first)
        y = torch.cat([torch.ones_like(first), -factor * others / (apart - gap)], dim=1)
        return torch.nn.functional.normalize(y, dim=1), self.variances[0] - gap[:, 0]

    def _signs_without(self, y: torch.Tensor, z: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
        """The sign rule for the scores of the pairs that stay, (n,)."""
        scores = self.scores @ y.T + (z * y).sum(dim=1) / (len(self.scores) - 1)  # (N, n)
        scores[pairs, torch.arange(len(pairs))] = 0
        return signs_of_largest(scores)


METHOD = Method(aggregator=in_context_vector, needs_embeddings=True, omission=_without_each)
