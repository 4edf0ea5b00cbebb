"""The attention of a language model, taken apart by head: keys, queries, values and weights.

Architectures that hand queries, keys and values to transformers' attention interface can be
watched there, behind rotary embeddings and caches and whatever else they do before. Others are
an error: where a module computes attention in its own way, its value states cannot be reached.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from vectorlab.errors import ArchitectureError
from vectorlab.steering.model.architectures import hidden_of
from vectorlab.steering.model.loading import LoadedModel

IMPLEMENTATION = "vectorlab_record"
TOLERANCE = 2e-2  # relative, of the heads' sum against what the attention put out


class HeadMap:
    """The linear map behind the heads, in parts: what each head adds to the stream."""

    def __init__(self, tail: nn.Module, loaded: LoadedModel) -> None:
        self._tail, self._loaded = tail, loaded

    def __call__(self, heads: torch.Tensor) -> torch.Tensor:
        """All heads together, (..., H, d_head) -> (..., D), without the map's bias."""
        flat = heads.flatten(-2)
        return self._run(flat) - self.bias(flat.shape[-1])

    def each(self, heads: torch.Tensor) -> torch.Tensor:
        """Every head by itself, (..., H, d_head) -> (..., H, D)."""
        count = heads.shape[-2]
        return self(heads.unsqueeze(-3) * torch.eye(count)[..., None])

    def bias(self, width: int) -> torch.Tensor:
        """What the map adds whatever the heads say, (D,)."""
        return self._run(torch.zeros(width))

    @torch.inference_mode()
    def _run(self, flat: torch.Tensor) -> torch.Tensor:
        moved: torch.Tensor = self._tail(flat.to(self._loaded.device, self._loaded.dtype))
        return moved.float().cpu()


@dataclass(frozen=True, kw_only=True)
class HeadRecord:
    """One block's attention at the last token of one sequence of T tokens, float32 on the host."""

    weights: torch.Tensor  # (H, T), after the softmax
    scores: torch.Tensor  # (H, T): <k_j, q> times the scaling, before mask and softmax
    values: torch.Tensor  # (H, T, d_head), repeated where heads share them
    project: HeadMap
    output: torch.Tensor  # (D,): what the attention put out

    @property
    def heads(self) -> torch.Tensor:
        """Output of every head at the last token, (H, d_head)."""
        return torch.einsum("ht,htd->hd", self.weights, self.values)


@torch.inference_mode()
def record_heads(loaded: LoadedModel, token_ids: list[int]) -> list[HeadRecord]:
    """Attention of every block at the last token of one sequence.

    Args:
        loaded: The model; given back with the attention it had, whatever happens.
        token_ids: One non-empty sequence.

    Raises:
        ArchitectureError: If the value states of a block cannot be reached, or its heads do not
            add up to what its attention put out.
    """
    model_type = loaded.description.architecture
    tails = loaded.layers.attention_tails or tuple(
        module.get_submodule("out_proj")
        for module in loaded.layers.attention
        if hasattr(module, "out_proj")
    )
    if not tails:
        raise ArchitectureError(_unreachable(model_type, "the map behind the heads is not known"))
    if not loaded.model._can_set_attn_implementation():
        raise ArchitectureError(
            _unreachable(model_type, "it does not go through the attention interface")
        )
    seen: dict[int, _Seen] = {}
    outputs: dict[int, torch.Tensor] = {}
    with _recording(loaded, seen, outputs):
        ids = torch.tensor([token_ids], device=loaded.device)
        loaded.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
    records = []
    for layer, block in enumerate(loaded.layers.attention):
        inside = [seen[id(module)] for module in block.modules() if id(module) in seen]
        if len(inside) != 1:
            raise ArchitectureError(
                _unreachable(model_type, f"block {layer} does not use the attention interface")
            )
        record = _record(inside[0], HeadMap(tails[layer], loaded), outputs[layer])
        _check_sum(record, model_type, layer)
        records.append(record)
    return records


@dataclass(frozen=True, kw_only=True)
class _Seen:
    query: torch.Tensor  # (H, d)
    key: torch.Tensor  # (G, T, d)
    value: torch.Tensor  # (G, T, d)
    weights: torch.Tensor  # (H, T)
    scaling: float


@contextmanager
def _recording(
    loaded: LoadedModel, seen: dict[int, _Seen], outputs: dict[int, torch.Tensor]
) -> Iterator[None]:
    """Let the model attend through a function that keeps what it is given."""
    before = loaded.model.config._attn_implementation

    def watch(
        module: nn.Module, query: Any, key: Any, value: Any, mask: Any, **options: Any
    ) -> Any:
        attend = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
        if attend is None:
            raise ArchitectureError(
                _unreachable(loaded.description.architecture, "it has no eager attention")
            )
        output, weights = attend(module, query, key, value, mask, **options)
        scaling = options.get("scaling")
        seen[id(module)] = _Seen(
            query=query[0, :, -1].float().cpu(),
            key=key[0].float().cpu(),
            value=value[0].float().cpu(),
            weights=weights[0, :, -1].float().cpu(),
            scaling=query.shape[-1] ** -0.5 if scaling is None else float(scaling),
        )
        return output, weights

    def keep(layer: int) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            outputs[layer] = hidden_of(output).reshape(-1, hidden_of(output).shape[-1])[-1]

        return hook

    ALL_ATTENTION_FUNCTIONS.register(IMPLEMENTATION, watch)
    ALL_MASK_ATTENTION_FUNCTIONS.register(IMPLEMENTATION, ALL_MASK_ATTENTION_FUNCTIONS["eager"])
    handles = [
        module.register_forward_hook(keep(layer))
        for layer, module in enumerate(loaded.layers.attention)
    ]
    try:
        _switch(loaded, IMPLEMENTATION)
        yield
    finally:
        for handle in handles:
            handle.remove()
        _switch(loaded, before)


def _switch(loaded: LoadedModel, implementation: str) -> None:
    try:
        loaded.model.set_attn_implementation(implementation)
    except ValueError as exc:
        raise ArchitectureError(
            _unreachable(loaded.description.architecture, str(exc).splitlines()[0])
        ) from exc


def _record(seen: _Seen, project: HeadMap, output: torch.Tensor) -> HeadRecord:
    repeats = len(seen.query) // len(seen.key)
    keys = seen.key.repeat_interleave(repeats, dim=0)
    return HeadRecord(
        # Attention sinks may stand behind the tokens; they have no value.
        weights=seen.weights[:, : keys.shape[1]],
        scores=torch.einsum("htd,hd->ht", keys, seen.query) * seen.scaling,
        values=seen.value.repeat_interleave(repeats, dim=0),
        project=project,
        output=output.float().cpu(),
    )


def _check_sum(record: HeadRecord, model_type: str, layer: int) -> None:
    heads = record.heads
    total = record.project(heads) + record.project.bias(heads.numel())
    if float((total - record.output).norm()) > TOLERANCE * float(record.output.norm()):
        raise ArchitectureError(
            _unreachable(
                model_type, f"the heads of block {layer} do not add up to its attention output"
            )
        )


def _unreachable(model_type: str, reason: str) -> str:
    return (
        f"The value states of architecture {model_type!r} cannot be reached: {reason}. The view by "
        "heads needs attention that goes through transformers' attention interface, as Llama, "
        "Qwen, Gemma, GPT-2 or GPT-NeoX have it. Leave it out: vectorlab icl bridge --no-heads"
    )
