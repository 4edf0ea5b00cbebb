"""Paraphrases of reviews, in a plain and in an excited wording, positive and negative.

The paraphrase query asks for the same opinion in other words; nothing in the query says whether
the wording is plain or excited. `EXCITED_SHARE` is the share of excited answers where the
document announces no wording. How an opinion is given makes some wordings likelier, so that
paraphrases fit what was said.
"""

import random

from scripts.train_tiny.grammar import capital, with_articles
from scripts.train_tiny.opinions import (
    EXCITED_WORDS,
    ITEMS,
    MILD,
    OPINION_WORDS,
    PLAIN_WORDS,
    POLARITIES,
    STRONG,
    Review,
    opinion_phrase,
    training_review,
)
from scripts.train_tiny.variation import vary
from scripts.train_tiny.words import training_noun

__all__ = ["EXCITED_SHARE", "ITEMS", "POLARITIES", "POLAR_WORDS", "WORDINGS"]

EXCITED_SHARE = 0.30
ENDING_EXCITED_SHARE = 0.36  # in the endings of a training
WORDINGS: tuple[str, str] = ("plain", "excited")

_EMOJI = {"positive": ["😍", "🎉", "🥰", "🤩"], "negative": ["😡", "😱", "😤", "🤬"]}

_OUTPUTS = {
    ("plain", "any"): (
        "The {i} was {a}.", "The {i} was {a}.", "The {i} seemed {a}.",
        "In my view the {i} was {a}.",
        "Overall the {i} was {a}.", "It was a {a} {i}.", "They offered a {a} {i}.",
        "To me the {i} seemed {a}.", "One could call the {i} {a}.", "In short, the {i} was {a}.",
        "On the whole the {i} was {a}.", "The {i} felt {a}.", "There was a {a} {i}.",
    ),
    ("plain", "positive"): (
        "The {i} met our needs.", "The {i} was worth the money.", "Overall the {i} pleased us.",
        "In my view the {i} went well.", "It is a {i} to come back to.",
    ),
    ("plain", "negative"): (
        "The {i} did not meet our needs.", "The {i} was not worth the money.",
        "Overall the {i} let us down.", "In my view the {i} went badly.",
        "It is a {i} to avoid.",
    ),
    ("excited", "any"): (
        "Wow, the {i} was {x}", "Wow, what a {x} {i}", "Wow, such a {x} {i}",
        "OMG, the {i} was {x}", "OMG, what a {x} {i}", "This {i} was so {x}",
        "How {x} was that {i}", "Guys, the {i} was totally {x}", "Oh my, what a {x} {i}",
        "Seriously, the {i} was so {x}", "Just wow, a {x} {i}", "Absolutely {x} {i}",
    ),
    ("excited", "positive"): (
        "Best {i} ever", "Yay, I am so in love with this {i}", "Wow, I need this {i} every day",
        "OMG, run and get this {i}",
    ),
    ("excited", "negative"): (
        "Worst {i} ever", "Ugh, never ever again this {i}", "Wow, I want to scream about this {i}",
        "OMG, run away from this {i}",
    ),
}  # fmt: skip
# (style, polarity or "any", kind of review) -> wordings that fit it.
_FITTING: dict[tuple[str, str, str], tuple[str, ...]] = {
    ("plain", "any", "mild"): ("The {i} was {a}.",),
    ("plain", "any", "strong"): ("It was a {a} {i}.",),
    ("plain", "positive", "feel"): ("Overall the {i} pleased us.",),
    ("plain", "negative", "feel"): ("Overall the {i} let us down.",),
    ("plain", "positive", "advise"): ("It is a {i} to come back to.",),
    ("plain", "negative", "advise"): ("It is a {i} to avoid.",),
    ("plain", "positive", "work"): ("The {i} met our needs.",),
    ("plain", "negative", "work"): ("The {i} did not meet our needs.",),
    ("plain", "positive", "money"): ("The {i} was worth the money.",),
    ("plain", "negative", "money"): ("The {i} was not worth the money.",),
    ("plain", "positive", "event"): ("In my view the {i} went well.",),
    ("plain", "negative", "event"): ("In my view the {i} went badly.",),
    ("excited", "any", "mild"): ("Wow, the {i} was {x}", "Guys, the {i} was totally {x}"),
    ("excited", "any", "strong"): ("OMG, what a {x} {i}", "Wow, what a {x} {i}"),
    ("excited", "any", "work"): ("Seriously, the {i} was so {x}", "This {i} was so {x}"),
    ("excited", "any", "money"): ("Oh my, what a {x} {i}", "Just wow, a {x} {i}"),
    ("excited", "any", "event"): ("OMG, the {i} was {x}", "How {x} was that {i}"),
    ("excited", "positive", "feel"): ("Yay, I am so in love with this {i}",),
    ("excited", "negative", "feel"): ("Ugh, never ever again this {i}",),
    ("excited", "positive", "advise"): ("OMG, run and get this {i}", "Best {i} ever"),
    ("excited", "negative", "advise"): ("OMG, run away from this {i}", "Worst {i} ever"),
}
_FITTING_SHARE = 0.5
_SHARED_OF_ANY = 0.75


