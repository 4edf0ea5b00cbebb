"""Texts to token ids, checked before anything is computed, and token ids back to texts."""

import string
from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from vectorlab.errors import InputError

_PUNCTUATION = str.maketrans("", "", string.punctuation)
# Decoders of SentencePiece kind drop the space in front of the first token they see, so a
# continuation is decoded behind a few tokens of its prompt.
_CONTEXT_TOKENS = 8
_CUT = "\N{REPLACEMENT CHARACTER}"  # at the end of a text that ends within a character


def encode(
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    add_special_tokens: bool,
    strip_punctuation: bool = False,
    context_length: int | None = None,
    new_tokens: int = 0,
    noun: str = "Text",
    numbers: Sequence[int] | None = None,
    total: int | None = None,
) -> list[list[int]]:
    """Token ids of every text, each distinct text tokenised once; nothing is ever cut.

    Args:
        tokenizer: Of the model.
        texts: In any number, repeats allowed.
        add_special_tokens: Let the tokenizer add BOS where it would. A final EOS that some
            tokenizers add is taken off, because the last token must be the text's own.
        strip_punctuation: Delete ASCII punctuation and outer spaces first (ICV's cleaning).
        context_length: Most tokens the model can see; None for no limit.
        new_tokens: Tokens that must still fit behind each text.
        noun: What a text is called in errors.
        numbers: And its number there; None counts from 1.
        total: Of how many; None for the length of ``texts``.

    Raises:
        InputError: If a text has no tokens, or does not fit into the context.
    """
    used = [prepared(text, strip_punctuation=strip_punctuation) for text in texts]
    unique = list(dict.fromkeys(used))
    rows = _token_ids(tokenizer, unique, add_special_tokens=add_special_tokens)
    ids = dict(zip(unique, rows, strict=True))
    called = range(1, len(used) + 1) if numbers is None else numbers
    for number, original, text in zip(called, texts, used, strict=True):
        name = f"{noun} {number} of {total or len(used)}"
        check_length(name, original, len(ids[text]), context_length, new_tokens)
    return [list(ids[text]) for text in used]


def check_length(
    name: str, text: str, length: int, context_length: int | None, new_tokens: int
) -> None:
    """Refuse a text that is empty or does not fit.

    Args:
        name: What an error calls it.
        text: It.
        length: In tokens.
        context_length: Most tokens the model can see; None for no limit.
        new_tokens: Tokens that must still fit behind it.

    Raises:
        InputError: If it has no tokens, or too many.
    """
    if length == 0:
        raise InputError(
            f"{name} has no tokens ({text!r}) and the tokenizer adds none. Give it some text."
        )
    if context_length is not None and length + new_tokens > context_length:
        also_asked = f" and {new_tokens} new tokens are asked for" if new_tokens else ""
        raise InputError(
            f"{name} has {length} tokens{also_asked}, but the model's context is {context_length} "
            "tokens. Shorten it" + (" or lower --max-new-tokens." if new_tokens else ".")
        )


def count_tokens(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, add_special_tokens: bool = True
) -> list[int]:
    """Tokens of every text, perhaps with those that the tokenizer puts around it."""
    ids = _token_ids(tokenizer, list(texts), add_special_tokens=add_special_tokens)
    return [len(row) for row in ids]


def leading_tokens(tokenizer: PreTrainedTokenizerBase) -> int:
    """How many tokens the tokenizer puts before every text, such as BOS."""
    return len(_token_ids(tokenizer, [""], add_special_tokens=True)[0])


def prepared(text: str, *, strip_punctuation: bool) -> str:
    """The text as it is tokenised."""
    return text.translate(_PUNCTUATION).strip() if strip_punctuation else text


def continuation_text(
    tokenizer: PreTrainedTokenizerBase, prompt_ids: Sequence[int], token_ids: Sequence[int]
) -> str:
    """The text that generated tokens add behind their prompt, special tokens left out."""
    context = list(prompt_ids[-_CONTEXT_TOKENS:])
    before, whole = _decode(tokenizer, context), _decode(tokenizer, [*context, *token_ids])
    # A prompt that ends inside a character decodes differently once the rest of it is there.
    return whole[len(before) :] if whole.startswith(before) else _decode(tokenizer, token_ids)


def pieces(
    tokenizer: PreTrainedTokenizerBase, prompt_ids: Sequence[int], token_ids: Sequence[int]
) -> tuple[str, ...]:
    """What every token adds to ``continuation_text``.

    A token that ends within a character adds nothing, the one that completes it all of it.
    """
    context = list(prompt_ids[-_CONTEXT_TOKENS:])
    if _decode(tokenizer, context).endswith(_CUT):
        context = []
    ids, added = [*context, *token_ids], []
    # Only what the last piece began with is decoded again, so that a long text takes no longer
    # per token than a short one.
    start, done = 0, len(context)
    for end in range(done + 1, len(ids) + 1):
        before, now = _decode(tokenizer, ids[start:done]), _decode(tokenizer, ids[start:end])
        if (now.endswith(_CUT) and end < len(ids)) or not now.startswith(before):
            added.append("")
            continue
        added.append(now[len(before) :])
        start, done = done, end
    return tuple(added)


def _token_ids(
    tokenizer: PreTrainedTokenizerBase, texts: list[str], *, add_special_tokens: bool
) -> list[list[int]]:
    if not texts:
        return []
    rows: list[list[int]] = tokenizer(texts, add_special_tokens=add_special_tokens)["input_ids"]
    drop = add_special_tokens and _appends_eos(tokenizer)
    return [row[:-1] for row in rows] if drop else rows


def _appends_eos(tokenizer: PreTrainedTokenizerBase) -> bool:
    probe: list[int] = tokenizer("", add_special_tokens=True)["input_ids"]
    return bool(probe) and probe[-1] == tokenizer.eos_token_id and probe != [tokenizer.bos_token_id]


def _decode(tokenizer: PreTrainedTokenizerBase, token_ids: Sequence[int]) -> str:
    text = tokenizer.decode(
        list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    assert isinstance(text, str)
    return text
