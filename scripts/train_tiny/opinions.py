"""Reviews that ask for a paraphrase: what stands in the query, with a polarity and a kind.

Held-out templates are filled from `TEST_WORDS`; training draws on a wider list of adjectives and on
a grammar of opinions that say "good" or "bad" in many ways: feelings, advice, use, price, events,
denials, a second clause after a neutral first one, parts of the thing.
"""

import random
from dataclasses import dataclass

from scripts.train_tiny import handwritten
from scripts.train_tiny.common import ADJECTIVES, DAYS, PEOPLE
from scripts.train_tiny.grammar import Guard, capital, fill, with_articles
from scripts.train_tiny.words import NAMES, REVIEW_ITEMS, TRAINING_NOUNS, SplitWords, word_tuple

ITEMS: SplitWords = REVIEW_ITEMS
POLARITIES: tuple[str, str] = ("negative", "positive")


@dataclass(frozen=True, kw_only=True)
class Review:
    """One review of training; `kind` says how the opinion is given."""

    text: str
    item: str
    polarity: str
    kind: str


MILD = {
    "positive": word_tuple("good nice fine pleasant decent solid"),
    "negative": word_tuple("bad poor dull weak disappointing unpleasant mediocre lousy"),
}
STRONG = {
    "positive": word_tuple("great lovely excellent wonderful"),
    "negative": word_tuple("awful terrible"),
}
PLAIN_WORDS = {
    "positive": word_tuple(
        """good nice fine pleasant decent great lovely solid excellent wonderful"""
    ),
    "negative": word_tuple(
        """bad poor dull weak disappointing awful terrible unpleasant mediocre lousy"""
    ),
}
EXCITED_WORDS = {
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
TEST_WORDS = {
    name: (*PLAIN_WORDS[name], *PLAIN_WORDS[name], *EXCITED_WORDS[name], *_MORE_WORDS[name])
    for name in POLARITIES
}
_MILD_WORDS = {
    "positive": (
        *MILD["positive"], *MILD["positive"], *_MORE_WORDS["positive"],
        *word_tuple(
            """handy comfortable cheerful neat tidy smooth helpful polite honest sturdy quick
            gentle warm bright calm reliable healthy safe generous smart elegant soft crisp juicy
            refreshing inviting welcome likable enjoyable agreeable satisfying quiet practical"""
        ),
    ),
    "negative": (
        *MILD["negative"], *MILD["negative"], *_MORE_WORDS["negative"],
        *word_tuple(
            """loud late bland dry greasy sticky smelly shabby flimsy clumsy tired sour bitter
            messy crowded cramped stuffy faulty overpriced annoying unfriendly careless lame
            shaky scratchy wobbly damp moldy rusty soggy burnt leaky confusing tedious"""
        ),
    ),
}  # fmt: skip
_STRONG_WORDS = {
    "positive": (
        *STRONG["positive"], *STRONG["positive"], *EXCITED_WORDS["positive"],
        *word_tuple(
            """outstanding marvelous magnificent delicious gorgeous terrific splendid impressive
            delightful remarkable exceptional super first-class flawless heavenly"""
        ),
    ),
    "negative": (
        *STRONG["negative"], *STRONG["negative"], *STRONG["negative"], *EXCITED_WORDS["negative"],
        *word_tuple(
            """rotten filthy nasty miserable worthless hopeless ridiculous unbearable hideous
            revolting pathetic dangerous horrid inedible"""
        ),
    ),
}  # fmt: skip

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
        "{D} {i} was {a}, {a} and {a}.", "{a} and {a}, that is {d} {i}.",
        "{D} {i} {sense} rather {a}.",
        "{D} {i} {sense} {a}, it also {sense} {a}.", "A {a} {time} {at} {d} {i}.",
        "My {p} spent a {a} {time} {at} {d} {i}.", "What a {a} {time} {at} {d} {i}!",
        "{D} {i} has a {a} {part}.",
        "{D} {i} has a {part}, and it is {a}.", "The {part} of {d} {i} was {a}.",
        "The {part} {at} {d} {i} was {a} and {a}.", "{D} {i} was {a}, so was the {part}.",
        "{fact} and it {was} {a}.", "{fact} and it {was} {a} and {a}.",
        "{fact}, it {was} {a}.", "{fact} and the {part} was {a}.", "{fact}. It {was} {a}.",
        "{D} {o} {i} {was} {a}.", "{a} {i}, {a} {part}.", "Really {a}, this {i}.",
        "A {a} {part} and a {a} {i}.", "{W} call {d} {i} {a}.", "What {a} {part} this {i} has!",
        "{D} {i} makes a {a} {part}.", "{W} got a {a} {i} from my {p}.",
        "For my {p} {d} {i} was {a}.", "{D} {i} {when} {was} {a}.", "{W} saw a {a} {i} {when}.",
        "There is a {a} {i} near the {x}.", "{D} {i} by the {x} {was} {a}.",
        "{D} {i} {was} so {a} that {w} told my {p}.", "So {a}, this {i}!",
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
_POSITIVE = {
    "feel": (
        "I liked the {i}.", "The {i} made my day.", "I really enjoyed the {i}.",
        "We loved the {i}.", "I am happy with my {i}.", "Nothing beats this {i}.",
        "My children adore the {i}.", "I could look at the {i} all day.",
        "I had a lot of fun with the {i}.", "I am so glad that we found this {i}.",
        "{W} {liked} {d} {i}.", "{W} {liked} {d} {i} {when}.", "{W} {like} {d} {i} {when}.",
        "{W} {like} {d} {i}.", "{W} {were} {glad} {over} {d} {i}.", "Every {p} {likes} {d} {i}.",
        "{D} {i} {pleased} {me}.", "{D} {i} {pleased} {me} {when}.", "What joy, {d} {i}!",
        "{fact} and {w} {liked} it.", "{fact} and {w} {were} {glad}.",
        "{fact} and my {p} {likes} it.",
        "I can not complain about {d} {i}.", "{W} laughed and sang {at} {d} {i}.",
        "{W} do not want to leave {d} {i}.", "{W} were sad when {d} {i} was over.",
    ),
    "advise": (
        "Best {i} in town.", "Best {i} ever!", "I would get the {i} again.",
        "You should try the {i}.", "They have the best {i} I know.", "Ten points for the {i}!",
        "My friends told me about the {i} and they were right.",
        "Do not miss {d} {i}.", "Two thumbs up for {d} {i}.", "You must see {d} {i}.",
        "I would choose {d} {i} again.", "Go and get {d} {i}.", "Highly recommended, {d} {i}.",
        "Give {d} {i} a try.", "I want to see {d} {i} again.", "{W} will come again for {d} {i}.",
        "I recommend trying {d} {i}.", "Every {p} should have a {i} like this.",
        "{fact} and {w} would do it again.", "{fact}, I recommend it.", "Full marks for {d} {i}.",
        "{D} {i} is a must.", "If you can, get {d} {i}.", "{W} tell every {p} to try {d} {i}.",
        "No other {i} comes close.", "{D} {i} is the best of all.", "I vote for {d} {i}.",
        "{W} want another {i} like this.", "Hurry up and try {d} {i}.",
    ),
    "work": (
        "The {i} works very well.", "The {i} saved our trip.",
        "With this {i} you are in good hands.",
        "The {i} came early and in good shape.", "{D} {i} {works}.", "{D} {i} {works} {when}.",
        "{D} {i} {works} and {works}.", "{fact} and it {works}.", "{D} {i} has never let me down.",
        "{D} {i} helped my {p} a lot.", "{W} use {d} {i} every day and it {works}.",
    ),
    "money": (
        "The {i} is worth every cent.", "The {i} was a nice surprise.",
        "{D} {i} is worth the {cost}.", "{D} {i} was worth the {cost}.", "{D} {i} is a bargain.",
        "{D} {i} was cheap and good.", "I would pay twice for {d} {i}.",
        "Money well spent on {d} {i}.",
        "{D} {i} is good value.", "I got more than I paid for with {d} {i}.",
    ),
    "event": (
        "We came for the {i} and stayed for hours.", "The {i} smelled great and looked good.",
        "Yesterday we tried the {i} and it was lovely.", "Thanks to the {i} we had a good evening.",
        "{D} {i} went well.", "{D} {i} went better than {w} hoped.", "All went well {at} {d} {i}.",
        "{D} {i} was not {neg} at all.", "There is nothing {neg} about {d} {i}.",
        "{D} {i} was never {neg}.", "{W} smiled all day {at} {d} {i}.",
        "{D} {i} came on time and looked new.", "{D} {i} got better every day.",
    ),
}  # fmt: skip
_NEGATIVE = {
    "feel": (
        "I did not like the {i}.", "The {i} ruined my day.", "I hated the {i}.",
        "I am unhappy with my {i}.", "My children cried because of the {i}.",
        "The {i} made me ill.", "I fell asleep at the {i}.", "I am sorry that I paid for the {i}.",
        "{W} {hated} {d} {i}.", "{W} {hated} {d} {i} {when}.", "{W} {hate} {d} {i}.",
        "{W} {hate} {d} {i} {when}.", "{W} {were} {sorry} {over} {d} {i}.",
        "Every {p} {hates} {d} {i}.",
        "{D} {i} {hurt} {me}.", "{D} {i} {hurt} {me} {when}.", "What a pity, {d} {i}!",
        "{fact} and {w} {hated} it.", "{fact} and {w} {were} {sorry}.",
        "{fact} and my {p} {hates} it.",
        "Nobody {liked} {d} {i}.", "No {p} {likes} {d} {i}.", "I do not like {d} {i}.",
        "{W} could not enjoy {d} {i}.", "{W} cried and moaned {at} {d} {i}.",
    ),
    "advise": (
        "Worst {i} in town.", "Worst {i} ever!", "I would never get the {i} again.",
        "Stay away from the {i}.", "They have the worst {i} I know.", "No points for the {i}!",
        "My friends told me about the {i} and they were wrong.", "We left because of the {i}.",
        "Skip {d} {i}.", "Two thumbs down for {d} {i}.", "You do not have to see {d} {i}.",
        "I would not choose {d} {i} again.", "Do not get {d} {i}.", "Not recommended, {d} {i}.",
        "Do not try {d} {i}.", "I never want to see {d} {i} again.",
        "{W} will not come again for {d} {i}.",
        "I do not recommend trying {d} {i}.", "No {p} should have a {i} like this.",
        "{fact} and {w} would not do it again.", "{fact}, I can not recommend it.",
        "No marks for {d} {i}.", "Forget {d} {i}.", "If you can, avoid {d} {i}.",
        "{W} tell every {p} to stay away from {d} {i}.", "Any other {i} is better.",
        "{D} {i} is the worst of all.", "Never again {d} {i}.",
        "Keep away from {d} {i}.", "{D} {i} is not for me, never again.",
    ),
    "work": (
        "The {i} broke after a day.", "The {i} does not work.", "The {i} let us down.",
        "The {i} fell to pieces in my hands.", "With this {i} you will have no fun.",
        "{D} {i} {fails}.", "{D} {i} {fails} {when}.", "{D} {i} {fails} and {fails}.",
        "{fact} and it {fails}.", "{fact} and it is already broken.", "{D} {i} is broken again.",
        "{D} {i} did not help my {p}.", "{W} used {d} {i} once and it {fails}.",
    ),
    "money": (
        "The {i} was a waste of money.", "I want my money back for the {i}.",
        "{D} {i} is not worth the {cost}.", "{D} {i} was not worth the {cost}.",
        "{D} {i} is a rip-off.", "{D} {i} was dear and bad.", "I would not pay a cent for {d} {i}.",
        "Money thrown away on {d} {i}.", "{D} {i} is a waste of time.", "{D} {i} was far too dear.",
        "I paid too much for {d} {i}.", "I paid for {d} {i} and got nothing.", "A waste, {d} {i}.",
    ),
    "event": (
        "The {i} smelled bad and looked old.", "The {i} came late and was broken.",
        "The {i} was dirty and cold.", "Yesterday we tried the {i} and it was awful.",
        "{D} {i} went badly.", "{D} {i} went worse than {w} feared.",
        "Nothing went well {at} {d} {i}.",
        "{D} {i} was not {pos}.", "{D} {i} was not {pos} at all.",
        "There is nothing {pos} about {d} {i}.",
        "{D} {i} was far from {pos}.", "{D} {i} could be more {pos}.", "{D} {i} was never {pos}.",
        "{W} waited for hours {at} {d} {i}.", "{D} {i} came late and looked old.",
        "{D} {i} got worse every day.", "{D} {i} was less {pos} than {w} hoped.",
    ),
}  # fmt: skip
INPUTS_POSITIVE = SplitWords(
    train=tuple(dict.fromkeys(each for group in _POSITIVE.values() for each in group)),
    validation=("I could not ask for a better {i}.", "The {i} deserves five stars."),
    test=("I recommend the {i} to everyone.", "We were delighted with the {i}."),
)
INPUTS_NEGATIVE = SplitWords(
    train=tuple(dict.fromkeys(each for group in _NEGATIVE.values() for each in group)),
    validation=("I regret paying for the {i}.", "The {i} deserves no stars."),
    test=("I can not recommend the {i} to anyone.", "We were upset about the {i}."),
)
_GRAMMAR = {"positive": _POSITIVE, "negative": _NEGATIVE}

SLOTS: dict[str, tuple[str, ...]] = {
    "D": ("The", "The", "The", "My", "This", "That", "Our", "Her", "His", "Your", "Their"),
    "d": ("the", "the", "the", "my", "this", "that", "our", "her", "his", "your", "their"),
    "W": ("I", "I", "We", "We", "My {p} and I", "They", "You and I", "{n} and I"),
    "w": ("I", "I", "we", "we", "they"),
    "me": ("me", "me", "us", "us", "my {p}", "everyone", "our {p}"),
    "p": (*PEOPLE, "children", "family", "friends", "guests"),
    "n": NAMES,
    "x": TRAINING_NOUNS,
    "o": ADJECTIVES,
    "at": ("at", "in", "with", "during", "near", "because of"),
    "was": ("was", "was", "is", "looks", "seems", "feels", "tasted", "turned out", "stayed"),
    "were": ("was", "am", "were", "felt", "got"),
    "sense": ("tasted", "smelled", "looked", "sounded", "felt", "looks", "smells", "sounds"),
    "time": ("time", "day", "evening", "hour", "afternoon", "night", "week", "weekend", "moment"),
    "part": (
        "food", "people", "price", "smell", "taste", "air", "glass", "color", "picture", "music",
        "voice", "light", "seat", "wall", "floor", "cover", "handle", "sound", "shape", "size",
        "team", "crowd", "waiter", "water", "garden", "owner", "fabric", "corner", "story",
    ),
    "when": (
        "again", "today", "yesterday", "last night", "on {day}", "every day", "this year",
        "from the first day", "after a week", "last summer", "in the morning", "with my {p}",
        "every time", "so much", "a lot", "for once", "all day", "from start to finish",
    ),
    "day": DAYS,
    "fact": (
        "{W} went to {d} {i} {when}", "{W} bought {d} {i} {when}", "My {p} gave me this {i}",
        "{D} {i} arrived {when}", "{W} visited {d} {i} {when}", "{W} tried {d} {i} {when}",
        "{W} waited for {d} {i}", "{W} found {d} {i} in a shop", "{D} {i} is new",
        "{W} ordered {d} {i} {when}", "My {p} showed me {d} {i}", "{W} have had {d} {i} for years",
        "{W} took {d} {i} home", "{D} {i} is near the {x}", "{W} looked at {d} {i}",
        "This is my {o} {i}", "{W} heard of {d} {i} {when}",
    ),
    "liked": (
        "liked", "loved", "enjoyed", "adored", "admired", "praised", "fell in love with",
        "were crazy about", "smiled at", "cherished", "had fun with", "appreciated",
    ),
    "like": (
        "like", "love", "enjoy", "adore", "admire", "praise", "can not get enough of", "treasure",
        "look forward to", "appreciate", "have a good time with", "are fond of", "so love",
    ),
    "likes": (
        "likes", "loves", "enjoys", "adores", "admires", "praises", "is happy with", "cheers for",
        "is in love with", "smiles at", "is proud of", "laughs with", "can not live without",
    ),
    "glad": (
        "glad", "happy", "pleased", "delighted", "thrilled", "impressed", "satisfied", "excited",
        "overjoyed", "charmed", "proud", "grateful", "relieved", "cheerful", "in heaven",
        "very happy", "so happy", "really pleased",
    ),
    "sorry": (
        "sorry", "unhappy", "upset", "annoyed", "disappointed", "angry", "furious", "sad",
        "frustrated", "shocked", "disgusted", "bored", "let down", "mad", "worried", "ashamed",
        "very disappointed", "so unhappy", "really angry", "fed up",
    ),
    "over": ("over", "because of", "when we saw", "after", "at"),
    "pleased": (
        "pleased", "impressed", "charmed", "thrilled", "delighted", "cheered up", "amazed",
        "made a good day for", "warmed the heart of", "was a joy for", "was a pleasure for",
        "brought joy to", "won over", "inspired", "was a gift for", "was a treat for",
    ),
    "hurt": (
        "hurt", "annoyed", "bored", "disappointed", "upset", "shocked", "angered", "disgusted",
        "was a pain for", "scared", "frustrated", "made trouble for", "was a shame for", "saddened",
        "was too much for", "put off", "made fools of", "was a nightmare for", "tired",
    ),
    "hated": (
        "hated", "disliked", "regretted", "could not stand", "complained about", "walked out of",
        "sent back", "threw away", "laughed at", "were sick of", "got ill from", "got sick from",
        "felt bad after", "did not enjoy", "did not like", "did not love", "wanted to leave",
    ),
    "hate": (
        "hate", "dislike", "regret", "can not stand", "complain about", "can not bear", "curse",
        "do not like", "do not enjoy", "are sick of", "are tired of", "want to return",
        "do not love",
    ),
    "hates": (
        "hates", "dislikes", "can not stand", "complains about", "is sick of", "is angry about",
        "does not like", "does not enjoy", "regrets", "is ashamed of", "got sick from",
        "cried over",
    ),
    "works": (
        "works", "works well", "works like a charm", "runs smoothly", "did the job", "fits well",
        "keeps its promise", "does what it should", "is easy to use", "solved my problem",
        "is in good order", "still works", "looks like new", "lasts for years", "is well made",
        "does its job", "has everything you need", "fits me well", "never fails",
    ),
    "fails": (
        "broke", "fell apart", "failed", "stopped working", "went to pieces", "leaks", "leaked",
        "does not fit", "never works", "is too small", "gave up", "is badly made", "does not last",
        "did not work", "was out of order", "was full of holes", "fell off", "made no sense",
        "got stuck", "is not safe", "was missing a part", "has stopped", "will not open",
    ),
    "cost": ("money", "price", "wait", "trip", "time", "trouble", "walk", "cost"),
    "neg": (*_MILD_WORDS["negative"], *_STRONG_WORDS["negative"]),
    "pos": (*_MILD_WORDS["positive"], *_STRONG_WORDS["positive"]),
}  # fmt: skip

# What is telling about a held-out template stands in no review either.
_PHRASES = (
    "all in all", "everyone agreed", "as my brother", "would call", "for me it was",
    "friends and I found", "gave us", "at the corner", "fair to say", "after two hours",
    "ask for a better", "deserves", "recommend the", "delighted with", "regret paying",
    "upset about",
)  # fmt: skip
GUARD = Guard(
    (
        *(each for split in ("validation", "test") for each in INPUTS_POSITIVE.of(split)),
        *(each for split in ("validation", "test") for each in INPUTS_NEGATIVE.of(split)),
    ),
    (*_PHRASES, *(row.text for row in handwritten.REVIEWS)),
)
OPINION_WORDS: frozenset[str] = frozenset(
    (*SLOTS["neg"], *SLOTS["pos"], *(name for each in EXCITED_WORDS.values() for name in each))
)
_SHARED_OF_ANY = 0.75
_KIND_WEIGHTS = {"mild": 0.3, "strong": 0.2, "feel": 0.17, "advise": 0.13, "work": 0.07,
                 "money": 0.06, "event": 0.07}  # fmt: skip


def review(rng: random.Random, item: str, polarity: str, split: str) -> str:
    """Return one held-out review of `item`, as it stands in a query, from those of `split`."""
    polar = INPUTS_POSITIVE if polarity == "positive" else INPUTS_NEGATIVE
    templates = INPUTS_ANY if rng.random() < _SHARED_OF_ANY else polar
    template = rng.choice(templates.of(split))
    return capital(with_articles(template.format(i=item, a=rng.choice(TEST_WORDS[polarity]))))


def opinion_phrase(rng: random.Random, polarity: str) -> str:
    """Return a word or a few that say `polarity` on their own."""
    positive = polarity == "positive"
    kinds = (
        ("liked", "like", "likes", "glad", "pleased", "works")
        if positive
        else ("hated", "hate", "hates", "sorry", "hurt", "fails")
    )
    words = (_MILD_WORDS[polarity], _STRONG_WORDS[polarity])
    chosen = rng.choice((*words, *words, *words, *(SLOTS[kind] for kind in kinds)))
    if rng.random() < 0.1:
        return f"not {rng.choice(SLOTS['neg' if positive else 'pos'])}"
    return rng.choice(chosen)


def training_review(rng: random.Random, item: str, polarity: str) -> Review:
    """Return one review of `item` for training."""
    kind = rng.choices(list(_KIND_WEIGHTS), weights=list(_KIND_WEIGHTS.values()))[0]
    slots, templates = SLOTS, INPUTS_ANY.train
    if kind == "mild":
        slots = {**SLOTS, "a": _MILD_WORDS[polarity]}
    elif kind == "strong":
        slots = {**SLOTS, "a": _STRONG_WORDS[polarity]}
    else:
        templates = _GRAMMAR[polarity][kind]
    text = GUARD.first_allowed(lambda: fill(rng, rng.choice(templates), slots, i=item))
    return Review(text=text, item=item, polarity=polarity, kind=kind)
