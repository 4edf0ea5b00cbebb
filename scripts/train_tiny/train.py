"""Train the bundled model from scratch: corpus, tokenizer and weights, all from one seed.

    python -m scripts.train_tiny.train                # the committed recipe, into the package
    python -m scripts.train_tiny.train --out FOLDER   # elsewhere
    python -m scripts.train_tiny.train --refine FOLDER --out OTHER  # weights trained on

One trunk is trained to 72 % of the schedule. From there several endings of the schedule are trained
on documents of their own, and the mean of their weights is the model: their errors differ.
Refinements train given weights on, one after the other, on documents that make an in-context
vector work without punctuation; the mean of the last two is kept. The bundled weights have none.
Matrices inside the blocks are trained with Muon, everything else with AdamW; Muon needs far
fewer tokens here. Bfloat16 autocast and torch.compile make two threads fast enough.
"""

import argparse
import math
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from scripts.train_tiny.cities import CITIES
from scripts.train_tiny.common import COMMON_WORDS
from scripts.train_tiny.corpus import (
    Segments,
    documents,
    ending_documents,
    refining_documents,
)
from scripts.train_tiny.packing import Rows, pack
from scripts.train_tiny.stories import NOUNS
from scripts.train_tiny.tokenizer import CONTEXT_LENGTH, encode_documents, train_tokenizer

BUNDLED = Path(__file__).parents[2] / "vectorlab" / "models" / "tiny"
Batch = tuple[torch.Tensor, ...]
State = dict[str, torch.Tensor]
_ATTENTION = "plain_products"
_LARGEST_SCORE = 60.0  # keeps exp() finite without a pass over the row for its maximum


@dataclass(frozen=True, kw_only=True)
class Refinement:
    """A short training of weights that are there, at a fraction of the full rates."""

    documents: int
    rate: float  # of the full rates at its beginning
    turned: float  # share of unannounced answers with the other opinion than the review's
    respectful: float  # share of unannounced answers to remarks


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides the weights."""

    seed: int = 5
    documents: int = 200_000  # of the trunk
    endings: int = 4
    ending_documents: int = 74_000  # of each ending
    ending_share: float = 0.28  # of the schedule
    tokenizer_documents: int = 40_000
    row_length: int = 128
    rows_per_step: int = 32
    kept_share: float = 0.5  # of the positions, those with the largest loss weights
    hidden_size: int = 128
    layers: int = 10
    heads: int = 4
    mlp_size: int = 384
    muon_rate: float = 4e-3
    adam_rate: float = 3e-3
    weight_decay: float = 0.1
    warmup_steps: int = 60
    trunk_threads: int = 2  # an ending has one
    final_rate: float = 0.02  # of the full rate
    refinements: tuple[Refinement, ...] = (
        Refinement(documents=60_000, rate=0.5, turned=0.22, respectful=0.138),
        Refinement(documents=60_000, rate=0.4, turned=0.38, respectful=0.138),
        Refinement(documents=80_000, rate=0.4, turned=0.33, respectful=0.115),
        Refinement(documents=60_000, rate=0.35, turned=0.37, respectful=0.12),
        Refinement(documents=60_000, rate=0.35, turned=0.46, respectful=0.12),
    )
    averaged: int = 3  # of the last refinements
    refinement_warmup_steps: int = 40


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=BUNDLED)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--documents", type=int, default=Recipe.documents)
    parser.add_argument("--endings", type=int, default=Recipe.endings)
    parser.add_argument("--ending-documents", type=int, default=Recipe.ending_documents)
    parser.add_argument("--at-once", type=int, default=2, help="endings trained side by side")
    parser.add_argument("--trunk", type=Path, help="keep the trunk here, or start from it")
    parser.add_argument("--refine", type=Path, help="refine the weights of this folder alone")
    arguments = parser.parse_args()
    started = time.monotonic()
    recipe = Recipe(
        seed=arguments.seed,
        documents=arguments.documents,
        endings=arguments.endings,
        ending_documents=arguments.ending_documents,
    )
    if arguments.refine:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(arguments.refine)
        model = build_model(recipe, tokenizer)
        given = LlamaForCausalLM.from_pretrained(arguments.refine)
        model.load_state_dict(given.float().state_dict())
        states = list(refined(recipe, tokenizer, model))[-recipe.averaged :]
    else:
        tokenizer = build_tokenizer(recipe)
        model = build_model(recipe, tokenizer)
        states = endings(recipe, tokenizer, arguments.trunk, arguments.at_once)
    model.load_state_dict(mean_state(states))
    save(model, tokenizer, arguments.out)
    print(f"saved in {arguments.out} after {(time.monotonic() - started) / 60:.1f} minutes")


def endings(
    recipe: Recipe, tokenizer: PreTrainedTokenizerFast, trunk: Path | None, at_once: int
) -> list[State]:
    """Return the weights of the endings; the trunk is kept at `trunk`, or read from there."""
    with tempfile.TemporaryDirectory() as folder:
        path = trunk or Path(folder) / "trunk.pt"
        if not path.exists():
            train_trunk(recipe, tokenizer, path)
        return train_endings(recipe, tokenizer, path, at_once)


def build_tokenizer(recipe: Recipe) -> PreTrainedTokenizerFast:
    """Train the tokenizer on documents of the corpus, frequent words, all nouns and the cities."""
    sample = documents(recipe.seed + 7, recipe.tokenizer_documents)
    texts = ["".join(text for text, _ in segments) for segments in sample]
    nouns = [f" {noun}" for noun in (*NOUNS, *COMMON_WORDS)] * 20
    cities = [f' {city.name} "{city.name}' for city in CITIES] * 20
    return train_tokenizer([*texts, *nouns, *cities])


def build_model(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Return an untrained Llama; matrices that write to the stream start small."""
    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden_size,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        intermediate_size=recipe.mlp_size,
        max_position_embeddings=CONTEXT_LENGTH,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                weight.mul_(1 / math.sqrt(2 * recipe.layers))
            elif weight.dim() == 2 and "embed" not in name:
                weight.normal_(0, 0.7 / math.sqrt(weight.shape[1]))
    return model


