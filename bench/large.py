"""Memory of extraction from a large model: at most 1.3 times the size of its weights.

`python -m bench.large`, or `make bench-large` for 7 billion parameters (18 GiB). A Llama of that
shape is built on the meta device, which allocates nothing, and its layers are given random
bfloat16 weights one by one; then states of every layer are recorded on the CPU. What counts is the
peak of the process less what it held before the model, against the bytes of the weights.
"""

import argparse
import os

os.environ["HF_HUB_OFFLINE"] = "1"

import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from bench._report import report
from vectorlab.domain.models import ModelDescription
from vectorlab.domain.vectors.vectors import Site
from vectorlab.steering.model.architectures import decoder_layers
from vectorlab.steering.model.device_memory import free_bytes
from vectorlab.steering.model.loading import LoadedModel, bundled_model_path
from vectorlab.steering.recording.activations import record_states

GOAL = 1.3
TEXTS, TOKENS = 8, 64
SHAPES: dict[float, dict[str, int]] = {  # billions of parameters: Llama shapes of about that size
    0.3: {"hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 16},
    1: {"hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 20},
    3: {"hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 26},
    7: {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32},
}


def main() -> int:
    """Measure, print and keep the result; 1 if the limit was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--billions", type=float, choices=list(SHAPES), default=1)
    parser.add_argument("--quick", action="store_true", help="the smallest; keeps no result")
    arguments = parser.parse_args()
    size = min(SHAPES) if arguments.quick else arguments.billions
    free = free_bytes(torch.device("cpu"))
    if free is not None and GOAL * 2e9 * size > free:
        sys.exit(f"{free / 2**30:.1f} GiB are free; {size} billion parameters take more.")
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    loaded = materialised(SHAPES[size])
    weights = sum(item.numel() * item.element_size() for item in loaded.model.parameters())
    started = time.process_time()
    states = record_states(
        loaded,
        [[(7 * text + token) % 32000 for token in range(TOKENS)] for text in range(TEXTS)],
        site=Site.BLOCK_OUTPUT,
    )
    seconds = time.process_time() - started
    assert torch.isfinite(states.values).all()
    ratio = (resident("VmHWM") - before) * 1024 / weights
    figures: dict[str, Any] = {
        "question": "peak memory of building a large model and extracting from it, to its weights",
        "rows": [
            {
                "what": f"Llama of {loaded.description.n_parameters / 1e9:.2f} billion parameters, "
                f"bfloat16, {TEXTS} texts of {TOKENS} tokens, every layer",
                "weights_gib": round(weights / 2**30, 2),
                "peak_gib": round(ratio * weights / 2**30, 2),
                "ratio": round(ratio, 3),
                "cpu_seconds_of_extraction": round(seconds, 1),
                "limit": GOAL,
                "holds": ratio <= GOAL,
            }
        ],
        "holds": ratio <= GOAL,
    }
    report("large", figures, packages=["torch", "transformers"], keep=not arguments.quick)
    return 0 if ratio <= GOAL else 1


def materialised(shape: dict[str, int]) -> LoadedModel:
    """The model of a shape, made on the meta device and given weights module by module."""
    heads = shape["hidden_size"] // 128
    config = AutoConfig.for_model(
        "llama",
        **shape,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        vocab_size=32000,
        max_position_embeddings=4096,
    )
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model = model.eval().requires_grad_(requires_grad=False)
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        fill(module, generator)
    # Not a weight, so it is computed: the angles of the positions.
    model.model.rotary_emb = type(model.model.rotary_emb)(config)
    return LoadedModel(
        description=ModelDescription(
            source="bench/large",
            revision=None,
            architecture="llama",
            n_layers=shape["num_hidden_layers"],
            d_model=shape["hidden_size"],
            n_parameters=sum(item.numel() for item in model.parameters()),
            vocabulary_size=32000,
            context_length=4096,
            weights_sha256="0" * 64,
            config_sha256="0" * 64,
            tokenizer_sha256="0" * 64,
            chat_template_sha256=None,
        ),
        model=model,
        tokenizer=AutoTokenizer.from_pretrained(bundled_model_path("tiny")),
        device=torch.device("cpu"),
        dtype=torch.bfloat16,
        layers=decoder_layers(model, "llama"),
        eos_token_ids=(),
    )


def fill(module: nn.Module, generator: torch.Generator) -> None:
    """Random weights in the place of those of a module that have no memory yet."""
    for name, weight in list(module.named_parameters(recurse=False)):
        values = torch.ones(weight.shape, dtype=weight.dtype)
        if weight.dim() > 1:
            values.normal_(std=0.02, generator=generator)
        setattr(module, name, nn.Parameter(values, requires_grad=False))


def resident(field: str) -> int:
    """KiB that the kernel counts for this process: now (VmRSS) or at the peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (found,) = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(found)


if __name__ == "__main__":
    sys.exit(main())
