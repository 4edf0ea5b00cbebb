"""Record the states that stand for texts: one position, one site, any layers.

Only the wanted positions leave the hooks, the forward pass ends behind the last wanted block,
and every batch is copied to the host once. Sequences that occur twice are computed once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from vectorlab.domain.vectors import Site, TokenRule
from vectorlab.errors import ArchitectureError, ShapeError
from vectorlab.steering.batching import (
    PaddedBatch,
    PaddingSide,
    forward_arguments,
    free_memory,
    is_out_of_memory,
    pad,
)
from vectorlab.steering.layers import as_rows, hidden_of
from vectorlab.steering.loading import LoadedModel

Progress = Callable[[int, int], None]
# Told the places of the sequences of a finished batch, and their states (B, L[+1], D).
OnBatch = Callable[[list[int], torch.Tensor], None]
DEFAULT_TOKEN_BUDGET = 4096  # padded tokens per batch

# The position whose state stands for a sequence, counted from its first real token.
TOKEN_RULES: dict[TokenRule, Callable[[Sequence[int]], int]] = {
    TokenRule.LAST: lambda token_ids: len(token_ids) - 1,
}


@dataclass(frozen=True, kw_only=True)
class States:
    """States of N texts at one site."""

    values: torch.Tensor  # (N, L, D) float32 on the CPU; (N, 1 + L, D) with embeddings in row 0
    layers: tuple[int, ...]  # the L decoder blocks, ascending
    has_embeddings: bool  # whether row 0 is the residual stream that enters block 0
    events: tuple[str, ...] = ()  # what did not go as planned, for people

    def __getitem__(self, part: slice) -> "States":
        return States(
            values=self.values[part],
            layers=self.layers,
            has_embeddings=self.has_embeddings,
            events=self.events,
        )

    def per_layer(self) -> torch.Tensor:
        """The states without embeddings, (N, L, D)."""
        return self.values[:, 1:] if self.has_embeddings else self.values

    def without_embeddings(self) -> "States":
        """The same states, row 0 left out."""
        return States(
            values=self.per_layer(), layers=self.layers, has_embeddings=False, events=self.events
        )


@torch.inference_mode()
def record_states(
    loaded: LoadedModel,
    token_ids: Sequence[Sequence[int]],
    *,
    site: Site,
    layers: Sequence[int] | None = None,
    include_embeddings: bool = False,
    token_rule: TokenRule = TokenRule.LAST,
    token_budget: int = DEFAULT_TOKEN_BUDGET,
    padding_side: PaddingSide = "right",
    on_progress: Progress | None = None,
    on_batch: OnBatch | None = None,
) -> States:
    """States of every sequence at one position.

    Args:
        loaded: The model; it is given back without hooks, whatever happens.
        token_ids: N non-empty sequences.
        site: Where in each block to read.
        layers: Decoder blocks from 0; None for all.
        include_embeddings: Also record what enters block 0, as row 0.
        token_rule: Which token's state stands for a sequence.
        token_budget: Most padded tokens per batch; halved when memory runs out.
        padding_side: Does not change the result beyond float noise.
        on_progress: Called with (sequences done, sequences in all) after each batch.
        on_batch: Called with each finished batch, so that it can be kept.

    Raises:
        ShapeError: If the model has no such layer.
        ArchitectureError: If a hooked module never ran.
    """
    chosen = _checked_layers(loaded, layers)
    places: dict[tuple[int, ...], list[int]] = {}
    for place, ids in enumerate(token_ids):
        places.setdefault(tuple(ids), []).append(place)
    recorder = _Recorder(loaded, token_rule, padding_side)
    with _hooked(recorder, site, chosen, include_embeddings=include_embeddings):
        values, events = _record_batches(recorder, places, token_budget, on_progress, on_batch)
    return States(
        values=values, layers=chosen, has_embeddings=include_embeddings, events=tuple(events)
    )


def _record_batches(
    recorder: "_Recorder",
    places: Mapping[tuple[int, ...], list[int]],
    token_budget: int,
    on_progress: Progress | None,
    on_batch: OnBatch | None,
) -> tuple[torch.Tensor, list[str]]:
    """States of every place, and what happened on the way."""
    sequences, done = sorted(places, key=len), 0
    values = torch.empty(0)
    events: list[str] = []
    while done < len(sequences):
        batch = _next_batch(sequences, done, token_budget)
        states = recorder.try_run(batch)
        if states is None:
            token_budget = len(batch[-1]) * (len(batch) // 2)
            events.append(
                f"out of memory with {len(batch)} sequences: token budget now {token_budget}"
            )
            continue
        if done == 0:
            values = torch.empty(sum(map(len, places.values())), *states.shape[1:])
        where, states = _spread([places[ids] for ids in batch], states)
        values[where] = states
        done += len(batch)
        if on_batch is not None:
            on_batch(where, states)
        if on_progress is not None:
            on_progress(done, len(sequences))
    return values, events


def _spread(places: Sequence[list[int]], states: torch.Tensor) -> tuple[list[int], torch.Tensor]:
    """One row for every place of every sequence of a batch."""
    where = [place for several in places for place in several]
    if len(where) == len(places):
        return where, states
    return where, states[[row for row, several in enumerate(places) for _ in several]]


class _Complete(Exception):
    """Every wanted state is there; the rest of the forward pass is not needed."""


class _Recorder:
    """Collects the wanted rows of one batch at a time into (B, L[+1], D)."""

    def __init__(
        self, loaded: LoadedModel, token_rule: TokenRule, padding_side: PaddingSide
    ) -> None:
        self.loaded = loaded
        self.position = TOKEN_RULES[token_rule]
        self.padding_side = padding_side
        self.wanted = 0  # states per row, one for each hook
        self.columns: torch.Tensor | None = None  # (B,) position of each row in the padded batch
        self.found: dict[int, torch.Tensor] = {}  # slot -> (B, D)

    def try_run(self, token_ids: Sequence[Sequence[int]]) -> torch.Tensor | None:
        """States of a batch on the CPU, or None if it has to be smaller."""
        try:
            return self._run(token_ids)
        except RuntimeError as error:
            if not is_out_of_memory(error) or len(token_ids) == 1:
                raise
        # Only here has the error, which holds the batch's tensors, been let go.
        self.found = {}
        free_memory(self.loaded.device)
        return None

    def _run(self, token_ids: Sequence[Sequence[int]]) -> torch.Tensor:
        batch = pad(token_ids, side=self.padding_side, device=self.loaded.device)
        positions = torch.tensor(
            [self.position(ids) for ids in token_ids], device=self.loaded.device
        )
        self.columns, self.found = batch.starts + positions, {}
        try:
            self._forward(batch)
        except _Complete:
            return torch.stack([self.found[slot] for slot in range(self.wanted)], dim=1).cpu()
        raise ArchitectureError(
            f"{self.wanted - len(self.found)} of {self.wanted} hooked modules never ran; correct "
            f"ARCHITECTURES[{self.loaded.description.architecture!r}] in "
            "vectorlab/steering/layers.py."
        )

    def _forward(self, batch: PaddedBatch) -> None:
        mask = batch.attention_mask if batch.is_padded else None
        self.loaded.model(**forward_arguments(self.loaded, batch.input_ids, mask, batch.starts))

    def keep(self, slot: int, hidden: torch.Tensor) -> None:
        assert self.columns is not None
        states = as_rows(hidden, len(self.columns))
        row = torch.arange(len(self.columns), device=states.device)
        self.found[slot] = states[row, self.columns].float()
        if len(self.found) == self.wanted:
            raise _Complete


@contextmanager
def _hooked(
    recorder: _Recorder, site: Site, layers: Sequence[int], *, include_embeddings: bool
) -> Iterator[None]:
    modules = recorder.loaded.layers
    recorder.wanted = len(layers) + include_embeddings
    with ExitStack() as hooks:
        if include_embeddings:
            hook = _entry_hook(recorder)
            handle = modules.blocks[0].register_forward_pre_hook(hook, with_kwargs=True)
            hooks.callback(handle.remove)
        for slot, layer in enumerate(layers, start=int(include_embeddings)):
            module = modules.at(site)[layer]
            hooks.callback(module.register_forward_hook(_output_hook(recorder, slot)).remove)
        yield


def _entry_hook(recorder: _Recorder) -> Callable[..., None]:
    def hook(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        recorder.keep(0, args[0] if args else kwargs["hidden_states"])

    return hook


def _output_hook(recorder: _Recorder, slot: int) -> Callable[..., None]:
    def hook(_module: Any, _args: Any, output: Any) -> None:
        recorder.keep(slot, hidden_of(output))

    return hook


def _checked_layers(loaded: LoadedModel, layers: Sequence[int] | None) -> tuple[int, ...]:
    depth = len(loaded.layers)
    chosen = tuple(range(depth)) if layers is None else tuple(sorted(set(layers)))
    wrong = [layer for layer in chosen if not 0 <= layer < depth]
    if wrong or not chosen:
        raise ShapeError(
            f"Layers {wrong or 'none'} asked for, but the model has {depth} (0 to {depth - 1})."
        )
    return chosen


def _next_batch(
    sequences: Sequence[tuple[int, ...]], start: int, token_budget: int
) -> Sequence[tuple[int, ...]]:
    """As many of the sequences, which grow longer, as fit into the budget; at least one."""
    end = start + 1
    while end < len(sequences) and len(sequences[end]) * (end + 1 - start) <= token_budget:
        end += 1
    return sequences[start:end]
