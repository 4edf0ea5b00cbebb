"""One batch through the model, and the wanted states out of its hooks.

Only what is wanted leaves the hooks, into one buffer; the forward pass ends behind the last
wanted block, of which the maps behind the attention see the wanted tokens only; the buffer is
copied to the host once.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import ArchitectureError
from vectorlab.steering.model.architectures import hidden_of, replace_hidden
from vectorlab.steering.model.batching import (
    PaddingSide,
    forward_arguments,
    free_memory,
    is_out_of_memory,
    pad,
)
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.recording.packing import Family, Packed, pack, packed_attention
from vectorlab.steering.recording.token_rules import Reader, Wanted


@dataclass(frozen=True, kw_only=True)
class Text:
    """A sequence and the tokens of it that are read."""

    ids: tuple[int, ...]
    span: range

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one forward pass takes."""

    order: list[int]  # numbers of the texts, row by row of the states that come out
    arguments: dict[str, Any]  # of the model's forward
    wanted: Wanted
    n_tokens: int  # computed, padding included
    shape: tuple[int, int]  # of its rectangle
    packed: Packed | None = None


def packed_batch(
    loaded: LoadedModel,
    texts: Sequence[Text],
    families: Sequence[Family],
    reader: Reader,
    last_only_at: int | None,
) -> Batch:
    """Families of texts in one row; ``last_only_at`` is that of ``pack``.

    Args:
        loaded: The model.
        texts: All there are.
        families: Those of the row.
        reader: Which tokens are wanted of a text.
        last_only_at: The block of whose attention the last tokens are all that is used.
    """
    ids = [text.ids for text in texts]
    order, row = pack(families, ids, loaded.device, last_only_at=last_only_at)
    columns = []
    for number, (stem, rest) in zip(order, row.columns, strict=True):
        span = texts[number].span
        own = range(max(span.start - len(stem), 0), max(span.stop - len(stem), 0))
        columns.append([*stem[span.start : span.stop], *rest[own.start : own.stop]])
    arguments = forward_arguments(loaded, row.input_ids, None, torch.zeros(1, dtype=torch.long))
    arguments["position_ids"] = row.position_ids
    width = row.input_ids.shape[1]
    return Batch(
        order=order,
        arguments=arguments,
        wanted=Wanted.of(columns, reader.rule, loaded.device),
        n_tokens=width,
        shape=(1, width),
        packed=row,
    )


def padded_batch(
    loaded: LoadedModel,
    texts: Sequence[Text],
    order: Sequence[int],
    reader: Reader,
    side: PaddingSide,
) -> Batch:
    """Texts in a rectangle, one row each.

    Args:
        loaded: The model.
        texts: All there are.
        order: Numbers of those in the batch, a row each.
        reader: Which tokens are wanted of a text.
        side: Where the padding stands.
    """
    rows = pad([texts[number].ids for number in order], side=side, device=loaded.device)
    width = rows.input_ids.shape[1]
    # What is behind a causal model's token does not reach it, so padding there needs no mask.
    mask = rows.attention_mask if rows.is_padded and side == "left" else None
    starts = rows.starts if side == "left" else rows.starts[:1]  # the same for all: once is enough
    columns = [
        range(row * width + start + span.start, row * width + start + span.stop)
        for row, (start, span) in enumerate(
            zip(rows.starts.tolist(), (texts[number].span for number in order), strict=True)
        )
    ]
    return Batch(
        order=list(order),
        arguments=forward_arguments(loaded, rows.input_ids, mask, starts),
        wanted=Wanted.of(columns, reader.rule, loaded.device),
        n_tokens=len(order) * width,
        shape=(len(order), width),
    )


class _Complete(Exception):
    """Every wanted state is there; the rest of the forward pass is not needed."""


