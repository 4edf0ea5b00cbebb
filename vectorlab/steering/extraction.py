"""From demonstrations to a steering vector: encode, record, aggregate, align."""

from collections.abc import Sequence
from dataclasses import dataclass

from vectorlab.domain.sets import Demonstration
from vectorlab.domain.vectors import Alignment, ExtractionSpec, LayerVector
from vectorlab.errors import InputError
from vectorlab.steering.activations import DEFAULT_TOKEN_BUDGET, Progress, States, record_states
from vectorlab.steering.alignment import alignments
from vectorlab.steering.loading import LoadedModel, check_request
from vectorlab.steering.methods import Directions, aggregate
from vectorlab.steering.methods.registry import find_method
from vectorlab.steering.tokens import encode


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """A steering vector that was just computed."""

    layers: tuple[LayerVector, ...]
    alignments: tuple[Alignment, ...]  # one per demonstration, in order
    events: tuple[str, ...]  # what did not go as planned, for people


def extract(
    loaded: LoadedModel,
    demonstrations: Sequence[Demonstration],
    spec: ExtractionSpec,
    *,
    on_progress: Progress | None = None,
    token_budget: int = DEFAULT_TOKEN_BUDGET,
) -> Extraction:
    """Compute the steering vector that a specification asks for.

    Args:
        loaded: The model that ``spec`` names, in the dtype that it names.
        demonstrations: Pairs, in the set version's order.
        spec: What to compute.
        on_progress: Called with (texts done, texts in all).
        token_budget: Most padded tokens per batch.

    Raises:
        InputError: If a demonstration has no target, there are none, or a text does not fit.
        IntegrityError: If the specification is for another model.
    """
    check_request(loaded, model_fingerprint=spec.model_fingerprint, dtype=spec.dtype)
    source, target = _paired_states(loaded, demonstrations, spec, on_progress, token_budget)
    directions = aggregate(spec.method, source, target, spec.parameters)
    return Extraction(
        layers=_layer_vectors(directions),
        alignments=tuple(alignments(source, target, directions)),
        events=source.events,
    )


def _paired_states(
    loaded: LoadedModel,
    demonstrations: Sequence[Demonstration],
    spec: ExtractionSpec,
    on_progress: Progress | None,
    token_budget: int,
) -> tuple[States, States]:
    method = find_method(spec.method)
    token_ids = encode(
        loaded.tokenizer,
        _texts(demonstrations),
        add_special_tokens=spec.add_special_tokens,
        strip_punctuation=spec.strip_punctuation,
        context_length=loaded.description.context_length,
        noun="Demonstration text",
    )
    _check_differ(token_ids)
    states = record_states(
        loaded,
        token_ids,
        site=spec.read_site,
        include_embeddings=method.needs_embeddings,
        token_rule=spec.token_rule,
        token_budget=token_budget,
        on_progress=on_progress,
    )
    return states[: len(demonstrations)], states[len(demonstrations) :]


def _check_differ(token_ids: Sequence[Sequence[int]]) -> None:
    """Refuse pairs whose difference is zero, as when only deleted punctuation told them apart."""
    pairs = len(token_ids) // 2
    same = [number + 1 for number in range(pairs) if token_ids[number] == token_ids[pairs + number]]
    if same:
        raise InputError(
            f"Source and target of {len(same)} demonstrations are the same tokens (first: number "
            f"{same[0]}): their difference would be zero. Change them, or leave punctuation in."
        )


def _texts(demonstrations: Sequence[Demonstration]) -> list[str]:
    """Every source, then every target."""
    targets = [item.target for item in demonstrations if item.target is not None]
    if not demonstrations or len(targets) < len(demonstrations):
        raise InputError(
            f"{len(targets)} of {len(demonstrations)} demonstrations are pairs; a vector needs at "
            "least one, and a target in each."
        )
    return [item.source for item in demonstrations] + targets


def _layer_vectors(directions: Directions) -> tuple[LayerVector, ...]:
    shares = directions.explained_variance
    return tuple(
        LayerVector(
            layer=layer,
            values=directions.values[row].numpy(),
            explained_variance=None if shares is None else float(shares[row]),
        )
        for row, layer in enumerate(directions.layers)
    )
