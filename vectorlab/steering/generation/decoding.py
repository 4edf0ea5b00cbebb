"""Decode one batch: rows of one run, or of several runs that share the model's passes."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch._dynamo.exc import TorchDynamoException

from vectorlab.domain.interventions.conditions import Condition
from vectorlab.domain.interventions.positions import Part
from vectorlab.domain.runs.batch_plan import Frame, Products, RowKey
from vectorlab.domain.runs.texts import GeneratedText
from vectorlab.steering.generation.baseline_divergence import BaselineDivergence
from vectorlab.steering.generation.compiled import Compilation, reason_against, traced_hooks
from vectorlab.steering.generation.decoder import Decoder
from vectorlab.steering.generation.device_copies import Readback, to_device
from vectorlab.steering.generation.prepared_run import PreparedRun
from vectorlab.steering.interventions.hooks import (
    RowBlock,
    SharedSteering,
    Steering,
    steer,
    steer_blocks,
)
from vectorlab.steering.model.bf16_matmul import maps_by
from vectorlab.steering.model.loading import LoadedModel

# Steps between looks at the tokens from the host: each look waits for the device.
CHECK_EVERY = 8
SHOW_EVERY_S = 0.4  # between looks for those who watch the texts grow
SHOWN_ROWS = 16  # of a run, at most

OnStep = Callable[[int], None]  # steps done
OnTexts = Callable[[dict[RowKey, str]], None]


@dataclass(frozen=True, kw_only=True)
class RunInBatch:
    """The rows of one run in a batch, and who watches them."""

    run: PreparedRun
    keys: Sequence[RowKey]
    on_step: OnStep = lambda _: None
    on_texts: OnTexts | None = None
    on_prompts: OnStep = lambda _: None  # told how many rows of prompts the model read


@torch.inference_mode()
def decode_batch(
    loaded: LoadedModel,
    parts: Sequence[RunInBatch],
    *,
    frame: Frame | None = None,
    compilation: Compilation | None = None,
    stem: int = 0,
    products: Products = Products.DIRECT,
) -> list[Callable[[], list[GeneratedText]]]:
    """Generate the texts of a batch.

    Args:
        loaded: The model; it is given back without hooks, whatever happens.
        parts: Runs with equal decoding, in the order of their rows.
        frame: For one part that once shared its batch: the rectangle it stood in. Its other rows
            are filled up, because only their number and length matter.
        compilation: Asks for compiled steps; if there can be none, it is told why.
        stem: Up to which token what prompts begin with alike is read once, if nothing steers them.
        products: How linear maps are computed, in steps that are not compiled.

    Returns:
        Per part what makes its texts, which raises ``ModelError`` if numbers are not finite: one
        run must not fail for another.
    """
    batch = _Batch(loaded, parts, frame, stem)
    if compilation is not None and compilation.wanted:
        if reason := batch.reason_against_compiling():
            compilation.give_up(reason)
        else:
            try:
                batch.decode(compiled=True)
            except TorchDynamoException as error:
                compilation.give_up(str(error).strip().partition("\n")[0])
    if not batch.token_ids:
        with maps_by(loaded, products):
            batch.decode(compiled=False)
    return [batch.texts_of(number) for number in range(len(parts))]


def frames_of(parts: Sequence[RunInBatch]) -> list[Frame]:
    """The rectangle of a shared batch as each of its runs has to record it."""
    lengths = [len(part.run.ids_of(key)) for part in parts for key in part.keys]
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

    def __init__(
        self, loaded: LoadedModel, parts: Sequence[RunInBatch], frame: Frame | None, stem: int
    ) -> None:
        self.loaded = loaded
        self.parts = parts
        self.frame = frame
        self.stem = stem
        self.decoding = parts[0].run.spec.decoding
        before = 0 if frame is None else frame.first
        counts = [len(part.keys) for part in parts]
        self.firsts = [before + sum(counts[:number]) for number in range(len(parts))]
        self.rows = sum(counts) if frame is None else frame.rows
        self.steps = self.decoding.max_new_tokens
        self.shadows = self._shadowed()
        self.token_ids: list[list[int]] = []
        self.logprobs: list[list[float]] = []
        self.margins: list[list[float]] = []
        self.divergence: BaselineDivergence | None = None
        self.held: list[dict[Condition, list[list[bool]]]] = []  # by part; see Steering.held

    def reason_against_compiling(self) -> str | None:
        if self.frame is not None or len(self.parts) > 1:
            return "several runs share the batch"
        if self.parts[0].run.spec.conditions(Part.RESPONSE):
            return "a condition is measured on what is generated"
        return reason_against(self.loaded)

    @contextmanager
    def steered(self) -> Iterator[Steering | SharedSteering]:
        if self.frame is None and len(self.parts) == 1:
            [part] = self.parts
            arms = [part.run.row_arm(key) for key in part.keys]
            arms += [part.run.baseline_arm] * len(self.shadows)
            with steer(self.loaded, part.run.table, arms) as alone:
                yield alone
            return
        blocks = [
            RowBlock(
                table=part.run.table,
                row_arms=[part.run.row_arm(key) for key in part.keys],
                first=first,
            )
            for part, first in zip(self.parts, self.firsts, strict=True)
        ]
        with steer_blocks(self.loaded, blocks, self.rows) as shared:
            yield shared

    def decode(self, *, compiled: bool) -> None:
        if self.decoding.kl:
            self.divergence = BaselineDivergence(
                self.rows, self.shadows, self.steps, self.loaded.device
            )
        with self.steered() as steering:
            decoder = Decoder(
                self.loaded,
                self._prompts(),
                self.steps,
                compiled=compiled,
                share_prompts=self._shares_prompts(),
                stem=self.stem,
            )
            logits = decoder.next_logits()
            for part in self.parts:
                part.on_prompts(decoder.prompt_rows)
            steering.set_response(True)
            if not compiled:
                self._go_on(decoder, logits)
        if compiled:
            assert isinstance(steering, Steering)
            decoder.compile(steering)
            with traced_hooks(self.loaded, steering):
                self._go_on(decoder, logits)
        self.held = (
            [steering.held()] if isinstance(steering, Steering) else steering.held_by_block()
        )
        self.token_ids = decoder.token_ids()[: self.rows].tolist()
        self.logprobs = decoder.logprobs()[: self.rows].tolist()
        self.margins = decoder.margins()[: self.rows].tolist()

    def _go_on(self, decoder: Decoder, logits: torch.Tensor) -> None:
        """Choose and feed tokens, from the logits behind the prompts on."""
        uniforms = self._uniforms()
        readback = Readback(self.loaded.device)
        shown_at = time.monotonic()
        for step in range(1, self.steps + 1):
            if step > 1:
                logits = decoder.next_logits()
            draws = None if uniforms is None else uniforms[:, step - 1]
            tokens, logprobs, margins = decoder.choose(logits, draws, self.decoding)
            if self.divergence is not None:
                tokens = self.divergence.take(logits, tokens)
            decoder.append(tokens, logprobs, margins)
            is_due = time.monotonic() - shown_at >= SHOW_EVERY_S
            if is_due:
                self._show(decoder, readback)
                shown_at = time.monotonic()
            if is_due or step % CHECK_EVERY == 0:
                for part in self.parts:
                    part.on_step(step)
            if step % CHECK_EVERY == 0 and self._all_ended(decoder, readback):
                break

    def texts_of(self, number: int) -> Callable[[], list[GeneratedText]]:
        part, first = self.parts[number], self.firsts[number]
        return lambda: [
            part.run.finished_text(
                key,
                self.token_ids[row],
                self.logprobs[row],
                self.margins[row],
                None if self.divergence is None else self.divergence.of_row(row),
                {condition: rows[row - first] for condition, rows in self.held[number].items()},
            )
            for row, key in enumerate(part.keys, start=first)
        ]

    def _shares_prompts(self) -> bool:
        # A shared batch records its rectangle, and that alone must say how it rounds.
        return (
            self.frame is None
            and len(self.parts) == 1
            and self.parts[0].run.leaves_prompts_alone(self.parts[0].keys)
        )

    def _prompts(self) -> list[list[int]]:
        prompts = [part.run.ids_of(key) for part in self.parts for key in part.keys]
        prompts += [prompts[row] for row in self.shadows]
        if self.frame is None:
            return prompts
        filler = [0] * self._filler_length(min(map(len, prompts)))
        behind = self.rows - self.frame.first - len(prompts)
        return [filler] * self.frame.first + prompts + [filler] * behind

    def _shadowed(self) -> list[int]:
        """Rows that a baseline row is forced along with, if the run asks for the comparison."""
        if not self.decoding.kl:
            return []
        [part] = self.parts
        return [
            row for row, key in enumerate(part.keys) if not part.run.spec.arms[key.arm].is_baseline
        ]

    def _filler_length(self, shortest: int) -> int:
        """Such that the batch is as wide, and padded or not, as it was."""
        assert self.frame is not None
        is_short = self.frame.padded and shortest == self.frame.width
        return self.frame.width - is_short

    def _uniforms(self) -> torch.Tensor | None:
        """The draws of the whole batch, (B, steps) float64, in one transfer."""
        if not self.decoding.do_sample:
            return None
        draws = np.zeros((self.rows + len(self.shadows), self.steps))
        for part, first in zip(self.parts, self.firsts, strict=True):
            draws[first : first + len(part.keys)] = part.run.uniforms(part.keys)
        return to_device(torch.from_numpy(draws), self.loaded.device)

    def _all_ended(self, decoder: Decoder, readback: Readback) -> bool:
        if not any(part.run.may_end_early for part in self.parts):
            return False
        rows = readback.look(decoder.token_ids())
        return rows is not None and all(
            part.run.has_ended(key, rows[row])
            for part, first in zip(self.parts, self.firsts, strict=True)
            for row, key in enumerate(part.keys, start=first)
        )

    def _show(self, decoder: Decoder, readback: Readback) -> None:
        watched = [
            (part, first)
            for part, first in zip(self.parts, self.firsts, strict=True)
            if part.on_texts is not None
        ]
        rows = readback.look(decoder.token_ids()) if watched else None
        if rows is None:
            return
        for part, first in watched:
            assert part.on_texts is not None
            part.on_texts(
                {
                    key: part.run.text_so_far(key, rows[row])
                    for row, key in enumerate(part.keys[:SHOWN_ROWS], start=first)
                }
            )