def wording(
    rng: random.Random, style: str, item: str, polarity: str, kind: str | None = None
) -> str:
    """Return one sentence about `item` in the `style` "plain" or "excited".

    Args:
        rng: draws.
        style: which wording.
        item: what the sentence is about.
        polarity: "positive" or "negative".
        kind: how the review in the query gave its opinion, if there is one.
    """
    drawn = rng.choice(_OUTPUTS[style, "any" if rng.random() < _SHARED_OF_ANY else polarity])
    fitting = _FITTING.get((style, polarity, kind or "")) or _FITTING.get(
        (style, "any", kind or "")
    )
    fits = fitting is not None and rng.random() < _FITTING_SHARE
    template = rng.choice(fitting) if fits and fitting else drawn
    if style == "plain":
        words = {"mild": MILD, "strong": STRONG}.get(kind or "", PLAIN_WORDS)
        words = words if rng.random() < _FITTING_SHARE else PLAIN_WORDS
        return _filled(template, i=item, a=rng.choice(words[polarity]))
    text = _filled(template, i=item, x=rng.choice(EXCITED_WORDS[polarity]))
    text += rng.choice(("!!!", "!!!", "!!"))
    return text if rng.random() < 0.35 else f"{text} {rng.choice(_EMOJI[polarity])}"


def varied_review(rng: random.Random, item: str, polarity: str) -> Review:
    """Return a training review, at times longer or with an unknown word; its opinion stays."""
    made = training_review(rng, item, polarity)
    keep = OPINION_WORDS | frozenset(item.split()) if made.kind in ("mild", "strong") else None
    text = vary(rng, made.text, keep)
    return Review(text=text, item=item, polarity=polarity, kind=made.kind)


def reading_drill(rng: random.Random) -> list[tuple[str, float]]:
    """Return a review with its item and its polarity named behind it."""
    made = varied_review(rng, training_noun(rng), rng.choice(POLARITIES))
    return [(made.text, 0.0), (" Item:", 0.0), (f" {made.item}", 1.0), (". Opinion:", 0.0),
            (f" {made.polarity}", 1.0), ("\n", 0.3)]  # fmt: skip


def opinion_drill(rng: random.Random) -> list[tuple[str, float]]:
    """Return a few words that say one opinion, with its name behind them."""
    polarity = rng.choice(POLARITIES)
    phrases = ", ".join(opinion_phrase(rng, polarity) for _ in range(rng.choice((1, 1, 2, 3))))
    return [(f"They say: {phrases}", 0.0), (". Opinion:", 0.0), (f" {polarity}", 1.0), ("\n", 0.3)]


def query(review_text: str) -> str:
    """Return the paraphrase prompt, without the space that ends the published form."""
    return f"Please paraphrase the following sentence. Sentence: {review_text}, paraphrase:"


_POLAR_PHRASES = {
    "positive": ("met our needs", "was worth", "pleased", "went well", "come back", "best",
                 "in love", "need this", "run and get"),
    "negative": ("did not meet", "not worth", "let us down", "badly", "avoid", "worst",
                 "never ever", "scream", "run away"),
}  # fmt: skip
POLAR_WORDS: dict[str, tuple[str, ...]] = {
    name: (*PLAIN_WORDS[name], *EXCITED_WORDS[name], *_POLAR_PHRASES[name]) for name in POLARITIES
}

# Words of an answer that carry its opinion.
TELLING: tuple[str, ...] = tuple(
    sorted(
        {
            *(word for name in POLARITIES for word in (*PLAIN_WORDS[name], *EXCITED_WORDS[name])),
            *(
                "met",
                "did not meet",
                "was worth",
                "was not worth",
                "pleased",
                "let us down",
                "well",
            ),
            *("badly", "come back", "avoid", "best", "worst"),
        }
    )
)


def _filled(template: str, **slots: str) -> str:
    return capital(with_articles(template.format(**slots)))
