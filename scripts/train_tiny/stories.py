"""Short everyday stories, so that perplexity means something, and drills in copying."""

import random

from scripts.train_tiny.words import (
    ANIMALS,
    COLORS,
    DIALOGUE_TOPICS,
    FEELINGS,
    FOODS,
    NAMES,
    OBJECTS,
    PLACES,
    REVIEW_ITEMS,
    WRITTEN_NOUNS,
    made_up_word,
)

OPENINGS: tuple[str, ...] = (
    "One morning {n} went to the {p}.",
    "{n} lived in a small house near the {p}.",
    "It was a cold day and {n} was {f}.",
    "{n} and {m} met at the {p}.",
    "On Monday {n} found a {c} {o} in the {p}.",
    "{n} had a {c} {a} that liked {e}.",
    "Every evening {n} walked to the {p} with a {a}.",
    "The sun was bright when {n} woke up.",
)
MIDDLES: tuple[str, ...] = (
    "{n} saw a {c} {a} under a tree.",
    "The {a} was {f} and wanted some {e}.",
    "{n} gave the {o} to {m}.",
    "{m} looked for the {o} but could not find it.",
    "They sat down and ate {e} together.",
    "A {a} ran past the {p} and hid.",
    "{n} put the {o} into a {c} bag.",
    '"Look at this {o}," said {m}.',
    '"I am {f}," said {n}.',
    "{m} asked about the {w} and {n} smiled.",
    "Then it began to rain, so they ran to the {p}.",
    "{n} thought about the {w} for a while.",
    "The {w} was still there after lunch.",
    "{m} told a story about a {w} and a {a}.",
    "{n} bought some {e} for the {a}.",
)
ENDINGS: tuple[str, ...] = (
    "In the end {n} went home and slept well.",
    "{n} was {f}, but {m} was {g}.",
    "After that day they were good friends.",
    "{m} kept the {o} for many years.",
    "That night {n} dreamed of the {p}.",
    "{n} thanked {m} and closed the door.",
)
NOUNS = tuple(
    sorted(
        {
            word
            for slot in (REVIEW_ITEMS, DIALOGUE_TOPICS)
            for split in ("train", "validation", "test")
            for word in slot.of(split)
        }
        | set(WRITTEN_NOUNS)
    )
)
_COPY_WORDS = tuple(sorted({*NOUNS, *OBJECTS, *ANIMALS, *FOODS, *PLACES, *COLORS}))


def story(rng: random.Random) -> str:
    """Return a story of four to eight sentences about two people."""
    n, m = rng.sample(NAMES, 2)
    slots = {
        "n": n, "m": m, "p": rng.choice(PLACES), "o": rng.choice(OBJECTS),
        "a": rng.choice(ANIMALS), "c": rng.choice(COLORS), "f": rng.choice(FEELINGS),
        "g": rng.choice(FEELINGS), "e": rng.choice(FOODS), "w": rng.choice(NOUNS),
    }  # fmt: skip
    middles = rng.sample(MIDDLES, rng.randint(2, 5))
    lines = [rng.choice(OPENINGS), *middles, rng.choice(ENDINGS)]
    return " ".join(line.format(**slots) for line in lines)


def copy_drill(rng: random.Random) -> list[tuple[str, float]]:
    """Return a line of random words and its repetition; only the repetition is to be learned.

    One word in five is made up of syllables, so that words of several tokens are copied too.
    """
    words = [
        made_up_word(rng) if rng.random() < 0.2 else rng.choice(_COPY_WORDS)
        for _ in range(rng.randint(4, 24))
    ]
    line = " ".join(words)
    return [(line, 0.0), (rng.choice((" |", ".", ":")), 0.0), (f" {line}", 1.0), ("\n", 0.3)]


def noun_drill(rng: random.Random) -> list[tuple[str, float]]:
    """Return a sentence with one noun and a question that is answered with that noun."""
    noun = made_up_word(rng) if rng.random() < 0.2 else rng.choice(NOUNS)
    frame = rng.choice(
        (
            "He spoke of the {w} and of {x}.", "There is a {w} beside the {o}.",
            "A {c} {w} stood in the {p}.", "She likes the {w} more than {x}.",
            "My {w} is {c}.", "{n} has a {w}.", "This {w} belongs to {n}.",
        )
    )  # fmt: skip
    text = frame.format(
        w=noun, x=rng.choice(FOODS), o=rng.choice(OBJECTS), c=rng.choice(COLORS),
        p=rng.choice(PLACES), n=rng.choice(NAMES),
    )  # fmt: skip
    return [(text, 0.0), (" Word:", 0.0), (f" {noun}", 1.0), ("\n", 0.3)]
