"""The judge against a server on loopback: grades, nonsense, silence and refusal."""

import json
from typing import Any

import pytest

from tests.judge_server import Judge
from vectorlab.domain.scores.catalogue import parse_scorer
from vectorlab.domain.scores.scores import Score, TextItem
from vectorlab.errors import InputError
from vectorlab.evals.registry import prepare


def ask(judge: Judge, text: str = "A text.", **more: Any) -> Score:
    spec = parse_scorer(f"judge:Is it polite?:url={judge.url}:timeout=0.3")
    return prepare(spec, **more)(TextItem(text=text, prompt="Say it: "))


@pytest.mark.parametrize(
    ("answer", "value"), [("7", 0.7), ("10", 1.0), ("0", 0.0), (" Grade: 5.\n", 0.5), ("2.5", 0.25)]
)
def test_a_grade_becomes_a_share_of_the_best(judge: Judge, answer: str, value: float):
    judge.answers["A text."] = answer
    found = ask(judge)
    assert found.value == pytest.approx(value)
    assert found.details["answer"] == answer
    assert "Is it polite?" in found.details["asked"]
    assert judge.requests[0]["temperature"] == 0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("very good", "no grade from 0 to 10"),
        ("11", "no grade"),
        ("-3", "no grade"),
        ("7 or 8", "no grade"),
        ("", "no grade"),
        ("silence", "did not answer within 0.3 s"),
        ((500, b"broken"), "HTTP status 500"),
        ((401, b"who are you"), "HTTP status 401"),
        ((200, b"not json"), "cannot be asked"),
        ((200, b'{"choices": []}'), "cannot be asked"),
        ((200, b"[]"), "cannot be asked"),
        ((200, b"\xff\xfe"), "cannot be asked"),
    ],
)
def test_nonsense_and_silence_are_missing_with_what_was_asked(judge: Judge, answer: Any, said: str):
    judge.answers["A text."] = answer
    found = ask(judge)
    assert found.value is None
    assert said in found.missing_reason
    assert "A text." in found.details["asked"]


def test_one_bad_answer_leaves_the_other_texts_alone(judge: Judge):
    judge.answers = {"first": "5", "second": "?", "third": "9"}
    values = [ask(judge, text).value for text in ("first", "second", "third")]
    assert values == [0.5, None, 0.9]


def test_a_server_that_is_not_there_is_missing(judge: Judge):
    spec = parse_scorer("judge:Good?:url=http://127.0.0.1:1/v1:timeout=1")
    assert "cannot be asked" in prepare(spec)(TextItem(text="x", prompt="")).missing_reason


def test_the_key_is_sent_and_never_kept(judge: Judge):
    judge.answers["A text."] = "5"
    found = ask(judge, key="secret-key")
    assert judge.keys == ["Bearer secret-key"]
    assert "secret-key" not in json.dumps(dict(found.details))


@pytest.mark.parametrize("url", [None, "file:///etc/passwd", "ftp://x"])
def test_without_an_endpoint_it_is_off(url: str | None):
    with pytest.raises(InputError, match="VECTORLAB_JUDGE_URL"):
        prepare(parse_scorer("judge:Good?"), default_url=url)
