"""Steered decoding on a GPU, against the same loop unsteered and the memory's bandwidth.

`python -m bench.gpu` (`make gpu-check` runs it behind the tests that need a GPU). A Llama of the
shape of a 1B model with random weights in bfloat16, 256 rows, the engine's own loop, eager and
compiled: unsteered, with one vector, and with a vector of its own for every row, all at the MLP
output of every layer. Medians of alternating rounds of wall time, the device synchronised at both
ends. The bandwidth says how fast the weights alone could be read once per step. Without a CUDA
device nothing is measured; `--device cpu` runs the same code on a small model and keeps nothing.
"""

import argparse
import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch

from bench._models import random_llama
from bench._report import report
from bench._rounds import told
from bench.decoding import arm, prompt_texts, random_vectors
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.runs.runs import Decoding, Prompt, RunSpec
from vectorlab.domain.vectors.vectors import LayerVector
from vectorlab.steering.generation.generation import generate
from vectorlab.steering.model.loading import LoadedModel

PACKAGES = ["torch", "transformers", "numpy"]
ROWS, NEW_TOKENS, ROUNDS = 256, 64, 5
GOALS = {"one vector": 0.95, "a vector per row": 0.80}  # of the unsteered speed


def main() -> int:
    """Measure, print and keep the result; 1 if a limit was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds; keeps no result")
    parser.add_argument("--device", default="cuda", help="cpu: the same code, small; kept nowhere")
    arguments = parser.parse_args()
    on_gpu = arguments.device != "cpu"
    if on_gpu and not torch.cuda.is_available():
        print("No CUDA device: nothing measured.")
        return 0
    loaded = (
        random_llama("1B", dtype=torch.bfloat16, device=arguments.device)
        if on_gpu
        else random_llama("S")
    )
    rows_of_batch = ROWS if on_gpu else 8
    rounds = 2 if arguments.quick or not on_gpu else ROUNDS
    rows = []
    for compiled in (False, True) if on_gpu else (False,):
        rows += compared(loaded, rows_of_batch, rounds, compiled=compiled)
    holds = all(row.get("holds", True) for row in rows)
    figures = {
        "question": "steered decoding of a 1B-shaped model, batch 256, against unsteered",
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
        "rounds": rounds,
        "rows": rows,
        "bandwidth": bandwidth(loaded) if on_gpu else None,
        "holds": holds,
    }
    report("gpu", figures, packages=PACKAGES, keep=on_gpu and not arguments.quick)
    return 0 if holds or not on_gpu else 1


def compared(
    loaded: LoadedModel, rows: int, rounds: int, *, compiled: bool
) -> list[dict[str, Any]]:
    """Speeds of the three forms in alternating rounds."""
    vectors = random_vectors(loaded, rows)
    forms: dict[str, Sequence[Arm]] = {
        "unsteered": [Arm(label=f"baseline {number}") for number in range(rows)],
        "one vector": [arm("0", 0.1 + number / 10_000) for number in range(rows)],
        "a vector per row": [arm(name, 0.1) for name in vectors],
    }
    seconds = told(
        {
            name: partial(timed, loaded, arms, vectors, compiled=compiled)
            for name, arms in forms.items()
        },
        rounds,
    )
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return [
        {
            "what": f"{rows} rows, {'compiled' if compiled else 'eager'}: {name} / unsteered",
            "tokens_per_second": round(rows * NEW_TOKENS / medians[name]),
            "unsteered_tokens_per_second": round(rows * NEW_TOKENS / medians["unsteered"]),
            "ratio": round(medians["unsteered"] / medians[name], 3),
            "limit": goal,
            "holds": medians["unsteered"] / medians[name] >= goal,
        }
        for name, goal in GOALS.items()
    ]


def timed(
    loaded: LoadedModel,
    arms: Sequence[Arm],
    vectors: Mapping[str, Sequence[LayerVector]],
    *,
    compiled: bool,
) -> float:
    """Seconds for one batch, prompt and all."""
    spec = RunSpec(
        model_fingerprint=loaded.description.fingerprint,
        prompts=(Prompt(text=prompt_texts(loaded, 1)[0]),),
        arms=tuple(arms),
        decoding=Decoding(max_new_tokens=NEW_TOKENS),
        dtype=str(loaded.dtype).removeprefix("torch."),
    )
    return wall(
        loaded,
        lambda: generate(loaded, spec, vectors, token_budget=10**9, compiled=compiled),
    )


def bandwidth(loaded: LoadedModel) -> dict[str, Any]:
    """How fast the device copies, and what reading the weights once takes at that speed."""
    source = torch.empty(2**30, dtype=torch.uint8, device=loaded.device)
    target = torch.empty_like(source)
    found = min(wall(loaded, lambda: target.copy_(source)) for _ in range(5))
    per_second = 2 * len(source) / found  # read and written
    weights = sum(item.numel() * item.element_size() for item in loaded.model.parameters())
    return {
        "bytes_per_second": round(per_second),
        "weights_bytes": weights,
        "least_seconds_per_step": round(weights / per_second, 6),
    }


def wall(loaded: LoadedModel, call: Callable[[], object]) -> float:
    """Wall time of a call with everything it queued."""
    if loaded.device.type == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    call()
    if loaded.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


if __name__ == "__main__":
    raise SystemExit(main())
