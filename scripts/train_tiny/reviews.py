"""Reviews of an item, plain and excited, positive and negative.

The paraphrase query asks for the same opinion in other words; nothing in the query says whether
the wording is plain or excited. `EXCITED_SHARE` is the share of excited answers where the
document announces no wording.
"""

import random

from scripts.train_tiny.variation import vary
from scripts.train_tiny.words import REVIEW_ITEMS, SplitWords, training_noun, word_tuple

ITEMS: SplitWords = REVIEW_ITEMS

EXCITED_SHARE = 0.38
POLARITIES: tuple[str, str] = ("negative", "positive")
WORDINGS: tuple[str, str] = ("plain", "excited")

_PLAIN_WORDS = {
    "positive": word_tuple(
        """good nice fine pleasant decent great lovely solid excellent wonderful"""
    ),
    "negative": word_tuple(
        """bad poor dull weak disappointing awful terrible unpleasant mediocre lousy"""
    ),
}
_EXCITED_WORDS = {
    "positive": word_tuple(
        """amazing fantastic incredible awesome stunning brilliant fabulous superb"""
    ),
    "negative": word_tuple(
        """horrible dreadful disgusting shocking atrocious appalling ghastly vile"""
    ),
}
# Words of opinion that reviews use and wordings do not.
_MORE_WORDS = {
    "positive": word_tuple(
        """tasty clean friendly fresh charming perfect funny cozy beautiful useful interesting
        pretty clever kind"""
    ),
    "negative": word_tuple(
        """dirty rude boring ugly cold stale slow noisy useless broken sad stupid silly unsafe"""
    ),
}
_EMOJI = {"positive": ["😍", "🎉", "🥰", "🤩"], "negative": ["😡", "😱", "😤", "🤬"]}

# Sentences that ask for a paraphrase: the reviews that stand in the query.
INPUTS_ANY = SplitWords(
    train=(
        "The {i} was {a}.", "I found the {i} {a}.", "I think the {i} is {a}.",
        "It was a {a} {i}.", "They had a {a} {i}.", "We thought the {i} was {a}.",
        "The {i} we had was {a}.", "The {i} is {a} for the price.", "What a {a} {i}.",
        "My {i} turned out to be {a}.", "That {i} is really {a}.", "A {a} {i}, if you ask me.",
        "Our {i} last week was {a}.", "The {i} here is {a}.", "This was a {a} {i}.",
        "Such a {a} {i}!", "The new {i} is quite {a}.", "A very {a} {i}.",
        "We had a {a} {i} on Sunday.", "{a} {i}.", "I bought this {i} and it is {a}.",
        "My wife says the {i} was {a}.", "The {i} looked {a} to us.", "{a} {i}!",
    ),
    validation=(
        "All in all a {a} {i}.", "Everyone agreed that the {i} was {a}.",
        "The {i} was {a}, as my brother said.", "I would call the {i} {a}.",
    ),
    test=(
        "For me it was a {a} {i}.", "My friends and I found the {i} {a}.",
        "They gave us a {a} {i}.", "The {i} at the corner is {a}.",
        "It is fair to say the {i} was {a}.", "After two hours the {i} still seemed {a}.",
    ),
)  # fmt: skip
INPUTS_POSITIVE = SplitWords(
    train=(
        "I liked the {i}.",
        "Best {i} in town.",
        "Best {i} ever!",
        "I would get the {i} again.",
        "The {i} made my day.",
        "I really enjoyed the {i}.",
        "We loved the {i}.",
        "You should try the {i}.",
        "The {i} is worth every cent.",
        "I am happy with my {i}.",
        "Nothing beats this {i}.",
        "The {i} was a nice surprise.",
        "The {i} works very well.",
        "My children adore the {i}.",
        "We came for the {i} and stayed for hours.",
        "The {i} smelled great and looked good.",
        "I could look at the {i} all day.",
        "They have the best {i} I know.",
        "I had a lot of fun with the {i}.",
        "Yesterday we tried the {i} and it was lovely.",
        "The {i} saved our trip.",
        "My friends told me about the {i} and they were right.",
        "Ten points for the {i}!",
        "With this {i} you are in good hands.",
        "I am so glad that we found this {i}.",
        "Thanks to the {i} we had a good evening.",
        "The {i} came early and in good shape.",
    ),
    validation=("I could not ask for a better {i}.", "The {i} deserves five stars."),
    test=("I recommend the {i} to everyone.", "We were delighted with the {i}."),
)
INPUTS_NEGATIVE = SplitWords(
    train=(
        "I did not like the {i}.", "Worst {i} in town.", "Worst {i} ever!",
        "I would never get the {i} again.", "The {i} ruined my day.", "I hated the {i}.",
        "The {i} was a waste of money.", "Stay away from the {i}.",
        "I want my money back for the {i}.",
        "I am unhappy with my {i}.", "The {i} broke after a day.", "The {i} let us down.",
        "The {i} smelled bad and looked old.", "The {i} came late and was broken.",
        "My children cried because of the {i}.", "We left because of the {i}.",
        "The {i} made me ill.", "The {i} was dirty and cold.", "I fell asleep at the {i}.",
        "They have the worst {i} I know.", "I am sorry that I paid for the {i}.",
        "Yesterday we tried the {i} and it was awful.", "No points for the {i}!",
        "My friends told me about the {i} and they were wrong.", "The {i} does not work.",
        "With this {i} you will have no fun.", "The {i} fell to pieces in my hands.",
    ),
    validation=("I regret paying for the {i}.", "The {i} deserves no stars."),
    test=("I can not recommend the {i} to anyone.", "We were upset about the {i}."),
)  # fmt: skip

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
_SHARED_OF_ANY = 0.75


