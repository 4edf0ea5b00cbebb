"""A key/value cache that is allocated once per batch and written in place.

The library's own cache makes a new tensor of all keys and values at every step. Here a layer gets
room for the whole batch, prompt and answer, when its first keys arrive, and attention reads what is
filled so far as a view, so a step costs what the step adds.
"""

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from vectorlab.steering.model.loading import LoadedModel


class ReservedLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """Keys and values of one layer in tensors of their final size.

    Args:
        capacity: Columns, prompt and new tokens.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.capacity = capacity
        self.length = 0  # columns filled
        self._store: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write (B, H, T, D) behind what is there; all of it so far, as views."""
        begin, self.length = self.length, self.length + key_states.shape[-2]
        if self._store is None:
            self._store = self._room(key_states), self._room(value_states)
            self.is_initialized = True
        store_keys, store_values = self._store
        store_keys[:, :, begin : self.length] = key_states
        store_values[:, :, begin : self.length] = value_states
        self.keys = store_keys[:, :, : self.length]
        self.values = store_values[:, :, : self.length]
        if begin == 0:  # the same numbers, and contiguous
            return key_states, value_states
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Replace the rows of the batch by some of them.

        Args:
            indices: (new B,) int64, which row each new one continues; one may stand several times.
        """
        assert self._store is not None
        self._store = self._store[0][indices], self._store[1][indices]
        self.keys, self.values = (states[:, :, : self.length] for states in self._store)

    def get_seq_length(self) -> int:
        """How many columns are filled."""
        return self.length

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Columns that the next pass sees, and the first of them."""
        return self.length + query_length, 0

    def _room(self, states: torch.Tensor) -> torch.Tensor:
        rows, heads, _, width = states.shape
        return states.new_empty(rows, heads, self.capacity, width)


class ReservedWindowLayer(ReservedLayer):  # type: ignore[no-untyped-call]
    """The same for a layer with a sliding window that the batch never fills."""

    is_sliding = True


def reserved_cache(loaded: LoadedModel, capacity: int) -> DynamicCache:
    """An empty cache for the model with room for so many columns.

    A layer that is neither plain nor a window wide enough keeps what the library gives it.

    Args:
        loaded: The model.
        capacity: Columns, prompt and new tokens.
    """
    cache = DynamicCache(config=loaded.model.config)
    cache.layers = [_reserved(layer, capacity) for layer in cache.layers]
    return cache


def takes_masks_as_used(loaded: LoadedModel, cache: DynamicCache) -> bool:
    """Whether one mask over all columns, (B, 1, 1, columns) bool, suits every layer of a step.

    That is where the attention is transformers' own ``sdpa`` and every layer keeps all columns.
    """
    return (
        loaded.layers.packs
        and loaded.model.config.get_text_config()._attn_implementation == "sdpa"
        and all(isinstance(layer, ReservedLayer) for layer in cache.layers)
    )


def _reserved(layer: Any, capacity: int) -> Any:
    if type(layer) is DynamicLayer:
        return ReservedLayer(capacity)
    if type(layer) is DynamicSlidingWindowLayer and capacity < layer.sliding_window:
        return ReservedWindowLayer(capacity)
    return layer
