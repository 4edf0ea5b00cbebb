"""A run made ready for batches: tokenised prompts, prepared vectors, and where its texts end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.interventions.conditions import Condition
from vectorlab.domain.interventions.positions import Part
from vectorlab.domain.runs.batch_plan import RowKey
from vectorlab.domain.runs.runs import RunSpec
from vectorlab.domain.runs.texts import Divergence, FinishReason, GeneratedText, departure
from vectorlab.domain.text.chats import Chat
from vectorlab.domain.vectors.vectors import LayerVector
from vectorlab.errors import IntegrityError, ModelError
from vectorlab.steering.generation.baseline_divergence import divergence
from vectorlab.steering.generation.batch_plan import shared_stem
from vectorlab.steering.generation.failure_diagnosis import first_infinite_layer
from vectorlab.steering.generation.sampling import row_uniforms
from vectorlab.steering.interventions.arm_table import SteeringTable
from vectorlab.steering.interventions.conditions import read_conditions
from vectorlab.steering.model.batching import reads_in_parts
from vectorlab.steering.model.conversation_spans import check_thinking_has_ended, in_chat
from vectorlab.steering.model.loading import LoadedModel, check_request
from vectorlab.steering.model.tokens import continuation_text, encode, pieces


@dataclass(frozen=True, kw_only=True)
class PreparedRun:
    """What every batch of a run needs."""

    loaded: LoadedModel
    spec: RunSpec
    table: SteeringTable
    prompt_ids: list[list[list[int]]]  # by arm, then by prompt
    keys: list[RowKey]
    condition_values: list[list[float]]  # per prompt, of every condition on it
    variants: dict[tuple[int, tuple[bool, ...]], int]  # arm and what holds -> arm of the table
    original: Mapping[RowKey, Sequence[int]] = field(default_factory=dict)  # tokens, for a replay

    @classmethod
    def prepare(
        cls, loaded: LoadedModel, spec: RunSpec, vectors: Mapping[str, Sequence[LayerVector]]
    ) -> "PreparedRun":
        """Check everything about a run that can be checked before it is computed.

        Raises:
            InputError: If a prompt is empty or too long, or a vector or a strength does not fit.
            IntegrityError: If the specification is for another model.
        """
        check_request(loaded, model_fingerprint=spec.model_fingerprint, dtype=spec.dtype)
        ids = prompt_ids(loaded, spec)
        conditions = spec.conditions(Part.PROMPT)
        plain = plain_ids(loaded, spec)
        values = (
            read_conditions(loaded, plain, conditions, vectors) if conditions else [[]] * len(plain)
        )
        holding = [
            tuple(condition.holds(value) for condition, value in zip(conditions, row, strict=True))
            for row in values
        ]
        # An arm and those of its interventions whose conditions hold make an arm of the table.
        variants = [
            (number, held) for number in range(len(spec.arms)) for held in dict.fromkeys(holding)
        ]
        arms = [
            _without_unmet(spec.arms[number], dict(zip(conditions, held, strict=True)))
            for number, held in variants
        ]
        table = SteeringTable.build(loaded, (Arm(label="no steering"), *arms), vectors)
        if table.markers is not None:
            check_thinking_has_ended(loaded.tokenizer, spec.chat)
        return cls(
            loaded=loaded,
            spec=spec,
            table=table,
            prompt_ids=ids,
            keys=spec.rows(),
            condition_values=values,
            variants={variant: place for place, variant in enumerate(variants, start=1)},
        )

    def row_arm(self, key: RowKey) -> int:
        """The arm of a row, as an index into the table."""
        return self.variants[key.arm, self.holding(key.prompt)]

    def holding(self, prompt: int) -> tuple[bool, ...]:
        """Which of the conditions on it a prompt meets."""
        conditions = self.spec.conditions(Part.PROMPT)
        values = self.condition_values[prompt]
        return tuple(
            condition.holds(value) for condition, value in zip(conditions, values, strict=True)
        )

    @property
    def baseline_arm(self) -> int:
        """An arm of the table that does nothing."""
        return 0

    def leaves_prompts_alone(self, keys: Sequence[RowKey]) -> bool:
        """Whether the prompts of these rows are read as the unsteered model reads them."""
        return self.table.leaves_prompts_alone([self.row_arm(key) for key in keys])

    def shared_stem(self, keys: Sequence[RowKey]) -> int:
        """Up to which token the prompts of these rows are best read together; 0 for not at all."""
        prompts = [self.ids_of(key) for key in keys]
        columns = 2 * max(map(len, prompts)) + self.spec.decoding.max_new_tokens
        if not reads_in_parts(self.loaded, columns) or not self.leaves_prompts_alone(keys):
            return 0
        return shared_stem(prompts)

    def uniforms(self, keys: Sequence[RowKey]) -> npt.NDArray[np.float64]:
        """The draws of these rows, (B, steps)."""
        spec = self.spec
        steps = spec.decoding.max_new_tokens
        return np.stack(
            [
                row_uniforms(spec.seed, spec.prompts[key.prompt].text, key.sample, steps)
                for key in keys
            ]
        )

    def ids_of(self, key: RowKey) -> list[int]:
        """Token ids of the prompt of a row, with what its arm puts before it."""
        return self.prompt_ids[key.arm][key.prompt]

    @property
    def may_end_early(self) -> bool:
        """Whether a text can end before it has its most tokens."""
        return bool(self.loaded.eos_token_ids or self.spec.decoding.stop)

    def has_ended(self, key: RowKey, token_ids: Sequence[int]) -> bool:
        """Whether a text is complete with these tokens."""
        if not set(self.loaded.eos_token_ids).isdisjoint(token_ids):
            return True
        return self._stop_index(self._text(key, token_ids)) is not None

    def finished_text(
        self,
        key: RowKey,
        token_ids: list[int],
        logprobs: Sequence[float],
        margins: Sequence[float],
        compared: tuple[list[float], list[float]] | None = None,
        held: Mapping[Condition, Sequence[bool]] | None = None,
    ) -> GeneratedText:
        """The text of a row that may have run on behind its end.

        Args:
            key: Of the row.
            token_ids: All that it wrote.
            logprobs: Of each.
            margins: Of each; see ``sampling.choose``.
            compared: With the baseline: see ``Comparison.of_row``.
            held: At which tokens fed back each condition on the response held.

        Raises:
            ModelError: If the model returned numbers that are not finite.
        """
        length, reason = self._end(key, token_ids)
        mean = sum(logprobs[:length]) / length
        if not np.isfinite(mean):
            raise ModelError(self._not_finite(key, token_ids, logprobs))
        text = self._text(key, token_ids[: length - (reason is FinishReason.EOS)])
        own = tuple(token_ids[:length])
        return GeneratedText(
            key=key,
            text=text[: self._stop_index(text)],
            token_ids=own,
            finish_reason=reason,
            mean_logprob=mean,
            choice_margin=min(margins[:length]),
            departure=departure(key, self.original.get(key, own), own, margins),
            divergence=self._divergence(key, own, logprobs, compared),
            held=self._held(key, held or {}, length - 1),  # the last token is not fed back
        )

    def _held(
        self, key: RowKey, held: Mapping[Condition, Sequence[bool]], fed_back: int
    ) -> tuple[int | None, ...]:
        own = {intervention.condition for intervention in self.spec.arms[key.arm].interventions}
        return tuple(
            sum(held[condition][:fed_back]) if condition in own and condition in held else None
            for condition in self.spec.conditions(Part.RESPONSE)
        )

    def _divergence(
        self,
        key: RowKey,
        token_ids: Sequence[int],
        logprobs: Sequence[float],
        compared: tuple[list[float], list[float]] | None,
    ) -> Divergence | None:
        if not self.spec.decoding.kl:
            return None
        measured = divergence(logprobs, compared, len(token_ids))
        shown = pieces(self.loaded.tokenizer, self.ids_of(key), token_ids)
        return replace(measured, pieces=shown)

    def _not_finite(self, key: RowKey, token_ids: Sequence[int], logprobs: Sequence[float]) -> str:
        """Where a row's numbers ended."""
        token = next((i for i, value in enumerate(logprobs) if not np.isfinite(value)), 0)
        layer = first_infinite_layer(
            self.loaded,
            self.table,
            self.row_arm(key),
            self.ids_of(key),
            token_ids[:token],
        )
        where = "" if layer is None else f", beginning at the output of layer {layer}"
        return (
            f"The model's output is not finite for prompt {key.prompt + 1}, arm "
            f"{self.spec.arms[key.arm].label!r}, at new token {token + 1}{where}. Use a smaller "
            "strength or dtype float32."
        )

    def text_so_far(self, key: RowKey, token_ids: list[int]) -> str:
        """The text of a row that may still grow."""
        length, reason = self._end(key, token_ids)
        text = self._text(key, token_ids[: length - (reason is FinishReason.EOS)])
        return text[: self._stop_index(text)]

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
        begins = [index for index in map(text.find, self.spec.decoding.stop) if index >= 0]
        return min(begins, default=None)

    def _text(self, key: RowKey, token_ids: Sequence[int]) -> str:
        return continuation_text(self.loaded.tokenizer, self.ids_of(key), token_ids)


