"""Padded batches, the arguments a model's forward takes, and recovery from a full memory."""

import inspect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import torch

from vectorlab.steering.model.loading import LoadedModel

PaddingSide = Literal["left", "right"]


@dataclass(frozen=True, kw_only=True)
class PaddedBatch:
    """Token ids of unequal length in one rectangle."""

    input_ids: torch.Tensor  # (B, T) int64; padding holds token 0, which the mask hides
    attention_mask: torch.Tensor  # (B, T) int64, 1 where a token is real
    starts: torch.Tensor  # (B,) int64, column of the first real token
    is_padded: bool


def pad(
    token_ids: Sequence[Sequence[int]], *, side: PaddingSide, device: torch.device
) -> PaddedBatch:
    """Put sequences of one batch into a rectangle."""
    width = max(len(row) for row in token_ids)
    gaps = [width - len(row) for row in token_ids]
    left = side == "left"
    ids = [
        [0] * gap + list(row) if left else list(row) + [0] * gap
        for row, gap in zip(token_ids, gaps, strict=True)
    ]
    starts = torch.tensor(gaps if left else [0] * len(gaps), device=device)
    columns = torch.arange(width, device=device)
    ends = starts + width - torch.tensor(gaps, device=device)
    mask = (columns >= starts[:, None]) & (columns < ends[:, None])
    return PaddedBatch(
        input_ids=torch.tensor(ids, device=device),
        attention_mask=mask.long(),
        starts=starts,
        is_padded=any(gaps),
    )


# What starting a batch costs beside its tokens, in tokens: small batches of equal lengths against
# padding. Measured on a CPU at width 256; at larger widths it matters less.
_BATCH_COST = 24


def length_buckets(lengths: Sequence[int], token_budget: int) -> list[int]:
    """Sizes of the batches that cost least: padded tokens, and a little for every batch.

    Args:
        lengths: Of all sequences, ascending.
        token_budget: Most padded tokens of a batch; a single sequence may exceed it.

    Returns:
        Sequences in the first batch, in the second and so on.
    """
    widths = sorted(set(lengths))
    rows = list(Counter(lengths).values())
    least: list[float] = [0.0]  # cost of the sequences of the first so many widths
    first = [0]  # which widths the last batch of those begins with
    for end, width in enumerate(widths, start=1):
        alone = rows[end - 1] * width
        options = [(least[end - 1] + alone + _BATCH_COST * -(-alone // token_budget), end - 1)]
        together = rows[end - 1]
        for begin in range(end - 2, -1, -1):
            together += rows[begin]
            if together * width > token_budget:
                break
            options.append((least[begin] + together * width + _BATCH_COST, begin))
        cost, begin = min(options)
        least.append(cost)
        first.append(begin)
    sizes: list[int] = []
    end = len(widths)
    while end:
        begin = first[end]
        sizes += _pieces(sum(rows[begin:end]), max(1, token_budget // widths[end - 1]))
        end = begin
    return sizes[::-1]


def forward_arguments(
    loaded: LoadedModel,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor | None,
    starts: torch.Tensor,
    *,
    past: Any = None,
    past_length: int = 0,
    use_cache: bool = False,
) -> dict[str, Any]:
    """Arguments for the model's forward: real positions, and logits of the last token only.

    Args:
        loaded: The model.
        input_ids: (B, T) new tokens.
        attention_mask: (B, past_length + T), or None when nothing is padded.
        starts: (B,) column of every row's first real token.
        past: Key/value cache of the columns before.
        past_length: Number of those columns.
        use_cache: Whether to return the cache.
    """
    columns = torch.arange(past_length, past_length + input_ids.shape[1], device=input_ids.device)
    arguments = {
        "input_ids": input_ids,
        "attention_mask": attention_mask,
        "position_ids": (columns[None, :] - starts[:, None]).clamp(min=0),
        "past_key_values": past,
        "use_cache": use_cache,
        "logits_to_keep": 1,
    }
    model_type: Any = type(loaded.model)  # Any: mypy takes module classes for unhashable
    accepted = _parameter_names(model_type)
    return {name: value for name, value in arguments.items() if name in accepted}


def reads_in_parts(loaded: LoadedModel, columns: int) -> bool:
    """Whether padding may stand between the tokens of a row that has so many columns.

    It may where positions are told to the model and no window counts columns.
    """
    model_type: Any = type(loaded.model)
    window = getattr(loaded.model.config.get_text_config(), "sliding_window", None)
    return "position_ids" in _parameter_names(model_type) and (not window or columns < window)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error says that the device or the host has no memory left."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def free_memory(device: torch.device) -> None:
    """Give cached blocks back before a smaller batch is tried."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _pieces(rows: int, most: int) -> list[int]:
    """Rows in as few pieces as fit, all about as large."""
    count = -(-rows // most)
    return [rows * (piece + 1) // count - rows * piece // count for piece in range(count)]


@cache
def _parameter_names(model_type: Any) -> frozenset[str]:
    """What a model's forward takes; BLOOM and MPT derive positions from the mask, for example."""
    return frozenset(inspect.signature(model_type.forward).parameters)
