"""Where the parts of a conversation are: prompt, response, thinking, answer, slots of a template.

Parts are found in the text that the model's own chat template writes, in characters, and become
ranges of tokens through the tokenizer's offsets: a token belongs to a part if one of its
characters does. Nothing here runs a model.

``response``: what the template writes for the assistant's last turn, from where the model would
go on (behind the generation prompt) to in front of what ends the turn. ``thinking``: what stands
between the thinking markers in it, or, where the generation prompt opens the thinking, from the
response's beginning. ``answer``: what follows the last marker; all of it where there is none.
Markers and white space at the edges belong to neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from jinja2.exceptions import TemplateError
from transformers import PreTrainedTokenizerBase

from vectorlab.domain.text.chats import Chat
from vectorlab.domain.vectors.passages import (
    KNOWN_MARKERS,
    ChatForm,
    Passage,
    Slot,
    ThinkingMarkers,
    Turn,
)
from vectorlab.errors import InputError

_STAND_IN = "\ue000stand-in\ue001"  # private characters: no template and no text has them


@dataclass(frozen=True, kw_only=True)
class TextParts:
    """A text as it is tokenised, and its parts by name, in characters."""

    text: str
    spans: Mapping[str, range]  # "prompt", "response", "thinking", "answer", "slot:NAME"


@dataclass(frozen=True, kw_only=True)
class TokenParts:
    """Token ids of a text, and the same parts in tokens."""

    token_ids: list[int]
    spans: Mapping[str, range]  # without slots where the chat template rewrote the text

    def span(self, part: str) -> range:
        """The tokens of a part.

        Raises:
            InputError: If it is a slot that cannot be found.
        """
        if part not in self.spans:
            raise InputError(
                f"The model's chat template rewrites the text, so that {part} cannot be found in "
                "it. Choose another token rule with --tokens."
            )
        return self.spans[part]


def find_parts(tokenizer: PreTrainedTokenizerBase, passage: Passage) -> TextParts:
    """The text of a passage, through the chat template where it is part of a conversation.

    Raises:
        InputError: If the tokenizer has no chat template, or the template refuses the conversation.
    """
    if passage.form is ChatForm.NONE:
        return TextParts(text=passage.text, spans=_slots(passage.slots, 0))
    if passage.form is ChatForm.PROMPT:
        text = chat_text(tokenizer, passage.turns, generation_prompt=True)
        spans = {"prompt": range(len(text))}
        return TextParts(text=text, spans=spans | _placed_slots(passage, text))
    return _with_response(tokenizer, passage)


def find_token_parts(
    tokenizer: PreTrainedTokenizerBase, passages: Sequence[Passage], *, add_special_tokens: bool
) -> list[TokenParts]:
    """Token ids and parts of every passage, all tokenised in one call.

    A response ends the sequence: what the template writes behind it is left out, because a causal
    model's states of the response do not see it.

    Args:
        tokenizer: Of the model; one that knows where in the text its tokens lie.
        passages: In any number.
        add_special_tokens: Let the tokenizer add BOS to a text that is no conversation; a chat
            template writes its own.

    Raises:
        InputError: As ``find_parts``, or if the tokenizer has no offsets.
    """
    if not tokenizer.is_fast:
        raise InputError(
            f"Tokenizer {type(tokenizer).__name__} does not say where in a text its tokens lie, "
            "which parts of a text need. Use a model with a fast tokenizer (tokenizer.json)."
        )
    parts = [find_parts(tokenizer, passage) for passage in passages]
    token_parts: dict[int, TokenParts] = {}
    for in_chat in (False, True):
        rows = [
            i
            for i, passage in enumerate(passages)
            if (passage.form is not ChatForm.NONE) == in_chat
        ]
        if not rows:
            continue
        encoded = tokenizer(
            [parts[row].text for row in rows],
            add_special_tokens=add_special_tokens and not in_chat,
            return_offsets_mapping=True,
        )
        for row, ids, offsets in zip(
            rows, encoded["input_ids"], encoded["offset_mapping"], strict=True
        ):
            token_parts[row] = _in_tokens(parts[row], ids, offsets)
    return [token_parts[row] for row in range(len(parts))]


def in_chat(tokenizer: PreTrainedTokenizerBase, chat: Chat | None, text: str) -> str:
    """A prompt as the user's turn of a chat, behind what was said before, or as it is without one.

    Raises:
        InputError: If the tokenizer has no chat template, or it refuses the turns or leaves earlier
            ones out.
    """
    if chat is None:
        return text
    written = chat_text(tokenizer, chat.turns(text), generation_prompt=True)
    if chat.earlier:
        anew = replace(chat, earlier=()).turns(text)
        if written == chat_text(tokenizer, anew, generation_prompt=True):
            raise InputError(
                "The model's chat template leaves out what was said before the prompt. Begin the "
                "conversation anew with all of it in one prompt, or use another model."
            )
    return written


def check_thinking_has_ended(tokenizer: PreTrainedTokenizerBase, chat: Chat | None) -> None:
    """Refuse earlier turns that end inside their thinking: the next would be taken for more of it.

    Raises:
        InputError: If they do, as the template writes them, or as ``chat_text``.
    """
    if chat is None or not chat.earlier:
        return
    text = chat_text(tokenizer, chat.turns(_STAND_IN), generation_prompt=False)
    if opens_thinking(text, thinking_markers(tokenizer)):
        raise InputError(
            "What was said before the prompt ends inside the model's thinking, so thinking and "
            "answer of the next text cannot be told apart. Go on from a text with more new tokens, "
            "which ends its thinking, or steer response instead."
        )


def chat_text(
    tokenizer: PreTrainedTokenizerBase, turns: Sequence[Turn], *, generation_prompt: bool
) -> str:
    """What the model's chat template writes for a conversation.

    Args:
        tokenizer: Of the model.
        turns: In order.
        generation_prompt: End with what opens the assistant's next turn.

    Raises:
        InputError: If there is no chat template, or it refuses these turns.
    """
    if not tokenizer.chat_template:
        raise InputError(
            "The model's tokenizer has no chat template, which a conversation needs. Use a chat "
            "model, or read the texts as they are: --chat none."
        )
    messages = [{"role": turn.role, "content": turn.content} for turn in turns]
    try:
        text = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=generation_prompt
        )
    except (TemplateError, ValueError) as exc:
        raise InputError(_refused(turns, exc)) from exc
    assert isinstance(text, str)
    return text


def _refused(turns: Sequence[Turn], reason: Exception) -> str:
    """What a chat template refuses, why, and what may help."""
    roles = [turn.role for turn in turns]
    cures = ["Leave the system prompt out"] * ("system" in roles)
    cures += ["Begin the conversation anew with its turns in one prompt"] * (
        roles.count("user") > 1
    )
    cure = " or ".join([*cures, "use another model"])
    return (
        f"The model's chat template refuses a conversation of {', '.join(roles)}: "
        f"{str(reason).rstrip('.')}. {cure[0].upper()}{cure[1:]}."
    )


def thinking_markers(tokenizer: PreTrainedTokenizerBase) -> ThinkingMarkers | None:
    """The known markers that the model's vocabulary or chat template has; None if none."""
    template = str(tokenizer.chat_template or "")
    added = tokenizer.get_added_vocab()
    for markers in KNOWN_MARKERS:
        if markers.end in added or markers.end in template:
            return markers
    return None