def _without_unmet(arm: Arm, holds: Mapping[Condition, bool]) -> Arm:
    """The arm as it acts on a prompt that meets some conditions."""
    acting = tuple(
        intervention
        for intervention in arm.interventions
        if intervention.condition is None or holds.get(intervention.condition, True)
    )
    return replace(arm, interventions=acting)


def prompt_ids(loaded: LoadedModel, spec: RunSpec) -> list[list[list[int]]]:
    """Token ids of every prompt of a run, for each arm, with what the arm puts before it.

    Raises:
        InputError: If a prompt is empty or too long, or there is no chat template for it.
        IntegrityError: If the model's chat template is not the one that the run names.
    """
    by_prefix = {prefix: _encoded(loaded, spec, prefix) for prefix in {a.prefix for a in spec.arms}}
    return [by_prefix[arm.prefix] for arm in spec.arms]


def plain_ids(loaded: LoadedModel, spec: RunSpec) -> list[list[int]]:
    """Token ids of every prompt by itself, whatever an arm puts before it."""
    return _encoded(loaded, spec, "")


def longest_prompts(loaded: LoadedModel, spec: RunSpec) -> list[int]:
    """Tokens of every prompt under the arm that makes it longest.

    Raises:
        InputError: If a prompt is empty or too long.
    """
    ids = prompt_ids(loaded, spec)
    return [max(map(len, of_arms)) for of_arms in zip(*ids, strict=True)]


def _encoded(loaded: LoadedModel, spec: RunSpec, prefix: str) -> list[list[int]]:
    return encode(
        loaded.tokenizer,
        [written(loaded, spec.chat, prefix + prompt.text) for prompt in spec.prompts],
        # A chat template writes its own.
        add_special_tokens=spec.add_special_tokens and spec.chat is None,
        context_length=loaded.description.context_length,
        new_tokens=spec.decoding.max_new_tokens,
        noun="Prompt behind the demonstrations" if prefix else "Prompt",
    )


def written(loaded: LoadedModel, chat: Chat | None, text: str) -> str:
    """A prompt as the model reads it.

    Raises:
        InputError: If a chat is asked for and the model has no template, or it does not write all
            of the turns.
        IntegrityError: If the model's chat template is not the one that is named.
    """
    if chat is None:
        return text
    expected = loaded.description.chat_template_sha256
    if chat.template_sha256 != expected:
        raise IntegrityError(
            f"The request's chat template is {chat.template_sha256[:12]}, but the model's is "
            f"{(expected or 'none')[:12]}."
        )
    return in_chat(loaded.tokenizer, chat, text)
