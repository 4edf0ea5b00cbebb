"""The forward passes of one batch, token by token over its key/value cache."""

from collections.abc import Sequence
from typing import Any

import torch

from vectorlab.steering.batching import forward_arguments, pad
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
        self.mask = None
        if batch.is_padded:
            new = batch.attention_mask.new_ones(len(prompt_ids), max_new_tokens)
            self.mask = torch.cat([batch.attention_mask, new], dim=1)
        self.past: Any = None
        self._tokens: list[torch.Tensor] = []  # (B,) each
        self._logprobs: list[torch.Tensor] = []  # (B,) each

    def next_logits(self) -> torch.Tensor:
        """Feed what is pending; logits of the next token, (B, V) float32."""
        end = self.fed + self.pending.shape[1]
        output = self.loaded.model(
            **forward_arguments(
                self.loaded,
                self.pending,
                None if self.mask is None else self.mask[:, :end],
                self.starts,
                past=self.past,
                past_length=self.fed,
                use_cache=True,
            )
        )
        self.fed, self.past = end, output.past_key_values
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits

    def append(self, tokens: torch.Tensor, logits: torch.Tensor) -> None:
        """Take the chosen tokens, (B,), and their log-probabilities at temperature 1."""
        self._tokens.append(tokens)
        chosen = logits.gather(1, tokens[:, None])[:, 0]
        self._logprobs.append(chosen - logits.logsumexp(dim=-1))
        self.pending = tokens[:, None]

    def token_ids(self) -> torch.Tensor:
        """Tokens so far, (B, steps) int64 on the CPU."""
        return torch.stack(self._tokens, dim=1).cpu()

    def logprobs(self) -> torch.Tensor:
        """Their log-probabilities, (B, steps) float32 on the CPU."""
        return torch.stack(self._logprobs, dim=1).cpu()
