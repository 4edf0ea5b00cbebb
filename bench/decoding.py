"""Steered generation, against the library's bare `model.generate` and against others' hooks.

`python -m bench.decoding`. Process CPU time, one thread, medians of alternating rounds, in one
process on models of random weights. Ours is the engine from prompt texts to finished texts with
their log-probabilities. The limit is `model.generate` on the token ids, unsteered, greedy, with the
library's own cache. Where others' hooks are measured, they sit on the same loop as ours, so the
difference is the hook alone: the libraries themselves in the environment of `make peers`, else
written anew from what the projects do (`bench/_peers.py`).
"""

import argparse
import os

os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch

from bench._models import random_llama
from bench._peers import additive_hook, hooked, in_context_vector, libraries
from bench._report import kept_rows, now, report
from bench._rounds import alternating, cpu_seconds, ratio_row
from vectorlab.domain.interventions.arms import Arm, Intervention
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.runs.runs import Decoding, Prompt, RunSpec
from vectorlab.domain.vectors.vectors import LayerVector, Site
from vectorlab.steering.generation.decoder import Decoder
from vectorlab.steering.generation.generation import generate
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.hooks import Steering, steer
from vectorlab.steering.model.loading import LoadedModel

PACKAGES = ["torch", "transformers", "numpy"]
NEW_TOKENS, PROMPT_TOKENS = 64, 32
STEPS = 50  # of a round, where single steps are compared
STRENGTHS = (0.0, 0.02, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2)
Vectors = Mapping[str, Sequence[LayerVector]]
Form = Callable[[LoadedModel], AbstractContextManager[object]]


