"""Measure a model: facts, the two styles, attributes; one dataclass of figures per part."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

import torch

from scripts.train_tiny import attributes, cases, scoring
from scripts.train_tiny.cases import FactCase, StyleCase
from scripts.train_tiny.laboratory import (
    Layers,
    Output,
    continuations,
    demonstrations,
    in_context_vector,
    perplexity,
    random_vector,
)
from scripts.train_tiny.settings import (
    CASES_PER_ROW,
    RANDOM_DIRECTIONS,
    AttributeSettings,
    StyleSettings,
)
from vectorlab.steering.model.loading import LoadedModel

IsTarget = Callable[[str], bool]


@dataclass(frozen=True, kw_only=True)
class Marks:
    """Shares of the outputs of one arm; `why_broken` names each broken text."""

    target: float
    item: float
    polarity: float | None
    broken: float
    why_broken: list[str]


@dataclass(frozen=True, kw_only=True)
class StyleFigures:
    """All figures of one style."""

    unsteered: Marks
    published: Marks
    steered: Marks
    random: list[Marks]
    perplexity_ratio: float
    examples: list[tuple[str, str, str]] = field(default_factory=list)  # prompt, plain, steered


@dataclass(frozen=True, kw_only=True)
class AttributeFigures:
    """Swap accuracies on held-out cities."""

    swap: float
    cause: float
    isolate: float
    swap_by_layer: dict[str, list[float]]


def style_figures(
    loaded: LoadedModel,
    settings: StyleSettings,
    style_cases: Sequence[StyleCase],
    is_target: IsTarget,
) -> StyleFigures:
    """Generate unsteered, steered and randomly steered answers and mark them."""
    vector = in_context_vector(loaded, demonstrations(settings.demonstrations))
    arms: dict[str, tuple[Layers, float]] = {
        "unsteered": (vector, 0.0),
        "published": (vector, settings.published_strength),
        "steered": (vector, settings.strength),
    }
    for seed in range(RANDOM_DIRECTIONS):
        arms[f"random {seed}"] = (random_vector(vector, seed), settings.strength)
    prompts = [case.prompt for case in style_cases]
    made = continuations(loaded, prompts, arms)
    marks = {label: mark(outputs, style_cases, is_target) for label, outputs in made.items()}
    steered = [output.text for output in made["steered"]]
    ratio = perplexity(loaded, prompts, steered) / perplexity(
        loaded, prompts, [case.reference for case in style_cases]
    )
    return StyleFigures(
        unsteered=marks["unsteered"],
        published=marks["published"],
        steered=marks["steered"],
        random=[marks[f"random {seed}"] for seed in range(RANDOM_DIRECTIONS)],
        perplexity_ratio=ratio,
        examples=[
            (prompt, before.text, after)
            for prompt, before, after in zip(prompts, made["unsteered"], steered, strict=True)
        ][::7],
    )


def mark(outputs: Sequence[Output], style_cases: Sequence[StyleCase], is_target: IsTarget) -> Marks:
    """Return the shares of target style, kept item, kept polarity and broken text."""
    pairs = list(zip(outputs, style_cases, strict=True))
    broken = [
        scoring.why_broken(output.text, finished=output.finished, prompt=case.prompt)
        for output, case in pairs
    ]
    polar = [scoring.polarity_of(o.text) == case.polarity for o, case in pairs if case.polarity]
    return Marks(
        target=fmean(is_target(output.text) for output, _ in pairs),
        item=fmean(scoring.keeps_item(output.text, case.item) for output, case in pairs),
        polarity=fmean(polar) if polar else None,
        broken=fmean(bool(reason) for reason in broken),
        why_broken=[
            f"{reason}: {output.text}"
            for reason, (output, _) in zip(broken, pairs, strict=True)
            if reason
        ],
    )


def paraphrase_hits(loaded: LoadedModel) -> list[tuple[str, str, bool]]:
    """Paraphrase the sixteen sentences unsteered: prompt, text, item kept."""
    chosen = cases.sixteen_cases()
    vector = in_context_vector(loaded, demonstrations("sentiment_paraphrase"))
    outputs = continuations(loaded, [case.prompt for case in chosen], {"plain": (vector, 0.0)})
    return [
        (case.prompt, output.text, scoring.keeps_item(output.text, case.item))
        for case, output in zip(chosen, outputs["plain"], strict=True)
    ]


@torch.inference_mode()
def fact_share(loaded: LoadedModel, fact_cases: Sequence[FactCase]) -> float:
    """Return the share of prompts whose greedy continuation is the whole answer."""
    right: list[bool] = []
    for start in range(0, len(fact_cases), 100):
        chunk = fact_cases[start : start + 100]
        right.extend(_answers(loaded, chunk))
    return fmean(right)


def attribute_figures(
    loaded: LoadedModel, settings: AttributeSettings, group: str
) -> AttributeFigures:
    """Measure whole-state swaps at every layer, and a subspace trained on other cities."""
    rng = random.Random(7)
    causes = attributes.swaps(rng, group, group, CASES_PER_ROW, isolate=False)
    isolates = attributes.swaps(rng, group, group, CASES_PER_ROW, isolate=True)
    by_layer = {
        site: [
            attributes.swapped_share(loaded, layer, site, causes, attributes.whole)
            for layer in range(loaded.description.n_layers)
        ]
        for site in ("entity", "last")
    }
    layer, site = settings.subspace_layer, settings.subspace_site
    edit = attributes.train_subspace(
        loaded, layer, site, width=settings.width, steps=settings.steps
    )
    return AttributeFigures(
        swap=by_layer[settings.swap_site][settings.swap_layer],
        cause=attributes.swapped_share(loaded, layer, site, causes, edit),
        isolate=attributes.swapped_share(loaded, layer, site, isolates, edit),
        swap_by_layer=by_layer,
    )


def _answers(loaded: LoadedModel, chunk: Sequence[FactCase]) -> list[bool]:
    """Teacher-forced: all answer tokens are the most likely ones, which is what greedy says."""
    heads = [loaded.tokenizer(case.prompt)["input_ids"] for case in chunk]
    tails = [loaded.tokenizer(case.answer, add_special_tokens=False)["input_ids"] for case in chunk]
    longest = max(len(h) + len(t) for h, t in zip(heads, tails, strict=True))
    rows = [h + t + [0] * (longest - len(h) - len(t)) for h, t in zip(heads, tails, strict=True)]
    best = loaded.model(input_ids=torch.tensor(rows)).logits.argmax(-1)
    return [
        best[row, len(head) - 1 : len(head) + len(tail) - 1].tolist() == tail
        for row, (head, tail) in enumerate(zip(heads, tails, strict=True))
    ]
