"""Data becomes HTML that shows exactly its characters."""

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from tests.ui.filled_store import HOSTILE
from ui import markup

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def visible(drawn):
    return html.unescape(re.sub(r"<[^>]*>", "", drawn))


@given(TEXT)
def test_literal_shows_exactly_the_text_on_one_line(text):
    drawn = markup.literal(text)
    assert visible(drawn) == text
    assert "\n" not in drawn
    assert "\r" not in drawn


@given(TEXT, TEXT)
def test_a_difference_without_its_removed_words_shows_the_second_text(before, after):
    assert visible(markup.difference(before, after, removed=False)) == visible(
        markup.literal(after)
    )


def test_hostile_text_has_no_element_of_its_own():
    for drawn in (
        markup.literal(HOSTILE),
        markup.difference("", HOSTILE, spaces=True),
        markup.generated(HOSTILE, spaces=True),
    ):
        assert set(re.findall(r"<(\w+)", drawn)) <= {"bdi", "ins", "span"}


def test_an_address_repeats_sequences_and_leaves_out_nothing_chosen():
    assert markup.address("compare", run=[1, 2], against=None) == "compare?run=1&run=2"
    assert markup.address("vectors") == "vectors"


def test_a_link_cannot_break_out_of_its_attribute():
    drawn = markup.link('"><script>', "vectors", vector='"><script>')
    assert "<script" not in drawn


@given(TEXT)
def test_marks_for_what_is_not_seen_leave_the_text_as_it_is(text):
    assert visible(markup.generated(text, spaces=True)) == text


def test_what_is_not_seen_is_marked_on_request_only():
    assert "vl-space" not in markup.generated("a b")
    drawn = markup.generated("a b\tc\n", spaces=True)
    assert [name for name in ("space", "tab", "break") if f"vl-{name}" in drawn] == [
        "space",
        "tab",
        "break",
    ]
