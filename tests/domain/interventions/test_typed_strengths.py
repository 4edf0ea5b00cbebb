"""Strengths as people type them."""

import pytest

from vectorlab.domain.interventions.typed_strengths import parse_strength, parse_strengths
from vectorlab.errors import InputError

EXAMPLE = "0.05 0.1"


@pytest.mark.parametrize(
    ("text", "strength"),
    [
        ("0.1", 0.1),
        (" 0,1 ", 0.1),
        ("-,5", -0.5),
        ("1,500", 1.5),
        ("1e-9", 1e-9),
        ("\N{MINUS SIGN}2", -2.0),
        ("1e9", 1e9),
    ],
)
def test_one_strength_is_read(text, strength):
    assert parse_strength(text) == strength


@pytest.mark.parametrize("text", ["", "abc", "1,5,2", "0.1 0.2", "1.000,5", "nan", "inf", "1e999"])
def test_what_is_no_strength_is_refused(text):
    with pytest.raises(InputError, match="is no number"):
        parse_strength(text)


@pytest.mark.parametrize(
    ("text", "strengths"),
    [
        ("", ()),
        ("0.05 0.1", (0.05, 0.1)),
        ("0.05, 0.1", (0.05, 0.1)),
        ("0.05,0.1", (0.05, 0.1)),
        ("0, 1", (0.0, 1.0)),
        ("1e-9 -2", (1e-9, -2.0)),
    ],
)
def test_several_strengths_are_read(text, strengths):
    assert parse_strengths(text, example=EXAMPLE) == strengths


def test_a_comma_that_may_be_a_decimal_one_is_refused_among_several():
    with pytest.raises(InputError, match=r"'0,1' among the strengths may mean 0\.1 or 0 and 1\."):
        parse_strengths("0,1 0.5", example=EXAMPLE)
    with pytest.raises(InputError, match=r"are not numbers\. Write for example: 0\.05 0\.1"):
        parse_strengths("0.1 much", example=EXAMPLE)
