"""Openings and endings that make a training sentence longer without changing what it is about.

Some hold another noun or a made-up word: an answer must find the word that the sentence is about,
not just any noun and not just any unknown word.
"""

import random

from scripts.train_tiny.common import COMMON_NOUNS, COMMON_WORDS
from scripts.train_tiny.words import NAMES, made_up_word, training_noun

_HEADS = (
    "Well, {s}", "Look, {s}", "To tell the truth, {s}", "Believe me, {s}", "You know, {s}",
    "My aunt says that {s}", "Last week {s}", "In the end {s}", "I have to say that {s}",
    "{n} thinks that {s}", "On Friday {s}", "As I told {n}, {s}", "Listen, {s}",
    "Between you and me, {s}", "In {z} {s}", "Like {n} said, {s}", "After the {x} {s}",
    "Before the {x} {s}", "Near the {x} {s}", "With the {x} in mind, {s}",
    "On my way to the {x} {s}",
    "Every time I see the {x}, {s}", "Since the {x} came, {s}",
)  # fmt: skip
_TAILS = (
    " again", " on Sunday", " this year", " for years", " all night long", " after an hour",
    " in front of my friends", " with my sister", " near our house", " at home",
    ", as my sister told me", ", says my uncle", ", and I mean it", ", to be honest",
    ", and so does {n}", ", if you believe {n}", " next to the {x}", " in the {x}",
    " because of the {x}", " before the {x}", " like a {x}", ", not the {x}", " from {z}",
    " and {z}", ", it is a {z} thing", ", what a {z}", " at five o'clock",
    ", and my {x} knows it", ", just like last time", ", and I will tell {n}",
    " on the {x}", " under the {x}", " behind the {x}", " with a {x}", " without the {x}",
    " through the {x}", " in my {x}", " on the way to the {x}", ", so I went to the {x}",
    ", and now the {x} too", " when I saw the {x}", " until the {x} came", " over the {x}",
)  # fmt: skip
_HEAD_SHARE = 0.2
_TAIL_SHARE = 0.3
_CROWDED_TAIL_SHARE = 0.7
_FAMILIAR_SHARE = 0.4  # of the other nouns: what dialogues and reviews are about elsewhere
_CROWDED_FAMILIAR_SHARE = 0.8
_UNKNOWN_SHARE = 0.15
_COMMON_SHARE = 0.3


def vary(
    rng: random.Random, text: str, keep: frozenset[str] | None, *, crowded: bool = False
) -> str:
    """Return `text` with an opening, an ending, another word, some of these or none.

    Args:
        rng: decides.
        text: a sentence that ends in a punctuation mark.
        keep: lower-case words that no other word must replace; None keeps all.
        crowded: more endings, and more of their nouns are such as other sentences are about.
    """
    kind = rng.random()
    if keep is not None and kind < _UNKNOWN_SHARE:
        text = _with_other_word(rng, text, keep, made_up_word(rng))
    elif keep is not None and kind < _UNKNOWN_SHARE + _COMMON_SHARE:
        text = _with_other_word(rng, text, keep, rng.choice(COMMON_WORDS))
    familiar = _CROWDED_FAMILIAR_SHARE if crowded else _FAMILIAR_SHARE
    noun = training_noun(rng) if rng.random() < familiar else rng.choice(COMMON_NOUNS)
    slots = {"n": rng.choice(NAMES), "x": noun, "z": made_up_word(rng)}
    if rng.random() < (_CROWDED_TAIL_SHARE if crowded else _TAIL_SHARE):
        text = text[:-1] + rng.choice(_TAILS).format(**slots) + text[-1]
    if rng.random() < _HEAD_SHARE:
        inner = text if text.startswith(("I ", "OMG")) else text[0].lower() + text[1:]
        text = rng.choice(_HEADS).format(s=inner, **slots)
    return text[0].upper() + text[1:]


def _with_other_word(rng: random.Random, text: str, keep: frozenset[str], word: str) -> str:
    """Put `word` in the place of one word, as people use words that no template has."""
    words = text.split(" ")
    free = [
        place
        for place, each in enumerate(words)
        if place and each.lower().strip(".,!?") not in keep
    ]
    if free:
        place = rng.choice(free)
        end = words[place][-1] if words[place][-1] in ".,!?" else ""
        words[place] = word + end
    return " ".join(words)
