"""KL and perplexity of a sweep, against one teacher-forced pass over the same tokens.

`python -m bench.scoring`. 8 strengths of one vector over 256 prompts, models of random weights,
process CPU time, one thread, medians of alternating rounds. Ours is what `runs score` does with
`kl` and `perplexity:baseline:model=steered`: every arm reads the unsteered text of each prompt, and
the unsteered model reads it once. The limit is one plain pass, without steering, over the 8 x 256
rows alone, in batches by length, with the log-probabilities of the texts and nothing else. Beside
it stands what the same rows cost with their steering and without any comparison.
"""

import argparse
import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import random
import statistics
import sys
from collections.abc import Sequence

import numpy as np
import torch

from bench._models import SHAPES, random_llama
from bench._report import report
from bench._rounds import alternating, ratio_row
from scripts.train_tiny import cases
from vectorlab.domain.interventions.arms import Arm, Intervention
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.runs.batch_plan import RowKey
from vectorlab.domain.runs.runs import Decoding, Prompt, RunSpec
from vectorlab.domain.runs.texts import FinishReason, GeneratedText
from vectorlab.domain.scores.catalogue import parse_scorer
from vectorlab.domain.vectors.vectors import LayerVector, Site, vector_content_sha256
from vectorlab.evals.forced import TOKEN_BUDGET
from vectorlab.evals.model_scores import score_with_model
from vectorlab.steering.model.batching import forward_arguments, length_buckets, pad
from vectorlab.steering.model.loading import LoadedModel

PACKAGES = ["torch", "transformers", "numpy"]
GOAL = 1.2
ROUNDS_OF_QUICK = 2
PROMPTS = 256  # of both forms: 96 take 1.01 and 1.07 where all take 0.92
STRENGTHS = (0.02, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25)
SCORERS = ("kl", "perplexity:baseline:model=steered")
SHORTEST, LONGEST = 12, 32  # tokens of a text
Passage = tuple[Sequence[int], Sequence[int]]  # prompt, text


def main() -> int:
    """Measure, print and keep the result; 1 if the limit was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds; keeps no result")
    parser.add_argument("--rounds", type=int, default=5, help="of the full form")
    parser.add_argument("--model", default="S", choices=sorted(SHAPES), help="its shape")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rounds = ROUNDS_OF_QUICK if arguments.quick else arguments.rounds
    figures = measure(arguments.model, PROMPTS, rounds)
    report("scoring", figures, packages=PACKAGES, keep=not arguments.quick, by_kernels=True)
    return 0 if figures["holds"] else 1


def measure(shape: str, n_prompts: int, rounds: int) -> dict[str, object]:
    """CPU seconds of both, and their ratio."""
    loaded = random_llama(shape)
    spec, vectors = _sweep(loaded, n_prompts)
    rng = random.Random(0)
    said = [_tokens(rng) for _ in range(n_prompts)]
    texts = [_text(key, said[key.prompt]) for key in spec.rows()]
    wanted = {parse_scorer(name): [key for key in spec.rows() if key.arm > 0] for name in SCORERS}
    ids = [loaded.tokenizer(prompt.text)["input_ids"] for prompt in spec.prompts]
    rows = [(ids[place], said[place]) for place in range(n_prompts) for _ in STRENGTHS]
    likelihood = {parse_scorer(SCORERS[1]): next(iter(wanted.values()))}
    forms = {
        "ours": lambda: score_with_model(loaded, spec, vectors, texts, wanted),
        "limit": lambda: plain_pass(loaded, rows),
        "steered": lambda: score_with_model(loaded, spec, vectors, texts, likelihood),
    }
    seconds = alternating(forms, rounds)
    line = ratio_row("kl and perplexity / one plain pass", seconds["ours"], seconds["limit"], GOAL)
    return {
        "question": f"kl and perplexity of {len(STRENGTHS)} strengths x {n_prompts} prompts, model "
        f"{shape}, against one teacher-forced pass over the same tokens",
        "rounds": rounds,
        "tokens": sum(len(prompt) + len(text) for prompt, text in rows),
        "rows": [line],
        "seconds": {
            name: [round(value, 3) for value in values] for name, values in seconds.items()
        },
        "ratio_to_steered_likelihood_alone": round(
            statistics.median(seconds["ours"]) / statistics.median(seconds["steered"]), 3
        ),
        "holds": line["holds"],
    }


def _sweep(
    loaded: LoadedModel, n_prompts: int
) -> tuple[RunSpec, dict[str, tuple[LayerVector, ...]]]:
    """One vector at every layer in the form of the paper's code, at every strength."""
    rng = np.random.default_rng(0)
    width, depth = loaded.description.d_model, loaded.description.n_layers
    vector = tuple(
        LayerVector(layer=layer, values=rng.normal(size=width).astype(np.float32))
        for layer in range(depth)
    )
    sha256 = vector_content_sha256(vector, Site.MLP_OUTPUT)
    arms = [Arm(label="baseline")]
    for strength in STRENGTHS:
        item = Intervention(
            vector_id=1,
            vector_sha256=sha256,
            operator=Operator.ROTATE,
            strength=strength,
            site=Site.MLP_OUTPUT,
        )
        arms.append(Arm(label=f"{strength:+g}", interventions=(item,)))
    spec = RunSpec(
        model_fingerprint=loaded.description.fingerprint,
        prompts=tuple(
            Prompt(text=case.prompt) for case in cases.paraphrase_cases("test", n_prompts)
        ),
        arms=tuple(arms),
        decoding=Decoding(max_new_tokens=LONGEST),
    )
    return spec, {sha256: vector}


def _tokens(rng: random.Random) -> tuple[int, ...]:
    """A text of ids; what they say does not matter to the time it takes."""
    return tuple(rng.randrange(10, 3000) for _ in range(rng.randint(SHORTEST, LONGEST)))


def _text(key: RowKey, token_ids: tuple[int, ...]) -> GeneratedText:
    return GeneratedText(
        key=key,
        text="",
        token_ids=token_ids,
        finish_reason=FinishReason.LENGTH,
        mean_logprob=-1.0,
    )


@torch.inference_mode()
def plain_pass(loaded: LoadedModel, rows: Sequence[Passage]) -> float:
    """One pass over every row; the sum of the log-probabilities of the texts."""
    ordered = sorted(rows, key=lambda row: len(row[0]) + len(row[1]))
    total, start = 0.0, 0
    for size in length_buckets([len(a) + len(b) for a, b in ordered], TOKEN_BUDGET):
        batch = ordered[start : start + size]
        start += size
        padded = pad([[*a, *b] for a, b in batch], side="left", device=loaded.device)
        mask = padded.attention_mask if padded.is_padded else None
        arguments = forward_arguments(loaded, padded.input_ids, mask, padded.starts)
        wanted = max(len(b) for _, b in batch)
        arguments["logits_to_keep"] = wanted + 1
        logits = loaded.model(**arguments).logits[:, :-1].float().log_softmax(-1)
        chosen = logits.gather(2, padded.input_ids[:, -wanted:, None])[..., 0]
        lengths = torch.tensor([len(b) for _, b in batch])
        counted = torch.arange(wanted) >= wanted - lengths[:, None]
        total += float(torch.where(counted, chosen, 0).sum())
    return total


if __name__ == "__main__":
    sys.exit(main())
