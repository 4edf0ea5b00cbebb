"""Prompts as token ids, and where in them the entity is mentioned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase

from vectorlab.errors import InputError
from vectorlab.ravel.domain.entities import EntityData, Template
from vectorlab.ravel.domain.specs import Location
from vectorlab.steering.model.loading import LoadedModel
from vectorlab.steering.model.tokens import encode


@dataclass(frozen=True, kw_only=True)
class EntityPrompt:
    """One prompt about one entity."""

    token_ids: tuple[int, ...]
    mention: range  # places of the tokens that hold the entity

    def places(self, location: Location) -> tuple[int, ...]:
        """Places of the tokens that are swapped there, ascending."""
        match location:
            case Location.ENTITY_LAST:
                return (self.mention[-1],)
            case Location.ENTITY_ALL:
                return tuple(self.mention)
            case Location.PROMPT_LAST:
                return (len(self.token_ids) - 1,)


def encode_prompts(
    loaded: LoadedModel,
    pairs: Sequence[tuple[Template, str]],
    *,
    add_special_tokens: bool,
    new_tokens: int,
) -> list[EntityPrompt]:
    """Token ids of templates about entities, the mention located in each full prompt.

    The mention is found by the characters that the tokens come from: how an entity is cut into
    tokens depends on what stands in front of it, so its own tokens are never looked for.

    Args:
        loaded: The model.
        pairs: Template and entity of every prompt.
        add_special_tokens: Let the tokenizer add BOS where it would.
        new_tokens: Tokens that must still fit behind each prompt.

    Raises:
        InputError: If a mention cannot be located, or a prompt is too long.
    """
    tokenizer = loaded.tokenizer
    if not tokenizer.is_fast:
        raise InputError(
            f"The tokenizer of {loaded.description.source} does not tell which characters its "
            "tokens come from, so no entity can be located. Use a model with a fast tokenizer."
        )
    texts = [template.prompt(entity) for template, entity in pairs]
    rows = encode(
        tokenizer,
        texts,
        add_special_tokens=add_special_tokens,
        context_length=loaded.description.context_length,
        new_tokens=new_tokens,
        noun="Prompt",
    )
    mentions = {
        key: _mention(tokenizer, key, add_special_tokens=add_special_tokens)
        for key in dict.fromkeys(pairs)
    }
    return [
        EntityPrompt(token_ids=tuple(row), mention=mentions[key])
        for key, row in zip(pairs, rows, strict=True)
    ]


class PromptBook:
    """The encoded prompts of an entity type, each encoded once."""

    def __init__(
        self, loaded: LoadedModel, data: EntityData, *, add_special_tokens: bool, new_tokens: int
    ) -> None:
        self.loaded = loaded
        self.data = data
        self._add_special_tokens = add_special_tokens
        self._new_tokens = new_tokens
        self._known: dict[tuple[int, int], EntityPrompt] = {}

    def prompts(self, keys: Sequence[tuple[int, int]]) -> list[EntityPrompt]:
        """Prompts of templates and entities, given by their places in the data."""
        new = [key for key in dict.fromkeys(keys) if key not in self._known]
        prompts = encode_prompts(
            self.loaded,
            [(self.data.templates[t], self.data.entities[e].name) for t, e in new],
            add_special_tokens=self._add_special_tokens,
            new_tokens=self._new_tokens,
        )
        self._known.update(zip(new, prompts, strict=True))
        return [self._known[key] for key in keys]


def _mention(
    tokenizer: PreTrainedTokenizerBase, key: tuple[Template, str], *, add_special_tokens: bool
) -> range:
    template, entity = key
    text = template.prompt(entity)
    begin, end = template.slot, template.slot + len(entity)
    encoded: Any = tokenizer(
        text, add_special_tokens=add_special_tokens, return_offsets_mapping=True
    )
    # A token may hold more than the mention, such as the space or the quote in front of it.
    inside = [
        place
        for place, (start, stop) in enumerate(encoded["offset_mapping"])
        if start < stop and start < end and stop > begin
    ]
    if not inside:
        raise InputError(
            f"Entity {entity!r} cannot be located in {text!r}: the tokenizer leaves no token for "
            "it. Leave the entity out, or write it otherwise."
        )
    return range(inside[0], inside[-1] + 1)
