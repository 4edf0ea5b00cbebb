"""The corpus: a seeded stream of documents from this folder's own templates and word lists.

A document is a list of (text, loss weight) segments. Weights keep the training signal on what can
be known (an answer, a fact, a repeated word) and off what cannot (which remark comes next).
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from scripts.train_tiny import dialogues, reviews
from scripts.train_tiny.facts import fact_segments
from scripts.train_tiny.laboratory import without_punctuation
from scripts.train_tiny.opinions import GUARD as REVIEW_GUARD
from scripts.train_tiny.opinions import Review
from scripts.train_tiny.remarks import GUARD as REMARK_GUARD
from scripts.train_tiny.remarks import training_remark
from scripts.train_tiny.stories import copy_drill, noun_drill, story
from scripts.train_tiny.variation import vary
from scripts.train_tiny.words import training_noun

Segments = list[tuple[str, float]]
Writers = dict[str, Callable[[random.Random], Segments]]
Telling = Callable[[random.Random, list[str]], list[str]]

_QUERY_WEIGHT = 0.0
_LINE_WEIGHT = 0.4
_TELLING_WEIGHT = 2.0
_MIX = {
    "dialogue": 0.2, "crowded": 0.1, "review": 0.24, "fact": 0.25, "story": 0.03, "copy": 0.02,
    "noun": 0.06, "topic": 0.04, "reading": 0.04, "opinion": 0.02,
}  # fmt: skip
_EARLY_MIX = {
    "dialogue": 0.13, "review": 0.13, "fact": 0.14, "story": 0.03, "copy": 0.3, "noun": 0.09,
    "topic": 0.09, "reading": 0.12, "opinion": 0.12,
}  # fmt: skip
_ENDING_MIX = {
    "dialogue": 0.26, "crowded": 0.16, "review": 0.19, "fact": 0.25, "story": 0.03, "copy": 0.01,
    "noun": 0.04, "topic": 0.04, "reading": 0.01, "opinion": 0.01,
}  # fmt: skip
_REFINING_MIX = {
    "dialogue": 0.29, "crowded": 0.24, "review": 0.23, "fact": 0.22, "story": 0.03, "copy": 0.02,
    "noun": 0.04, "topic": 0.05, "reading": 0.01, "opinion": 0.01,
}  # fmt: skip
_EARLY = 0.14
_STRIPPED_SHARE = 0.45  # of the refining documents with lines
_KEPT_OPINION_SHARE = 0.95


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A query, its answer, the word that the answer has to name, and words of its opinion."""

    question: str
    reply: str
    about: str
    telling: tuple[str, ...] = ()


def _as_written(rng: random.Random, lines: list[str]) -> list[str]:
    del rng
    return lines


def _stripped_at_times(rng: random.Random, lines: list[str]) -> list[str]:
    """All lines of a document as extraction reads them without punctuation, or none of them."""
    if rng.random() >= _STRIPPED_SHARE:
        return lines
    return [without_punctuation(line) for line in lines]


def documents(seed: int, count: int) -> Iterator[Segments]:
    """Yield `count` documents; the same seed yields the same documents.

    The first documents hold more copying drills, which is where copying is learned.
    """
    rng = random.Random(seed)
    for number in range(count):
        yield _drawn(rng, _EARLY_MIX if number < _EARLY * count else _MIX, _WRITERS)


def ending_documents(seed: int, count: int) -> Iterator[Segments]:
    """Yield `count` documents for the last part of a training: more dialogues, fewer drills."""
    rng = random.Random(seed)
    for _ in range(count):
        yield _drawn(rng, _ENDING_MIX, _ENDING_WRITERS)


def refining_documents(
    seed: int, count: int, turned: float, respectful: float
) -> Iterator[Segments]:
    """Yield `count` documents that make an in-context vector work without punctuation.

    In a share of them the lines lose their punctuation, as the published code deletes it, so the
    state at a last word has to hold the style by itself. In those of reviews an opinion is a
    latent beside the wording.

    Args:
        seed: the same one yields the same documents.
        count: how many.
        turned: share of the answers with the other opinion than the review's, where no line says
            which is wanted.
        respectful: share of the respectful answers to remarks, where no line says so.
    """
    rng = random.Random(seed)
    dialogue = partial(dialogue_segments, minority=respectful, told=_stripped_at_times)
    writers = _WRITERS | {
        "dialogue": dialogue,
        "crowded": partial(dialogue, crowded=True),
        "review": partial(opinion_segments, turned=turned),
    }
    for _ in range(count):
        yield _drawn(rng, _REFINING_MIX, writers)


