"""How others steer, written anew from what they do: their hooks on the modules of a model.

- ``additive_hook`` does what steering-vectors' hook does: a mask over the positions of the pass is
  made at every call, and the vector times the mask is added to the output in place.
- ``in_context_vector`` is the published algorithm of in-context vectors, step by step as it stands
  in reference implementations: it replaces the output of the MLP.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional


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
