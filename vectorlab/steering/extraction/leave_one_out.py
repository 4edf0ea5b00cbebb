"""What every single demonstration does to a vector, from the states alone: no forward pass."""

from collections.abc import Mapping
from typing import Any

import torch

from vectorlab.domain.vectors.explanations import LeftOut
from vectorlab.errors import InputError
from vectorlab.progress import OnProgress
from vectorlab.steering.extraction.methods import Directions, without_each
from vectorlab.steering.recording.activations import States


def leave_one_out(
    method: str,
    source: States,
    target: States,
    parameters: Mapping[str, Any],
    directions: Directions,
    *,
    on_progress: OnProgress | None = None,
) -> list[LeftOut]:
    """The change of the vector without each of its demonstrations.

    Exact: what extraction from the set without that demonstration gives, but for float noise.

    Args:
        method: Name of a registered method.
        source: States of the N sources.
        target: Of the N targets, paired by row.
        parameters: Of the method.
        directions: What the method makes of all pairs.
        on_progress: Called with (demonstrations done, N).

    Returns:
        One per demonstration, in order.

    Raises:
        InputError: If there is one demonstration only.
    """
    total = len(source.values)
    if total < 2:
        raise InputError(
            "The vector has one demonstration only; nothing is left without it. "
            "Leave-one-out needs two or more."
        )
    left_out: list[LeftOut] = []
    for block in without_each(method, source, target, parameters):
        left_out += _compared(len(left_out), block, directions.values.double())
        if on_progress is not None:
            on_progress(len(left_out), total)
    return left_out


def _compared(first: int, without: torch.Tensor, full: torch.Tensor) -> list[LeftOut]:
    """Blocks (n, L, D) of reduced vectors against the full one, (L, D)."""
    without = without.double()
    layers = _changes(
        torch.einsum("nld,ld->nl", without, full),
        torch.linalg.vector_norm(without, dim=-1),
        torch.linalg.vector_norm(full, dim=-1),
    )
    overall = _changes(
        torch.einsum("nld,ld->n", without, full),
        torch.linalg.vector_norm(without, dim=(1, 2)),
        torch.linalg.vector_norm(full),
    )
    rows = zip(*(column.tolist() for column in (*overall, *layers)), strict=True)
    return [
        LeftOut(
            position=position,
            norm_change=norm_change,
            cosine=cosine,
            norm_changes=tuple(norm_changes),
            cosines=tuple(cosines),
        )
        for position, (norm_change, cosine, norm_changes, cosines) in enumerate(rows, first)
    ]


def _changes(
    products: torch.Tensor, lengths: torch.Tensor, full: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Relative norm changes and cosines; a zero vector has not changed and has cosine 0."""
    tiny = torch.finfo(torch.float64).tiny
    norm_changes = torch.where(full > 0, lengths / full.clamp(min=tiny) - 1, 0.0)
    return norm_changes, products / (lengths * full).clamp(min=tiny)
