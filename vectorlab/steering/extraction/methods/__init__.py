"""Extraction methods, one file each, found by its name; it holds ``METHOD``."""

from vectorlab.steering.extraction.methods.base import Directions, Method
from vectorlab.steering.extraction.methods.registry import (
    aggregate,
    find_method,
    texts_of,
    without_each,
)

__all__ = ["Directions", "Method", "aggregate", "find_method", "texts_of", "without_each"]
