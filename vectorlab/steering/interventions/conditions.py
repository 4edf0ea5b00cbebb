"""Measure what conditions ask of prompts: one prompt at a time, so that nothing else matters.

A prompt's value must not depend on what shares a batch with it, or a row could be steered in one
batch and not in another. So every prompt runs by itself, unpadded and unsteered, up to the last
layer that a condition reads.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import nn

from vectorlab.domain.interventions.conditions import Condition, Measure
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.vectors.vectors import LayerVector, Site
from vectorlab.errors import InputError, ModelError, NotFoundError, ShapeError
from vectorlab.steering.interventions.operators.base import COSINE_EPS
from vectorlab.steering.interventions.token_positions import PassReader, Rule, RuleReader
from vectorlab.steering.model.architectures import as_rows, hidden_of
from vectorlab.steering.model.batching import forward_arguments
from vectorlab.steering.model.loading import LoadedModel

ReadPlace = tuple[int, Site]


class _AllRead(Exception):
    """The last wanted layer has been read."""


@torch.inference_mode()
def states_of(
    loaded: LoadedModel, token_ids: Sequence[int], places: Sequence[ReadPlace]
) -> dict[ReadPlace, torch.Tensor]:
    """States of one unsteered text at some places, (T, D) float32 each.

    Raises:
        ShapeError: If the model has no such layer.
        ModelError: If they are not finite.
    """
    depth = len(loaded.layers)
    if wrong := sorted({layer for layer, _ in places if not 0 <= layer < depth}):
        raise ShapeError(
            f"A condition reads layer {wrong[0]}, but the model has {depth} (0 to {depth - 1})."
        )
    ids = torch.tensor([list(token_ids)], device=loaded.device)
    starts = torch.zeros(1, dtype=torch.long, device=loaded.device)
    states: dict[ReadPlace, torch.Tensor] = {}
    with _reading(loaded, places, states), suppress(_AllRead):
        loaded.model(**forward_arguments(loaded, ids, None, starts))
    for layer, site in places:
        if not bool(states[layer, site].isfinite().all()):
            raise ModelError(
                f"The model's states are not finite at {site} of layer {layer}, where a condition "
                "reads them. Use dtype float32."
            )
    return states


def measure(states: torch.Tensor, vector: torch.Tensor, kind: Measure) -> torch.Tensor:
    """What every token's state is worth, (..., T) float32.

    Args:
        states: (..., T, D).
        vector: (D,), not zero.
        kind: Cosine or projection.
    """
    along = states @ (vector / vector.norm())
    if kind is Measure.COSINE:
        along = along / states.norm(dim=-1).clamp(min=COSINE_EPS)
    measured: torch.Tensor = along
    return measured


def window_of(loaded: LoadedModel, window: Positions, token_ids: Sequence[int]) -> torch.Tensor:
    """Which tokens of a prompt a window holds, (T,) bool on the CPU."""
    rules = [Rule(window, Schedule.CONSTANT)]
    reader = RuleReader(rules, loaded.tokenizer.bos_token_id, torch.device("cpu"))
    row = torch.tensor([list(token_ids)])
    touched: torch.Tensor = reader.touches(PassReader().read(row, None, False))[0, :, 0]
    return touched


def read_conditions(
    loaded: LoadedModel,
    prompts: Sequence[Sequence[int]],
    conditions: Sequence[Condition],
    vectors: Mapping[str, Sequence[LayerVector]],
) -> list[list[float]]:
    """Per prompt the value of every condition.

    Raises:
        NotFoundError: If a vector is not given, or has no such layer.
        InputError: If a vector is zero there, or a window holds no token of a prompt.
    """
    directions = [direction_of(loaded, condition, vectors) for condition in conditions]
    places = list(dict.fromkeys((condition.layer, condition.site) for condition in conditions))
    values = []
    for number, ids in enumerate(prompts, start=1):
        states = states_of(loaded, ids, places)
        row = []
        for condition, direction in zip(conditions, directions, strict=True):
            inside = window_of(loaded, condition.window, ids).to(loaded.device)
            if not bool(inside.any()):
                raise InputError(
                    f"Prompt {number} has no token in the window {condition.window} of the "
                    "condition. Choose a window that every prompt has, such as prompt or "
                    "prompt:last=1."
                )
            each = measure(states[condition.layer, condition.site], direction, condition.measure)
            row.append(float(each[inside].mean()))
        values.append(row)
    return values


def direction_of(
    loaded: LoadedModel, condition: Condition, vectors: Mapping[str, Sequence[LayerVector]]
) -> torch.Tensor:
    """What a condition measures along, (D,) float32 on the model's device.

    Raises:
        NotFoundError: If its vector is not given.
        ShapeError: If that has no such layer, or another width.
        InputError: If it is zero there.
    """
    name = condition.vector_sha256[:12]
    if condition.vector_sha256 not in vectors:
        raise NotFoundError("vector", name, hint="Give the layer vectors of every condition.")
    part = next(
        (part for part in vectors[condition.vector_sha256] if part.layer == condition.layer), None
    )
    if part is None:
        layers = sorted(part.layer for part in vectors[condition.vector_sha256])
        raise ShapeError(
            f"A condition reads vector {name} at layer {condition.layer}, but it has "
            f"layers {layers}."
        )
    width = loaded.description.d_model
    if part.values.shape != (width,):
        raise ShapeError(
            f"A condition's vector {name} has width {part.values.shape[-1]}, but the model has "
            f"d_model {width}."
        )
    if not part.norm > 0:
        raise InputError(f"A condition's vector {name} is zero at layer {condition.layer}.")
    return torch.from_numpy(part.values.astype("float32")).to(loaded.device)


@contextmanager
def _reading(
    loaded: LoadedModel, places: Sequence[ReadPlace], states: dict[ReadPlace, torch.Tensor]
) -> Iterator[None]:
    def hook_at(place: ReadPlace) -> Any:
        def hook(_module: nn.Module, _args: Any, output: Any) -> None:
            states[place] = as_rows(hidden_of(output), 1)[0].float().to(loaded.device)
            if len(states) == len(set(places)):
                raise _AllRead

        return hook

    handles = [
        loaded.layers.at(site)[layer].register_forward_hook(hook_at((layer, site)))
        for layer, site in set(places)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
