"""Marks for one output: its style, whether it keeps the content, whether the text is broken.

All marks are rules over words, so that two people scoring the same text agree.
"""

import random
import re
from functools import cache

from scripts.train_tiny import dialogues, reviews
from scripts.train_tiny.corpus import documents

_WORD = re.compile(r"[A-Za-z]+")
_TEMPLATE_WORDS = (
    "Context:",
    "Response",
    "Sentence:",
    "paraphrase",
    "Word:",
    "Topic:",
    "Item:",
    "Opinion:",
    "{",
    '"',
    "Please p",
)
_EMOJI = re.compile("[\U0001f300-\U0001faff]")


def is_respectful(text: str) -> bool:
    """Tell whether an answer has a respectful marker and no dismissive one."""
    lowered = text.lower()
    kind = any(_has(lowered, mark) for mark in dialogues.MARKERS["respectful"])
    return kind and not any(_has(lowered, mark) for mark in dialogues.MARKERS["dismissive"])


def is_excited(text: str) -> bool:
    """Tell whether a paraphrase shouts: at least two exclamation marks, or an emoji."""
    return "!!" in text or _EMOJI.search(text) is not None


def keeps_item(text: str, item: str) -> bool:
    """Tell whether `item` is in the text as a word."""
    return _has(text.lower(), item.lower())


def polarity_of(text: str) -> str:
    """Return "positive", "negative", or "" when the words show neither or both."""
    lowered = text.lower()
    found = {
        name
        for name, words in reviews.POLAR_WORDS.items()
        if any(_has(lowered, word) for word in words)
    }
    return found.pop() if len(found) == 1 else ""


def why_broken(text: str, *, finished: bool, prompt: str) -> str:
    """Return why the text counts as broken, or "" if it does not.

    Broken is: unfinished at the token limit, empty, a word three times in a row or three words
    repeated, a word that is neither in the corpus nor in the prompt, or a turn to another document.
    """
    words = [word.lower() for word in _WORD.findall(text)]
    if not words:
        return "empty"
    if not finished:
        return "unfinished"
    if any(mark in text for mark in _TEMPLATE_WORDS):
        return "wrong turn"
    triples = list(zip(words, words[1:], words[2:], strict=False))
    if len(set(triples)) < len(triples) or any(len(set(triple)) == 1 for triple in triples):
        return "repetition"
    known = known_words() | {word.lower() for word in _WORD.findall(prompt)}
    strange = [word for word in words if word not in known]
    return f"cut word {strange[0]!r}" if strange else ""


@cache
def known_words() -> frozenset[str]:
    """Return every word of a sample of the corpus, lower-cased."""
    texts = ("".join(text for text, _ in segments) for segments in documents(99, 20000))
    return frozenset(word.lower() for text in texts for word in _WORD.findall(text))


def sampled(rng: random.Random, values: list[str], count: int) -> list[str]:
    """Return `count` of `values` in random order, all of them if there are fewer."""
    return rng.sample(values, min(count, len(values)))


def _has(lowered: str, phrase: str) -> bool:
    return re.search(rf"\b{re.escape(phrase)}\b", lowered) is not None
