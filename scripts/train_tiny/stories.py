"""Short everyday stories, so that perplexity means something, and drills in copying."""

import random

from scripts.train_tiny.common import COMMON_NOUNS, EVERYBODY
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


# {w} is the noun that the sentence is about; {x} and {y} stand beside it.
_NOUN_FRAMES: tuple[str, ...] = (
    "He spoke of the {w} and of {e}.", "There is a {w} beside the {x}.",
    "A {c} {w} stood in the {p}.", "She likes the {w} more than the {x}.", "My {w} is {c}.",
    "{n} has a {w}.", "This {w} belongs to {n}.", "In the {p} there was a {w}.",
    "The {w} and the {x} are both {c}.", "{n} told {m} everything about the {w}.",
    "We talked about the {w} in the {p}.", "The {w} was older than my {x}.",
    "Without a {x} the {w} is of no use.", "Nobody in the {p} knew the {w}.",
    "I wrote a page about the {w}.", "{n} dreamed of a {w} with a {x}.",
    "The {w} of my {y} is {c}.", "After the {x} came the {w}.",
    "The {w} has nothing to do with {n}.",
    "Under the {x} they found a {w}.", "{n} asked the {y} for a {w}.", "Every {y} wants a {w}.",
    "It is a {c} {w}, said the {y}.", "Our {w} is next to the {x}.", "Look at that {w} on the {x}.",
    "The {y} forgot the {w} in the {p}.", "I had the {w} in mind and {n} had the {x}.",
    "They sold the {w} and kept the {x}.", "The {w} came before the {x}.",
    "At the {p} {n} thought about the {w}.", "The {y} and the {w} were {f}.",
    "What a {c} {w} you have!", "Who brought the {w} to the {p}?", "Where is the {w} of {n}?",
    "{n} would never give up the {w}.", "All day the {y} spoke of the {w}.",
    "When the {x} was gone, the {w} was still there.", "One {w} is enough for a {y}.",
    "A {w} like this is rare in the {p}.", "{m} was {f} about the {w}.",
    "For years the {w} was all that {n} had.", "The {w} made {n} and the {y} {f}.",
    "The {w} is as {c} as a {x}.",
)  # fmt: skip


def noun_drill(rng: random.Random) -> list[tuple[str, float]]:
    """Return a sentence about one noun, others beside it, and a question answered with that noun.

    One noun in five is made up. Nouns that are held out from dialogues and reviews become known
    here as what a sentence may be about.
    """
    noun = made_up_word(rng) if rng.random() < 0.2 else rng.choice(NOUNS)
    beside = rng.choice(OBJECTS) if rng.random() < 0.5 else rng.choice(COMMON_NOUNS)
    n, m = rng.sample(NAMES, 2)
    text = rng.choice(_NOUN_FRAMES).format(
        w=noun, x=beside, y=rng.choice(EVERYBODY), e=rng.choice(FOODS), c=rng.choice(COLORS),
        f=rng.choice(FEELINGS), p=rng.choice(PLACES), n=n, m=m,
    )  # fmt: skip
    return [(text, 0.0), (" Word:", 0.0), (f" {noun}", 1.0), ("\n", 0.3)]
