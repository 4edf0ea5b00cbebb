"""Memory of a model that is read from shards: at most 1.3 times its weights, on disk next to none.

`python -m bench.sharded`. A random Llama of 0.27 billion parameters is saved in shards, loaded as
any registered model is (hashed first), and states of every layer are recorded on the CPU. What
counts is the peak of the process less what it held before, against the bytes of the weights.
Pages of the files that are mapped count, although the system can take them back.
"""

import argparse
import os

os.environ["HF_HUB_OFFLINE"] = "1"

import gc
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from bench._report import report
from bench.large import SHAPES, TEXTS, TOKENS, materialised, resident
from vectorlab.domain.vectors.vectors import Site
from vectorlab.steering.model.loading import bundled_model_path, describe_model, load_model
from vectorlab.steering.recording.activations import record_states

GOAL = 1.3
GOAL_ON_DISK = 0.3  # of the weights: a layer at a time, the text's states, the libraries' own
SHAPE = SHAPES[0.3]


def main() -> int:
    """Measure, print and keep the result; 1 if a limit was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="keeps no result")
    quick = parser.parse_args().quick
    load_model(describe_model(str(bundled_model_path())), device="cpu")  # brings the libraries
    with tempfile.TemporaryDirectory(prefix="vectorlab-bench-") as folder:
        made = materialised(SHAPE)
        made.model.save_pretrained(folder, max_shard_size="120MB")
        made.tokenizer.save_pretrained(folder)
        del made
        shards = len(list(Path(folder).glob("*.safetensors")))
        rows = [
            row(folder, f"{shards} shards in bfloat16, loaded in bfloat16", GOAL),
            row(folder, "every layer on the disk", GOAL_ON_DISK, device_map=on_disk()),
        ]
    holds = all(item["holds"] for item in rows)
    figures = {
        "question": "peak memory of loading a model from shards and extracting, to its weights",
        "rows": rows,
        "holds": holds,
    }
    report("sharded", figures, packages=["torch", "transformers", "accelerate"], keep=not quick)
    return 0 if holds else 1


def row(folder: str, what: str, goal: float, **options: Any) -> dict[str, Any]:
    """A line of the table."""
    gc.collect()
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    loaded = load_model(describe_model(folder), device="cpu", dtype="bfloat16", **options)
    record_states(
        loaded,
        [[(7 * text + token) % 32000 for token in range(TOKENS)] for text in range(TEXTS)],
        site=Site.BLOCK_OUTPUT,
    )
    weights = sum(item.numel() * item.element_size() for item in loaded.model.parameters())
    ratio = (resident("VmHWM") - before) * 1024 / weights
    return {
        "what": what,
        "weights_gib": round(weights / 2**30, 2),
        "ratio": round(ratio, 3),
        "limit": goal,
        "holds": ratio <= goal,
    }


def on_disk() -> dict[str, str]:
    """Every decoder block on the disk, the rest in memory."""
    rest = ("model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head")
    layers = {f"model.layers.{layer}": "disk" for layer in range(SHAPE["num_hidden_layers"])}
    return dict.fromkeys(rest, "cpu") | layers


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