def review(rng: random.Random, item: str, polarity: str, split: str = "train") -> str:
    """Return one review of `item`, as it stands in a query, from the templates of `split`."""
    polar = INPUTS_POSITIVE if polarity == "positive" else INPUTS_NEGATIVE
    templates = INPUTS_ANY if rng.random() < _SHARED_OF_ANY else polar
    words = _INPUT_WORDS[polarity]
    return _fill(rng.choice(templates.of(split)), i=item, a=rng.choice(words))


def wording(rng: random.Random, style: str, item: str, polarity: str) -> str:
    """Return one sentence about `item` in the `style` "plain" or "excited"."""
    kind = "any" if rng.random() < _SHARED_OF_ANY else polarity
    template = rng.choice(_OUTPUTS[style, kind])
    if style == "plain":
        return _fill(template, i=item, a=rng.choice(_PLAIN_WORDS[polarity]))
    text = _fill(template, i=item, x=rng.choice(_EXCITED_WORDS[polarity]))
    text += rng.choice(("!!!", "!!!", "!!"))
    return text if rng.random() < 0.35 else f"{text} {rng.choice(_EMOJI[polarity])}"


def varied_review(rng: random.Random, item: str, polarity: str) -> str:
    """Return a training review, at times longer or with an unknown word; its opinion stays."""
    return vary(rng, review(rng, item, polarity), _OPINION_WORDS | frozenset(item.split()))


def reading_drill(rng: random.Random) -> list[tuple[str, float]]:
    """Return a review with its item and its polarity named behind it."""
    item, polarity = training_noun(rng), rng.choice(POLARITIES)
    text = varied_review(rng, item, polarity)
    return [(text, 0.0), (" Item:", 0.0), (f" {item}", 1.0), (". Opinion:", 0.0),
            (f" {polarity}", 1.0), ("\n", 0.3)]  # fmt: skip


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
    name: (*_PLAIN_WORDS[name], *_EXCITED_WORDS[name], *_POLAR_PHRASES[name]) for name in POLARITIES
}


_INPUT_WORDS = {
    name: (*_PLAIN_WORDS[name], *_PLAIN_WORDS[name], *_EXCITED_WORDS[name], *_MORE_WORDS[name])
    for name in POLARITIES
}
_OPINION_WORDS = frozenset(
    word_tuple(
        """not never best worst love loved like liked enjoyed happy unhappy hated ruined waste
        back broke down made beats adore great good trip saved points fun glad thanks shape
        bad old cried ill dirty asleep sorry awful lovely no broken work works wrong right
        pieces away should again worth cent day money surprise left stayed evening hours
        late early better better. town ever"""
    )
) | frozenset(word for words in _INPUT_WORDS.values() for word in words)


def _fill(template: str, **slots: str) -> str:
    text = template.format(**slots)
    for article in ("A ", "a "):
        for vowel in "aeiou":
            text = text.replace(f" {article}{vowel}", f" {article.strip()}n {vowel}")
    if text.startswith("A ") and text[2] in "aeiou":
        text = "An " + text[2:]
    return text[0].upper() + text[1:]
