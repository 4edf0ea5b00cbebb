"""Where the decoder blocks of each architecture are, and what their modules return.

One table row per transformers ``model_type``. An unknown architecture is an error that names the
row to add, never a guess: the longest module list may be a list of experts or a vision tower.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import torch
from torch import nn

from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import ArchitectureError


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Module paths of one architecture.

    ``mlp`` and ``attention`` must name the module whose output is the update itself: before it is
    added to the residual stream and before any norm that follows the update (Gemma, OLMo-2).
    """

    blocks: str  # from the model to the list of decoder blocks
    mlp: str  # from a block
    attention: str  # from a block
    norm: str = "norm"  # behind the last block; it stands beside the list of blocks
    # Maps behind the attention, from a block: they treat every token alone, take the states first,
    # and what they return is added to the stream by broadcasting. Empty: not known to.
    attention_tail: str = ""
    mlp_tail: str = ""
    # Whether the attention is transformers' exchangeable one and positions are told to the model,
    # so that several sequences can stand in one row.
    packs: bool = False
    # Whether layers choose experts: how the tokens of a batch are grouped, and with it the rounding
    # of each, then depends on what the other rows hold.
    chooses_experts: bool = False
    # What the forward method of transformers does to logits behind the head, by its configuration.
    behind_head: Callable[[Any, torch.Tensor], torch.Tensor] | None = None


def _scaled(config: Any, logits: torch.Tensor) -> torch.Tensor:
    return logits * float(config.logit_scale)


def _divided(config: Any, logits: torch.Tensor) -> torch.Tensor:
    return logits / float(config.logits_scaling)


def _capped(config: Any, logits: torch.Tensor) -> torch.Tensor:
    cap = config.final_logit_softcapping
    return logits if cap is None else torch.tanh(logits / cap) * cap


_LLAMA = Architecture(
    blocks="model.layers",
    mlp="mlp",
    attention="self_attn",
    attention_tail="self_attn.o_proj",
    mlp_tail="mlp",
    packs=True,
)

ARCHITECTURES: dict[str, Architecture] = {
    # BLOOM's MLP and attention, and MPT's MLP, add the residual stream inside; their last linear
    # map is the update alone.
    "bloom": Architecture(
        blocks="transformer.h",
        mlp="mlp.dense_4h_to_h",
        attention="self_attention.dense",
        norm="ln_f",
        mlp_tail="mlp",
    ),
    "cohere": replace(_LLAMA, behind_head=_scaled),
    "cohere2": replace(_LLAMA, behind_head=_scaled),
    "falcon": Architecture(
        blocks="transformer.h",
        mlp="mlp",
        attention="self_attention",
        norm="ln_f",
        attention_tail="self_attention.dense",
        mlp_tail="mlp",
    ),
    "gemma": _LLAMA,
    "gemma2": replace(_LLAMA, behind_head=_capped),
    "gemma3": Architecture(
        blocks="model.language_model.layers",
        mlp="mlp",
        attention="self_attn",
        attention_tail="self_attn.o_proj",
        mlp_tail="mlp",
    ),
    "gemma3_text": replace(_LLAMA, behind_head=_capped),
    "gpt2": Architecture(
        blocks="transformer.h",
        mlp="mlp",
        attention="attn",
        norm="ln_f",
        attention_tail="attn.c_proj",
        mlp_tail="mlp",
        packs=True,
    ),
    "gpt_neo": Architecture(
        blocks="transformer.h",
        mlp="mlp",
        attention="attn",
        norm="ln_f",
        attention_tail="attn.attention.out_proj",
        mlp_tail="mlp",
    ),
    "gpt_neox": Architecture(
        blocks="gpt_neox.layers",
        mlp="mlp",
        attention="attention",
        norm="final_layer_norm",
        attention_tail="attention.dense",
        mlp_tail="mlp",
        packs=True,
    ),
    "gptj": Architecture(
        blocks="transformer.h",
        mlp="mlp",
        attention="attn",
        norm="ln_f",
        attention_tail="attn.out_proj",
        mlp_tail="mlp",
    ),
    "granite": replace(_LLAMA, behind_head=_divided),
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "mixtral": replace(_LLAMA, chooses_experts=True),
    "mpt": Architecture(
        blocks="transformer.blocks",
        mlp="ffn.down_proj",
        attention="attn",
        norm="norm_f",
        attention_tail="attn.out_proj",
        mlp_tail="ffn",
    ),
    "olmo": _LLAMA,
    "olmo2": _LLAMA,
    # OPT has no MLP module; fc2 is its last map, and sees batch and tokens as one axis.
    "opt": Architecture(
        blocks="model.decoder.layers", mlp="fc2", attention="self_attn", norm="final_layer_norm"
    ),
    "phi": replace(_LLAMA, attention_tail="self_attn.dense", norm="final_layernorm"),
    "phi3": _LLAMA,
    "qwen2": _LLAMA,
    "qwen2_moe": replace(_LLAMA, chooses_experts=True),
    "qwen3": _LLAMA,
    "qwen3_moe": replace(_LLAMA, chooses_experts=True),
    "smollm3": _LLAMA,
    "stablelm": _LLAMA,
    "starcoder2": _LLAMA,
}


