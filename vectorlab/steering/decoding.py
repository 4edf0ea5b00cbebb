"""Decode one batch: rows of one run, or of several runs that share the model's passes."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from vectorlab.domain.runs import Frame, GeneratedText, RowKey
from vectorlab.steering.decoder import Decoder
from vectorlab.steering.hooks import RowBlock, SharedSteering, Steering, steer, steer_blocks
from vectorlab.steering.loading import LoadedModel
from vectorlab.steering.prepared import PreparedRun
from vectorlab.steering.sampling import pick_tokens

# Steps between looks at the tokens from the host: each look waits for the device.
CHECK_EVERY = 8
SHOW_EVERY_S = 0.4  # between looks for those who watch the texts grow
SHOWN_ROWS = 16  # of a run, at most

OnStep = Callable[[int], None]  # steps done
OnTexts = Callable[[dict[RowKey, str]], None]


@dataclass(frozen=True, kw_only=True)
class Part:
    """The rows of one run in a batch, and who watches them."""

    run: PreparedRun
    keys: Sequence[RowKey]
    on_step: OnStep = lambda _: None
    on_texts: OnTexts | None = None


@torch.inference_mode()
def decode_batch(
    loaded: LoadedModel, parts: Sequence[Part], *, frame: Frame | None = None
) -> list[Callable[[], list[GeneratedText]]]:
    """Generate the texts of a batch.

    Args:
        loaded: The model; it is given back without hooks, whatever happens.
        parts: Runs with equal decoding, in the order of their rows.
        frame: For one part that once shared its batch: the rectangle it stood in. Its other rows
            are filled up, because only their number and length matter.

    Returns:
        Per part what makes its texts, which raises ``ModelError`` if numbers are not finite: one
        run must not fail for another.
    """
    batch = _Batch(loaded, parts, frame)
    with batch.steered() as steering:
        batch.decode(steering)
    return [batch.texts_of(number) for number in range(len(parts))]


def frames_of(parts: Sequence[Part]) -> list[Frame]:
    """The rectangle of a shared batch as each of its runs has to record it."""
    lengths = [len(part.run.prompt_ids[key.prompt]) for part in parts for key in part.keys]
    firsts = np.cumsum([0, *(len(part.keys) for part in parts)])
    return [
        Frame(
            rows=len(lengths),
            first=int(first),
            width=max(lengths),
            padded=min(lengths) < max(lengths),
        )
        for first, _ in zip(firsts, parts, strict=False)
    ]


class _Batch:
    """One rectangle of tokens on its way."""

    def __init__(self, loaded: LoadedModel, parts: Sequence[Part], frame: Frame | None) -> None:
        self.loaded = loaded
        self.parts = parts
        self.frame = frame
        self.decoding = parts[0].run.spec.decoding
        before = 0 if frame is None else frame.first
        counts = [len(part.keys) for part in parts]
        self.firsts = [before + sum(counts[:number]) for number in range(len(parts))]
        self.rows = sum(counts) if frame is None else frame.rows
        self.token_ids: list[list[int]] = []
        self.logprobs: list[list[float]] = []

    @contextmanager
    def steered(self) -> Iterator[Steering | SharedSteering]:
        if self.frame is None and len(self.parts) == 1:
            [part] = self.parts
            with steer(self.loaded, part.run.table, [key.arm for key in part.keys]) as alone:
                yield alone
            return
        blocks = [
            RowBlock(table=part.run.table, row_arms=[key.arm for key in part.keys], first=first)
            for part, first in zip(self.parts, self.firsts, strict=True)
        ]
        with steer_blocks(self.loaded, blocks, self.rows) as shared:
            yield shared

    def decode(self, steering: Steering | SharedSteering) -> None:
        steps = self.decoding.max_new_tokens
        decoder = Decoder(self.loaded, self._prompts(), steps)
        uniforms = self._uniforms()
        shown_at = time.monotonic()
        for step in range(1, steps + 1):
            logits = decoder.next_logits()
            steering.set_response(True)
            drawn = None if uniforms is None else uniforms[:, step - 1]
            decoder.append(pick_tokens(logits, drawn, self.decoding), logits)
            is_due = time.monotonic() - shown_at >= SHOW_EVERY_S
            if is_due:
                self._show(decoder)
                shown_at = time.monotonic()
            if is_due or step % CHECK_EVERY == 0:
                for part in self.parts:
                    part.on_step(step)
            if step % CHECK_EVERY == 0 and self._all_ended(decoder):
                break
        self.token_ids = decoder.token_ids().tolist()
        self.logprobs = decoder.logprobs().tolist()

    def texts_of(self, number: int) -> Callable[[], list[GeneratedText]]:
        part, first = self.parts[number], self.firsts[number]
        return lambda: [
            part.run.finished_text(key, self.token_ids[row], self.logprobs[row])
            for row, key in enumerate(part.keys, start=first)
        ]

    def _prompts(self) -> list[list[int]]:
        prompts = [part.run.prompt_ids[key.prompt] for part in self.parts for key in part.keys]
        if self.frame is None:
            return prompts
        filler = [0] * self._filler_length(min(map(len, prompts)))
        behind = self.rows - self.frame.first - len(prompts)
        return [filler] * self.frame.first + prompts + [filler] * behind

    def _filler_length(self, shortest: int) -> int:
        """Such that the batch is as wide, and padded or not, as it was."""
        assert self.frame is not None
        is_short = self.frame.padded and shortest == self.frame.width
        return self.frame.width - is_short

    def _uniforms(self) -> torch.Tensor | None:
        """The draws of the whole batch, (B, steps) float64, in one transfer."""
        if not self.decoding.do_sample:
            return None
        draws = np.zeros((self.rows, self.decoding.max_new_tokens))
        for part, first in zip(self.parts, self.firsts, strict=True):
            draws[first : first + len(part.keys)] = part.run.uniforms(part.keys)
        return torch.from_numpy(draws).to(self.loaded.device)

    def _all_ended(self, decoder: Decoder) -> bool:
        if not any(part.run.may_end_early for part in self.parts):
            return False
        rows = decoder.token_ids().tolist()
        return all(
            part.run.has_ended(key, rows[row])
            for part, first in zip(self.parts, self.firsts, strict=True)
            for row, key in enumerate(part.keys, start=first)
        )

    def _show(self, decoder: Decoder) -> None:
        watched = [
            (part, first)
            for part, first in zip(self.parts, self.firsts, strict=True)
            if part.on_texts is not None
        ]
        if not watched:
            return
        rows = decoder.token_ids().tolist()
        for part, first in watched:
            assert part.on_texts is not None
            part.on_texts(
                {
                    key: part.run.text_so_far(key, rows[row])
                    for row, key in enumerate(part.keys[:SHOWN_ROWS], start=first)
                }
            )
