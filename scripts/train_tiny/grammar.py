"""Sentence templates whose slots are filled from lists, and what must never be written.

A slot is a name in braces. Fillings may hold slots themselves. `Guard` recognises held-out
templates and sentences whatever fills them, so that a generator can throw such a sentence away
before it reaches a training document.
"""

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

Slots = Mapping[str, Sequence[str]]
_SLOT = re.compile(r"\{(\w+)\}")
_DEPTH = 6


def fill(rng: random.Random, template: str, slots: Slots, **given: str) -> str:
    """Return `template` with `given` slots as told and every other slot drawn from its list.

    Raises:
        KeyError: a slot has no list.
    """

    def draw(match: re.Match[str]) -> str:
        name = match[1]
        return given[name] if name in given else rng.choice(slots[name])

    for _ in range(_DEPTH):
        if "{" not in template:
            break
        template = _SLOT.sub(draw, template)
    return with_articles(capital(template))


def capital(text: str) -> str:
    """Return `text` with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def with_articles(text: str) -> str:
    """Return `text` with "an" for "a" in front of a vowel."""
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)


def pattern(template: str, slots: Slots, wild: str = r"[\w' ]+?") -> str:
    """Return a regular expression for all fillings of `template`; unlisted slots match `wild`."""
    parts = _SLOT.split(template)
    for place in range(1, len(parts), 2):
        name = parts[place]
        if name in slots:
            parts[place] = (
                "(?:" + "|".join(pattern(each, slots, wild) for each in slots[name]) + ")"
            )
        else:
            parts[place] = wild
    for place in range(0, len(parts), 2):
        parts[place] = re.escape(parts[place])
    return "".join(parts)


class Guard:
    """Tells whether a text holds a held-out template, sentence or telling phrase."""

    def __init__(self, templates: Iterable[str], phrases: Iterable[str]) -> None:
        bodies = [pattern(each.rstrip(".!?"), {}) for each in templates]
        bodies += [re.escape(each.rstrip(".!?")) for each in phrases]
        self._held = re.compile(r"\b(?:" + "|".join(bodies) + r")\b", re.IGNORECASE)

    def holds(self, text: str) -> bool:
        """Tell whether `text` has to be thrown away."""
        return self._held.search(text) is not None

    def first_allowed(self, write: Callable[[], str]) -> str:
        """Call `write` until it returns a text that may stand in training."""
        while self.holds(text := write()):
            pass
        return text