@dataclass(frozen=True, kw_only=True)
class DecoderLayers:
    """The hookable modules of a model, one per decoder block, in order."""

    blocks: tuple[nn.Module, ...]
    mlp: tuple[nn.Module, ...]
    attention: tuple[nn.Module, ...]
    # Of every block, modules that need to see the wanted tokens only; none where it is not known.
    attention_tails: tuple[nn.Module, ...] = ()
    mlp_tails: tuple[nn.Module, ...] = ()
    packs: bool = False  # whether several sequences can stand in one row

    def __len__(self) -> int:
        return len(self.blocks)

    def at(self, site: Site) -> tuple[nn.Module, ...]:
        """The modules whose outputs are this site."""
        return {
            Site.BLOCK_OUTPUT: self.blocks,
            Site.MLP_OUTPUT: self.mlp,
            Site.ATTENTION_OUTPUT: self.attention,
        }[site]

    def tails(self, site: Site, layer: int) -> list[nn.Module]:
        """What of a block, up to a site, works on every token alone and can leave tokens out."""
        behind = [] if site == Site.ATTENTION_OUTPUT else list(self.mlp_tails[layer : layer + 1])
        return [*self.attention_tails[layer : layer + 1], *behind]


def architecture(model_type: str) -> Architecture:
    """The table row of a transformers ``model_type``.

    Raises:
        ArchitectureError: If there is none.
    """
    if model_type not in ARCHITECTURES:
        raise ArchitectureError(
            f"Architecture {model_type!r} is not in the layer table. Known: "
            f"{', '.join(sorted(ARCHITECTURES))}. Add ARCHITECTURES[{model_type!r}] = "
            "Architecture(blocks=..., mlp=..., attention=...) in "
            "vectorlab/steering/model/architectures.py."
        )
    return ARCHITECTURES[model_type]


def decoder_layers(model: nn.Module, model_type: str) -> DecoderLayers:
    """Find the decoder blocks of a model and the MLP and attention in each.

    Raises:
        ArchitectureError: If the architecture is unknown or its table row does not fit.
    """
    paths = architecture(model_type)
    try:
        blocks = tuple(attrgetter(paths.blocks)(model))
        mlp = tuple(attrgetter(paths.mlp)(block) for block in blocks)
        attention = tuple(attrgetter(paths.attention)(block) for block in blocks)
        attention_tails = _tails(blocks, paths.attention_tail)
        mlp_tails = _tails(blocks, paths.mlp_tail)
    except AttributeError as exc:
        raise ArchitectureError(
            f"The layer table's row for {model_type!r} does not fit this model: {exc}. "
            f"Correct ARCHITECTURES[{model_type!r}] in vectorlab/steering/model/architectures.py."
        ) from exc
    return DecoderLayers(
        blocks=blocks,
        mlp=mlp,
        attention=attention,
        attention_tails=attention_tails,
        mlp_tails=mlp_tails,
        packs=paths.packs,
    )


def hidden_of(output: Any) -> torch.Tensor:
    """The states in a module's output, which is a tensor or a tuple that begins with one.

    Returns:
        (B, T, D), or (tokens, D) where a module has both axes in one.

    Raises:
        ArchitectureError: If it holds no tensor there.
    """
    hidden = output[0] if isinstance(output, tuple) else output
    if not isinstance(hidden, torch.Tensor):
        raise ArchitectureError(
            f"A hooked module returned {type(hidden).__name__}, not a tensor; the table in "
            "vectorlab/steering/model/architectures.py names the wrong module for this "
            "architecture."
        )
    return hidden


def replace_hidden(output: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """The module's output with its states changed and everything else passed on.

    Args:
        output: What the module returned.
        change: Maps the states to states of the same shape.
    """
    hidden = change(hidden_of(output))
    return (hidden, *output[1:]) if isinstance(output, tuple) else hidden


def as_rows(hidden: torch.Tensor, rows: int) -> torch.Tensor:
    """States as (B, T, D), also where a module flattened batch and tokens into one axis."""
    if hidden.ndim == 3 and len(hidden) == rows:
        return hidden
    return hidden.reshape(rows, -1, hidden.shape[-1])


def as_returned(states: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """States of (B, T, D) in the shape in which a module returned them."""
    return states if states.shape == hidden.shape else states.reshape(hidden.shape)


def _tails(blocks: tuple[nn.Module, ...], path: str) -> tuple[nn.Module, ...]:
    return tuple(attrgetter(path)(block) for block in blocks) if path else ()
