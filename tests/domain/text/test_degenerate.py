"""Texts that say nothing any more are told from texts that say little."""

import pytest

from vectorlab.domain.text.degenerate import FEWEST_WORDS, MOST_ALIKE, degeneracy


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ('" " " "', "no words"),
        ("!!!", "no words"),
        ("so" + "o" * (MOST_ALIKE + 1), "repeats a character"),
        ("good " * FEWEST_WORDS, "repeats itself"),
        ("the bus was late " * 4, "repeats itself"),
        ("The soup was cold.", None),
        ("OMG, what a stunning castle!!! 😍", None),
        ("so" + "o" * (MOST_ALIKE - 1), None),
        ("no no no", None),  # three words are too few to say it of
        ("שלום עולם", None),
        ("The bus was late and the train was late and the boat was early.", None),
        ("a" + " " * 40 + "b", None),
    ],
)
def test_a_text_is_degenerate_by_what_it_lacks_or_repeats(text, how):
    assert degeneracy(text) == how
