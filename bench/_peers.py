"""How others steer: their libraries where `make peers` installed them, else written anew.

- ``additive_hook`` does what steering-vectors' hook does: a mask over the positions of the pass is
  made at every call, and the vector times the mask is added to the output in place.
- ``in_context_vector`` is the published algorithm of in-context vectors, step by step as it stands
  in reference implementations: it replaces the output of the MLP.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vectorlab.steering.model.loading import LoadedModel


@contextmanager
def steering_vectors(loaded: LoadedModel, values: torch.Tensor) -> Iterator[None]:
    """The library's own hooks behind every block."""
    from steering_vectors import SteeringVector

    found = SteeringVector(layer_activations=dict(enumerate(values)), layer_type="decoder_block")
    with found.apply(loaded.model):
        yield


@contextmanager
def repeng(loaded: LoadedModel, values: torch.Tensor) -> Iterator[None]:
    """The library's own wrappers around every block."""
    np.float_ = np.float64  # type: ignore[attr-defined] # repeng 0.4.0 names what numpy 2 took away
    from repeng import ControlModel, ControlVector

    layers = range(len(values))
    model = ControlModel(loaded.model, list(layers))
    directions = {layer: values[layer].numpy() for layer in layers}
    try:
        model.set_control(ControlVector(model_type="llama", directions=directions), 1.0)
        yield
    finally:
        model.unwrap()


def libraries() -> dict[str, Callable[[LoadedModel, torch.Tensor], AbstractContextManager[None]]]:
    """The libraries that are installed here, by name and version."""
    forms = {"steering-vectors": steering_vectors, "repeng": repeng}
    return {
        f"{name} {version(name)}": form
        for name, form in forms.items()
        if find_spec(name.replace("-", "_")) is not None
    }


@contextmanager
def hooked(modules: Sequence[nn.Module], hooks: Sequence[Any]) -> Iterator[None]:
    """Forward hooks on the modules while the block runs."""
    with ExitStack() as stack:
        for module, hook in zip(modules, hooks, strict=True):
            stack.callback(module.register_forward_hook(hook).remove)
        yield


def additive_hook(vector: torch.Tensor) -> Any:
    """Add a vector (D,) at every position."""

    def hook(_module: nn.Module, _inputs: Any, outputs: Any) -> Any:
        states = outputs[0] if isinstance(outputs, tuple) else outputs
        delta = vector.to(states.device)
        mask = torch.zeros(states.shape[1])
        mask[slice(0, None)] = 1
        mask = mask.reshape(1, -1, 1).to(states.device)
        states[None] = states + mask * delta.reshape(1, 1, -1)
        return outputs

    return hook


def in_context_vector(vectors: torch.Tensor, strengths: Sequence[float]) -> Any:
    """Turn states towards vectors (K, D), norms kept."""

    def hook(_module: nn.Module, _inputs: Any, outputs: torch.Tensor) -> torch.Tensor:
        dtype = outputs.dtype
        states = outputs.float()
        norms = torch.norm(states, p=2, dim=-1, keepdim=True)
        push: Any = 0
        for vector, strength in zip(vectors, strengths, strict=True):
            cosine = functional.cosine_similarity(states, -vector[None, None, :], dim=-1)
            gate = 1.0 + torch.max(torch.tensor([0.0]), cosine).unsqueeze(-1)
            unit = functional.normalize(vector, dim=-1).repeat(1, states.shape[1], 1)
            push = push + strength * gate * unit
        push = push / len(vectors)
        turned = functional.normalize(functional.normalize(states, p=2, dim=-1) + push, p=2, dim=-1)
        return (turned * norms).to(dtype)

    return hook