def _drawn(rng: random.Random, mix: dict[str, float], writers: Writers) -> Segments:
    return writers[rng.choices(list(mix), weights=list(mix.values()))[0]](rng)


def dialogue_segments(
    rng: random.Random,
    *,
    minority: float = dialogues.RESPECTFUL_SHARE,
    crowded: bool = False,
    told: Telling = _as_written,
) -> Segments:
    """Return a dialogue, announced or not, or a run of lines in one tone."""
    query = partial(_dialogue_query, crowded=crowded)
    return _styled(rng, dialogues.TONES, minority, _tone_line, query, told)


def review_segments(rng: random.Random, minority: float = reviews.EXCITED_SHARE) -> Segments:
    """Return a paraphrase, announced or not, or a run of lines in one wording."""
    return _styled(rng, reviews.WORDINGS, minority, _wording_line, _paraphrase_query)


def opinion_segments(rng: random.Random, *, turned: float) -> Segments:
    """Return a paraphrase, announced or not, or a run of lines, each in one wording and opinion."""
    kind = rng.random()
    asked = rng.choice(reviews.POLARITIES)
    if kind < 0.44:
        style = "excited" if rng.random() < reviews.ENDING_EXCITED_SHARE else "plain"
        said = _turned(asked) if rng.random() < turned else asked
        return _answered("", _opinion_query(rng, training_noun(rng), style, None, asked, said))
    style, opinion = rng.choice(reviews.WORDINGS), rng.choice(reviews.POLARITIES)
    if kind < 0.76:
        lines = [_opinion_line(rng, style, opinion) for _ in range(rng.choice((1, 1, 2, 3)))]
        before = _joined(rng, _stripped_at_times(rng, lines)) + "\n"
        kept = style if rng.random() < dialogues.ANNOUNCED_SHARE else rng.choice(reviews.WORDINGS)
        said = opinion if rng.random() < _KEPT_OPINION_SHARE else _turned(opinion)
        return _answered(before, _opinion_query(rng, training_noun(rng), kept, None, asked, said))
    if kind < 0.82:
        return _answered("", _opinion_query(rng, training_noun(rng), style, style, asked, asked))
    lines = [_opinion_line(rng, style, opinion) for _ in range(rng.randint(2, 5))]
    return _run(rng, _stripped_at_times(rng, lines))


def topic_drill(rng: random.Random) -> Segments:
    """Return a remark with its topic named behind it."""
    topic = training_noun(rng)
    text, _ = _varied_remark(rng, topic)
    return [(text, 0.0), (" Topic:", 0.0), (f" {topic}", 1.0), ("\n", 0.3)]


def _styled(
    rng: random.Random,
    styles: tuple[str, str],
    minority: float,
    line: Callable[[random.Random, str], str],
    exchange: Callable[[random.Random, str, str | None], Exchange],
    told: Telling = _as_written,
) -> Segments:
    """Return one document in which style is a latent that lines before the answer give away.

    `told` makes of its lines what stands there.
    """
    common, rare = styles
    kind = rng.random()
    if kind < 0.46:
        style = rare if rng.random() < minority else common
        return _answered("", exchange(rng, style, None))
    if kind < 0.72:
        style = rng.choice(styles)
        other = common if style == rare else rare
        count = rng.choice((1, 1, 2, 3))
        shown = [style] * count
        if count == 3 and rng.random() < 0.4:
            shown[rng.randrange(3)] = other
        lines = _joined(rng, told(rng, [line(rng, each) for each in shown]))
        kept = style if rng.random() < dialogues.ANNOUNCED_SHARE else other
        return _answered(lines + "\n", exchange(rng, kept, None))
    if kind < 0.80:
        style = rng.choice(styles)
        return _answered("", exchange(rng, style, style))
    style = rng.choice(styles)
    return _run(rng, told(rng, [line(rng, style) for _ in range(rng.randint(2, 5))]))


