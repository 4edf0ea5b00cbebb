import pytest

from vectorlab.cli.arguments import normalise
from vectorlab.domain.interventions.layer_ranges import parse_choice, parse_layers, spell_choice
from vectorlab.errors import InputError


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["runs", "generate", "--strength", "0", "0.05", "-1e-1", "--prompt", "7"],
            [
                "runs",
                "generate",
                "--strength",
                "0",
                "--strength",
                "0.05",
                "--strength",
                "-1e-1",
                "--prompt",
                "7",
            ],
        ),
        (["sets", "list", "--db", "u"], ["--db", "u", "sets", "list"]),
        (["sets", "list", "--db=u", "--debug"], ["--db=u", "--debug", "sets", "list"]),
        (["runs", "compare", "1", "2"], ["runs", "compare", "1", "2"]),
        (["x", "--", "--db", "u"], ["x", "--", "--db", "u"]),
        (["x", "--strength"], ["x", "--strength"]),
        (["x", "--strength", "nan"], ["x", "--strength", "nan"]),
    ],
)
def test_words_of_the_shell_become_words_for_the_parser(words, expected):
    assert normalise(words) == expected


@pytest.mark.parametrize(
    ("text", "layers"), [("0", (0,)), ("0-3,7", (0, 1, 2, 3, 7)), ("2,1,2", (1, 2)), (None, None)]
)
def test_layers_are_numbers_and_ranges(text, layers):
    assert parse_layers(text) == layers


@pytest.mark.parametrize(("text", "choice"), [("all", "all"), ("1-2", (1, 2)), (None, None)])
def test_layers_may_also_be_all_or_the_usual_ones(text, choice):
    assert parse_choice(text) == choice
    assert choice is None or spell_choice(choice) == text


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "1;2", "5-2", "all", "All"])
def test_other_layers_are_refused(text):
    with pytest.raises(InputError, match="not understood"):
        parse_layers(text)