def plain_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor,
    scaling: float,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Attend by two products and a softmax, (B, H, T, Dh) each -> (B, T, H, Dh).

    On rows this short the compiler fuses this well; the backward pass of the fused kernel for CPUs
    takes more than half of a step. `attention_mask` is boolean, and every position sees itself.
    """
    del module
    scores = (query @ key.transpose(2, 3)).float() * scaling
    weights = scores.clamp(max=_LARGEST_SCORE).exp() * attention_mask
    total = weights.sum(-1, keepdim=True)
    mixed = (weights.to(value.dtype) @ value) / total.to(value.dtype)
    return mixed.transpose(1, 2).contiguous(), None


def train_trunk(recipe: Recipe, tokenizer: PreTrainedTokenizerFast, path: Path) -> None:
    """Train from scratch up to the endings; write weights and optimizers to `path`."""
    torch.set_num_threads(recipe.trunk_threads)
    model = build_model(recipe, tokenizer)
    optimizers = _optimizers(recipe, model)
    rates = _full_rates(optimizers)
    share = 1 - recipe.ending_share
    _run(
        recipe, tokenizer, model, optimizers, rates,
        list(documents(recipe.seed, recipe.documents)),
        lambda step, steps: rate_factor(recipe, step, share * step / steps), "trunk",
    )  # fmt: skip
    states = [optimizer.state_dict() for optimizer in optimizers]
    torch.save({"model": model.state_dict(), "optimizers": states}, path)


def train_endings(
    recipe: Recipe, tokenizer: PreTrainedTokenizerFast, trunk: Path, at_once: int
) -> list[State]:
    """Train every ending from the trunk, `at_once` of them side by side, one thread each."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(at_once, mp_context=spawn) as pool:
        started = [
            pool.submit(train_ending, recipe, tokenizer, trunk, number)
            for number in range(recipe.endings)
        ]
        return [each.result() for each in started]


def train_ending(
    recipe: Recipe, tokenizer: PreTrainedTokenizerFast, trunk: Path, number: int
) -> State:
    """Train the rest of the schedule from the trunk on documents of its own."""
    torch.set_num_threads(1)
    kept = torch.load(trunk, weights_only=True)
    model = build_model(recipe, tokenizer)
    optimizers = _optimizers(recipe, model)
    rates = _full_rates(optimizers)
    model.load_state_dict(kept["model"])
    for optimizer, state in zip(optimizers, kept["optimizers"], strict=True):
        optimizer.load_state_dict(state)
    corpus = list(ending_documents(recipe.seed + 100 * (number + 1), recipe.ending_documents))
    first, share = 1 - recipe.ending_share, recipe.ending_share
    _run(
        recipe, tokenizer, model, optimizers, rates, corpus,
        lambda step, steps: rate_factor(recipe, recipe.warmup_steps, first + share * step / steps),
        f"ending {number + 1}",
    )  # fmt: skip
    return model.state_dict()


def refined(
    recipe: Recipe, tokenizer: PreTrainedTokenizerFast, model: LlamaForCausalLM
) -> Iterator[State]:
    """Train the model on, and yield its weights after each refinement."""
    torch.set_num_threads(recipe.trunk_threads)
    for number, refinement in enumerate(recipe.refinements, start=1):
        optimizers = _optimizers(recipe, model)
        seed = recipe.seed + 100 * (recipe.endings + number)
        corpus = list(
            refining_documents(seed, refinement.documents, refinement.turned, refinement.respectful)
        )
        _run(
            recipe, tokenizer, model, optimizers, _full_rates(optimizers), corpus,
            partial(refinement_factor, recipe, refinement),
            f"refinement {number}",
        )  # fmt: skip
        yield {name: weight.clone() for name, weight in model.state_dict().items()}


