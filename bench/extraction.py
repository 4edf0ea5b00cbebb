"""Extraction of 256 pairs, against the bare decoder forward over the same tokens.

`python -m bench.extraction`. Process CPU time, one thread, medians of alternating rounds, in one
process on one model of random weights. Ours is the engine from token ids to the states of every
layer: batches, hooks, gathering and all. The limit is the decoder alone, no head, no cache,
nothing captured, on right-padded batches without a mask; it runs in several groupings by length,
that of the engine among them, and the fastest one counts. Memory is what a fresh process gains at
its peak by each of the two.
"""

import argparse
import os

os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bench._report import report
from bench.incremental import model_s
from vectorlab.domain.vectors import Site
from vectorlab.steering.activations import record_states
from vectorlab.steering.batching import length_buckets
from vectorlab.steering.loading import LoadedModel

ROUNDS = 3
PACKAGES = ["torch", "transformers", "numpy"]
GOAL = 0.95
GOAL_OF_MEMORY = 1.5
PAIRS, SHORTEST, LONGEST = 256, 5, 120
BUDGETS = (1024, 2048)  # padded tokens per batch that the limit may choose from


def main() -> int:
    """Measure, print and keep the result; 1 if a limit was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rounds; keeps no result")
    parser.add_argument("--memory-of", choices=["ours", "limit"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.memory_of:
        print(added_memory(arguments.memory_of))
        return 0
    rounds = 2 if arguments.quick else ROUNDS
    rows = [cpu_time(rounds), memory()]
    holds = all(row["holds"] for row in rows)
    figures = {
        "question": "extraction of 256 pairs of 5 to 120 tokens, model S, against the bare forward",
        "rounds": rounds,
        "threads": 1,
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "rows": rows,
        "holds": holds,
    }
    report("extraction", figures, packages=PACKAGES, keep=not arguments.quick)
    return 0 if holds else 1


def cpu_time(rounds: int) -> dict[str, Any]:
    """CPU time of ours and of every grouping of the limit, in alternating rounds."""
    loaded = model_s()
    sequences = token_ids()
    forms: dict[str, Callable[[], object]] = {"ours": lambda: ours(loaded, sequences)}
    for budget in BUDGETS:
        batches = grouped(sequences, budget)
        forms[f"{len(batches)} batches of at most {budget} tokens"] = lambda batches=batches: limit(
            loaded, batches
        )
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    for number in range(rounds + 1):
        names = list(forms)[:: -1 if number % 2 else 1]
        for name in names:
            seconds[name].append(cpu_seconds(forms[name]))
    # The first round warms up.
    medians = {name: statistics.median(found[1:]) for name, found in seconds.items()}
    best = min((name for name in forms if name != "ours"), key=medians.__getitem__)
    ratios = sorted(a / b for a, b in zip(seconds["ours"][1:], seconds[best][1:], strict=True))
    ratio = medians["ours"] / medians[best]
    return {
        "what": "W1, model S: process CPU time of ours / the bare decoder forward",
        "seconds": round(medians["ours"], 3),
        "limit_seconds": round(medians[best], 3),
        "limit_form": best,
        "other_forms_seconds": {
            name: round(median, 3) for name, median in medians.items() if name not in {"ours", best}
        },
        "ratio": round(ratio, 3),
        "ratio_range": [round(ratios[0], 3), round(ratios[-1], 3)],
        "limit": GOAL,
        "holds": ratio <= GOAL,
    }


def memory() -> dict[str, Any]:
    """Peak memory that a process of its own gains by each side, in MiB."""
    added = {
        side: int(
            subprocess.run(
                [sys.executable, "-m", "bench.extraction", "--memory-of", side],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            ).stdout
        )
        for side in ("ours", "limit")
    }
    ratio = added["ours"] / added["limit"]
    return {
        "what": "W1, model S: peak memory added by ours / by the bare decoder forward",
        "mib": round(added["ours"] / 1024, 1),
        "limit_mib": round(added["limit"] / 1024, 1),
        "ratio": round(ratio, 3),
        "limit": GOAL_OF_MEMORY,
        "holds": ratio <= GOAL_OF_MEMORY,
    }


def added_memory(side: str) -> int:
    """KiB between this process's memory and its peak, after a first small pass of the same kind."""
    loaded = model_s()
    sequences = token_ids()
    batches = grouped(sequences, 2048)
    run: Callable[[list[list[int]]], object] = (
        (lambda some: ours(loaded, some))
        if side == "ours"
        else (lambda some: limit(loaded, batches if some is sequences else [some]))
    )
    run([[1, 2, 3], [4, 5, 6]])
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = resident("VmRSS")
    run(sequences)
    return resident("VmHWM") - before


def resident(field: str) -> int:
    """KiB that the kernel counts for this process: now (VmRSS) or at the peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (found,) = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(found)


def ours(loaded: LoadedModel, sequences: list[list[int]]) -> object:
    """The engine: states of the last token behind every block."""
    return record_states(loaded, sequences, site=Site.BLOCK_OUTPUT)


@torch.inference_mode()
def limit(loaded: LoadedModel, batches: list[list[list[int]]]) -> None:
    """The decoder over the same tokens; nothing is kept."""
    for batch in batches:
        width = len(batch[-1])
        ids = torch.tensor([row + [0] * (width - len(row)) for row in batch])
        loaded.model.model(input_ids=ids, use_cache=False)


def grouped(sequences: list[list[int]], budget: int) -> list[list[list[int]]]:
    """Batches of sequences by length, with little padding."""
    ordered, done = sorted(sequences, key=len), 0
    batches = []
    for size in length_buckets([len(row) for row in ordered], budget):
        batches.append(ordered[done : done + size])
        done += size
    return batches


def token_ids() -> list[list[int]]:
    """Both sides of all pairs."""
    draws = random.Random(1)
    return [
        [draws.randrange(8192) for _ in range(draws.randint(SHORTEST, LONGEST))]
        for _ in range(2 * PAIRS)
    ]


def cpu_seconds(action: Callable[[], object]) -> float:
    """Process CPU time of one call."""
    start = time.process_time()
    action()
    return time.process_time() - start


if __name__ == "__main__":
    sys.exit(main())
