"""docs/sets_files.md says what the code does."""

import re
from pathlib import Path

from vectorlab.domain.sets.formats import READ_FORMATS
from vectorlab.services.sets import files
from vectorlab.services.sets.files import formats, limits, mapping

PAGE = (Path(__file__).parents[4] / "docs" / "sets_files.md").read_text(encoding="utf-8")


def test_the_limits_on_the_page_are_those_of_the_code():
    stated = set(re.findall(r"\b\d[\d,]{3,}\b", PAGE.partition("## Limits")[2]))
    kept = {
        limits.FIELD_LIMIT,
        limits.RECORD_LIMIT,
        limits.OBJECT_LIMIT,
        limits.ENTRY_LIMIT,
        limits.METADATA_LIMIT,
        limits.COLUMN_LIMIT,
        limits.ROW_LIMIT,
        limits.WORKBOOK_LIMIT,
    }
    assert {f"{number:,}" for number in kept} <= stated
    assert f"{limits.DEPTH_LIMIT} levels" in PAGE
    assert f"first {limits.PEEK_RECORDS} records" in PAGE


def test_every_format_ending_and_guess_is_on_the_page():
    words = set(re.findall(r"`([^`\s]+)`", PAGE))
    assert set(READ_FORMATS) <= words
    assert {f".{ending}" for ending in formats.ENDINGS} <= words
    for sides in mapping.SHAPES.values():
        assert {column for side in sides for column in side} <= words
    assert {*mapping.SOURCE_NAMES, *mapping.TARGET_NAMES} <= words


def test_the_example_of_lists_makes_the_pairs_that_the_page_says(tmp_path):
    example = re.search(r"```json\n(.*?)```", PAGE, re.S)
    path = tmp_path / "x.json"
    path.write_text(example[1], encoding="utf-8")
    with files.open_import([path]) as found:
        items = list(found.demonstrations())
    said = re.search(r"`(Act as.*?)` -> `(Act as.*?)`", PAGE.replace("\n", " "))
    assert (items[0].source, items[0].target) == said.groups()
    assert len(items) == 4
