"""Record the states that stand for texts: a token or several, one site, any layers.

Texts are put end to end in rows without padding where the architecture allows it, else into
rectangles of like lengths; equal sequences are computed once, and so is what several begin with.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from vectorlab.domain.vectors.vectors import Site, TokenRule
from vectorlab.errors import ModelError, ShapeError
from vectorlab.progress import OnProgress
from vectorlab.steering.model.batching import PaddingSide
from vectorlab.steering.model.bf16_matmul import maps_by
from vectorlab.steering.model.device_memory import does_not_fit
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.model.processor import processor
from vectorlab.steering.recording.batch_queues import PackedRows, Queue, Rectangles
from vectorlab.steering.recording.packing import can_pack
from vectorlab.steering.recording.recorder import Recorder, Text, hooked
from vectorlab.steering.recording.token_rules import Reader

# Told the places of the sequences of a finished batch, and their states (B, L[+1], D).
OnStates = Callable[[list[int], torch.Tensor], None]
TOKEN_BUDGET_OF_A_CARD = 16384  # tokens per batch, padding included
# On a CPU what the widest map makes of the tokens of a batch, and two of its like beside it, have
# a ninth of the last cache, which others share: measured with 32 MiB, at widths of 256 and 768.
_LEAST, _MOST = 448, 2048
_LIKES, _SHARE_OF_CACHE = 3, 9


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
    spans: Sequence[range] | None = None,
    name_of: Callable[[int], str] | None = None,
    token_budget: int | None = None,
    padding_side: PaddingSide | None = None,
    on_progress: OnProgress | None = None,
    on_batch: OnStates | None = None,
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
        spans: The tokens of every sequence that the rule means, where it names a part of a text.
        name_of: What an error calls the sequence of a place; None for its number.
        token_budget: Most tokens per batch, None for what suits the device; halved when memory
            runs out.
        padding_side: None packs without padding where it can be done and else pads on the right;
            does not change the result beyond float noise.
        on_progress: Called with (tokens done, tokens in all) after each batch.
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
    places: dict[tuple[tuple[int, ...], range], list[int]] = {}
    for place, ids in enumerate(token_ids):
        span = reader.span(len(ids)) if spans is None else spans[place]
        if not span:
            raise reader.does_not_fit(name_of(place), len(ids))
        places.setdefault((tuple(ids), span), []).append(place)
    texts = [Text(ids=ids, span=span) for ids, span in places]
    recorder = Recorder(loaded, reader)
    token_budget = token_budget or default_token_budget(loaded)
    is_packed = padding_side is None and can_pack(loaded, max(map(len, texts), default=0))
    queue: Queue[Any] = (
        PackedRows(recorder, texts)
        if is_packed
        else Rectangles(recorder, texts, padding_side or "right")
    )
    with (
        maps_by(loaded),
        hooked(recorder, site, chosen, include_embeddings=include_embeddings, is_packed=is_packed),
    ):
        values, events = _record_batches(
            recorder, queue, list(places.values()), token_budget, name_of, on_progress, on_batch
        )
    return States(
        values=values, layers=chosen, has_embeddings=include_embeddings, events=tuple(events)
    )


def default_token_budget(loaded: LoadedModel) -> int:
    """Tokens of a batch that suit the device: on a CPU by its cache."""
    if loaded.device.type != "cpu":
        return TOKEN_BUDGET_OF_A_CARD
    parameters = loaded.layers.blocks[0].parameters()
    # Quantised maps may have none; common models are four times as wide inside as outside.
    widest = max(
        (max(parameter.shape) for parameter in parameters if parameter.ndim > 1),
        default=4 * loaded.description.d_model,
    )
    token = _LIKES * widest * loaded.dtype.itemsize
    tokens = processor().l3_bytes // _SHARE_OF_CACHE // token
    return min(max(tokens, _LEAST), _MOST)


def _record_batches(
    recorder: Recorder,
    queue: Queue[Any],
    places: Sequence[list[int]],
    token_budget: int,
    name_of: Callable[[int], str],
    on_progress: OnProgress | None,
    on_batch: OnStates | None,
) -> tuple[torch.Tensor, list[str]]:
    """States of every place, and what happened on the way."""
    values = torch.empty(0)
    events: list[str] = []
    total = queue.n_tokens
    while queue.waiting:
        part = queue.next(token_budget)
        ran = recorder.try_run(partial(queue.make, part))
        if ran is None:
            numbers, smaller = queue.numbers(part), queue.halved(part)
            if smaller is None:
                length = len(queue.texts[numbers[0]])
                raise ModelError(does_not_fit(recorder.loaded, length, queue.longest_done))
            token_budget = smaller
            events.append(
                f"out of memory with {len(numbers)} sequences: token budget now {token_budget}"
            )
            continue
        batch, states = ran
        if not len(values):
            values = torch.empty(sum(map(len, places)), *states.shape[1:])
        if not torch.isfinite(states).all():
            raise ModelError(
                _not_finite(
                    recorder, states, [places[number][0] for number in batch.order], name_of
                )
            )
        where, states = _spread([places[number] for number in batch.order], states)
        values[where] = states
        queue.done(part)
        if on_batch is not None:
            on_batch(where, states)
        if on_progress is not None:
            on_progress(total - queue.n_tokens, total)
    return values, events


def _spread(places: Sequence[list[int]], states: torch.Tensor) -> tuple[list[int], torch.Tensor]:
    """One row for every place of every sequence of a batch."""
    where = [place for several in places for place in several]
    if len(where) == len(places):
        return where, states
    return where, states[[row for row, several in enumerate(places) for _ in several]]


def _checked_layers(loaded: LoadedModel, layers: Sequence[int] | None) -> tuple[int, ...]:
    depth = len(loaded.layers)
    chosen = tuple(range(depth)) if layers is None else tuple(sorted(set(layers)))
    wrong = [layer for layer in chosen if not 0 <= layer < depth]
    if wrong or not chosen:
        raise ShapeError(
            f"Layers {wrong or 'none'} asked for, but the model has {depth} (0 to {depth - 1})."
        )
    return chosen


def _not_finite(
    recorder: Recorder,
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
