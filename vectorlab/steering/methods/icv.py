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

import torch

from vectorlab.errors import InputError
from vectorlab.steering.methods.registry import register


@register("icv", needs_embeddings=True)
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
    # float64 keeps the Gram matrix, which squares the condition, at float32's own accuracy.
    differences = (target - source).double().flatten(start_dim=1)
    mean = differences.mean(dim=0)
    direction = mean + _principal_components(differences - mean, rank).sum(dim=0)
    return direction.reshape(target.shape[1:])[1:].float()


def _principal_components(centred: torch.Tensor, rank: int) -> torch.Tensor:
    """First right singular vectors, (up to ``rank``, F), through the N x N Gram matrix.

    Components without variance are left out: they have no direction, and one pair has none.
    """
    variances, left = torch.linalg.eigh(centred @ centred.T)
    order = variances.argsort(descending=True)[:rank]
    floor = variances[-1] * 1e-12 + torch.finfo(torch.float64).tiny
    order = order[variances[order] > floor]
    components = (_with_fixed_signs(left[:, order])).T @ centred
    return torch.nn.functional.normalize(components, dim=1)


def _with_fixed_signs(left: torch.Tensor) -> torch.Tensor:
    """Left singular vectors (N, rank) whose largest entry by magnitude is positive."""
    # Two pairs have entries of equal size: take the first of them, not what rounding favours.
    largest = left.abs() >= left.abs().amax(dim=0) * (1 - 1e-9)
    first = largest.int().argmax(dim=0)
    return left * left.gather(0, first[None, :]).sign()
