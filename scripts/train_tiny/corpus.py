"""The corpus: a seeded stream of documents from this folder's own templates and word lists.

A document is a list of (text, loss weight) segments. Weights keep the training signal on what can
be known (an answer, a fact, a repeated word) and off what cannot (which remark comes next).
"""

import random
from collections.abc import Callable, Iterator

from scripts.train_tiny import dialogues, reviews
from scripts.train_tiny.facts import fact_segments
from scripts.train_tiny.stories import copy_drill, noun_drill, story
from scripts.train_tiny.variation import vary
from scripts.train_tiny.words import training_noun

Segments = list[tuple[str, float]]

_QUERY_WEIGHT = 0.0
_LINE_WEIGHT = 0.4
_MIX = {
    "dialogue": 0.27, "review": 0.32, "fact": 0.21, "story": 0.06, "copy": 0.05, "noun": 0.04,
    "reading": 0.05,
}  # fmt: skip
_EARLY_MIX = {
    "dialogue": 0.15, "review": 0.18, "fact": 0.2, "story": 0.04, "copy": 0.23, "noun": 0.1,
    "reading": 0.1,
}  # fmt: skip
_EARLY = 0.15


def documents(seed: int, count: int) -> Iterator[Segments]:
    """Yield `count` documents; the same seed yields the same documents.

    The first eighth holds more copying drills, which is where copying is learned.
    """
    rng = random.Random(seed)
    for number in range(count):
        mix = _EARLY_MIX if number < _EARLY * count else _MIX
        kind = rng.choices(list(mix), weights=list(mix.values()))[0]
        yield _WRITERS[kind](rng)


def dialogue_segments(rng: random.Random) -> Segments:
    """Return a dialogue, announced or not, or a run of lines in one tone."""
    minority = dialogues.RESPECTFUL_SHARE
    return _styled(rng, dialogues.TONES, minority, _tone_line, _dialogue_query)


def review_segments(rng: random.Random) -> Segments:
    """Return a paraphrase, announced or not, or a run of lines in one wording."""
    minority = reviews.EXCITED_SHARE
    return _styled(rng, reviews.WORDINGS, minority, _wording_line, _paraphrase_query)


def _styled(
    rng: random.Random,
    styles: tuple[str, str],
    minority: float,
    line: Callable[[random.Random, str], str],
    pair: Callable[[random.Random, str, str | None], tuple[str, str]],
) -> Segments:
    """Return one document in which style is a latent that lines before the answer give away."""
    common, rare = styles
    kind = rng.random()
    if kind < 0.46:
        style = rare if rng.random() < minority else common
        return _answered("", *pair(rng, style, None))
    if kind < 0.72:
        style = rng.choice(styles)
        other = common if style == rare else rare
        count = rng.choice((1, 1, 2, 3))
        shown = [style] * count
        if count == 3 and rng.random() < 0.4:
            shown[rng.randrange(3)] = other
        lines = _joined(rng, [line(rng, each) for each in shown])
        kept = style if rng.random() < dialogues.ANNOUNCED_SHARE else other
        return _answered(lines + "\n", *pair(rng, kept, None))
    if kind < 0.80:
        style = rng.choice(styles)
        return _answered("", *pair(rng, style, style))
    style = rng.choice(styles)
    return _run(rng, [line(rng, style) for _ in range(rng.randint(2, 5))])


def _answered(before: str, question: str, reply: str) -> Segments:
    head: Segments = [(before, _LINE_WEIGHT / 2)] if before else []
    return [*head, (question, _QUERY_WEIGHT), (f" {reply}", 1.0), ("\n", 1.0)]


def _joined(rng: random.Random, lines: list[str]) -> str:
    return rng.choice((" ", "\n")).join(lines)


def _run(rng: random.Random, lines: list[str]) -> Segments:
    separator = " " if rng.random() < 0.7 else "\n"
    rest = "".join(separator + line for line in lines[1:])
    return [(lines[0], _LINE_WEIGHT / 4), (rest, _LINE_WEIGHT)]


def _tone_line(rng: random.Random, tone: str) -> str:
    return dialogues.answer(rng, tone, training_noun(rng))


def _dialogue_query(rng: random.Random, tone: str, shown: str | None) -> tuple[str, str]:
    topic = training_noun(rng)
    if shown is None:
        text = vary(rng, dialogues.remark(rng, topic), frozenset(topic.split()))
    else:
        text = dialogues.answer(rng, shown, topic)
    return dialogues.query(_bare(rng, text)), dialogues.answer(rng, tone, topic)


def _wording_line(rng: random.Random, style: str) -> str:
    item = training_noun(rng)
    return reviews.wording(rng, style, item, rng.choice(reviews.POLARITIES))


def _paraphrase_query(rng: random.Random, style: str, shown: str | None) -> tuple[str, str]:
    item = training_noun(rng)
    polarity = rng.choice(reviews.POLARITIES)
    if shown is None:
        text = reviews.varied_review(rng, item, polarity)
    else:
        text = reviews.wording(rng, shown, item, polarity)
    return reviews.query(_bare(rng, text)), reviews.wording(rng, style, item, polarity)


def _bare(rng: random.Random, text: str) -> str:
    """Drop the full stop now and then: people paste sentences both ways."""
    return text[:-1] if text.endswith(".") and rng.random() < 0.25 else text


def _story_segments(rng: random.Random) -> Segments:
    return [(story(rng), 0.4)]


_WRITERS: dict[str, Callable[[random.Random], Segments]] = {
    "dialogue": dialogue_segments,
    "review": review_segments,
    "fact": fact_segments,
    "story": _story_segments,
    "copy": copy_drill,
    "noun": noun_drill,
    "reading": reviews.reading_drill,
}
