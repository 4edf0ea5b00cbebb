"""Tiny random models of many architectures, made in memory from configurations, no download.

Treat what is returned as read-only: models are shared by the whole test run.
"""

from functools import cache
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.models import ModelDescription
from vectorlab.steering.model.architectures import decoder_layers
from vectorlab.steering.model.loading import LoadedModel

D_MODEL = 32
N_LAYERS = 3
CONTEXT = 128
SPECIALS = ["<pad>", "<s>", "</s>"]
VOCABULARY = 256 + len(SPECIALS)

_COMMON: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
_LLAMA = _COMMON | {
    "hidden_size": D_MODEL,
    "intermediate_size": 48,
    "num_hidden_layers": N_LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.2,
}
_GEMMA = _LLAMA | {"head_dim": 8, "sliding_window": 16, "query_pre_attn_scalar": 8}
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
_GPT2 = _COMMON | {
    "n_embd": D_MODEL,
    "n_layer": N_LAYERS,
    "n_head": 4,
    "n_positions": CONTEXT,
    "initializer_range": 0.2,
}

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "bloom": _COMMON
    | {"hidden_size": D_MODEL, "n_layer": N_LAYERS, "n_head": 4, "initializer_range": 0.2},
    "cohere": _LLAMA,
    "cohere2": _LLAMA | {"sliding_window": 16},
    "falcon": _LLAMA | {"multi_query": True},
    "gemma": _LLAMA | {"head_dim": 8},
    "gemma2": _GEMMA,
    "gemma3_text": _GEMMA,
    "gpt2": _GPT2,
    "gpt_neo": _COMMON
    | {
        "hidden_size": D_MODEL,
        "num_layers": 2,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 16,
        "max_position_embeddings": CONTEXT,
        "initializer_range": 0.2,
    },
    "gpt_neox": _LLAMA,
    "gptj": _GPT2 | {"rotary_dim": 4},
    "granite": _LLAMA | {"residual_multiplier": 0.5, "logits_scaling": 2.0},
    "llama": _LLAMA,
    "mistral": _LLAMA | {"sliding_window": 16},
    "mixtral": _LLAMA | {"num_local_experts": 4, "num_experts_per_tok": 2},
    "mpt": _COMMON
    | {
        "d_model": D_MODEL,
        "n_layers": N_LAYERS,
        "n_heads": 4,
        "max_seq_len": CONTEXT,
        "initializer_range": 0.2,
    },
    "olmo": _LLAMA,
    "olmo2": _LLAMA,
    "opt": _COMMON
    | {
        "hidden_size": D_MODEL,
        "word_embed_proj_dim": D_MODEL,
        "ffn_dim": 48,
        "num_hidden_layers": N_LAYERS,
        "num_attention_heads": 4,
        "max_position_embeddings": CONTEXT,
        "init_std": 0.2,
    },
    "phi": _LLAMA,
    "phi3": _LLAMA,
    "qwen2": _LLAMA,
    "qwen2_moe": _LLAMA | _EXPERTS | {"shared_expert_intermediate_size": 24},
    "qwen3": _LLAMA | {"head_dim": 8},
    "qwen3_moe": _LLAMA | _EXPERTS | {"head_dim": 8},
    "smollm3": _LLAMA,
    "stablelm": _LLAMA,
    "starcoder2": _LLAMA,
}


def byte_tokenizer(*, bos: bool) -> PreTrainedTokenizerFast:
    """One token per byte of text, with or without a BOS in front."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate(SPECIALS + alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", 1)]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>" if bos else None,
        eos_token="</s>",
        pad_token="<pad>",
    )


def random_model(architecture: str, *, seed: int = 0, **changes: Any) -> Any:
    """A model of that architecture with random weights, in evaluation mode."""
    config = AutoConfig.for_model(architecture, **(CONFIGURATIONS[architecture] | changes))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(config).eval().requires_grad_(False)


@cache
def tiny_model(
    architecture: str, *, bos: bool = True, dtype: str = "float32", **changes: Any
) -> LoadedModel:
    """A loaded tiny random model with a byte tokenizer; no end of text, so lengths are fixed."""
    model = random_model(architecture, **changes).to(getattr(torch, dtype))
    layers = decoder_layers(model, architecture)
    return LoadedModel(
        description=description(architecture, n_layers=len(layers)),
        model=model,
        tokenizer=byte_tokenizer(bos=bos),
        device=torch.device("cpu"),
        dtype=model.dtype,
        layers=layers,
        eos_token_ids=(),
    )


def description(architecture: str, *, n_layers: int = N_LAYERS) -> ModelDescription:
    """What the store would know of a tiny random model."""
    return ModelDescription(
        source=f"/models/random-{architecture}",
        revision=None,
        architecture=architecture,
        n_layers=n_layers,
        d_model=D_MODEL,
        n_parameters=1,
        vocabulary_size=VOCABULARY,
        context_length=CONTEXT,
        weights_sha256=content_sha256("test", architecture),
        config_sha256=content_sha256("test", "config"),
        tokenizer_sha256=content_sha256("test", "tokenizer"),
        chat_template_sha256=None,
    )
