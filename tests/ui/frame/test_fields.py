"""Errors on a page name the fields of forms where the command line names flags."""

from pathlib import Path

import pytest

import ui
from ui.frame.fields import FIELDS, in_fields

SOURCES = "\n".join(path.read_text() for path in Path(ui.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (
            "Save the file as UTF-8, or name its encoding with --encoding.",
            "Save the file as UTF-8, or name its encoding with “Encoding”.",
        ),
        ("Or name the delimiter: --delimiter ';'.", "Or name the delimiter: “Delimiter” ';'."),
        (
            "A run needs prompts: --prompt TEXT, --prompts SET@VERSION.",
            "A run needs prompts: “Prompts”, “Further prompts from a set version”.",
        ),
        ("Name a file with --db.", "Name a file with --db."),  # no page has that
        ("Run: vectorlab vectors extract --model a", "Run: vectorlab vectors extract --model a"),
    ],
)
def test_a_flag_is_called_as_its_field_is_and_a_command_stays(said, meant):
    assert in_fields(said) == meant


def test_a_form_may_call_a_field_otherwise():
    assert in_fields("Choose another with --name.", {"--name": "Name of the run"}) == (
        "Choose another with “Name of the run”."
    )


@pytest.mark.parametrize("label", sorted(set(FIELDS.values())))
def test_every_field_is_on_a_form(label):
    elsewhere = SOURCES.replace(f'": "{label}",', "")  # what FIELDS itself says
    assert f'"{label}' in elsewhere