def markers_in(text: str, tokenizer: PreTrainedTokenizerBase) -> ThinkingMarkers | None:
    """The markers to look for in a response: those of the model, else known ones that it has."""
    own = thinking_markers(tokenizer)
    if own is not None:
        return own
    return next(
        (markers for markers in KNOWN_MARKERS if markers.begin in text or markers.end in text), None
    )


def opens_thinking(prompt: str, markers: ThinkingMarkers | None) -> bool:
    """Whether a prompt's text ends inside thinking, so that a response begins with it."""
    if markers is None:
        return False
    return prompt.rfind(markers.begin) > prompt.rfind(markers.end)


def split_response(
    response: str, markers: ThinkingMarkers | None, *, opened: bool = False
) -> tuple[range, range]:
    """Thinking and answer in the text of a response, in characters; each may be empty.

    Args:
        response: What the model wrote or would write.
        markers: Around thinking; None if the model does not think.
        opened: The prompt ended inside the thinking.
    """
    if markers is None:
        return range(0), _stripped(response, 0, len(response))
    begin, end = response.find(markers.begin), response.rfind(markers.end)
    if begin < 0 and end < 0 and not opened:
        return range(0), _stripped(response, 0, len(response))
    # Without a marker before it, what ends in a marker was opened by the prompt.
    is_open = begin < 0 or (opened and 0 <= response.find(markers.end) < begin)
    start = 0 if is_open else begin + len(markers.begin)
    if end < start:  # still thinking
        return _stripped(response, start, len(response)), range(0)
    answer = _stripped(response, end + len(markers.end), len(response))
    return _stripped(response, start, end), answer


