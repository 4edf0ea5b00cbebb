"""Greedy completions, cut where a value ends, of prompts as they are or with states swapped."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch

from vectorlab.errors import ModelError
from vectorlab.progress import OnProgress
from vectorlab.ravel.domain.drawing import agrees
from vectorlab.ravel.domain.entities import EntityData
from vectorlab.ravel.domain.instances import Completion, InstanceSpec
from vectorlab.ravel.engine.prompts import EntityPrompt, PromptBook
from vectorlab.steering.generation.decoder import Decoder
from vectorlab.steering.generation.sampling import greedy_choice
from vectorlab.steering.model.batching import free_memory, is_out_of_memory
from vectorlab.steering.model.bf16_matmul import maps_by
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.model.tokens import continuation_text

TOKEN_BUDGET = 4096  # padded prompt tokens per batch
# Enters the intervention of one batch: the places of its prompts, and the column of every row's
# first real token.
EditedBatch = Callable[[Sequence[int], torch.Tensor], AbstractContextManager[None]]


class ValueEnd:
    """Tells where a value ends among generated tokens.

    Args:
        loaded: The model.
        stop_characters: A token with one of them is behind the value, unless nothing else has come
            before it.
    """

    def __init__(self, loaded: LoadedModel, stop_characters: str) -> None:
        self._tokenizer = loaded.tokenizer
        self._eos = set(loaded.eos_token_ids)
        self._stop = set(stop_characters)
        self._known: dict[int, bool] = {}

    def is_behind(self, token_id: int) -> bool:
        """Whether the token cannot belong to a value."""
        if token_id not in self._known:
            text = str(self._tokenizer.decode([token_id]))
            self._known[token_id] = token_id in self._eos or bool(self._stop & set(text))
        return self._known[token_id]

    def cut(self, token_ids: Sequence[int]) -> tuple[int, ...]:
        """The tokens of the value; at least one token."""
        start = 0
        while start < len(token_ids) - 1 and self.is_behind(token_ids[start]):
            start += 1
        end = start + 1
        while end < len(token_ids) and not self.is_behind(token_ids[end]):
            end += 1
        return tuple(token_ids[:end])

    def is_over(self, token_ids: Sequence[int]) -> bool:
        """Whether no further token can change what ``cut`` gives."""
        return bool(token_ids) and (
            token_ids[-1] in self._eos or len(self.cut(token_ids)) < len(token_ids)
        )


@torch.inference_mode()
def complete(
    loaded: LoadedModel,
    prompts: Sequence[EntityPrompt],
    *,
    max_new_tokens: int,
    value_end: ValueEnd,
    edited: EditedBatch | None = None,
    token_budget: int = TOKEN_BUDGET,
    on_progress: OnProgress | None = None,
) -> list[tuple[int, ...]]:
    """The value that stands behind every prompt, as tokens.

    Args:
        loaded: The model.
        prompts: In any number and order.
        max_new_tokens: Most tokens of a value.
        value_end: Where it ends.
        edited: Enters the intervention of a batch; None leaves the runs alone.
        token_budget: Most padded tokens of a batch; halved when memory runs out.
        on_progress: Called with (prompts done, prompts in all) after each batch.

    Raises:
        ModelError: If memory does not hold a single prompt.
    """
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place].token_ids))
    values: dict[int, tuple[int, ...]] = {}
    with maps_by(loaded):
        while len(values) < len(order):
            batch = _next(prompts, order[len(values) :], token_budget)
            rows = [prompts[place].token_ids for place in batch]
            tokens = _try(loaded, rows, max_new_tokens, value_end, edited, batch)
            if tokens is None:
                if len(batch) == 1:
                    raise ModelError(
                        f"Device {loaded.device} is out of memory with a single prompt of "
                        f"{len(rows[0])} tokens. Use a smaller model or a device with more memory."
                    )
                token_budget = len(rows[-1]) * (len(batch) // 2)
                continue
            values.update(zip(batch, tokens, strict=True))
            if on_progress is not None:
                on_progress(len(values), len(order))
    return [values[place] for place in range(len(prompts))]


def complete_all(
    book: PromptBook,
    spec: InstanceSpec,
    keys: Sequence[tuple[int, int]],
    *,
    on_progress: OnProgress | None = None,
) -> list[Completion]:
    """What the model says about entities behind templates, judged by the gold values.

    Args:
        book: The model's prompts.
        spec: Of the instance.
        keys: Templates and entities by their places in the data.
        on_progress: As for ``complete``.
    """
    loaded = book.loaded
    prompts = book.prompts(keys)
    value_end = ValueEnd(loaded, spec.stop_characters)
    tokens = complete(
        loaded,
        prompts,
        max_new_tokens=spec.max_new_tokens,
        value_end=value_end,
        on_progress=on_progress,
    )
    return [
        _judged(book, spec, prompt, key, value_ids)
        for prompt, key, value_ids in zip(prompts, keys, tokens, strict=True)
    ]


def value_text(loaded: LoadedModel, prompt: EntityPrompt, token_ids: Sequence[int]) -> str:
    """A value as text, without outer spaces."""
    return continuation_text(loaded.tokenizer, prompt.token_ids, token_ids).strip()


def asking_pairs(data: EntityData) -> Iterator[tuple[int, int]]:
    """Every template that asks for an attribute with every entity."""
    for place, template in enumerate(data.templates):
        if template.attribute is not None:
            for entity in range(len(data.entities)):
                yield place, entity


def _judged(
    book: PromptBook,
    spec: InstanceSpec,
    prompt: EntityPrompt,
    key: tuple[int, int],
    value_ids: tuple[int, ...],
) -> Completion:
    template, entity = key
    attribute = book.data.templates[template].attribute
    values: Mapping[str, str] = book.data.entities[entity].values
    gold = None if attribute is None else values.get(attribute)
    text = value_text(book.loaded, prompt, value_ids)
    truncated = len(value_ids) == spec.max_new_tokens
    return Completion(
        template=template,
        entity=entity,
        text=text,
        token_ids=value_ids,
        correct=None
        if gold is None
        else agrees(text, gold, stop_characters=spec.stop_characters, truncated=truncated),
    )


def _next(
    prompts: Sequence[EntityPrompt], order: Sequence[int], token_budget: int
) -> Sequence[int]:
    """The longest beginning of the order, shortest prompts first, that fits the budget."""
    count = 1
    while count < len(order):
        width = len(prompts[order[count]].token_ids)
        if width * (count + 1) > token_budget:
            break
        count += 1
    return order[:count]


def _try(
    loaded: LoadedModel,
    rows: Sequence[tuple[int, ...]],
    max_new_tokens: int,
    value_end: ValueEnd,
    edited: EditedBatch | None,
    batch: Sequence[int],
) -> list[tuple[int, ...]] | None:
    """Values of a batch, or None if it has to be smaller."""
    try:
        return _run(loaded, rows, max_new_tokens, value_end, edited, batch)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
    free_memory(loaded.device)
    return None


def _run(
    loaded: LoadedModel,
    rows: Sequence[tuple[int, ...]],
    max_new_tokens: int,
    value_end: ValueEnd,
    edited: EditedBatch | None,
    batch: Sequence[int],
) -> list[tuple[int, ...]]:
    decoder = Decoder(loaded, rows, max_new_tokens)
    values: list[list[int]] = [[] for _ in rows]
    with nullcontext() if edited is None else edited(batch, decoder.starts):
        for _ in range(max_new_tokens):
            logits = decoder.next_logits()
            choice = greedy_choice(logits)
            for row, token in zip(values, choice.tokens.tolist(), strict=True):
                row.append(token)
            if all(value_end.is_over(row) for row in values):
                break
            decoder.append(*choice)
    return [value_end.cut(row) for row in values]
