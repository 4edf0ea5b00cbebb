"""The forward passes of one batch, token by token over its key/value cache."""

from collections.abc import Sequence
from typing import Any

import torch

from vectorlab.domain.runs.runs import Decoding
from vectorlab.steering.generation.batch_plan import split_prompts
from vectorlab.steering.generation.compiled import CompiledSteps, static_cache, static_capacity
from vectorlab.steering.generation.kv_cache import reserved_cache, takes_masks_as_used
from vectorlab.steering.generation.sampling import ChosenTokens, choose
from vectorlab.steering.interventions.hooks import Steering
from vectorlab.steering.model.batching import PaddedBatch, forward_arguments, pad
from vectorlab.steering.model.head import head_sees_the_end
from vectorlab.steering.model.loading import LoadedModel


class Decoder:
    """Feeds a batch of left-padded prompts and then what is chosen; all of it on the device.

    Args:
        loaded: The model, steered or not.
        prompt_ids: Token ids of every row's prompt.
        max_new_tokens: Most tokens that will be appended.
        compiled: Prepare for ``compile``.
        share_prompts: Read equal prompts once. For batches whose prompts are not steered: rows of
            one prompt then go on from the same keys and values.
        stem: And read once what different prompts begin with alike, up to this token.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        prompt_ids: Sequence[Sequence[int]],
        max_new_tokens: int,
        *,
        compiled: bool = False,
        share_prompts: bool = False,
        stem: int = 0,
    ) -> None:
        self.loaded = loaded
        count = len(prompt_ids)
        self.prompt_rows = count  # that the model reads
        # How rows go on after the first pass: which row each of them is of, and what it reads next.
        self._branches: list[tuple[torch.Tensor, PaddedBatch | None]] = []
        if share_prompts and not compiled:
            prompt_ids = self._read_once(prompt_ids, stem)
        batch = pad(prompt_ids, side="left", device=loaded.device)
        self.starts = batch.starts
        self.fed = 0  # columns in the cache
        self.pending = batch.input_ids  # (B, T) tokens that the model has not seen
        rows, width = batch.input_ids.shape
        behind = sum(
            branch.input_ids.shape[1] for _, branch in self._branches if branch is not None
        )
        capacity = width + behind + max_new_tokens
        if compiled:
            capacity = static_capacity(capacity)
        self.mask = None
        if batch.is_padded:
            new = batch.attention_mask.new_ones(rows, capacity - width)
            self.mask = torch.cat([batch.attention_mask, new], dim=1)
        self.past: Any = (static_cache if compiled else reserved_cache)(loaded, capacity)
        self._compiled: CompiledSteps | None = None
        self._greedy: ChosenTokens | None = None  # what the graph says is likeliest
        self.steps = 0  # tokens appended to every row
        self._tokens = batch.input_ids.new_empty(count, max_new_tokens)
        self._logprobs = torch.empty(count, max_new_tokens, device=loaded.device)
        self._margins = torch.empty_like(self._logprobs)

    def compile(self, steering: Steering) -> None:
        """Run what follows the prompts as a compiled graph; the cache must be static.

        Args:
            steering: Of the batch, with its own hooks off the model.
        """
        self._compiled = CompiledSteps(self.loaded, steering, self.mask, self.past)

    def next_logits(self) -> torch.Tensor:
        """Feed what is pending; logits of the next token, (B, V) float32."""
        if self._compiled is not None:
            positions = self.fed - self.starts[:, None]
            logits, self._greedy = self._compiled(self.pending, positions)
            self.fed += 1
            return logits
        logits = self._feed()
        while self._branches:
            logits = self._branch(*self._branches.pop(0), logits)
        return logits

    def _feed(self) -> torch.Tensor:
        end = self.fed + self.pending.shape[1]
        arguments = forward_arguments(
            self.loaded,
            self.pending,
            self._mask_to(end),
            self.starts,
            past=self.past,
            past_length=self.fed,
            use_cache=True,
        )
        if self.pending.shape[1] == 1:
            output = self.loaded.model(**arguments)
        else:
            with head_sees_the_end(self.loaded):
                output = self.loaded.model(**arguments)
        self.fed, self.past = end, output.past_key_values
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits

    def _mask_to(self, end: int) -> torch.Tensor | None:
        """What the next pass is told of padding in the first so many columns.

        Behind the prompts, where it can be, the mask that the attention itself takes, (B, 1, 1,
        end): given (B, end), the library looks at its values from the host in every step, and a
        card has to be waited for.
        """
        if self.mask is None:
            return None
        mask = self.mask[:, :end]
        if self.steps and takes_masks_as_used(self.loaded, self.past):
            return mask[:, None, None].bool()
        return mask

    def _read_once(self, prompt_ids: Sequence[Sequence[int]], stem: int) -> Sequence[Sequence[int]]:
        """What the first pass reads, so that nothing is read twice; plans what follows it."""
        device = self.loaded.device
        first, row_of = _distinct(prompt_ids)
        self.prompt_rows = len(first)
        repeats = self.prompt_rows < len(prompt_ids)
        if stem:
            beginnings, rests = split_prompts(first, stem)
            first, stem_of = _distinct(beginnings)
            behind = pad(rests, side="left", device=device)
            self._branches.append((torch.tensor(stem_of, device=device), behind))
        if repeats:
            self._branches.append((torch.tensor(row_of, device=device), None))
        return first

    def _branch(
        self, row_of: torch.Tensor, behind: PaddedBatch | None, logits: torch.Tensor
    ) -> torch.Tensor:
        """Give every row the keys and values of the one it is of, and let it read on; its logits.

        Args:
            row_of: (B,) among the rows so far.
            behind: What each reads next; None: nothing.
            logits: Of the rows so far.
        """
        self.past.batch_select_indices(row_of)
        self.starts = self.starts[row_of]
        if self.mask is not None:
            self.mask = self.mask[row_of]
        if behind is None:
            return logits[row_of]
        end = self.fed + behind.input_ids.shape[1]
        if self.mask is None and behind.is_padded:
            columns = end + self._tokens.shape[1]
            self.mask = behind.attention_mask.new_ones(len(row_of), columns)
        if self.mask is not None:
            self.mask[:, self.fed : end] = behind.attention_mask
        # Padding then stands between the tokens of a row, which positions leave out.
        self.starts = self.starts + behind.starts
        self.pending = behind.input_ids
        return self._feed()

    def choose(
        self, logits: torch.Tensor, draws: torch.Tensor | None, decoding: Decoding
    ) -> ChosenTokens:
        """The next token of every row.

        Args:
            logits: (B, V).
            draws: (B,) uniform numbers; None where the likeliest token is taken.
            decoding: How it is chosen.
        """
        if self._greedy is not None and not decoding.do_sample:
            return self._greedy
        return choose(logits, draws, decoding)

    def append(self, tokens: torch.Tensor, logprobs: torch.Tensor, margins: torch.Tensor) -> None:
        """Take the chosen tokens, their log-probabilities and margins, (B,) each."""
        self._tokens[:, self.steps] = tokens
        self._logprobs[:, self.steps] = logprobs
        self._margins[:, self.steps] = margins
        # As it was stored: a graph may write its next answer where this one stands.
        self.pending = self._tokens[:, self.steps : self.steps + 1]
        self.steps += 1

    def token_ids(self) -> torch.Tensor:
        """Tokens so far, (B, steps) int64 on the device."""
        return self._tokens[:, : self.steps]

    def logprobs(self) -> torch.Tensor:
        """Their log-probabilities, (B, steps) float32 on the device."""
        return self._logprobs[:, : self.steps]

    def margins(self) -> torch.Tensor:
        """How near another token was at each, (B, steps) float32 on the device; see ``choose``."""
        return self._margins[:, : self.steps]


def _distinct(rows: Sequence[Sequence[int]]) -> tuple[list[tuple[int, ...]], list[int]]:
    """Every row once, and which of these each row is."""
    places = {ids: place for place, ids in enumerate(dict.fromkeys(map(tuple, rows)))}
    return list(places), [places[tuple(ids)] for ids in rows]