def marker_ids(
    tokenizer: PreTrainedTokenizerBase, markers: ThinkingMarkers
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Token ids of the two markers as they stand alone; one each where they are special tokens."""
    rows = tokenizer([markers.begin, markers.end], add_special_tokens=False)["input_ids"]
    begin, end = (tuple(row) for row in rows)
    return begin, end


def tokens_of(offsets: Sequence[tuple[int, int]], characters: range) -> range:
    """The tokens that have a character of a part.

    Args:
        offsets: First character of every token and the one behind its last.
        characters: The part.
    """
    if not characters:
        return range(0)
    inside = [
        place
        for place, (start, stop) in enumerate(offsets)
        if start < characters.stop and stop > characters.start and stop > start
    ]
    return range(inside[0], inside[-1] + 1) if inside else range(0)


def _with_response(tokenizer: PreTrainedTokenizerBase, passage: Passage) -> TextParts:
    turns = passage.turns
    whole = chat_text(tokenizer, turns, generation_prompt=False)
    prompt = chat_text(tokenizer, turns[:-1], generation_prompt=True)
    stand_in = Turn(role=turns[-1].role, content=_STAND_IN)
    other = chat_text(tokenizer, (*turns[:-1], stand_in), generation_prompt=False)
    # Templates write the response's turn as the prompt ends, but some open the thinking there and
    # leave it out of turns that are over: then the response begins where its text does.
    is_whole = whole.startswith(prompt)
    begin = len(prompt) if is_whole else _shared(whole, other, prompt)
    behind = _shared(whole[begin:][::-1], other[::-1])
    response = range(begin, len(whole) - behind)
    text = whole[response.start : response.stop]
    markers = passage.markers or markers_in(text, tokenizer)
    # An opening that the template took back does not stand in the whole text.
    opened = opens_thinking(whole[:begin], markers)
    thinking, answer = split_response(text, markers, opened=opened)
    spans = {
        "prompt": range(begin),
        "response": response,
        "thinking": _moved(thinking, begin),
        "answer": _moved(answer, begin),
    }
    return TextParts(text=whole, spans=spans | _placed_slots(passage, whole, begin))


def _shared(*texts: str) -> int:
    """Characters that all texts begin with."""
    alike = takewhile(lambda characters: len(set(characters)) == 1, zip(*texts, strict=False))
    return sum(1 for _ in alike)


def _in_tokens(parts: TextParts, ids: list[int], offsets: Sequence[tuple[int, int]]) -> TokenParts:
    spans = {name: tokens_of(offsets, span) for name, span in parts.spans.items()}
    response = spans.get("response")
    if response:
        ids = ids[: response.stop]
    return TokenParts(token_ids=list(ids), spans=spans)


def _placed_slots(passage: Passage, whole: str, begin: int = 0) -> dict[str, range]:
    """The slots of the last turn's text, where the chat template put it."""
    if not passage.slots:
        return {}
    # Behind the last turn there is no text of ours, so the last place is the right one.
    text, cut = passage.text, 0
    if whole.rfind(text, begin) < 0:
        text, cut = text.strip(), len(text) - len(text.lstrip())
    place = whole.rfind(text, begin)
    if place < 0 or not text:
        return {}
    kept = range(place, place + len(text))  # white space that was trimmed is in no slot
    return {
        name: range(max(span.start, kept.start), min(span.stop, kept.stop))
        for name, span in _slots(passage.slots, place - cut).items()
    }


def _slots(slots: Sequence[Slot], place: int) -> dict[str, range]:
    return {f"slot:{slot.name}": range(slot.start + place, slot.stop + place) for slot in slots}


def _stripped(text: str, start: int, stop: int) -> range:
    part = text[start:stop]
    lead = len(part) - len(part.lstrip())
    length = len(part.strip())
    return range(start + lead, start + lead + length)


def _moved(span: range, by: int) -> range:
    return range(span.start + by, span.stop + by)
