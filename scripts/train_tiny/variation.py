"""Openings and endings that make a training sentence longer without changing what it is about.

Some hold another noun or a made-up word: an answer must find the word that the sentence is about,
not just any noun and not just any unknown word.
"""

import random

from scripts.train_tiny.words import NAMES, made_up_word, training_noun

_HEADS = (
    "Well, {s}", "Look, {s}", "To tell the truth, {s}", "Believe me, {s}", "You know, {s}",
    "My aunt says that {s}", "Last week {s}", "In the end {s}", "I have to say that {s}",
    "{n} thinks that {s}", "On Friday {s}", "As I told {n}, {s}", "Listen, {s}",
    "Between you and me, {s}", "In {z} {s}", "Like {n} said, {s}",
)  # fmt: skip
_TAILS = (
    " again", " on Sunday", " this year", " for years", " all night long", " after an hour",
    " in front of my friends", " with my sister", " near our house", " at home",
    ", as my sister told me", ", says my uncle", ", and I mean it", ", to be honest",
    ", and so does {n}", ", if you believe {n}", " next to the {x}", " in the {x}",
    " because of the {x}", " before the {x}", " like a {x}", ", not the {x}", " from {z}",
    " and {z}", ", it is a {z} thing", ", what a {z}", " at five o'clock",
    ", and my {x} knows it", ", just like last time", ", and I will tell {n}",
)  # fmt: skip
_HEAD_SHARE = 0.2
_TAIL_SHARE = 0.3
_UNKNOWN_SHARE = 0.2


def vary(rng: random.Random, text: str, keep: frozenset[str]) -> str:
    """Return `text` with an opening, an ending, an unknown word, some of these or none.

    Args:
        rng: decides.
        text: a sentence that ends in a punctuation mark.
        keep: lower-case words that an unknown word must not replace.
    """
    if rng.random() < _UNKNOWN_SHARE:
        text = _with_unknown_word(rng, text, keep)
    slots = {"n": rng.choice(NAMES), "x": training_noun(rng), "z": made_up_word(rng)}
    if rng.random() < _TAIL_SHARE:
        text = text[:-1] + rng.choice(_TAILS).format(**slots) + text[-1]
    if rng.random() < _HEAD_SHARE:
        inner = text if text.startswith(("I ", "OMG")) else text[0].lower() + text[1:]
        text = rng.choice(_HEADS).format(s=inner, **slots)
    return text[0].upper() + text[1:]


def _with_unknown_word(rng: random.Random, text: str, keep: frozenset[str]) -> str:
    """Put a made-up word in the place of one word, as people use words that no list has."""
    words = text.split(" ")
    free = [
        place
        for place, word in enumerate(words)
        if place and word.lower().strip(".,!?") not in keep
    ]
    if free:
        place = rng.choice(free)
        end = words[place][-1] if words[place][-1] in ".,!?" else ""
        words[place] = made_up_word(rng) + end
    return " ".join(words)