def main() -> int:
    """Measure, print and keep the result; 1 if a limit was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds, model S alone; keeps nothing"
    )
    parser.add_argument(
        "--model", choices=["S", "M"], help="only its rows; those of the other stay as they were"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    quick, model = arguments.quick, "S" if arguments.quick else arguments.model
    rows = [] if model == "M" else small_rows(*((7, 9) if quick else (15, 25)))
    rows += [] if model == "S" else large_rows()
    if model and not quick:
        measured = {row["what"] for row in rows}
        rows = [{"measured_at": now(), **row} for row in rows]
        rows += [row for row in kept_rows("decoding") if row["what"] not in measured]
    holds = all(row.get("holds", True) for row in rows)
    figures = {
        "question": "steered generation, against bare model.generate and others' hooks",
        "rows": rows,
        "holds": holds,
    }
    report("decoding", figures, packages=PACKAGES, keep=not quick, by_kernels=True)
    return 0 if holds else 1


def small_rows(few: int, many: int) -> list[dict[str, Any]]:
    """Those of model S, over few rounds of whole texts and many of single steps."""
    loaded = random_llama("S")
    return [
        *hook_time(rounds=many),
        *greedy(loaded, "S", rounds=few),
        sweep(loaded, "S", rounds=few, alone=64),
        many_vectors(loaded, rounds=few),
    ]


def large_rows() -> list[dict[str, Any]]:
    """Those of model M."""
    return [
        *greedy(random_llama("M", dtype=torch.bfloat16), "M", rounds=3),
        sweep(random_llama("M"), "M", rounds=2, alone=8),
    ]


def hook_time(*, rounds: int) -> list[dict[str, Any]]:
    """Time that steering adds to one layer of one decoding step of one row."""
    forms: dict[str, Form] = {
        "none": lambda _: nullcontext(),
        "ours, constant vector": lambda loaded: ours(
            loaded, arm("0", 1.0, operator=Operator.ADD, site=Site.BLOCK_OUTPUT)
        ),
        "ours, norm kept": lambda loaded: ours(loaded, arm("0", 0.1)),
        "steering-vectors' hook, written anew": lambda loaded: hooked(
            loaded.layers.at(Site.BLOCK_OUTPUT), [additive_hook(row) for row in directions(loaded)]
        ),
        "in-context vectors' algorithm": lambda loaded: hooked(
            loaded.layers.at(Site.MLP_OUTPUT),
            [in_context_vector(row[None], [0.1]) for row in directions(loaded)],
        ),
    }
    others = libraries()
    for name, library in others.items():
        forms[name] = lambda loaded, library=library: library(loaded, directions(loaded))
    constant = [name for name in others if name.startswith("steering-vectors")]
    constant = constant or ["steering-vectors' hook, written anew"]
    added = steps_in_turn(forms, rounds)
    return [
        ratio_row(
            f"W2, S, batch 1: time added per layer, {what}, ours / {peer}",
            added[mine],
            added[peer],
            goal,
            unit="us",
        )
        for what, mine, peer, goal in (
            ("constant vector", "ours, constant vector", constant[0], 0.35),
            ("norm kept", "ours, norm kept", "in-context vectors' algorithm", 0.75),
        )
    ] + [
        {
            "what": f"the same, for comparison: {name}",
            "us": round(statistics.median(found), 1),
            "us_range": [round(min(found), 1), round(max(found), 1)],
        }
        for name, found in added.items()
        if name != "none"
    ]


def steps_in_turn(forms: Mapping[str, Form], rounds: int) -> dict[str, list[float]]:
    """Microseconds that each form adds to a layer, round by round.

    Every form has a model and a text of its own and decodes a step each in turn. A step is
    compared with the bare one of the same turn: a difference of microseconds would drown in what a
    machine does from one loop to the next.
    """
    models = {name: random_llama("S") for name in forms}
    added: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(rounds + 1):
        with ExitStack() as stack:
            for name, form in forms.items():
                entered = stack.enter_context(form(models[name]))
                if isinstance(entered, Steering):
                    entered.set_response(True)
            turns = list(turns_of(models))
        for name, loaded in models.items():
            more = statistics.median(turn[name] - turn["none"] for turn in turns)
            added[name].append(more / loaded.description.n_layers * 1e6)
    return {name: values[1:] for name, values in added.items()}


@torch.inference_mode()
def turns_of(models: Mapping[str, LoadedModel]) -> Iterator[dict[str, float]]:
    """CPU seconds of a step of each model, behind the prompt and a first step."""
    decoders = {
        name: Decoder(loaded, prompt_ids(loaded, 1), STEPS + 2) for name, loaded in models.items()
    }
    for turn in range(STEPS + 2):
        names = list(models)[:: -1 if turn % 2 else 1]
        seconds = {name: cpu_seconds(lambda name=name: step(decoders[name])) for name in names}
        if turn > 1:
            yield seconds


@contextmanager
def ours(loaded: LoadedModel, steered: Arm) -> Iterator[Steering]:
    """One row under one arm."""
    table = SteeringTable.build(loaded, [steered], random_vectors(loaded, 1))
    with steer(loaded, table, [0]) as steering:
        yield steering


def directions(loaded: LoadedModel) -> torch.Tensor:
    """The vector of every layer, (L, D)."""
    [layers] = random_vectors(loaded, 1).values()
    return torch.from_numpy(np.stack([layer.values for layer in layers]))


def greedy(loaded: LoadedModel, model: str, *, rounds: int) -> list[dict[str, Any]]:
    """Eight steered prompts, every layer, against bare generate and against ours unsteered."""
    vectors = random_vectors(loaded, 1)
    texts = prompt_texts(loaded, 8)
    constant = arm("0", 0.01, operator=Operator.ADD, site=Site.BLOCK_OUTPUT)
    specs = {
        "constant vector": spec_of(loaded, texts, [constant]),
        "norm kept": spec_of(loaded, texts, [arm("0", 0.1)]),
        "unsteered": spec_of(loaded, texts, [Arm(label="baseline")]),
    }
    forms: dict[str, Callable[[], object]] = {"bare": lambda: bare(loaded, prompt_ids(loaded, 8))}
    for form, spec in specs.items():
        forms[form] = lambda spec=spec: generate(loaded, spec, vectors)
    in_bfloat16 = loaded.dtype is torch.bfloat16
    if not in_bfloat16:
        forms["compiled"] = lambda: generate(loaded, specs["norm kept"], vectors, compiled=True)
    seconds = alternating(forms, rounds)
    name = f"W2, {model}, {str(loaded.dtype).removeprefix('torch.')}, batch 8, 64 new tokens"
    goal = 0.50 if in_bfloat16 else 0.92
    rows = [
        ratio_row(f"{name}: {form} / bare generate", seconds[form], seconds["bare"], goal)
        for form in ("constant vector", "norm kept")
    ]
    if in_bfloat16:
        return rows
    rows += [
        ratio_row(
            f"{name}: {form} / unsteered, both ours", seconds[form], seconds["unsteered"], 1.03
        )
        for form in ("constant vector", "norm kept")
    ]
    compiled = ratio_row(
        f"{name}: norm kept, compiled / bare generate", seconds["compiled"], seconds["bare"], 0.65
    )
    eager, graph = (
        generate(loaded, specs["norm kept"], vectors, compiled=item).generations
        for item in (False, True)
    )
    same = sum(a.token_ids == b.token_ids for a, b in zip(eager, graph, strict=True))
    compiled["same_texts_as_not_compiled"] = f"{same} of {len(eager)}"
    return [*rows, compiled]


def sweep(loaded: LoadedModel, model: str, *, rounds: int, alone: int) -> dict[str, Any]:
    """Eight prompts at eight strengths in one batch, against one bare batch of 64.

    The first ``alone`` of the texts are made once more, each in a batch of its own.
    """
    vectors = random_vectors(loaded, 1)
    texts = prompt_texts(loaded, 8)
    arms = [arm("0", strength) for strength in STRENGTHS]
    spec = spec_of(loaded, texts, arms)
    ids = [item for item in prompt_ids(loaded, 8) for _ in STRENGTHS]
    forms: dict[str, Callable[[], object]] = {
        "bare": lambda: bare(loaded, ids),
        "ours": lambda: generate(loaded, spec, vectors),
    }
    seconds = alternating(forms, rounds)
    together = [item.token_ids for item in generate(loaded, spec, vectors).generations]
    pairs = [(text, item) for text in texts for item in arms][:alone]
    single = [
        generate(loaded, spec_of(loaded, [text], [item]), vectors).generations[0].token_ids
        for text, item in pairs
    ]
    same = sum(a == b for a, b in zip(together, single, strict=False))
    found = ratio_row(
        f"W3, {model}, 8 prompts x 8 strengths / one bare generate of 64 rows",
        seconds["ours"],
        seconds["bare"],
        1.00,
    )
    found["same_tokens_as_one_by_one"] = f"{same} of {alone}"
    found["holds"] = found["holds"] and same == alone
    return found


def many_vectors(loaded: LoadedModel, *, rounds: int) -> dict[str, Any]:
    """64 rows with a vector each, against the same batch with one vector."""
    vectors = random_vectors(loaded, 64)
    [text] = prompt_texts(loaded, 1)
    own = spec_of(loaded, [text], [arm(name, 0.1) for name in vectors])
    one = spec_of(loaded, [text], [arm("0", 0.1 + 0.001 * number) for number in range(64)])
    forms: dict[str, Callable[[], object]] = {
        "own": lambda: generate(loaded, own, vectors),
        "one": lambda: generate(loaded, one, vectors),
    }
    seconds = alternating(forms, rounds)
    return ratio_row("S, 64 rows, 64 vectors / one vector", seconds["own"], seconds["one"], 1.10)


def step(decoder: Decoder) -> None:
    """One token, greedily."""
    logits = decoder.next_logits()
    decoder.append(*decoder.choose(logits, None, Decoding()))


def bare(loaded: LoadedModel, ids: Sequence[Sequence[int]]) -> object:
    """The library's own loop, unsteered."""
    tokens = torch.tensor(ids, device=loaded.device)
    generation: Any = loaded.model
    with torch.inference_mode():
        return generation.generate(
            input_ids=tokens,
            attention_mask=torch.ones_like(tokens),
            do_sample=False,
            max_new_tokens=NEW_TOKENS,
            min_new_tokens=NEW_TOKENS,
            pad_token_id=0,
        )


