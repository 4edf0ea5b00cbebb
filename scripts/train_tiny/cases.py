"""The prompts that evaluation asks, a split at a time, in a fixed order."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from scripts.train_tiny import dialogues, facts, fresh, handwritten, opinions, remarks, reviews
from scripts.train_tiny.cities import ATTRIBUTES, CITIES

_SEED = 2024


@dataclass(frozen=True, kw_only=True)
class StyleCase:
    """One query: the prompt as typed, the word and the polarity an answer has to keep."""

    prompt: str
    item: str
    polarity: str
    reference: str  # a target-style text of the corpus's own kind, for perplexity


@dataclass(frozen=True, kw_only=True)
class FactCase:
    """One fact prompt and the continuation that is right."""

    prompt: str
    answer: str


def dialogue_cases(split: str, count: int) -> list[StyleCase]:
    """Hand-written remarks first, then held-out templates filled with held-out topics."""
    rng = random.Random(_SEED)
    pairs = [(row.text, row.item) for row in _WRITTEN_REMARKS[split]]
    topics = fresh.TOPICS if split == "fresh" else dialogues.TOPICS.of(split)
    while len(pairs) < count:
        topic = rng.choice(topics)
        pair = (_remark(rng, topic, split), topic)
        if pair not in pairs:
            pairs.append(pair)
    return [
        StyleCase(
            prompt=dialogues.query(text) + " ",
            item=topic,
            polarity="",
            reference=dialogues.answer(rng, "respectful", topic),
        )
        for text, topic in pairs[:count]
    ]


def paraphrase_cases(split: str, count: int) -> list[StyleCase]:
    """Hand-written reviews first, then held-out templates filled with held-out items."""
    rng = random.Random(_SEED)
    rows = _reviews(rng, split, count, reviews.POLARITIES)
    return [_paraphrase_case(rng, row) for row in rows]


def flip_cases(split: str, count: int) -> list[StyleCase]:
    """Negative reviews alone, made as `paraphrase_cases` are; references are positive."""
    rng = random.Random(_SEED)
    return [
        StyleCase(
            prompt=reviews.query(row.text) + " ",
            item=row.item,
            polarity="positive",
            reference=reviews.wording(rng, "plain", row.item, "positive"),
        )
        for row in _reviews(rng, split, count, ("negative",))
    ]


def sixteen_cases() -> list[StyleCase]:
    """The sixteen longer hand-written sentences."""
    rng = random.Random(_SEED)
    return [_paraphrase_case(rng, row) for row in handwritten.PARAPHRASE_SENTENCES]


def fact_cases(kind: str, split: str) -> list[FactCase]:
    """Every city with every held-out template of `kind`: "plain", "one-shot" or "json"."""
    rng = random.Random(_SEED)
    return [
        case
        for attribute in ATTRIBUTES
        for city in CITIES
        for case in _FACT_WRITERS[kind](rng, attribute, city, split)
    ]


def sample(cases: Sequence[FactCase], count: int) -> list[FactCase]:
    """Return `count` of the cases, the same ones every time."""
    return random.Random(_SEED).sample(list(cases), count)


_WRITTEN_REMARKS = {
    "validation": handwritten.VALIDATION_REMARKS,
    "test": handwritten.TEST_REMARKS,
    "fresh": fresh.REMARKS,
}
_WRITTEN_REVIEWS = {
    "validation": handwritten.VALIDATION_REVIEWS,
    "test": handwritten.TEST_REVIEWS,
    "fresh": fresh.REVIEWS,
}
_FRESH_REVIEWS = {"negative": fresh.NEGATIVE_TEMPLATES, "positive": fresh.POSITIVE_TEMPLATES}


def _remark(rng: random.Random, topic: str, split: str) -> str:
    if split == "fresh":
        return rng.choice(fresh.REMARK_TEMPLATES).format(t=topic)
    return remarks.remark(rng, topic, split)


def _review(rng: random.Random, item: str, polarity: str, split: str) -> str:
    if split == "fresh":
        return rng.choice(_FRESH_REVIEWS[polarity]).format(i=item)
    return opinions.review(rng, item, polarity, split)


def _reviews(
    rng: random.Random, split: str, count: int, polarities: Sequence[str]
) -> list[handwritten.Written]:
    rows = [row for row in _WRITTEN_REVIEWS[split] if row.polarity in polarities]
    items = fresh.ITEMS if split == "fresh" else reviews.ITEMS.of(split)
    while len(rows) < count:
        item, polarity = rng.choice(items), rng.choice(polarities)
        row = handwritten.Written(
            text=_review(rng, item, polarity, split), item=item, polarity=polarity
        )
        if row not in rows:
            rows.append(row)
    return rows[:count]


def _paraphrase_case(rng: random.Random, row: handwritten.Written) -> StyleCase:
    return StyleCase(
        prompt=reviews.query(row.text) + " ",
        item=row.item,
        polarity=row.polarity,
        reference=reviews.wording(rng, "excited", row.item, row.polarity),
    )


def _plain(_rng: random.Random, attribute: str, city: facts.City, split: str) -> list[FactCase]:
    return [
        FactCase(
            prompt=facts.plain_prompt(template, city), answer=f" {facts.value(city, attribute)}"
        )
        for template in facts.PLAIN[attribute].of(split)
    ]


def _one_shot(rng: random.Random, attribute: str, city: facts.City, split: str) -> list[FactCase]:
    template = rng.choice(facts.PLAIN[attribute].of(split))
    other = rng.choice([each for each in CITIES if each != city])
    shown = f"{facts.plain_prompt(template, other)} {facts.value(other, attribute)}. "
    return [
        FactCase(
            prompt=shown + facts.plain_prompt(template, city),
            answer=f" {facts.value(city, attribute)}",
        )
    ]


def _json(_rng: random.Random, attribute: str, city: facts.City, split: str) -> list[FactCase]:
    key = facts.JSON_ATTRIBUTE_KEYS[attribute][0]
    return [
        FactCase(prompt=facts.json_prompt(opening, key, city), answer=facts.value(city, attribute))
        for opening in facts.JSON_CITY_KEYS.of(split)
    ]


_FACT_WRITERS = {"plain": _plain, "one-shot": _one_shot, "json": _json}
