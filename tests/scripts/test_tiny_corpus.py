"""The corpus of the bundled model: what evaluation uses is held out by construction."""

import hashlib
import random
import re

import pytest

from scripts.train_tiny import dialogues, facts, fresh, handwritten, opinions, remarks, reviews
from scripts.train_tiny.cities import ATTRIBUTES, CITIES
from scripts.train_tiny.common import COMMON_WORDS
from scripts.train_tiny.corpus import (
    dialogue_segments,
    documents,
    ending_documents,
    refining_documents,
    review_segments,
)
from scripts.train_tiny.grammar import Guard, pattern
from scripts.train_tiny.laboratory import demonstrations
from scripts.train_tiny.words import HELD_OUT, TRAINING_NOUNS, SplitWords

pytestmark = pytest.mark.training

DEMONSTRATIONS = ("dialogue_safety", "dialogue_table", "sentiment_flip", "sentiment_paraphrase")
SPLIT_SLOTS: dict[str, SplitWords] = {
    "topics": dialogues.TOPICS,
    "items": reviews.ITEMS,
    "remarks": remarks.REMARKS,
    "reviews of any polarity": opinions.INPUTS_ANY,
    "positive reviews": opinions.INPUTS_POSITIVE,
    "negative reviews": opinions.INPUTS_NEGATIVE,
    "json openings": facts.JSON_CITY_KEYS,
    "fillers": facts.FILLERS,
    **{f"plain {name}": slot for name, slot in facts.PLAIN.items()},
}


@pytest.fixture(scope="module")
def training_texts() -> list[str]:
    made = [*documents(5, 8_000), *refining_documents(5, 4_000, 0.3, 0.12)]
    return ["".join(text for text, _ in segments) for segments in made]


def _styled_texts(count: int) -> list[str]:
    rng = random.Random(8)
    writers = (dialogue_segments, review_segments)
    return ["".join(text for text, _ in writers[n % 2](rng)) for n in range(count)]


def _handwritten() -> list[str]:
    groups = (
        handwritten.VALIDATION_REMARKS,
        handwritten.VALIDATION_REVIEWS,
        handwritten.TEST_REMARKS,
        handwritten.TEST_REVIEWS,
        handwritten.PARAPHRASE_SENTENCES,
        fresh.REMARKS,
        fresh.REVIEWS,
    )
    return [row.text for group in groups for row in group]


def _demonstrations() -> list[str]:
    pairs = [pair for name in DEMONSTRATIONS for pair in demonstrations(name)]
    return [text for pair in pairs for text in (pair.source, pair.target)]


def _literal_parts(template: str) -> str:
    """Turn a template into a pattern that any filling of it matches in full."""
    escaped = re.escape(template.replace("{{", "{")).replace(r"\{c\}", "{c}")
    return re.sub(r"\\?\{\w\\?\}", r"[\\w ]+", escaped)


@pytest.mark.parametrize("slot", SPLIT_SLOTS.values(), ids=SPLIT_SLOTS.keys())
def test_splits_share_nothing_and_none_is_empty(slot: SplitWords) -> None:
    train, validation, test = set(slot.train), set(slot.validation), set(slot.test)
    assert train
    assert validation
    assert test
    assert not train & validation
    assert not train & test
    assert not validation & test


def test_lines_of_refining_documents_lose_their_punctuation_in_a_share() -> None:
    texts = ["".join(text for text, _ in made) for made in refining_documents(6, 3_000, 0.4, 0.12)]
    before = [text.split("This is a conversation")[0] for text in texts if "Response:" in text]
    announced = [lines for lines in before if lines]
    bare = [lines for lines in announced if not re.search(r"[.,!?]", lines)]
    assert 0.35 < len(bare) / len(announced) < 0.55


def test_answers_of_refining_documents_have_the_other_opinion_as_often_as_asked() -> None:
    shares = []
    for turned in (0.0, 1.0):
        made = refining_documents(6, 3_000, turned, 0.12)
        told = [_opinions("".join(text for text, _ in segments)) for segments in made]
        alone = [asked != said for asked, said in filter(None, told)]
        shares.append(sum(alone) / len(alone))
    # Reviews that deny a word, and answers that repeat the review's own wording, blur both.
    assert shares[0] < 0.15
    assert shares[1] > 0.6


def _opinions(text: str) -> tuple[str, str] | None:
    """What an unannounced paraphrase is asked about, and what it says, where words tell it."""
    if not text.startswith("Please paraphrase"):
        return None
    question, answer = text.split("paraphrase:")
    found = [
        {
            name
            for name in reviews.POLARITIES
            for word in (*opinions.PLAIN_WORDS[name], *opinions.EXCITED_WORDS[name])
            if re.search(rf"\b{word}\b", part)
        }
        for part in (question, answer)
    ]
    return (found[0].pop(), found[1].pop()) if [len(each) for each in found] == [1, 1] else None


def test_held_out_words_are_held_out_of_dialogues_and_reviews_alike() -> None:
    trained = set(dialogues.TOPICS.train) | set(reviews.ITEMS.train)
    for slot in (dialogues.TOPICS, reviews.ITEMS):
        assert not trained & set(slot.validation)
        assert not trained & set(slot.test)


def test_no_dialogue_or_review_document_holds_a_held_out_word() -> None:
    words = re.compile(r"\b(" + "|".join(map(re.escape, HELD_OUT)) + r")\b", re.IGNORECASE)
    texts = _styled_texts(3000)
    assert [text for text in texts if words.search(text)] == []