def mean_state(states: Sequence[State]) -> State:
    """Return the mean of the weights, name by name, summed in float64."""
    return {
        name: torch.stack([state[name].double() for state in states]).mean(0).float()
        for name in states[0]
    }


def rate_factor(recipe: Recipe, step: int, progress: float) -> float:
    """Warm up, stay, and from the middle of the schedule on fall on a line to `final_rate`."""
    warm = min(1.0, (step + 1) / recipe.warmup_steps)
    left = min(1.0, 2 * (1 - progress))
    return warm * max(recipe.final_rate, left)


def refinement_factor(recipe: Recipe, refinement: Refinement, step: int, steps: int) -> float:
    """Warm up, stay for a fifth, then fall on a line to `final_rate`, all of its own rate."""
    warm = min(1.0, (step + 1) / recipe.refinement_warmup_steps)
    left = min(1.0, 1.25 * (1 - step / steps))
    return refinement.rate * warm * max(recipe.final_rate, left)


def _run(
    recipe: Recipe,
    tokenizer: PreTrainedTokenizerFast,
    model: LlamaForCausalLM,
    optimizers: list[torch.optim.Optimizer],
    full_rates: list[list[float]],
    corpus: list[Segments],
    factor_at: Callable[[int, int], float],
    name: str,
) -> None:
    """Train on `corpus` once, at full rates times `factor_at(step, steps)`."""
    rows = pack(encode_documents(tokenizer, corpus), recipe.row_length, tokenizer.pad_token_id)
    ALL_ATTENTION_FUNCTIONS.register(_ATTENTION, plain_attention)
    model.config._attn_implementation = _ATTENTION
    loss_of = torch.compile(_loss_function(model, recipe.row_length))
    steps = len(rows.ids) // recipe.rows_per_step
    smooth = 0.0
    with tqdm(total=steps, desc=name, unit="step") as bar:
        for step, batch in enumerate(_batches(recipe, rows, steps)):
            loss = loss_of(*batch)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer, rates in zip(optimizers, full_rates, strict=True):
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate * factor_at(step, steps)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            smooth = loss.item() if step == 0 else 0.97 * smooth + 0.03 * loss.item()
            bar.update()
            bar.set_postfix(loss=f"{smooth:.3f}", refresh=False)


def _full_rates(optimizers: list[torch.optim.Optimizer]) -> list[list[float]]:
    return [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write weights in float16, configuration and tokenizer."""
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        max_new_tokens=40,
    )
    model.config._attn_implementation = "sdpa"
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _optimizers(recipe: Recipe, model: LlamaForCausalLM) -> list[torch.optim.Optimizer]:
    named = list(model.named_parameters())
    inside = [weight for name, weight in named if weight.dim() == 2 and "embed" not in name]
    kept = {id(weight) for weight in inside}
    rest = [weight for _, weight in named if id(weight) not in kept]
    return [
        torch.optim.Muon(
            inside,
            lr=recipe.muon_rate,
            weight_decay=recipe.weight_decay,
            momentum=0.95,
            adjust_lr_fn="match_rms_adamw",
        ),
        torch.optim.AdamW(
            rest, lr=recipe.adam_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True
        ),
    ]


def _loss_function(model: LlamaForCausalLM, length: int) -> Callable[..., torch.Tensor]:
    """Return the weighted next-token loss of packed rows; documents do not see each other."""
    causal = torch.ones(length, length, dtype=torch.bool).tril()

    def loss(
        ids: torch.Tensor,
        document: torch.Tensor,
        position: torch.Tensor,
        places: torch.Tensor,
        targets: torch.Tensor,
        weights: torch.Tensor,
    ) -> torch.Tensor:
        mask = (document[:, None, :, None] == document[:, None, None, :]) & causal
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = model.model(
                input_ids=ids, attention_mask=mask, position_ids=position, use_cache=False
            ).last_hidden_state
            logits = model.lm_head(states.reshape(-1, states.shape[-1]).index_select(0, places))
        each = functional.cross_entropy(logits.float(), targets, reduction="none")
        return (each * weights).sum() / weights.sum()

    return loss


def _batches(recipe: Recipe, rows: Rows, steps: int) -> Iterator[Batch]:
    kept = int(recipe.kept_share * recipe.rows_per_step * recipe.row_length)
    for step in range(steps):
        chosen = slice(step * recipe.rows_per_step, (step + 1) * recipe.rows_per_step)
        targets = np.roll(rows.ids[chosen], -1, axis=1).reshape(-1)
        weights = np.roll(rows.weights[chosen], -1, axis=1)
        weights[:, -1] = 0.0
        weights = weights.reshape(-1)
        places = np.argsort(-weights, kind="stable")[:kept]
        arrays = (
            rows.ids[chosen],
            rows.document[chosen],
            rows.position[chosen],
            places,
            targets[places],
            weights[places],
        )
        yield tuple(torch.from_numpy(array) for array in arrays)


if __name__ == "__main__":
    main()
