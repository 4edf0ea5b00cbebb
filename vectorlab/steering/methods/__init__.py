"""Extraction methods, one file each; importing this package registers them all."""

from vectorlab.steering.methods import (
    context_shift,
    icv,
    icv_paper,
    logistic_regression,
    mean_difference,
    pca,
    pca_centred,
    single_pair,
    whitened_mean_difference,
)
from vectorlab.steering.methods.registry import (
    METHOD_FUNCTIONS,
    Directions,
    Method,
    aggregate,
    register,
    texts_of,
    without_each,
)

__all__ = [
    "METHOD_FUNCTIONS",
    "Directions",
    "Method",
    "aggregate",
    "context_shift",
    "icv",
    "icv_paper",
    "logistic_regression",
    "mean_difference",
    "pca",
    "pca_centred",
    "register",
    "single_pair",
    "texts_of",
    "whitened_mean_difference",
    "without_each",
]