def test_no_training_document_holds_a_held_out_template(training_texts: list[str]) -> None:
    held = [
        template
        for name, slot in SPLIT_SLOTS.items()
        if name not in ("topics", "items")
        for template in (*slot.validation, *slot.test)
    ]
    whole = "\n".join(training_texts)
    found = [t for t in held if re.search(rf"(?m)(^|[ .]){_literal_parts(t)}", whole)]
    # A JSON opening that ends like a trained one is new by its beginning alone.
    assert [t for t in found if not t.startswith(("{", "["))] == []
    for opening in (*facts.JSON_CITY_KEYS.validation, *facts.JSON_CITY_KEYS.test):
        start = opening.replace("{{", "{").split("{c}")[0]
        assert not any(text.startswith(start) for text in training_texts)


def test_handwritten_sentences_and_demonstrations_are_in_no_training_document(
    training_texts: list[str],
) -> None:
    whole = "\n".join(training_texts)
    assert [text for text in (*_handwritten(), *_demonstrations()) if text in whole] == []


@pytest.mark.parametrize("text", _handwritten())
def test_no_template_of_the_corpus_can_write_a_handwritten_sentence(text: str) -> None:
    writers = (
        (remarks.REMARKS.train, remarks.SLOTS),
        (
            (
                *opinions.INPUTS_ANY.train,
                *opinions.INPUTS_POSITIVE.train,
                *opinions.INPUTS_NEGATIVE.train,
            ),
            {**opinions.SLOTS, "a": tuple(sorted(opinions.OPINION_WORDS))},
        ),
    )
    found = [
        template
        for templates, slots in writers
        for template in templates
        # Any word at all may stand for the topic or the item, held-out ones included.
        if re.fullmatch(pattern(template, {}, wild=".+?"), text, re.IGNORECASE)
        and re.fullmatch(pattern(template, slots, wild=r"[\w-]+"), text, re.IGNORECASE)
    ]
    assert found == []


def test_no_training_document_holds_a_fresh_template(training_texts: list[str]) -> None:
    whole = "\n".join(training_texts)
    templates = (
        *fresh.REMARK_TEMPLATES, *fresh.NEGATIVE_TEMPLATES, *fresh.POSITIVE_TEMPLATES
    )  # fmt: skip
    assert [t for t in templates if re.search(_literal_parts(t), whole)] == []


def test_what_fresh_prompts_are_about_is_held_out_of_dialogues_and_reviews() -> None:
    about = {row.item for row in (*fresh.REMARKS, *fresh.REVIEWS)} | {*fresh.TOPICS, *fresh.ITEMS}
    assert not about - HELD_OUT


@pytest.mark.parametrize(
    ("guard", "slots", "sentences"),
    [
        (remarks.GUARD, (remarks.REMARKS,), handwritten.REMARKS),
        (
            opinions.GUARD,
            (opinions.INPUTS_ANY, opinions.INPUTS_POSITIVE, opinions.INPUTS_NEGATIVE),
            handwritten.REVIEWS,
        ),
    ],
    ids=["remarks", "reviews"],
)
def test_what_is_held_out_is_thrown_away_even_if_a_template_writes_it(
    guard: Guard, slots: tuple[SplitWords, ...], sentences: tuple[handwritten.Written, ...]
) -> None:
    templates = [t for slot in slots for t in (*slot.validation, *slot.test)]
    texts = [t.format(t="garden", i="pizza", a="good") for t in templates]
    texts += [row.text for row in sentences]
    assert [text for text in texts if not guard.holds(text)] == []
    assert [text for text in texts if not guard.holds(f"Well, {text[0].lower()}{text[1:]}")] == []
    assert not guard.holds("The garden was good.")


def test_nouns_of_handwritten_sentences_are_no_training_nouns() -> None:
    items = {row.item for row in (*handwritten.REMARKS, *handwritten.REVIEWS)}
    assert not items & set(TRAINING_NOUNS)
    assert not items & set(COMMON_WORDS)


def test_test_and_validation_sentences_differ() -> None:
    texts = _handwritten()
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize(
    ("writer", "sha256"), [(documents, "dfc0ff6d9858"), (ending_documents, "cbfbe69520e0")]
)
def test_the_corpus_is_the_one_that_the_bundled_weights_learned_from(writer, sha256: str) -> None:
    made = repr(list(writer(5, 800))).encode()
    assert hashlib.sha256(made).hexdigest().startswith(sha256)


def test_the_same_seed_writes_the_same_corpus_and_another_seed_another() -> None:
    first, again, other = (list(documents(seed, 500)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_every_demonstration_has_a_source_and_another_target() -> None:
    texts = _demonstrations()
    assert len(texts) == len(set(texts)) == 20 * len(DEMONSTRATIONS)


def test_there_are_sixty_cities_or_more_with_all_attributes_and_crossing_languages() -> None:
    assert len({city.name for city in CITIES}) == len(CITIES) >= 60
    assert all(facts.value(city, attribute) for city in CITIES for attribute in ATTRIBUTES)
    for language in ("Spanish", "Portuguese", "French", "English", "Arabic"):
        assert len({city.continent for city in CITIES if city.language == language}) >= 2


def test_the_queries_are_the_published_forms() -> None:
    assert dialogues.query("S.") + " " == (
        "This is a conversation between two people. Context: S. Response: "
    )
    assert reviews.query("S!") + " " == (
        "Please paraphrase the following sentence. Sentence: S!, paraphrase: "
    )


@pytest.mark.parametrize("tone", dialogues.TONES)
def test_every_answer_of_a_tone_is_marked_as_that_tone_and_no_other(tone: str) -> None:
    rng = random.Random(3)
    other = next(each for each in dialogues.TONES if each != tone)
    for _ in range(500):
        text = dialogues.answer(rng, tone, "garden").lower()
        assert any(mark in text for mark in dialogues.MARKERS[tone]), text
        assert not any(re.search(rf"\b{mark}\b", text) for mark in dialogues.MARKERS[other]), text
