"""What a model reads for one side of a demonstration: a text, in a template, in a conversation.

A passage knows no tokenizer. It is the text that is read, the places of the template's slots in
it, and the turns of the conversation around it; the model's chat template is applied when it is
read (``vectorlab.steering.model.conversation_spans``).
"""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vectorlab.domain.hashing import bytes_sha256, content_sha256
from vectorlab.domain.text.chats import Turn as Turn
from vectorlab.errors import InputError

TEXT_SLOT = "text"  # of a template: the side's own text


class ChatForm(StrEnum):
    """How a text takes part in a conversation."""

    NONE = "none"  # it is read as it is
    PROMPT = "prompt"  # the user says it, and the model is about to answer
    RESPONSE = "response"  # the model answers with it to the demonstration's prompt


@dataclass(frozen=True, kw_only=True)
class ThinkingMarkers:
    """What a model writes around its thinking.

    Raises:
        InputError: If one of them is not a single word.
    """

    begin: str
    end: str

    def __post_init__(self) -> None:
        if [self.begin, self.end] != f"{self.begin} {self.end}".split():
            raise InputError(
                f"Thinking markers {self.begin!r} and {self.end!r} are not one word each, such as "
                "<think> and </think>."
            )

    @classmethod
    def parse(cls, text: str) -> "ThinkingMarkers":
        """Read ``"<think> </think>"``; ``str`` is the inverse.

        Raises:
            InputError: If these are not two words.
        """
        words = text.split()
        if len(words) != 2:
            raise InputError(
                f"Thinking markers {text!r} are not two words. "
                'Write the one before and the one behind: "<think> </think>".'
            )
        return cls(begin=words[0], end=words[1])

    def __str__(self) -> str:
        return f"{self.begin} {self.end}"


# Looked for in this order in the tokenizer's vocabulary and chat template, then in the text.
KNOWN_MARKERS = tuple(
    ThinkingMarkers(begin=begin, end=end)
    for begin, end in (
        ("<think>", "</think>"),
        ("<thinking>", "</thinking>"),
        ("<reasoning>", "</reasoning>"),
        ("<seed:think>", "</seed:think>"),
        ("[THINK]", "[/THINK]"),
        ("<|START_THINKING|>", "<|END_THINKING|>"),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
    )
)


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Where the value of a template's slot stands in the text, in characters."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A text as it is read, with what stands around it."""

    text: str  # the template filled in
    slots: tuple[Slot, ...] = ()
    form: ChatForm = ChatForm.NONE
    before: tuple[Turn, ...] = ()  # turns in front of the one that says the text
    markers: ThinkingMarkers | None = None  # around thinking; None: those that are recognised

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The conversation; the text is the last turn."""
        role = "assistant" if self.form is ChatForm.RESPONSE else "user"
        return (*self.before, Turn(role=role, content=self.text))

    @property
    def is_plain(self) -> bool:
        """Whether it is a text and nothing else."""
        return self.form is ChatForm.NONE and not self.slots

    @property
    def sha256(self) -> str:
        """What tells this passage from others that the same model reads."""
        if self.is_plain:
            return bytes_sha256(self.text.encode("utf-8", errors="surrogatepass"))
        return content_sha256(
            "passage",
            {
                "form": self.form.value,
                "text": self.text,
                "slots": [[slot.name, slot.start, slot.stop] for slot in self.slots],
                "before": [[turn.role, turn.content] for turn in self.before],
                "markers": None if self.markers is None else str(self.markers),
            },
        )


def passage(
    text: str,
    metadata: Mapping[str, Any],
    *,
    form: ChatForm = ChatForm.NONE,
    template: str = "",
    markers: ThinkingMarkers | None = None,
    name: str = "The text",
) -> Passage:
    """The passage of one side of a demonstration.

    Args:
        text: Of the side.
        metadata: Of the demonstration: values of the template's slots, and the conversation's
            ``prompt`` (the user's words in front of a response) and ``system``.
        form: How the text takes part in a conversation.
        template: With ``{text}`` and perhaps other slots; empty for the text alone.
        markers: Around thinking; None for those that are recognised.
        name: What an error calls the side.

    Raises:
        InputError: If the metadata lacks what the template or the form needs.
    """
    filled, slots = _fill(template, text, metadata, name) if template else (text, ())
    before: list[Turn] = []
    if form is not ChatForm.NONE and metadata.get("system"):
        before.append(Turn(role="system", content=_words(metadata, "system", name)))
    if form is ChatForm.RESPONSE:
        if "prompt" not in metadata:
            raise InputError(
                f"{name} is to answer a prompt (--chat response), but the demonstration's metadata "
                "has none. Import the sets with their prompts: --metadata-column prompt"
            )
        before.append(Turn(role="user", content=_words(metadata, "prompt", name)))
    return Passage(text=filled, slots=slots, form=form, before=tuple(before), markers=markers)


def template_slots(template: str) -> tuple[str, ...]:
    """Names of a template's slots, in order.

    Raises:
        InputError: If it is no template, or has no slot ``{text}``.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as exc:
        raise _unreadable(template, str(exc)) from exc
    fields = [(name, spec, conversion) for _, name, spec, conversion in parts if name is not None]
    for name, spec, conversion in fields:
        if not name.isidentifier() or spec or conversion:
            raise _unreadable(template, f"{name!r} is no name of a slot")
    names = [name for name, _, _ in fields]
    if names.count(TEXT_SLOT) != 1:
        raise _unreadable(template, f"it has {names.count(TEXT_SLOT)} slots {{{TEXT_SLOT}}}")
    if len(set(names)) < len(names):
        raise _unreadable(template, "a slot stands twice")
    return tuple(names)


def _fill(
    template: str, text: str, metadata: Mapping[str, Any], name: str
) -> tuple[str, tuple[Slot, ...]]:
    template_slots(template)
    filled, slots = "", []
    for literal, slot, _, _ in string.Formatter().parse(template):
        filled += literal
        if slot is None:
            continue
        if slot != TEXT_SLOT and slot not in metadata:
            raise InputError(
                f"{name} has nothing for the template's slot {{{slot}}}: the demonstration's "
                f"metadata has {', '.join(sorted(metadata)) or 'no keys'}. Import the set with "
                f"--metadata-column {slot}, or take the slot out of --template."
            )
        value = text if slot == TEXT_SLOT else _words(metadata, slot, name)
        slots.append(Slot(name=slot, start=len(filled), stop=len(filled) + len(value)))
        filled += value
    return filled, tuple(slots)


def _words(metadata: Mapping[str, Any], key: str, name: str) -> str:
    value = metadata[key]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(
            f"{name} has metadata {key!r} of type {type(value).__name__}; a text or a number is "
            "needed there."
        )
    return str(value)


def _unreadable(template: str, reason: str) -> InputError:
    return InputError(
        f"Template {template!r} cannot be used: {reason}. Write {{text}} once for the side's text, "
        "other names for metadata, and {{ }} for braces, for example "
        '"Topic: {topic}\\nReview: {text}".'
    )
