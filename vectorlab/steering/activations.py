"""Record the states that stand for texts: one position, one site, any layers.

Only the wanted positions leave the hooks, the forward pass ends behind the last wanted block,
and every batch is copied to the host once. Sequences that occur twice are computed once.
"""

from collections.abc import Callable, Iterator, Sequence
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

    Raises:
        ShapeError: If the model has no such layer.
        ArchitectureError: If a hooked module never ran.
    """
    chosen = _checked_layers(loaded, layers)
    unique = sorted(dict.fromkeys(map(tuple, token_ids)), key=len)
    events: list[str] = []
    rows: dict[tuple[int, ...], torch.Tensor] = {}
    with _recorder(loaded, site, chosen, include_embeddings=include_embeddings) as recorder:
        done = 0
        while done < len(unique):
            size = _batch_size(unique[done:], token_budget)
            batch = unique[done : done + size]
            try:
                states = recorder.run(
                    batch, [TOKEN_RULES[token_rule](ids) for ids in batch], padding_side
                )
            except RuntimeError as error:
                if not is_out_of_memory(error) or size == 1:
                    raise
                token_budget = max(len(ids) for ids in batch) * (size // 2)
                events.append(
                    f"out of memory with {size} sequences: token budget now {token_budget}"
                )
                free_memory(loaded.device)
                continue
            rows.update(zip(batch, states, strict=True))
            done += size
            if on_progress is not None:
                on_progress(done, len(unique))
    return States(
        values=torch.stack([rows[tuple(ids)] for ids in token_ids]),
        layers=chosen,
        has_embeddings=include_embeddings,
        events=tuple(events),
    )


class _Complete(Exception):
    """Every wanted state is there; the rest of the forward pass is not needed."""


class _Recorder:
    """Collects the wanted rows of one batch at a time into (B, L[+1], D)."""

    def __init__(self, loaded: LoadedModel, wanted: int) -> None:
        self.loaded = loaded
        self.wanted = wanted
        self.columns: torch.Tensor | None = None  # (B,) position of each row in the padded batch
        self.found: dict[int, torch.Tensor] = {}  # slot -> (B, D)

    def run(
        self, token_ids: Sequence[Sequence[int]], positions: Sequence[int], side: PaddingSide
    ) -> torch.Tensor:
        batch = pad(token_ids, side=side, device=self.loaded.device)
        self.columns = batch.starts + torch.tensor(positions, device=self.loaded.device)
        self.found = {}
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
def _recorder(
    loaded: LoadedModel, site: Site, layers: Sequence[int], *, include_embeddings: bool
) -> Iterator[_Recorder]:
    recorder = _Recorder(loaded, wanted=len(layers) + include_embeddings)
    with ExitStack() as hooks:
        if include_embeddings:
            first = loaded.layers.blocks[0]
            hook = _entry_hook(recorder)
            hooks.callback(first.register_forward_pre_hook(hook, with_kwargs=True).remove)
        for slot, layer in enumerate(layers, start=int(include_embeddings)):
            module = loaded.layers.at(site)[layer]
            hooks.callback(module.register_forward_hook(_output_hook(recorder, slot)).remove)
        yield recorder


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


def _batch_size(sequences: Sequence[Sequence[int]], token_budget: int) -> int:
    """How many of the sequences, which grow longer, fit into the budget; at least one."""
    size = 1
    while size < len(sequences) and len(sequences[size]) * (size + 1) <= token_budget:
        size += 1
    return size
