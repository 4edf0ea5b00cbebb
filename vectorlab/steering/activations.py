"""Record the states that stand for texts: a token or several, one site, any layers.

Only what is wanted leaves the hooks, the forward pass ends behind the last wanted block, of which
the maps behind the attention see the wanted tokens only, and every batch is copied to the host
once. Sequences that occur twice are computed once.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch

from vectorlab.domain.vectors import Site, TokenRule
from vectorlab.errors import ArchitectureError, InputError, ModelError, ShapeError
from vectorlab.steering.batching import (
    PaddedBatch,
    PaddingSide,
    forward_arguments,
    free_memory,
    is_out_of_memory,
    length_buckets,
    pad,
)
from vectorlab.steering.layers import as_rows, hidden_of
from vectorlab.steering.loading import LoadedModel
from vectorlab.steering.token_rules import Reader

Progress = Callable[[int, int], None]
# Told the places of the sequences of a finished batch, and their states (B, L[+1], D).
OnBatch = Callable[[list[int], torch.Tensor], None]
DEFAULT_TOKEN_BUDGET = 2048  # padded tokens per batch


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
    lead: int = 0,
    name_of: Callable[[int], str] | None = None,
    token_budget: int = DEFAULT_TOKEN_BUDGET,
    padding_side: PaddingSide = "right",
    on_progress: Progress | None = None,
    on_batch: OnBatch | None = None,
) -> States:
    """The state of every sequence.

    Args:
        loaded: The model; it is given back without hooks, whatever happens.
        token_ids: N non-empty sequences.
        site: Where in each block to read.
        layers: Decoder blocks from 0; None for all.
        include_embeddings: Also record what enters block 0, as row 0.
        token_rule: Which token's state stands for a sequence.
        lead: Tokens that every sequence begins with and that are not its own, such as BOS.
        name_of: What an error calls the sequence of a place; None for its number.
        token_budget: Most padded tokens per batch; halved when memory runs out.
        padding_side: Does not change the result beyond float noise.
        on_progress: Called with (sequences done, sequences in all) after each batch.
        on_batch: Called with each finished batch, so that it can be kept.

    Raises:
        ShapeError: If the model has no such layer.
        ArchitectureError: If a hooked module never ran.
        InputError: If the token rule fits no token of a sequence.
        ModelError: If states are not finite, or memory does not hold a single sequence.
    """
    chosen = _checked_layers(loaded, layers)
    name_of = name_of or (lambda place: f"Sequence {place + 1} of {len(token_ids)}")
    reader = Reader(token_rule, lead=lead)
    places: dict[tuple[int, ...], list[int]] = {}
    for place, ids in enumerate(token_ids):
        if not reader.span(len(ids)):
            raise InputError(reader.does_not_fit(name_of(place), len(ids)))
        places.setdefault(tuple(ids), []).append(place)
    recorder = _Recorder(loaded, reader, padding_side)
    with _hooked(recorder, site, chosen, include_embeddings=include_embeddings):
        values, events = _record_batches(
            recorder, places, token_budget, name_of, on_progress, on_batch
        )
    return States(
        values=values, layers=chosen, has_embeddings=include_embeddings, events=tuple(events)
    )


def _record_batches(
    recorder: "_Recorder",
    places: Mapping[tuple[int, ...], list[int]],
    token_budget: int,
    name_of: Callable[[int], str],
    on_progress: Progress | None,
    on_batch: OnBatch | None,
) -> tuple[torch.Tensor, list[str]]:
    """States of every place, and what happened on the way."""
    sequences, done = sorted(places, key=len), 0
    ends = _ends(sequences, done, token_budget)
    values = torch.empty(0)
    events: list[str] = []
    while done < len(sequences):
        batch = _next_batch(sequences, done, ends)
        states = recorder.try_run(batch)
        if states is None:
            if len(batch) == 1:
                raise ModelError(_does_not_fit(recorder, batch[0], sequences[:done]))
            token_budget = len(batch[-1]) * (len(batch) // 2)
            ends = _ends(sequences, done, token_budget)
            events.append(
                f"out of memory with {len(batch)} sequences: token budget now {token_budget}"
            )
            continue
        if done == 0:
            values = torch.empty(sum(map(len, places.values())), *states.shape[1:])
        if not torch.isfinite(states).all():
            raise ModelError(
                _not_finite(recorder, states, [places[ids][0] for ids in batch], name_of)
            )
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
    """Collects the wanted states of one batch at a time into (B, L[+1], D)."""

    def __init__(self, loaded: LoadedModel, reader: Reader, padding_side: PaddingSide) -> None:
        self.loaded = loaded
        self.reader = reader
        self.padding_side = padding_side
        self.names: list[str] = []  # of what each hook reads
        self.width = 0  # of the batch
        self.begin: torch.Tensor | None = None  # (B,) first wanted column of each row
        self.end: torch.Tensor | None = None  # (B,) column behind the last
        self.found: dict[int, torch.Tensor] = {}  # slot -> (B, D)

    @property
    def wanted(self) -> int:
        """States per row, one for each hook."""
        return len(self.names)

    def try_run(self, token_ids: Sequence[Sequence[int]]) -> torch.Tensor | None:
        """States of a batch on the CPU, or None if it has to be smaller."""
        try:
            return self._run(token_ids)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        # Only here has the error, which holds the batch's tensors, been let go.
        self.found = {}
        free_memory(self.loaded.device)
        return None

    def _run(self, token_ids: Sequence[Sequence[int]]) -> torch.Tensor:
        batch = pad(token_ids, side=self.padding_side, device=self.loaded.device)
        spans = [self.reader.span(len(ids)) for ids in token_ids]
        begin, end = torch.tensor([(span.start, span.stop) for span in spans]).T
        self.begin = batch.starts + begin.to(batch.starts.device)
        self.end = batch.starts + end.to(batch.starts.device)
        self.width, self.found = batch.input_ids.shape[1], {}
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
        # What is behind a causal model's token does not reach it, so padding there needs no mask.
        is_left = self.padding_side == "left"
        mask = batch.attention_mask if batch.is_padded and is_left else None
        self.loaded.model(**forward_arguments(self.loaded, batch.input_ids, mask, batch.starts))

    def keep(self, slot: int, hidden: torch.Tensor) -> None:
        assert self.begin is not None
        assert self.end is not None
        states = as_rows(hidden, len(self.begin))
        if states.shape[1] == 1 < self.width:
            self.found[slot] = states[:, 0].float()  # left alone by ``narrow``
        else:
            self.found[slot] = self.reader.read(states, self.begin, self.end)
        if len(self.found) == self.wanted:
            raise _Complete

    def narrow(self, _module: Any, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Let a module see the wanted token of every row alone, (B, 1, D)."""
        assert self.begin is not None
        hidden = args[0] if args else None
        is_whole = isinstance(hidden, torch.Tensor) and hidden.shape[:-1] == (
            len(self.begin),
            self.width,
        )
        if not is_whole or self.width == 1:
            return None
        assert isinstance(hidden, torch.Tensor)
        row = torch.arange(len(self.begin), device=hidden.device)
        return hidden[row, self.begin.to(hidden.device)][:, None], *args[1:]


