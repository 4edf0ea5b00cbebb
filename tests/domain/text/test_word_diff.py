from hypothesis import given
from hypothesis import strategies as st

from vectorlab.domain.text.word_diff import Change, Segment, word_diff


def test_a_changed_word_is_removed_and_added():
    assert word_diff("worst place ever", "best place ever") == [
        Segment(change=Change.REMOVED, text="worst"),
        Segment(change=Change.ADDED, text="best"),
        Segment(change=Change.SAME, text=" place ever"),
    ]


@given(st.text(alphabet="ab .!é😀\n"), st.text(alphabet="ab .!é😀\n"))
def test_both_texts_can_be_read_back_from_the_segments(before, after):
    segments = word_diff(before, after)
    assert "".join(s.text for s in segments if s.change is not Change.ADDED) == before
    assert "".join(s.text for s in segments if s.change is not Change.REMOVED) == after
