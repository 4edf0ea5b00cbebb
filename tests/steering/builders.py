"""Short ways to write vectors, arms and runs in tests."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from vectorlab.domain.interventions.arms import Arm, Combine, Intervention
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.runs.runs import Decoding, Prompt, RunSpec
from vectorlab.domain.vectors.vectors import LayerVector, Site
from vectorlab.steering.model.loading import LoadedModel

VECTOR = "a" * 64
OTHER = "b" * 64
ZERO = "0" * 64


def random_vector(
    loaded: LoadedModel, *, seed: int = 0, scale: float = 1.0
) -> tuple[LayerVector, ...]:
    """A random vector for every layer of the model."""
    width, depth = loaded.description.d_model, loaded.description.n_layers
    values = np.random.default_rng(seed).normal(size=(depth, width)).astype(np.float32) * scale
    return tuple(LayerVector(layer=layer, values=row) for layer, row in enumerate(values))


def vectors(loaded: LoadedModel) -> dict[str, tuple[LayerVector, ...]]:
    """Two random vectors and a zero vector by hash."""
    return {
        VECTOR: random_vector(loaded, seed=1),
        OTHER: random_vector(loaded, seed=2),
        ZERO: random_vector(loaded, scale=0.0),
    }


def intervention(
    strength: float = 0.3,
    *,
    operator: Operator = Operator.ROTATE,
    site: Site = Site.MLP_OUTPUT,
    vector: str = VECTOR,
    **more: Any,
) -> Intervention:
    """One intervention; ICV's form unless said otherwise."""
    return Intervention(
        vector_id=1,
        vector_sha256=vector,
        operator=operator,
        strength=strength,
        site=site,
        **more,
    )


def arm(*interventions: Intervention, combine: Combine = Combine.MEAN) -> Arm:
    """An arm with these interventions; none makes the baseline."""
    return Arm(label="arm", interventions=interventions, combine=combine)


def run_spec(
    loaded: LoadedModel, prompts: Sequence[str], arms: Sequence[Arm], **more: Any
) -> RunSpec:
    """A run of this model; ``more`` are fields of the run or of its decoding."""
    run_fields = {name: more.pop(name) for name in ("seed", "samples", "dtype") if name in more}
    return RunSpec(
        model_fingerprint=loaded.description.fingerprint,
        prompts=tuple(Prompt(text=text) for text in prompts),
        arms=tuple(arms),
        decoding=Decoding(**({"max_new_tokens": 12} | more)),
        **run_fields,
    )


def hook_count(loaded: LoadedModel) -> int:
    """What is hung on the model; transformers leaves some hooks of its own there."""
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) + ("forward" in vars(module))
        for module in loaded.model.modules()
    )


@contextmanager
def small_memory(loaded: LoadedModel, *, rows: int) -> Iterator[None]:
    """A device that runs out of memory when a forward pass has more texts."""

    def hook(_module: nn.Module, _args: Any, kwargs: dict[str, Any]) -> None:
        texts = len(kwargs["input_ids"])
        if texts == 1 and "position_ids" in kwargs:  # several may stand in one row
            texts = int((kwargs["position_ids"] == 0).sum())
        if texts > rows:
            raise torch.OutOfMemoryError("no memory left")

    handle = loaded.model.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