@contextmanager
def _hooked(
    recorder: _Recorder, site: Site, layers: Sequence[int], *, include_embeddings: bool
) -> Iterator[None]:
    modules = recorder.loaded.layers
    recorder.names = ["what enters layer 0"] * include_embeddings
    recorder.names += [f"{site.value} of layer {layer}" for layer in layers]
    with ExitStack() as hooks:
        if include_embeddings:
            hook = _entry_hook(recorder)
            handle = modules.blocks[0].register_forward_pre_hook(hook, with_kwargs=True)
            hooks.callback(handle.remove)
        if recorder.reader.is_one_token:
            for module in modules.tails(site, layers[-1]):
                hooks.callback(module.register_forward_pre_hook(recorder.narrow).remove)
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


def _ends(sequences: Sequence[tuple[int, ...]], start: int, token_budget: int) -> list[int]:
    """Where the batches of the sequences, which grow longer, end."""
    sizes = length_buckets([len(ids) for ids in sequences[start:]], token_budget)
    return list(accumulate(sizes, initial=start))


def _next_batch(
    sequences: Sequence[tuple[int, ...]], start: int, ends: Sequence[int]
) -> Sequence[tuple[int, ...]]:
    return sequences[start : ends[bisect_right(ends, start)]]


def _not_finite(
    recorder: _Recorder,
    states: torch.Tensor,
    places: Sequence[int],
    name_of: Callable[[int], str],
) -> str:
    """Where the first states (B, L[+1], D) begin that are not numbers."""
    wrong = ~torch.isfinite(states).all(dim=-1)
    row = int(wrong.any(dim=1).int().argmax())
    dtype = str(recorder.loaded.dtype).removeprefix("torch.")
    cure = (
        "Check the model's weights."
        if dtype == "float32"
        else "Extract with --dtype float32, or bfloat16, whose numbers reach as far."
    )
    return (
        f"{name_of(places[row])} has NaN or infinite states, beginning at "
        f"{recorder.names[int(wrong[row].int().argmax())]}; the model computes in {dtype}. {cure}"
    )


def _does_not_fit(
    recorder: _Recorder, ids: tuple[int, ...], done: Sequence[tuple[int, ...]]
) -> str:
    """What to do when the memory does not hold a single sequence."""
    fitted = f"texts of up to {len(done[-1])} tokens did fit" if done else "no text fitted before"
    size = 2 * sum(item.numel() for item in recorder.loaded.model.parameters())
    cure = (
        f"Shorten the text, extract with --dtype bfloat16 (weights of {size / 2**30:.1f} GiB, half "
        "of now), or use a smaller model or a device with more memory."
        if recorder.loaded.dtype == torch.float32
        else "Shorten the text, or use a smaller model or a device with more memory."
    )
    return (
        f"Device {recorder.loaded.device} is out of memory with a single text of {len(ids)} "
        f"tokens; {fitted}. {cure}"
    )
