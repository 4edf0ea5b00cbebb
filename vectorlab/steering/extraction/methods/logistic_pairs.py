"""Weights of a linear classifier of targets against sources, each less the middle of its pair.

Both states of a pair lie half their difference d_i from its middle, on opposite sides. A
classifier without an intercept that tells them apart, layer by layer:

    w = argmin 2 sum_i log(1 + exp(-w . d_i / 2)) + penalty / 2 |w|^2
    direction = w / |w|

in the states' own units: what a penalty does hangs on how long they are. The minimum is unique,
and Newton steps reach it to float64's accuracy; scikit-learn, which stops earlier, comes within
its tolerance of it.

What it is not: ``logistic_regression``, which does not know pairs, has an intercept, and measures
states by their length.

Source: ``logistic_aggregator`` of the steering-vectors library,
https://github.com/steering-vectors/steering-vectors; its penalty is 1, scikit-learn's ``1 / C``.
"""

import torch

from vectorlab.errors import InputError
from vectorlab.steering.extraction.methods.base import Method
from vectorlab.steering.extraction.methods.logistic_regression import minimise


def pair_classifier(
    source: torch.Tensor, target: torch.Tensor, *, penalty: float = 1.0
) -> torch.Tensor:
    """Direction of the classifier's weights for every layer, towards the targets.

    Args:
        source: States of the sources, (N, L, D) float32.
        target: States of the targets; row i is the pair of source row i.
        penalty: Weight of the squared length, in the states' units.

    Returns:
        (L, D) float32 of length 1 at every layer.

    Raises:
        InputError: If ``penalty`` is not a positive number.
    """
    if not penalty > 0:
        raise InputError(f"Parameter penalty is {penalty!r}; it must be a number above 0.")
    directions = []
    for differences in (target - source).double().unbind(dim=1):
        count = 2 * len(differences)  # states; the loss there is a mean over them
        sides = torch.cat([-differences, differences]) / 2
        weights = minimise(sides, penalty / count, intercept=False)
        directions.append(torch.nn.functional.normalize(weights, dim=0, eps=1e-300))
    return torch.stack(directions).float()


METHOD = Method(aggregator=pair_classifier)