def _answered(before: str, made: Exchange) -> Segments:
    head: Segments = [(before, _LINE_WEIGHT / 2)] if before else []
    telling = "|".join(map(re.escape, (made.about, *made.telling)))
    pieces = re.split(rf"( (?:{telling})\b)", f" {made.reply}")
    reply: Segments = [
        (piece, _TELLING_WEIGHT if place % 2 else 1.0)
        for place, piece in enumerate(pieces)
        if piece
    ]
    return [*head, (made.question, _QUERY_WEIGHT), *reply, ("\n", 1.0)]


def _joined(rng: random.Random, lines: list[str]) -> str:
    return rng.choice((" ", "\n")).join(lines)


def _run(rng: random.Random, lines: list[str]) -> Segments:
    separator = " " if rng.random() < 0.7 else "\n"
    rest = "".join(separator + line for line in lines[1:])
    return [(lines[0], _LINE_WEIGHT / 4), (rest, _LINE_WEIGHT)]


def _tone_line(rng: random.Random, tone: str) -> str:
    return dialogues.answer(rng, tone, training_noun(rng))


def _varied_remark(rng: random.Random, topic: str, *, crowded: bool = False) -> tuple[str, str]:
    """Return a remark that no held-out template or sentence is part of, and its theme."""
    while True:
        text, theme = training_remark(rng, topic)
        text = vary(rng, text, frozenset(topic.split()), crowded=crowded)
        if not REMARK_GUARD.holds(text):
            return text, theme


def _dialogue_query(rng: random.Random, tone: str, shown: str | None, *, crowded: bool) -> Exchange:
    topic, theme = training_noun(rng), None
    if shown is None:
        text, theme = _varied_remark(rng, topic, crowded=crowded)
    else:
        text = dialogues.answer(rng, shown, topic)
    return Exchange(
        question=dialogues.query(_bare(rng, text)),
        reply=dialogues.answer(rng, tone, topic, theme),
        about=topic,
    )


def _wording_line(rng: random.Random, style: str) -> str:
    item = training_noun(rng)
    return reviews.wording(rng, style, item, rng.choice(reviews.POLARITIES))


def _opinion_line(rng: random.Random, style: str, opinion: str) -> str:
    item = training_noun(rng)
    if style == "plain" and rng.random() < 0.5:
        return _unheld_review(rng, item, opinion).text
    return reviews.wording(rng, style, item, opinion)


def _turned(opinion: str) -> str:
    return next(each for each in reviews.POLARITIES if each != opinion)


def _paraphrase_query(rng: random.Random, style: str, shown: str | None) -> Exchange:
    item = training_noun(rng)
    opinion = rng.choice(reviews.POLARITIES)
    return _opinion_query(rng, item, style, shown, opinion, opinion)


def _opinion_query(
    rng: random.Random, item: str, style: str, shown: str | None, asked: str, said: str
) -> Exchange:
    """Return a review of one opinion, in the wording `shown` if any, and an answer of another."""
    kind = None
    if shown is None:
        made = _unheld_review(rng, item, asked)
        text, kind = made.text, made.kind
    else:
        text = reviews.wording(rng, shown, item, asked)
    return Exchange(
        question=reviews.query(_bare(rng, text)),
        reply=reviews.wording(rng, style, item, said, kind if said == asked else None),
        about=item,
        telling=reviews.TELLING,
    )


def _unheld_review(rng: random.Random, item: str, polarity: str) -> Review:
    while REVIEW_GUARD.holds((made := reviews.varied_review(rng, item, polarity)).text):
        pass
    return made


def _bare(rng: random.Random, text: str) -> str:
    """Drop the full stop now and then: people paste sentences both ways."""
    return text[:-1] if text.endswith(".") and rng.random() < 0.25 else text


def _story_segments(rng: random.Random) -> Segments:
    return [(story(rng), 0.4)]


_WRITERS: Writers = {
    "dialogue": dialogue_segments,
    "crowded": partial(dialogue_segments, crowded=True),
    "review": review_segments,
    "fact": fact_segments,
    "story": _story_segments,
    "copy": copy_drill,
    "noun": noun_drill,
    "topic": topic_drill,
    "reading": reviews.reading_drill,
    "opinion": reviews.opinion_drill,
}
_ENDING_WRITERS: Writers = _WRITERS | {
    "review": partial(review_segments, minority=reviews.ENDING_EXCITED_SHARE),
}
