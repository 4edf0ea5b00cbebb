"""Data becomes HTML that shows exactly its characters."""

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from tests.ui.filled_store import HOSTILE
from ui import colours, texts

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def visible(markup):
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


@given(TEXT)
def test_literal_shows_exactly_the_text_on_one_line(text):
    markup = texts.literal(text)
    assert visible(markup) == text
    assert "\n" not in markup
    assert "\r" not in markup


@given(TEXT, TEXT)
def test_a_difference_without_its_removed_words_shows_the_second_text(before, after):
    assert visible(texts.difference(before, after, removed=False)) == visible(texts.literal(after))


def test_hostile_text_has_no_element_of_its_own():
    for markup in (
        texts.literal(HOSTILE),
        texts.difference("", HOSTILE, spaces=True),
        texts.generated(HOSTILE, spaces=True),
    ):
        assert set(re.findall(r"<(\w+)", markup)) <= {"bdi", "ins", "span"}


def test_an_address_repeats_sequences_and_leaves_out_nothing_chosen():
    assert texts.address("compare", run=[1, 2], against=None) == "compare?run=1&run=2"
    assert texts.address("vectors") == "vectors"


def test_a_link_cannot_break_out_of_its_attribute():
    markup = texts.link('"><script>', "vectors", vector='"><script>')
    assert "<script" not in markup


def test_colours_follow_the_order_of_arms_and_leave_grey_to_baselines():
    assert colours.of_arms(["baseline", "a", "b", "a"], ["baseline"]) == {
        "baseline": colours.LIGHT_BASELINE,
        "a": colours.LIGHT[0],
        "b": colours.LIGHT[1],
    }


@given(TEXT)
def test_marks_for_what_is_not_seen_leave_the_text_as_it_is(text):
    assert visible(texts.generated(text, spaces=True)) == text


def test_what_is_not_seen_is_marked_on_request_only():
    assert "vl-space" not in texts.generated("a b")
    markup = texts.generated("a b\tc\n", spaces=True)
    assert [name for name in ("space", "tab", "break") if f"vl-{name}" in markup] == [
        "space",
        "tab",
        "break",
    ]
