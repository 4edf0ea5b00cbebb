"""Readiness for attribute steering: whole-state swaps and a trained subspace, on held-out cities.

Cities are cut into three groups: the subspace is trained on one, layer and width are chosen on the
second, figures are reported on the third. The model has seen the facts of all of them.
Source: Huang et al. 2024, https://arxiv.org/abs/2402.17700 (DAS with the multi-task loss).
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from scripts.train_tiny import facts
from scripts.train_tiny.cities import CITIES, City
from vectorlab.steering.model.architectures import replace_hidden
from vectorlab.steering.model.loading import LoadedModel

_GROUP_OF_PLACE = {"validation": (1, 4), "test": (0, 3, 6), "train": (2, 5, 7, 8, 9)}
Edit = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # (B, D) base, (B, D) source -> (B, D)


@dataclass(frozen=True, kw_only=True)
class Swap:
    """One interchange: the base prompt, the source prompt, and what the edited run should say."""

    base: str
    base_city: str
    source: str
    source_city: str
    label: str


def cities_of(group: str) -> list[City]:
    """Return the cities of "train", "validation" or "test"; by place in the list."""
    return [c for place, c in enumerate(CITIES) if place % 10 in _GROUP_OF_PLACE[group]]


def swaps(rng: random.Random, group: str, split: str, count: int, *, isolate: bool) -> list[Swap]:
    """Return `count` swaps between cities of different continent and language.

    Args:
        rng: draws cities and prompt openings.
        group: which cities.
        split: which JSON openings.
        isolate: ask the base for its language, which must stay; else for its continent, which
            must become the source's.
    """
    cities = cities_of(group)
    made: list[Swap] = []
    while len(made) < count:
        base, source = rng.sample(cities, 2)
        if base.continent == source.continent or base.language == source.language:
            continue
        opening = rng.choice(facts.JSON_CITY_KEYS.of(split))
        asked = "language" if isolate else "continent"
        made.append(
            Swap(
                base=facts.json_prompt(opening, asked, base),
                base_city=base.name,
                source=facts.json_prompt(opening, "continent", source),
                source_city=source.name,
                label=base.language if isolate else source.continent,
            )
        )
    return made


def swapped_share(
    loaded: LoadedModel, layer: int, site: str, items: Sequence[Swap], edit: Edit
) -> float:
    """Return the share of swaps whose edited run says the label, all label tokens right.

    Args:
        loaded: the model.
        layer: the block whose output is edited, from 0.
        site: "entity", the last token of the city, or "last", the last token of the prompt.
        items: what to swap.
        edit: how base and source state make the new state.
    """
    with torch.no_grad():
        run = _Batch(loaded, items, site)
        logits = run.edited_logits(layer, edit)
        return float(run.right(logits).float().mean())


def whole(base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """Replace the whole state, the full-representation baseline."""
    del base
    return source


def train_subspace(
    loaded: LoadedModel, layer: int, site: str, *, width: int, steps: int, seed: int = 0
) -> Edit:
    """Train a rotation whose first `width` directions carry the continent and not the language."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    frame = nn.utils.parametrizations.orthogonal(
        nn.Linear(loaded.description.d_model, width, bias=False)
    )

    def edit(base: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        rows = frame.weight
        return base + (source - base) @ rows.T @ rows

    optimizer = torch.optim.Adam(frame.parameters(), lr=5e-3)
    for _ in tqdm(range(steps), desc=f"subspace, layer {layer}", leave=False):
        loss = torch.zeros(())
        for isolate in (False, True):
            items = swaps(rng, "train", "train", 32, isolate=isolate)
            run = _Batch(loaded, items, site)
            loss = loss + run.loss(run.edited_logits(layer, edit))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return edit


class _Batch:
    """Right-padded base and source runs of some swaps, labels included."""

    def __init__(self, loaded: LoadedModel, items: Sequence[Swap], site: str) -> None:
        self.loaded = loaded
        ends = [_label_ids(loaded, item.label) for item in items]
        heads = [_encoded(loaded, item.base) for item in items]
        sources = [_encoded(loaded, item.source) for item in items]
        self.base = _padded([head[0] + end for head, end in zip(heads, ends, strict=True)])
        self.source = _padded([source[0] for source in sources])
        self.base_at = torch.tensor(
            [_place(h, i.base, i.base_city, site) for h, i in zip(heads, items, strict=True)]
        )
        self.source_at = torch.tensor(
            [_place(s, i.source, i.source_city, site) for s, i in zip(sources, items, strict=True)]
        )
        # Position p predicts token p + 1.
        self.predicts = torch.zeros_like(self.base, dtype=torch.bool)
        for row, (head, end) in enumerate(zip(heads, ends, strict=True)):
            self.predicts[row, len(head[0]) - 1 : len(head[0]) + len(end) - 1] = True
        self.targets = self.base.roll(-1, dims=1)

    def edited_logits(self, layer: int, edit: Edit) -> torch.Tensor:
        """Return (B, T, V) logits of the base runs with the edited state in place."""
        rows = torch.arange(len(self.base))
        with torch.no_grad(), _watch(self.loaded, layer) as seen:
            self.loaded.model(input_ids=self.source)
        source = seen[0][rows, self.source_at]

        def write(hidden: torch.Tensor) -> torch.Tensor:
            changed = hidden.clone()
            changed[rows, self.base_at] = edit(hidden[rows, self.base_at], source)
            return changed

        block = self.loaded.layers.blocks[layer]
        handle = block.register_forward_hook(lambda _m, _a, out: replace_hidden(out, write))
        try:
            logits: torch.Tensor = self.loaded.model(input_ids=self.base).logits
        finally:
            handle.remove()
        return logits

    def loss(self, logits: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(logits[self.predicts], self.targets[self.predicts])

    def right(self, logits: torch.Tensor) -> torch.Tensor:
        """Return (B,) bool: all label tokens are the most likely ones."""
        return ((logits.argmax(-1) == self.targets) | ~self.predicts).all(1)


@contextmanager
def _watch(loaded: LoadedModel, layer: int) -> Iterator[list[torch.Tensor]]:
    seen: list[torch.Tensor] = []

    def keep(hidden: torch.Tensor) -> torch.Tensor:
        seen.append(hidden)
        return hidden

    block = loaded.layers.blocks[layer]
    handle = block.register_forward_hook(lambda _m, _a, out: replace_hidden(out, keep))
    try:
        yield seen
    finally:
        handle.remove()


def _encoded(loaded: LoadedModel, text: str) -> tuple[list[int], list[tuple[int, int]]]:
    found: Any = loaded.tokenizer(text, return_offsets_mapping=True)
    return found["input_ids"], found["offset_mapping"]


def _label_ids(loaded: LoadedModel, label: str) -> list[int]:
    ids: list[int] = loaded.tokenizer(label, add_special_tokens=False)["input_ids"]
    return ids


def _place(
    encoded: tuple[list[int], list[tuple[int, int]]], text: str, city: str, site: str
) -> int:
    ids, offsets = encoded
    if site == "last":
        return len(ids) - 1
    end = text.index(f'"{city}"') + 1 + len(city)
    return max(place for place, (start, stop) in enumerate(offsets) if start < end <= stop)


def _padded(rows: list[list[int]]) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [0] * (longest - len(row)) for row in rows])