def spec_of(loaded: LoadedModel, texts: Sequence[str], arms: Sequence[Arm]) -> RunSpec:
    """A greedy run."""
    return RunSpec(
        model_fingerprint=loaded.description.fingerprint,
        prompts=tuple(Prompt(text=text) for text in texts),
        arms=tuple(arms),
        decoding=Decoding(max_new_tokens=NEW_TOKENS),
        dtype=str(loaded.dtype).removeprefix("torch."),
    )


def arm(
    vector: str,
    strength: float,
    *,
    operator: Operator = Operator.ROTATE,
    site: Site = Site.MLP_OUTPUT,
) -> Arm:
    """One vector at every layer, at all positions."""
    return Arm(
        label=f"{vector} {strength}",
        interventions=(
            Intervention(
                vector_id=1,
                vector_sha256=vector,
                operator=operator,
                strength=strength,
                site=site,
            ),
        ),
    )


def random_vectors(loaded: LoadedModel, count: int) -> dict[str, list[LayerVector]]:
    """Vectors of all layers, named by number."""
    generator = np.random.default_rng(0)
    shape = (count, loaded.description.n_layers, loaded.description.d_model)
    values = generator.normal(size=shape).astype(np.float32)
    return {
        str(number): [LayerVector(layer=layer, values=item) for layer, item in enumerate(rows)]
        for number, rows in enumerate(values)
    }


def prompt_texts(loaded: LoadedModel, count: int) -> list[str]:
    """Prompts of equal length in tokens."""
    words = [
        word
        for token in sorted(loaded.tokenizer.get_vocab())
        if (word := loaded.tokenizer.convert_tokens_to_string([token])).isascii()
        and word.startswith(" ")
        and word[1:].isalpha()
        and len(loaded.tokenizer.encode(f"a{word}", add_special_tokens=False)) == 2
    ]
    generator = np.random.default_rng(1)
    length = PROMPT_TOKENS - len(loaded.tokenizer.encode("a"))
    return ["a" + "".join(generator.choice(words, length)) for _ in range(count)]


def prompt_ids(loaded: LoadedModel, count: int) -> list[list[int]]:
    """Their token ids."""
    ids = [loaded.tokenizer.encode(text) for text in prompt_texts(loaded, count)]
    assert {len(row) for row in ids} == {PROMPT_TOKENS}
    return ids


if __name__ == "__main__":
    raise SystemExit(main())
