"""Scorers of texts: known answers, missing values with reasons, and errors that cost one row."""

import math

import pytest

from vectorlab.catalogue import in_file_of
from vectorlab.domain.scores.catalogue import SCORERS, Needs, parse_scorer
from vectorlab.domain.scores.scores import Score, TextItem
from vectorlab.errors import InputError
from vectorlab.evals import registry
from vectorlab.evals.reading import model_scorer
from vectorlab.evals.registry import TextScorer, prepare, score_all


def score(spelt: str, text: str = "", **about: object) -> Score:
    return prepare(parse_scorer(spelt))(TextItem(text=text, prompt="Say it: ", **about))


@pytest.mark.parametrize("name", sorted(set(SCORERS) - {"projection", "votes"}))
def test_every_scorer_has_a_file_of_its_name(name: str):
    if SCORERS[name].needs is Needs.MODEL:
        assert model_scorer(name).plan
    else:
        assert in_file_of(f"vectorlab.evals.scorers.{name}", "SCORER", TextScorer).prepare


@pytest.mark.parametrize(
    ("spelt", "text", "about", "value"),
    [
        ("length", "a b", {"n_tokens": 7}, 7),
        ("length:words", "a b  c", {}, 3),
        ("length:unit=characters", "äöü", {}, 3),
        ("mean_logprob", "a", {"mean_logprob": -1.5}, -1.5),
        ("repetition:1", "a b a b", {}, 0.5),
        ("repetition:n=3", "a b c d", {}, 0.0),
        ("distinct:1", "a a a b", {}, 0.5),
        ("distinct", "a b a b a b", {}, 0.4),
        ("exact", " yes ", {"reference": "yes"}, 1),
        ("exact", "Yes", {"reference": "yes"}, 0),
        ("exact:true", "Yes", {"reference": "yes"}, 1),
        ("contains:GOOD", "so good", {}, 1),
        ("contains:GOOD:ignore_case=false", "so good", {}, 0),
        ("contains", "it is good", {"reference": "good"}, 1),
        (r"regex:\bgo+d\b", "so goood", {}, 1),
        (r"regex:^x", "so goood", {}, 0),
        ("rouge", "the cat sat", {"reference": "the cat sat"}, 1),
        ("rouge:rouge1", "the cat", {"reference": "the dog"}, 0.5),
        ("bleu", "the cat sat on the mat", {"reference": "the cat sat on the mat"}, 100),
        ("chrf", "the cat", {"reference": "the cat"}, 100),
    ],
)
def test_known_answers(spelt: str, text: str, about: dict[str, object], value: float):
    found = score(spelt, text, **about)
    assert found.value == pytest.approx(value)
    assert found.missing_reason is None


def test_sentiment_knows_the_sign():
    good, bad = score("sentiment", "Wow, I love it!"), score("sentiment", "I hate this.")
    assert good.value > 0.5 > -0.3 > bad.value
    assert good.details["pos"] > bad.details["pos"]


@pytest.mark.parametrize(
    ("spelt", "text"),
    [
        ("exact", "x"),
        ("contains", "x"),
        ("rouge", "x"),
        ("bleu", "x"),
        ("chrf", "x"),
        ("mean_logprob", "x"),
        ("repetition", "one two"),
        ("distinct", ""),
        ("sentiment", "  "),
    ],
)
def test_what_cannot_be_scored_is_missing_with_a_reason_and_never_zero(spelt: str, text: str):
    found = score(spelt, text)
    assert found.value is None
    assert len(found.missing_reason) > 10


def test_a_match_that_never_ends_is_missing():
    found = score(r"regex:^(\w+\s?)*$", "word " * 40 + "!")
    assert found.value in (None, 0.0)
    slow = score(r"regex:(a|a|aa)+$", "a" * 60 + "b")
    assert slow.value is None
    assert "stopped after" in slow.missing_reason


def test_a_scorer_that_raises_on_one_text_costs_one_score(monkeypatch: pytest.MonkeyPatch):
    def fragile() -> object:
        def inner(item: TextItem) -> Score:
            return Score.of(1 / len(item.text))

        return inner

    scorer = TextScorer(prepare=lambda **_: fragile())
    monkeypatch.setattr(registry, "in_file_of", lambda *_: scorer)
    items = [TextItem(text=text, prompt="") for text in ("ab", "", "abcd")]
    found = list(score_all(prepare(parse_scorer("length")), items))
    assert [item.value for item in found] == [0.5, None, 0.25]
    assert found[1].missing_reason == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_no_value(value: float):
    assert Score.of(value).value is None


def test_equal_items_are_scored_once():
    calls = []

    def count(item: TextItem) -> Score:
        calls.append(item)
        return Score.of(1)

    assert len(list(score_all(count, [TextItem(text="a", prompt="")] * 5))) == 5
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("spelt", "said"),
    [
        ("unknown", "Known are"),
        ("kl:text=mine", "Choose from own, baseline, reference"),
        ("length:unit=words:unit=tokens", "given twice"),
        ("repetition:n=x", "is not usable"),
        ("repetition:n=-1", "is not usable"),
        ("sentiment:x", "has no options"),
        ("regex", "needs pattern"),
        ("judge", "needs question"),
        ("logit_difference: a", "needs b"),
    ],
)
def test_a_scorer_that_cannot_be_read_says_how_it_is_written(spelt: str, said: str):
    with pytest.raises(InputError, match=said):
        parse_scorer(spelt)


@pytest.mark.parametrize("spelt", [r"regex:(", "distinct:0", "repetition:n=0"])
def test_options_that_cannot_work_are_refused_before_any_text(spelt: str):
    with pytest.raises(InputError):
        prepare(parse_scorer(spelt))


def test_labels_name_what_differs_from_the_defaults_and_read_back():
    for spelt, label in {
        "kl": "kl",
        "kl:baseline": "kl",
        "kl:text=own": "kl:own",
        "contains:a:b": "contains:a:b",
        "contains:ignore_case=false": "contains:ignore_case=false",
        "judge:Good?:url=http://h:1/v1:scale=5": "judge:Good?:url=http://h:1/v1:scale=5",
        "perplexity:model=steered": "perplexity:model=steered",
    }.items():
        assert parse_scorer(spelt).label == label
        assert parse_scorer(label) == parse_scorer(spelt)
