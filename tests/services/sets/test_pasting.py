"""What a spreadsheet puts on the clipboard becomes pairs, character for character."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorlab.errors import InputError
from vectorlab.services.sets.pasting import read_pasted

# Cells as people write them. A spreadsheet quotes those with line ends, tabs or quotes.
cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=12)


@given(rows=st.lists(st.tuples(cells, cells).filter(lambda row: row[1].strip()), max_size=5))
def test_cells_of_a_spreadsheet_come_as_they_are(rows: list[tuple[str, str]]):
    text = io.StringIO()
    csv.writer(text, "excel-tab", lineterminator="\n").writerows(rows)
    names = {("source", "target"), ("negative", "positive"), ("input", "output")}
    if rows and tuple(cell.strip().casefold() for cell in rows[0]) not in names:
        assert [(item.source, item.target) for item in read_pasted(text.getvalue())] == rows


def test_a_line_of_names_and_blank_lines_are_left_out():
    pasted = read_pasted("Source\tTarget\r\nbad\tgood\r\n\r\n\t\nawful\tgreat")
    assert [(item.source, item.target) for item in pasted] == [("bad", "good"), ("awful", "great")]


def test_one_cell_has_no_target_and_an_empty_source_is_kept_for_the_checks():
    pasted = read_pasted("alone\nbare\t\n\tno source\n")
    assert [(item.source, item.target) for item in pasted] == [
        ("alone", None),
        ("bare", None),
        ("", "no source"),
    ]


def test_quotes_that_people_wrote_stay():
    pasted = read_pasted('"Well", she said\t"Great"\n"two\nlines"\tsays ""so""\n"a ""b"""\tc')
    assert [(item.source, item.target) for item in pasted] == [
        ('"Well", she said', '"Great"'),
        ("two\nlines", 'says ""so""'),
        ('a "b"', "c"),
    ]


def test_more_than_two_cells_name_the_line():
    with pytest.raises(
        InputError, match=r"Line 2 of what was pasted has 3 cells.*'x'.*two columns"
    ):
        read_pasted("a\tb\nx\ty\tz")
    assert read_pasted("") == ()
