"""Extraction, against the bare decoder forward over the same tokens and against peers.

`python -m bench.extraction`. Process CPU time, one thread, medians of alternating rounds, in one
process on one model of random weights. Ours is the engine from token ids to the states of every
layer: batches, hooks, gathering and all. The limit is the decoder alone, no head, no cache,
nothing captured, on right-padded batches without a mask; it runs in several groupings by length,
and the fastest one counts. Memory is what a fresh process gains at its peak by each of the two.

Peers run where `make peers` has installed them, in one process with the whole of ours, from texts
to vector, and the same limit; elsewhere their rows stay those of the last result. The best of them
counts among the forms that their users run; the kindest form of all is shown beside it.
"""

import argparse
import json
import os

os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import random
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from bench._extractors import extractors
from bench._models import random_llama
from bench._report import kept_rows, report
from bench._rounds import alternating, ratio_row
from bench.incremental import pairs, spec_of
from vectorlab.domain.vectors.vectors import Site
from vectorlab.steering.extraction.extraction import extract
from vectorlab.steering.model.batching import length_buckets
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.recording.activations import record_states

ROUNDS, ROUNDS_OF_QUICK, ROUNDS_OF_PEERS = 7, 3, 2
PROCESSES = 3  # for each side's memory
PACKAGES = ["torch", "transformers", "numpy"]
GOALS = {"S": 0.95, "M": 0.90}
GOAL_OF_SHARED = 0.60
GOALS_OF_PEERS = {"S": 3.2, "M": 2.6}  # times as fast as the best of them
GOAL_OF_MEMORY = 1.5
PAIRS = {"S": 256, "M": 24}
SHORTEST, LONGEST = 5, 120
BUDGETS = (512, 1024, 2048)  # padded tokens per batch that the limit may choose from
PEERS_PYTHON = Path(".venv-peers/bin/python")


