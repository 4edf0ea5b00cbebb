"""From paired states to directions, by the method of a name."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from vectorlab.catalogue import in_file_of
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.methods import method_info
from vectorlab.errors import InputError, ShapeError
from vectorlab.steering.extraction.methods.base import Aggregator, Directions, Method, omit
from vectorlab.steering.recording.activations import States


def find_method(name: str) -> Method:
    """How a method computes.

    Raises:
        InputError: If there is no such method.
        CatalogueError: If its file is missing or holds no method.
    """
    method_info(name)
    return in_file_of(f"{__package__}.{name}", "METHOD", Method)


def texts_of(
    method: str, demonstrations: Sequence[Demonstration], parameters: Mapping[str, Any]
) -> list[str] | None:
    """The 2 N texts that a method reads instead of sources and targets; None: those themselves.

    Raises:
        InputError: If the method or a parameter is unknown, or the demonstrations do not suit it.
    """
    entry = find_method(method)
    if entry.texts is None:
        return None
    _check_parameters(method, entry.aggregator, parameters)
    return entry.texts(demonstrations, **parameters)


def aggregate(
    method: str, source: States, target: States, parameters: Mapping[str, Any]
) -> Directions:
    """Turn paired states into one direction per layer, from source towards target.

    Args:
        method: Name of a method.
        source: States of the N sources.
        target: States of the N targets; row i is the pair of source row i.
        parameters: Of the method.

    Raises:
        InputError: If the method or a parameter is unknown.
        ShapeError: If the two do not agree in shape and layers.
    """
    entry = _checked(method, source, target, parameters)
    values = entry.aggregator(source.values, target.values, **parameters)
    explained, cosines = _diagnostics(target.per_layer() - source.per_layer(), values)
    return Directions(
        values=values, explained_variance=explained, cosines=cosines, layers=source.layers
    )


def without_each(
    method: str, source: States, target: States, parameters: Mapping[str, Any]
) -> Iterator[torch.Tensor]:
    """The directions that ``aggregate`` would give without pair 0, without pair 1 and so on.

    Yields:
        Blocks (n, L, D) that together have one row for each of the N pairs, in order.

    Raises:
        InputError: If the method or a parameter is unknown.
        ShapeError: If the two do not agree in shape and layers.
    """
    entry = _checked(method, source, target, parameters)
    if entry.omission is not None:
        yield from entry.omission(source.values, target.values, **parameters)
        return
    for pair in range(len(source.values)):
        yield omit(entry.aggregator, source.values, target.values, pair, parameters)[None]


def _diagnostics(
    differences: torch.Tensor, directions: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Share of the differences' energy that lies along each layer's direction, and cosines.

    The energy is about zero, not about the mean: the common shift is what a steering vector is
    meant to carry, and it is what centring would remove.

    Args:
        differences: Target minus source, (N, L, D).
        directions: (L, D); a zero direction explains nothing and has cosine 0 with everything.

    Returns:
        (L,) float32 in 0..1: sum of squared projections over sum of squared norms; and (N, L)
        float64 in -1..1.
    """
    units = torch.nn.functional.normalize(directions.double(), dim=-1, eps=1e-300)
    # Through numpy, which adds in float64 without a copy of the differences in it.
    values = differences.numpy()
    along = torch.from_numpy(np.einsum("nld,ld->nl", values, units.numpy()))
    squares = torch.from_numpy(np.einsum("nld,nld->nl", values, values, dtype=np.float64))
    energy = squares.sum(dim=0).clamp(min=1e-300)
    explained = (along.square().sum(dim=0) / energy).clamp(0, 1).float()
    return explained, along / squares.sqrt().clamp(min=1e-12)


def _checked(method: str, source: States, target: States, parameters: Mapping[str, Any]) -> Method:
    entry = find_method(method)
    if source.values.shape != target.values.shape or source.layers != target.layers:
        raise ShapeError(
            f"Sources have states of shape {tuple(source.values.shape)}, targets "
            f"{tuple(target.values.shape)}; they must be pairs."
        )
    _check_parameters(method, entry.aggregator, parameters)
    return entry


def _check_parameters(method: str, aggregator: Aggregator, parameters: Mapping[str, Any]) -> None:
    known = list(inspect.signature(aggregator).parameters)[2:]
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise InputError(
            f"Method {method!r} has no parameter {', '.join(unknown)}. "
            f"It has: {', '.join(known) or 'none'}."
        )
