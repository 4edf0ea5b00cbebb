"""Print the validation figures from which `settings.py` was frozen; no test case is touched.

python -m scripts.train_tiny.choose --model FOLDER
"""

import argparse
import random
from collections.abc import Sequence

import torch

from scripts.train_tiny import attributes, cases, evaluation, scoring
from scripts.train_tiny.evaluation import IsTarget
from scripts.train_tiny.laboratory import (
    continuations,
    demonstrations,
    in_context_vector,
    open_model,
    random_vector,
)
from vectorlab.steering.model.loading import LoadedModel

STRENGTHS = (0.0, 0.05, 0.1, 0.12, 0.15, 0.17, 0.2, 0.25, 0.3)
_RANDOM_STRENGTHS = (0.12, 0.15, 0.17, 0.2)
_RANDOM_DIRECTIONS = 24  # others than those of the test
_CASES = 100


def main() -> None:
    """Print facts, style by strength, swaps by layer and subspaces by layer and width."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="bundled:tiny")
    parser.add_argument("--layers", type=int, nargs="*", default=[], help="of the subspace")
    parser.add_argument("--widths", type=int, nargs="*", default=[32])
    parser.add_argument("--site", default="entity", choices=("entity", "last"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    loaded = open_model(arguments.model)
    for kind in ("plain", "one-shot", "json"):
        share = evaluation.fact_share(loaded, cases.fact_cases(kind, "validation"))
        print(f"facts, {kind}: {share:.3f}")
    dialogue = cases.dialogue_cases("validation", _CASES)
    print_style(loaded, "dialogue_table", dialogue, scoring.is_respectful)
    paraphrase = cases.paraphrase_cases("validation", _CASES)
    print_style(loaded, "sentiment_paraphrase", paraphrase, scoring.is_excited)
    print_swaps(loaded, arguments.site, arguments.layers, arguments.widths)


def print_style(
    loaded: LoadedModel, name: str, chosen: Sequence[cases.StyleCase], is_target: IsTarget
) -> None:
    """Print the marks of every strength, and what random directions do."""
    vector = in_context_vector(loaded, demonstrations(name))
    arms = {f"{strength:g}": (vector, strength) for strength in STRENGTHS}
    made = continuations(loaded, [case.prompt for case in chosen], arms)
    for label, outputs in made.items():
        marks = evaluation.mark(outputs, chosen, is_target)
        polarity = "" if marks.polarity is None else f" polarity {marks.polarity:.2f}"
        print(
            f"{name} {label}: target {marks.target:.2f} item {marks.item:.2f}{polarity} "
            f"broken {marks.broken:.2f} {marks.why_broken[:3]}"
        )
    for case, before, after in zip(chosen, made["0"], made["0.12"], strict=True):
        print(f"    {case.prompt[-50:]!r} -> {before.text} | {after.text}")
    for strength in _RANDOM_STRENGTHS:
        arms = {
            str(seed): (random_vector(vector, 100 + seed), strength)
            for seed in range(_RANDOM_DIRECTIONS)
        }
        made = continuations(loaded, [case.prompt for case in chosen], arms)
        shares = sorted(evaluation.mark(each, chosen, is_target).target for each in made.values())
        print(f"{name} random directions at {strength:g}: largest targets {shares[-5:]}")


def print_swaps(
    loaded: LoadedModel, site: str, layers: Sequence[int], widths: Sequence[int]
) -> None:
    """Print whole-state swaps of every layer, then Cause and Isolate of trained subspaces."""
    rng = random.Random(3)
    causes = attributes.swaps(rng, "validation", "validation", 150, isolate=False)
    isolates = attributes.swaps(rng, "validation", "validation", 150, isolate=True)
    for each in ("entity", "last"):
        shares = [
            attributes.swapped_share(loaded, layer, each, causes, attributes.whole)
            for layer in range(loaded.description.n_layers)
        ]
        print(f"whole state, {each} token, by layer:", [round(share, 2) for share in shares])
    for layer in layers:
        for width in widths:
            edit = attributes.train_subspace(loaded, layer, site, width=width, steps=150)
            cause = attributes.swapped_share(loaded, layer, site, causes, edit)
            isolate = attributes.swapped_share(loaded, layer, site, isolates, edit)
            print(
                f"subspace, layer {layer}, width {width}: Cause {cause:.2f} Isolate {isolate:.2f}"
            )


if __name__ == "__main__":
    main()