class Recorder:
    """Collects the wanted states of one batch at a time into (B, L[+1], D).

    Args:
        loaded: The model.
        reader: Which tokens are wanted of a text.
    """

    def __init__(self, loaded: LoadedModel, reader: Reader) -> None:
        self.loaded = loaded
        self.reader = reader
        self.names: list[str] = []  # of what each hook reads
        self.last_only_at: int | None = None  # the block that is needed for last tokens alone
        self._batch: Batch | None = None
        self._found: set[int] = set()  # slots that were read
        self._buffer = torch.empty(0)  # (B, L[+1], D) float32 on the device

    @property
    def batch(self) -> Batch:
        """The one that is running."""
        assert self._batch is not None
        return self._batch

    def row(self) -> Packed:
        """The row of the batch that is running."""
        assert self.batch.packed is not None
        return self.batch.packed

    def try_run(self, make: Callable[[], Batch]) -> tuple[Batch, torch.Tensor] | None:
        """A batch and its states on the CPU, or None if it has to be smaller.

        Args:
            make: The batch; its tensors are let go where memory does not hold it.

        Returns:
            The batch and (B, L[+1], D) float32.
        """
        try:
            return self._run(make())
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        # Only here has the error, which holds the batch's tensors, been let go.
        self._batch, self._buffer = None, torch.empty(0)
        free_memory(self.loaded.device)
        return None

    def _run(self, batch: Batch) -> tuple[Batch, torch.Tensor]:
        self._batch, self._found = batch, set()
        self._buffer = torch.empty(
            len(batch.order),
            len(self.names),
            self.loaded.description.d_model,
            device=self.loaded.device,
        )
        try:
            self.loaded.model(**batch.arguments)
        except _Complete:
            return batch, self._buffer.cpu()
        raise ArchitectureError(
            f"{len(self.names) - len(self._found)} of {len(self.names)} hooked modules never ran; "
            f"correct ARCHITECTURES[{self.loaded.description.architecture!r}] in "
            "vectorlab/steering/model/architectures.py."
        )

    def keep(self, slot: int, hidden: torch.Tensor) -> None:
        """Read the wanted tokens of what a hook saw.

        Args:
            slot: Which of the places that are read.
            hidden: (B, T, D), or (tokens, D) where both are one axis.
        """
        batch = self.batch
        rows = hidden.reshape(-1, hidden.shape[-1])  # also where batch and tokens are one axis
        # As many rows as texts are the wanted ones, left alone by ``narrow``.
        alone = len(rows) == batch.shape[0] < batch.n_tokens
        self._buffer[:, slot] = rows.float() if alone else batch.wanted.read(rows)
        self._found.add(slot)
        if len(self._found) == len(self.names):
            raise _Complete

    def narrow(self, _module: Any, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Let a module see the wanted token of every text alone: (B, 1, D), packed (1, B, D)."""
        batch = self.batch
        hidden = args[0] if args else None
        if not isinstance(hidden, torch.Tensor) or hidden.shape[:-1] != batch.shape:
            return None
        if batch.n_tokens == len(batch.order):
            return None
        rows = hidden.flatten(0, 1)[batch.wanted.columns.to(hidden.device)]
        return rows[:, None] if batch.packed is None else rows[None], *args[1:]

    def widen(self, _module: Any, _args: Any, output: Any) -> Any:
        """Put the tokens of a packed row back to their places; nothing reads what is between."""
        batch = self.batch
        hidden = hidden_of(output)
        if batch.packed is None or hidden.shape[1] == batch.shape[1]:
            return output
        whole = hidden.new_zeros(*batch.shape, hidden.shape[-1])
        whole[0, batch.wanted.columns.to(hidden.device)] = hidden[0]
        return replace_hidden(output, lambda _: whole)


@contextmanager
def hooked(
    recorder: Recorder,
    site: Site,
    layers: Sequence[int],
    *,
    include_embeddings: bool,
    is_packed: bool,
) -> Iterator[None]:
    """The recorder's hooks on its model, which is given back without them.

    Args:
        recorder: Keeps what the hooks see.
        site: Where in a block states are read.
        layers: Blocks to read, ascending.
        include_embeddings: Also read what enters layer 0.
        is_packed: Batches are packed rows, which need attention of their own.
    """
    modules = recorder.loaded.layers
    recorder.names = ["what enters layer 0"] * include_embeddings
    recorder.names += [f"{site.value} of layer {layer}" for layer in layers]
    with ExitStack() as hooks:
        if is_packed:
            hooks.enter_context(packed_attention(recorder.loaded, recorder.row))
        if include_embeddings:
            hook = _entry_hook(recorder)
            handle = modules.blocks[0].register_forward_pre_hook(hook, with_kwargs=True)
            hooks.callback(handle.remove)
        tails = modules.tails(site, layers[-1]) if recorder.reader.is_one_token else []
        if tails:
            # Nobody reads another token behind this attention, nor of it.
            recorder.last_only_at = layers[-1] if recorder.reader.rule.kind == "last" else None
            for module in tails:
                hooks.callback(module.register_forward_pre_hook(recorder.narrow).remove)
                hooks.callback(module.register_forward_hook(recorder.widen).remove)
        for slot, layer in enumerate(layers, start=int(include_embeddings)):
            module = modules.at(site)[layer]
            hooks.callback(module.register_forward_hook(_output_hook(recorder, slot)).remove)
        yield


def _entry_hook(recorder: Recorder) -> Callable[..., None]:
    def hook(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        recorder.keep(0, args[0] if args else kwargs["hidden_states"])

    return hook


def _output_hook(recorder: Recorder, slot: int) -> Callable[..., None]:
    def hook(_module: Any, _args: Any, output: Any) -> None:
        recorder.keep(slot, hidden_of(output))

    return hook
