"""From demonstrations to a steering vector: encode, record or reuse, aggregate, align."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.vectors import Alignment, ExtractionSpec, LayerVector
from vectorlab.progress import OnProgress
from vectorlab.steering.extraction.alignment import alignments
from vectorlab.steering.extraction.methods import Directions, aggregate
from vectorlab.steering.extraction.separability import separability
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.recording.paired_states import paired_states
from vectorlab.steering.recording.state_cache import OpenCache, Reuse


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """A steering vector that was just computed."""

    layers: tuple[LayerVector, ...]
    alignments: tuple[Alignment, ...]  # one per demonstration, in order
    events: tuple[str, ...]  # what did not go as planned, for people
    reuse: Reuse


def extract(
    loaded: LoadedModel,
    demonstrations: Sequence[Demonstration],
    spec: ExtractionSpec,
    *,
    open_cache: OpenCache | None = None,
    on_progress: OnProgress | None = None,
    token_budget: int | None = None,
) -> Extraction:
    """Compute the steering vector that a specification asks for.

    Args:
        loaded: The model that ``spec`` names, in the dtype that it names.
        demonstrations: Pairs, in the set version's order.
        spec: What to compute.
        open_cache: Where states are looked for before they are computed, and kept afterwards.
        on_progress: Called with (tokens done, tokens in all) of what is computed.
        token_budget: Most tokens per batch; None for what suits the device.

    Raises:
        InputError: If a demonstration has no target, there are none, or a text does not fit.
        IntegrityError: If the specification is for another model.
    """
    paired = paired_states(
        loaded,
        demonstrations,
        spec,
        open_cache=open_cache,
        on_progress=on_progress,
        token_budget=token_budget,
    )
    directions = aggregate(spec.method, paired.source, paired.target, spec.parameters)
    apart = separability(spec.method, paired.source, paired.target, spec.parameters)
    return Extraction(
        layers=layer_vectors(directions, apart),
        alignments=tuple(alignments(directions)),
        events=paired.source.events,
        reuse=paired.reuse,
    )


def layer_vectors(
    directions: Directions, separability: torch.Tensor | None = None
) -> tuple[LayerVector, ...]:
    """Directions as they are stored, with the separability (L,) of their layers if it is known."""
    shares = directions.explained_variance
    return tuple(
        LayerVector(
            layer=layer,
            values=directions.values[row].numpy(),
            explained_variance=None if shares is None else float(shares[row]),
            separability=None if separability is None else float(separability[row]),
        )
        for row, layer in enumerate(directions.layers)
    )
