"""Generate every text of a run: prompts x arms x samples, in batches that a replay repeats."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from vectorlab.domain.runs import BatchPlan, FinishReason, GeneratedText, RowKey, RunSpec
from vectorlab.domain.vectors import LayerVector
from vectorlab.errors import ModelError
from vectorlab.steering.batching import free_memory, is_out_of_memory
from vectorlab.steering.decoder import Decoder
from vectorlab.steering.hooks import Steering, steer
from vectorlab.steering.loading import LoadedModel, check_request
from vectorlab.steering.plan import (
    DEFAULT_TOKEN_BUDGET,
    check_plan,
    halves,
    plan_batches,
    remaining_batches,
)
from vectorlab.steering.sampling import pick_tokens, row_uniforms
from vectorlab.steering.table import SteeringTable
from vectorlab.steering.tokens import continuation_text, encode

# Steps between looks at the tokens from the host: each look waits for the device.
CHECK_EVERY = 8

Progress = Callable[[int, int], None]
Rows = tuple[int, ...]  # of one batch; a row is a place in ``RunSpec.rows()``
OnBatch = Callable[[Rows, list[GeneratedText]], None]


@dataclass(frozen=True, kw_only=True)
class GenerationResult:
    """The texts of a run and how they came about."""

    generations: tuple[GeneratedText, ...]  # in the order of ``RunSpec.rows()``
    plan: BatchPlan  # the batches as they really ran
    events: tuple[str, ...]  # what did not go as planned, for people


def generate(
    loaded: LoadedModel,
    spec: RunSpec,
    vectors: Mapping[str, Sequence[LayerVector]],
    *,
    plan: BatchPlan | None = None,
    done: Mapping[Rows, Sequence[GeneratedText]] | None = None,
    token_budget: int = DEFAULT_TOKEN_BUDGET,
    on_batch: OnBatch | None = None,
    on_progress: Progress | None = None,
) -> GenerationResult:
    """Generate all texts that a specification asks for.

    Everything is checked before anything is computed. The same specification with the same plan
    gives the same tokens on the same machine. A batch that does not fit into memory is halved.

    Args:
        loaded: The model that ``spec`` names, in the dtype that it names.
        spec: Prompts, arms, decoding and seed.
        vectors: Layer vectors by the content hash that the interventions name.
        plan: Batches to run, from ``plan_run`` or an earlier run; None plans them here.
        done: What ``on_batch`` was given before an interruption; not computed again.
        token_budget: Most tokens per batch, for a plan made here.
        on_batch: Called with the rows and the texts of every finished batch.
        on_progress: Called with (tokens done, tokens at most) every few steps. Whatever it or
            ``on_batch`` raises ends the run and leaves the model clean.

    Raises:
        InputError: If a prompt is empty or too long, or a vector or a strength does not fit.
        IntegrityError: If the specification is for another model.
        ModelError: If the model returns numbers that are not finite.
    """
    check_request(loaded, model_fingerprint=spec.model_fingerprint, dtype=spec.dtype)
    run = _Run.prepare(loaded, spec, vectors)
    plan = plan or _planned(spec, run.prompt_ids, token_budget)
    run.on_progress = on_progress
    return run.execute(check_plan(plan, len(run.keys)), done or {}, on_batch)


def plan_run(
    loaded: LoadedModel, spec: RunSpec, *, token_budget: int = DEFAULT_TOKEN_BUDGET
) -> BatchPlan:
    """The batches of a run, without running it.

    Args:
        loaded: The model whose tokenizer measures the prompts.
        spec: The run.
        token_budget: Most tokens per batch, prompt and new ones, padding included.

    Raises:
        InputError: If a prompt is empty or too long.
    """
    return _planned(spec, _prompt_ids(loaded, spec), token_budget)


@dataclass(kw_only=True)
class _Run:
    """One call of ``generate``: what it was given and how far it is."""

    loaded: LoadedModel
    spec: RunSpec
    table: SteeringTable
    prompt_ids: list[list[int]]
    keys: list[RowKey]
    on_progress: Progress | None = None
    finished_rows: int = 0
    events: list[str] = field(default_factory=list)

    @classmethod
    def prepare(
        cls, loaded: LoadedModel, spec: RunSpec, vectors: Mapping[str, Sequence[LayerVector]]
    ) -> "_Run":
        prompt_ids = _prompt_ids(loaded, spec)
        table = SteeringTable.build(loaded, spec.arms, vectors)
        return cls(loaded=loaded, spec=spec, table=table, prompt_ids=prompt_ids, keys=spec.rows())

    def execute(
        self,
        plan: BatchPlan,
        done: Mapping[Rows, Sequence[GeneratedText]],
        on_batch: OnBatch | None,
    ) -> GenerationResult:
        texts = {
            row: text for rows, made in done.items() for row, text in zip(rows, made, strict=True)
        }
        batches = list(done)
        self.finished_rows = len(texts)
        waiting = deque(remaining_batches(plan, texts))
        while waiting:
            rows = waiting.popleft()
            made = self._try_batch(rows)
            if made is None:
                waiting.extendleft(reversed(halves(rows)))
                continue
            texts.update(zip(rows, made, strict=True))
            batches.append(rows)
            self.finished_rows += len(rows)
            self._report(0, 0)
            if on_batch is not None:
                on_batch(rows, made)
        return GenerationResult(
            generations=tuple(texts[row] for row in range(len(self.keys))),
            plan=BatchPlan(batches=tuple(batches)),
            events=tuple(self.events),
        )

    def _try_batch(self, rows: Rows) -> list[GeneratedText] | None:
        """The batch's texts, or None if it has to be halved."""
        try:
            return self._batch([self.keys[row] for row in rows])
        except RuntimeError as error:
            if not is_out_of_memory(error) or len(rows) == 1:
                raise
        free_memory(self.loaded.device)
        self.events.append(f"out of memory with {len(rows)} rows: batch halved")
        return None

    @torch.inference_mode()
    def _batch(self, keys: list[RowKey]) -> list[GeneratedText]:
        with steer(self.loaded, self.table, [key.arm for key in keys]) as steering:
            token_ids, logprobs = self._decode(keys, steering)
        return [
            self._finished_text(key, row, scores)
            for key, row, scores in zip(keys, token_ids, logprobs, strict=True)
        ]

    def _decode(
        self, keys: list[RowKey], steering: Steering
    ) -> tuple[list[list[int]], list[list[float]]]:
        """Token ids and log-probabilities, (B, steps) each; rows run on behind their end."""
        decoding = self.spec.decoding
        decoder = Decoder(
            self.loaded, [self.prompt_ids[key.prompt] for key in keys], decoding.max_new_tokens
        )
        uniforms = self._uniforms(keys)
        for step in range(decoding.max_new_tokens):
            logits = decoder.next_logits()
            steering.set_response(True)
            drawn = None if uniforms is None else uniforms[:, step]
            decoder.append(pick_tokens(logits, drawn, decoding), logits)
            if (step + 1) % CHECK_EVERY == 0:
                self._report(step + 1, len(keys))
                if self._all_ended(keys, decoder):
                    break
        return decoder.token_ids().tolist(), decoder.logprobs().tolist()

    def _uniforms(self, keys: list[RowKey]) -> torch.Tensor | None:
        """The draws of the whole batch, (B, steps) float64, in one transfer."""
        spec = self.spec
        if not spec.decoding.do_sample:
            return None
        steps = spec.decoding.max_new_tokens
        draws = [
            row_uniforms(spec.seed, spec.prompts[key.prompt].text, key.sample, steps)
            for key in keys
        ]
        return torch.from_numpy(np.stack(draws)).to(self.loaded.device)

    def _all_ended(self, keys: list[RowKey], decoder: Decoder) -> bool:
        if not self.loaded.eos_token_ids and not self.spec.decoding.stop:
            return False
        rows = zip(keys, decoder.token_ids().tolist(), strict=True)
        return all(self._has_ended(key, row) for key, row in rows)

    def _has_ended(self, key: RowKey, token_ids: list[int]) -> bool:
        if not set(self.loaded.eos_token_ids).isdisjoint(token_ids):
            return True
        return self._stop_index(self._text(key, token_ids)) is not None

    def _end(self, key: RowKey, token_ids: list[int]) -> tuple[int, FinishReason]:
        """How many tokens belong to the text, and why it ends there."""
        eos = self.loaded.eos_token_ids
        length = next((i for i, token in enumerate(token_ids) if token in eos), None)
        kept = token_ids if length is None else token_ids[:length]
        stopped = self._stop_length(key, kept)
        if stopped is not None:
            return stopped, FinishReason.STOP
        if length is not None:
            return length + 1, FinishReason.EOS
        return len(token_ids), FinishReason.LENGTH

    def _stop_length(self, key: RowKey, token_ids: list[int]) -> int | None:
        """Tokens up to the first whose text holds a stop string."""
        if self._stop_index(self._text(key, token_ids)) is None:
            return None
        for length in range(1, len(token_ids)):
            if self._stop_index(self._text(key, token_ids[:length])) is not None:
                return length
        return len(token_ids)

    def _stop_index(self, text: str) -> int | None:
        """Where the earliest stop string begins."""
        found = [index for index in map(text.find, self.spec.decoding.stop) if index >= 0]
        return min(found, default=None)

    def _finished_text(self, key: RowKey, row: list[int], scores: list[float]) -> GeneratedText:
        length, reason = self._end(key, row)
        mean = sum(scores[:length]) / length
        if not np.isfinite(mean):
            raise ModelError(
                f"The model's output is not finite for prompt {key.prompt + 1}, arm "
                f"{self.spec.arms[key.arm].label!r}. Use a smaller strength or dtype float32."
            )
        text = self._text(key, row[: length - (reason is FinishReason.EOS)])
        return GeneratedText(
            key=key,
            text=text[: self._stop_index(text)],
            token_ids=tuple(row[:length]),
            finish_reason=reason,
            mean_logprob=mean,
        )

    def _text(self, key: RowKey, token_ids: Sequence[int]) -> str:
        return continuation_text(self.loaded.tokenizer, self.prompt_ids[key.prompt], token_ids)

    def _report(self, steps: int, rows: int) -> None:
        if self.on_progress is not None:
            each = self.spec.decoding.max_new_tokens
            self.on_progress(self.finished_rows * each + steps * rows, len(self.keys) * each)


def _prompt_ids(loaded: LoadedModel, spec: RunSpec) -> list[list[int]]:
    return encode(
        loaded.tokenizer,
        [prompt.text for prompt in spec.prompts],
        add_special_tokens=spec.add_special_tokens,
        context_length=loaded.description.context_length,
        new_tokens=spec.decoding.max_new_tokens,
        noun="Prompt",
    )


def _planned(spec: RunSpec, prompt_ids: Sequence[Sequence[int]], token_budget: int) -> BatchPlan:
    return plan_batches(
        [len(ids) for ids in prompt_ids],
        rows_per_prompt=len(spec.arms) * spec.samples,
        max_new_tokens=spec.decoding.max_new_tokens,
        token_budget=token_budget,
    )
