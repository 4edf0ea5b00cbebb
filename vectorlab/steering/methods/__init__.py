"""Extraction methods, one file each; importing this package registers them all."""

from vectorlab.steering.methods import icv, mean_difference
from vectorlab.steering.methods.registry import (
    METHOD_FUNCTIONS,
    Directions,
    Method,
    aggregate,
    register,
    without_each,
)

__all__ = [
    "METHOD_FUNCTIONS",
    "Directions",
    "Method",
    "aggregate",
    "icv",
    "mean_difference",
    "register",
    "without_each",
]
