"""Hidden states for an instance, against bare forwards over the same tokens.

`python -m bench.ravel`. Process CPU time, one thread, medians of alternating rounds, on the bundled
model and the built-in cities. Ours records the states at the last token of the entity of every
prompt of the instance, at every layer. The limit is the decoder alone over the very same token
sequences (each prompt up to its mention, those that agree once), in the same groups, nothing kept.
How much the shared beginnings save is said beside it: prompts and tokens of the instance against
sequences and tokens that are read.
"""

import argparse
import os

os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import statistics
import sys
from collections.abc import Callable

import torch

from bench._report import report
from bench._rounds import alternating
from bench.extraction import grouped
from vectorlab.ravel.domain.specs import Location
from vectorlab.ravel.engine.completions import asking_pairs
from vectorlab.ravel.engine.prompts import EntityPrompt, PromptBook
from vectorlab.ravel.engine.states import record_prompts
from vectorlab.ravel.services import files
from vectorlab.steering.model.loading import LoadedModel, describe_model, load_model

ROUNDS = 7
GOAL = 1.15
TOKEN_BUDGET = 2048  # padded tokens of a batch of the limit
PACKAGES = ["torch", "transformers", "numpy"]


def main() -> int:
    """Measure, print and keep the result; 1 if the limit was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rounds; keeps no result")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rounds = 2 if arguments.quick else ROUNDS
    loaded = load_model(describe_model("bundled:tiny"), device="cpu")
    data = files.built_in("cities")
    book = PromptBook(loaded, data, add_special_tokens=True, new_tokens=8)
    prompts = book.prompts(list(asking_pairs(data)))
    beginnings = sorted({beginning(prompt) for prompt in prompts}, key=len)
    batches = grouped([list(row) for row in beginnings], TOKEN_BUDGET)
    forms: dict[str, Callable[[], object]] = {
        "ours": lambda: ours(loaded, prompts),
        "limit": lambda: limit(loaded, batches),
    }
    seconds = alternating(forms, rounds)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ratios = sorted(a / b for a, b in zip(seconds["ours"], seconds["limit"], strict=True))
    ratio = medians["ours"] / medians["limit"]
    holds = ratio <= GOAL
    figures = {
        "question": "states of every prompt of cities at its mention, all layers of tiny, against "
        "the bare decoder over the same tokens",
        "rounds": rounds,
        "threads": 1,
        "prompts": len(prompts),
        "prompt_tokens": sum(len(prompt.token_ids) for prompt in prompts),
        "sequences_read": len(beginnings),
        "tokens_read": sum(map(len, beginnings)),
        "seconds": round(medians["ours"], 3),
        "limit_seconds": round(medians["limit"], 3),
        "ratio": round(ratio, 3),
        "ratio_range": [round(ratios[0], 3), round(ratios[-1], 3)],
        "limit": GOAL,
        "holds": holds,
    }
    report("ravel", figures, packages=PACKAGES, keep=not arguments.quick)
    return 0 if holds else 1


def beginning(prompt: EntityPrompt) -> tuple[int, ...]:
    """What is read of a prompt: up to the last token of the mention."""
    return prompt.token_ids[: prompt.mention[-1] + 1]


def ours(loaded: LoadedModel, prompts: list[EntityPrompt]) -> object:
    """States at the mention of every prompt, at every layer."""
    layers = range(len(loaded.layers))
    return record_prompts(loaded, prompts, layers=layers, location=Location.ENTITY_LAST)


@torch.inference_mode()
def limit(loaded: LoadedModel, batches: list[list[list[int]]]) -> None:
    """The decoder over the same tokens; nothing is kept."""
    for batch in batches:
        width = len(batch[-1])
        ids = torch.tensor([row + [0] * (width - len(row)) for row in batch])
        loaded.model.model(input_ids=ids, use_cache=False)


if __name__ == "__main__":
    sys.exit(main())
