"""Which features tell the values of an attribute, by a linear classifier with an L1 penalty."""

import warnings

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC

from vectorlab.domain.ties import in_order
from vectorlab.errors import InputError

SAMPLES = 1024  # labelled states that the classifier sees at most
_SMALLEST = 1e-5  # weights below count as none, as scikit-learn's own selection does


def informative(
    features: torch.Tensor,
    values: torch.Tensor,
    *,
    inverse_penalty: float,
    k: int | None,
    seed: int,
) -> torch.Tensor:
    """Places of the features that the classifier uses, ascending.

    Args:
        features: (N, K), each of about unit variance.
        values: (N,) which value of the attribute.
        inverse_penalty: C of the classifier; more of it picks more features.
        k: How many, those with the largest weights, of equal ones the first; None takes all that
            have one.
        seed: Of the order in which the classifier goes through the states.

    Returns:
        (number of features,) int64.

    Raises:
        InputError: If it picks none.

    Source: explanare/ravel, src/methods/select_features.py (LinearSVC, SelectFromModel)
    """
    if len(features) > SAMPLES:
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.randperm(len(features), generator=generator)[:SAMPLES]
        features, values = features[chosen], values[chosen]
    classifier = LinearSVC(
        C=inverse_penalty, penalty="l1", dual=False, max_iter=300, random_state=seed
    )
    with warnings.catch_warnings():
        # Weights that are not settled to the last digit still say which features matter.
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(features.double().numpy(), values.numpy())
    weight = np.abs(classifier.coef_).sum(axis=0)
    picked = np.flatnonzero(weight >= _SMALLEST)
    if k is not None:
        picked = np.sort(in_order(weight)[:k])
    if not len(picked):
        raise InputError(
            f"The classifier picks no feature with inverse_penalty {inverse_penalty:g}. "
            "Raise it: --parameter inverse_penalty=100"
        )
    return torch.from_numpy(picked)
