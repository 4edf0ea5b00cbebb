"""The forward passes of one batch, token by token over its key/value cache."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from vectorlab.steering.batching import forward_arguments, pad
from vectorlab.steering.cache import reserved_cache
from vectorlab.steering.loading import LoadedModel


class Decoder:
    """Feeds a batch of left-padded prompts and then what is chosen; all of it on the device.

    Args:
        loaded: The model, steered or not.
        prompt_ids: Token ids of every row's prompt.
        max_new_tokens: Most tokens that will be appended.
    """

    def __init__(
        self, loaded: LoadedModel, prompt_ids: Sequence[Sequence[int]], max_new_tokens: int
    ) -> None:
        batch = pad(prompt_ids, side="left", device=loaded.device)
        self.loaded = loaded
        self.starts = batch.starts
        self.fed = 0  # columns in the cache
        self.pending = batch.input_ids  # (B, T) tokens that the model has not seen
        rows, width = batch.input_ids.shape
        self.mask = None
        if batch.is_padded:
            new = batch.attention_mask.new_ones(rows, max_new_tokens)
            self.mask = torch.cat([batch.attention_mask, new], dim=1)
        self.past: Any = reserved_cache(loaded, width + max_new_tokens)
        self.steps = 0  # tokens appended to every row
        self._tokens = batch.input_ids.new_empty(rows, max_new_tokens)
        self._logprobs = torch.empty(rows, max_new_tokens, device=loaded.device)

    def next_logits(self) -> torch.Tensor:
        """Feed what is pending; logits of the next token, (B, V) float32."""
        end = self.fed + self.pending.shape[1]
        arguments = forward_arguments(
            self.loaded,
            self.pending,
            None if self.mask is None else self.mask[:, :end],
            self.starts,
            past=self.past,
            past_length=self.fed,
            use_cache=True,
        )
        if self.fed:
            output = self.loaded.model(**arguments)
        else:
            with _head_sees_the_end(self.loaded):
                output = self.loaded.model(**arguments)
        self.fed, self.past = end, output.past_key_values
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits

    def append(self, tokens: torch.Tensor, logits: torch.Tensor) -> None:
        """Take the chosen tokens, (B,), and their log-probabilities at temperature 1."""
        chosen = logits.gather(1, tokens[:, None])[:, 0]
        self._tokens[:, self.steps] = tokens
        self._logprobs[:, self.steps] = chosen - logits.logsumexp(dim=-1)
        self.steps += 1
        self.pending = tokens[:, None]

    def token_ids(self) -> torch.Tensor:
        """Tokens so far, (B, steps) int64 on the device."""
        return self._tokens[:, : self.steps]

    def logprobs(self) -> torch.Tensor:
        """Their log-probabilities, (B, steps) float32 on the device."""
        return self._logprobs[:, : self.steps]


@contextmanager
def _head_sees_the_end(loaded: LoadedModel) -> Iterator[None]:
    """Let the head of the model see the last position alone, as a tensor of its own.

    Some models would run it over the whole prompt; others hand it a view with gaps, for which the
    matrix product copies the head's weight once a row in bfloat16.
    """
    head = loaded.model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if not isinstance(head, nn.Module):
        yield
        return

    def last(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return (args[0][:, -1:].contiguous(), *args[1:])

    hook = head.register_forward_pre_hook(last)
    try:
        yield
    finally:
        hook.remove()