def main() -> int:
    """Measure, print and keep the result; 1 if a limit was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds, S alone; keeps no result"
    )
    parser.add_argument("--memory-of", choices=["ours", "limit"], help=argparse.SUPPRESS)
    parser.add_argument("--peers-on", choices=list(GOALS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.memory_of:
        print(added_memory(arguments.memory_of))
        return 0
    if arguments.peers_on:
        print(json.dumps(peers(arguments.peers_on)))
        return 0
    rounds = ROUNDS_OF_QUICK if arguments.quick else ROUNDS
    rows = []
    for name in ["S"] if arguments.quick else list(GOALS):
        loaded = random_llama(name)
        rows += [mixed(loaded, name, rounds), shared(loaded, name, rounds)]
    rows.append(memory())
    if not arguments.quick:
        rows += rows_of_peers()
    holds = all(row["holds"] for row in rows)
    figures = {
        "question": "extraction of pairs of 5 to 120 tokens, against the bare forward and peers",
        "rounds": rounds,
        "rows": rows,
        "holds": holds,
    }
    report("extraction", figures, packages=PACKAGES, keep=not arguments.quick, by_kernels=True)
    return 0 if holds else 1


def mixed(loaded: LoadedModel, name: str, rounds: int) -> dict[str, Any]:
    """W1: pairs that have nothing in common."""
    what = f"W1, model {name}, {PAIRS[name]} pairs: CPU time of ours / the bare decoder forward"
    return against_limit(loaded, token_ids(PAIRS[name]), what, GOALS[name], rounds)


def shared(loaded: LoadedModel, name: str, rounds: int) -> dict[str, Any]:
    """Pairs that differ in their last token alone."""
    stems = token_ids(PAIRS[name])[: PAIRS[name]]
    sequences = [[*stem[:-1], last] for stem in stems for last in (1, 2)]
    what = f"pairs that share all but the last token, model {name}: ours / two rows each, bare"
    return against_limit(loaded, sequences, what, GOAL_OF_SHARED, rounds)


def against_limit(
    loaded: LoadedModel, sequences: list[list[int]], what: str, goal: float, rounds: int
) -> dict[str, Any]:
    """CPU time of ours and of every grouping of the limit, in alternating rounds."""
    forms: dict[str, Callable[[], object]] = {"ours": lambda: ours(loaded, sequences)}
    forms |= limits(loaded, sequences)
    seconds = alternating(forms, rounds)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    best = min((name for name in forms if name != "ours"), key=medians.__getitem__)
    return {
        **ratio_row(what, seconds["ours"], seconds[best], goal),
        # What the ratio would be if products of matrices took all of the time, at one rate.
        "products_ratio": round(products(forms["ours"]) / products(forms[best]), 3),
        "limit_form": best,
        "other_forms_seconds": {
            name: round(median, 3) for name, median in medians.items() if name not in {"ours", best}
        },
    }


def products(run: Callable[[], object]) -> int:
    """Operations in products of matrices."""
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


def limits(loaded: LoadedModel, sequences: list[list[int]]) -> dict[str, Callable[[], object]]:
    """The bare forward in every grouping."""
    forms: dict[str, Callable[[], object]] = {}
    for budget in BUDGETS:
        batches = grouped(sequences, budget)
        forms[f"{len(batches)} batches of at most {budget} tokens"] = lambda batches=batches: limit(
            loaded, batches
        )
    return forms


def peers(name: str) -> list[dict[str, Any]]:
    """From texts to vector: each peer and the whole of ours, beside the limit on their tokens."""
    loaded = random_llama(name)
    demonstrations = pairs(loaded, PAIRS[name], seed=1)
    texts = [(item.source, str(item.target)) for item in demonstrations]
    spec = spec_of(loaded, "mean_difference")
    sequences = [loaded.tokenizer(text)["input_ids"] for pair in texts for text in pair]
    forms: dict[str, Callable[[], object]] = {
        "ours": lambda: extract(loaded, demonstrations, spec),
        **limits(loaded, sequences),
    }
    others = extractors()
    forms |= {peer: lambda form=form: form.run(loaded, texts) for peer, form in others.items()}
    medians = {
        form: statistics.median(found)
        for form, found in alternating(forms, ROUNDS_OF_PEERS).items()
    }
    bare = min(medians[form] for form in forms if form != "ours" and form not in others)
    usual = min((peer for peer in others if others[peer].is_usual), key=medians.__getitem__)
    kindest = min(others, key=medians.__getitem__)
    times = medians[usual] / medians["ours"]
    return [
        {
            "what": f"W1, model {name}, from texts to vector: ours / the best peer, {usual}",
            "seconds": round(medians["ours"], 3),
            "limit_seconds": round(medians[usual], 3),
            "ratio": round(1 / times, 3),
            "times_as_fast": round(times, 2),
            "limit": round(1 / GOALS_OF_PEERS[name], 3),
            "kindest_form": kindest,
            "times_as_fast_as_the_kindest_form": round(medians[kindest] / medians["ours"], 2),
            "to_the_bare_forward": {
                form: round(medians[form] / bare, 2) for form in ("ours", *others)
            },
            "holds": times >= GOALS_OF_PEERS[name],
        }
    ]


def rows_of_peers() -> list[dict[str, Any]]:
    """Measured where they are installed, else those of the last result with their time."""
    if PEERS_PYTHON.exists():
        return [row for name in GOALS for row in peers_elsewhere(name)]
    return [row for row in kept_rows("extraction") if "kindest_form" in row]


def peers_elsewhere(name: str) -> list[dict[str, Any]]:
    """The same in the peers' environment."""
    command = [str(PEERS_PYTHON), "-m", "bench.extraction", "--peers-on", name]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def memory() -> dict[str, Any]:
    """Peak memory that processes of their own gain by each side, in MiB."""
    added = {
        side: [memory_elsewhere(side) / 1024 for _ in range(PROCESSES)]
        for side in ("ours", "limit")
    }
    what = "W1, model S: peak memory added by ours / by the bare decoder forward"
    return ratio_row(what, added["ours"], added["limit"], GOAL_OF_MEMORY, unit="mib")


def memory_elsewhere(side: str) -> int:
    """KiB of one process, which gives freed memory back at once: what is in use is seen."""
    command = [sys.executable, "-m", "bench.extraction", "--memory-of", side]
    settings = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | settings
    )
    return int(done.stdout)


def added_memory(side: str) -> int:
    """KiB between this process's memory and its peak, after a first small pass of the same kind."""
    loaded = random_llama("S")
    sequences = token_ids(PAIRS["S"])
    batches = grouped(sequences, 1024)
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


def token_ids(count: int) -> list[list[int]]:
    """Both sides of so many pairs."""
    draws = random.Random(1)
    return [
        [draws.randrange(8192) for _ in range(draws.randint(SHORTEST, LONGEST))]
        for _ in range(2 * count)
    ]


if __name__ == "__main__":
    sys.exit(main())
