import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectorlab.domain.sets.diff import find_changes
from vectorlab.domain.sets.merge import Conflict, Line, Take, merge
from vectorlab.domain.sets.versions import Demonstration

# A letter is a demonstration; the same letter with a mark is an edit of it (same source).
A, B, C, D, E, X, Y = range(1, 8)


def edited(item, times=1):
    return item + 100 * times


def text(item):
    return Demonstration(source=f"source {item % 100}", target=f"target {item}")


def line(base, items):
    changes = find_changes(base, items, lambda wanted: {item: text(item) for item in wanted})
    return Line(items=items, changes=changes)


def merged(base, ours, theirs):
    return merge(base, line(base, ours), line(base, theirs))


BASE = [A, B, C, D]
items = st.lists(st.integers(1, 9), unique=True, max_size=8)


@given(items, items)
def test_a_line_that_changed_nothing_gives_the_other(base, other):
    assert merged(base, base, other) == other
    assert merged(base, other, base) == other
    assert merged(base, other, other) == other


def test_edits_of_different_demonstrations_are_both_taken():
    assert merged(BASE, [edited(A), B, C, D], [A, B, edited(C), D]) == [edited(A), B, edited(C), D]


def test_additions_follow_the_neighbour_that_they_followed():
    assert merged(BASE, [A, X, B, C, D], [A, B, C, Y, D]) == [A, X, B, C, Y, D]
    assert merged(BASE, BASE, [X, *BASE]) == [X, *BASE]
    # The neighbour is gone in our line: the one before it counts.
    assert merged(BASE, [A, C, D], [A, B, X, C, D]) == [A, X, C, D]


def test_our_additions_go_before_those_of_the_other_line():
    assert merged(BASE, [*BASE, X], [*BASE, Y]) == [*BASE, X, Y]
    assert merged(BASE, [*BASE, X], [*BASE, X, Y]) == [*BASE, X, Y]
    assert merged([], [A, B], [B, C]) == [A, B, C]


def test_the_same_addition_on_both_lines_is_taken_once():
    assert merged(BASE, [*BASE, X], [A, X, B, C, D]) == [*BASE, X]


def test_what_one_line_removed_is_gone():
    assert merged(BASE, [A, C, D], [A, B, C, D, X]) == [A, C, D, X]
    assert merged(BASE, [*BASE, X], [A, D]) == [A, D, X]


def test_what_only_the_other_line_moved_goes_where_it_moved_it():
    assert merged(BASE, [A, B, C, D, X], [D, A, B, C]) == [D, A, B, C, X]


def test_our_order_counts_where_both_lines_moved():
    assert merged(BASE, [D, A, B, C], [A, D, B, C]) == [D, A, B, C]


def test_two_different_edits_of_one_demonstration_are_a_conflict():
    ours, theirs = [A, edited(B), C, D], [A, edited(B, 2), C, D]
    assert merged(BASE, ours, theirs) == [
        A,
        Conflict(base=B, ours=edited(B), theirs=edited(B, 2)),
        C,
        D,
    ]


def test_the_same_edit_on_both_lines_is_no_conflict():
    assert merged(BASE, [A, edited(B), C, D], [A, edited(B), C, D, X]) == [A, edited(B), C, D, X]


def test_an_edit_against_a_removal_is_a_conflict_either_way():
    gone, changed = [A, C, D], [A, edited(B), C, D]
    assert merged(BASE, changed, gone)[1] == Conflict(base=B, ours=edited(B), theirs=None)
    assert merged(BASE, gone, changed) == [
        A,
        Conflict(base=B, ours=None, theirs=edited(B)),
        C,
        D,
    ]


def test_a_line_that_moved_what_it_edited_is_taken_as_it_is():
    assert merged(BASE, BASE, [B, C, D, edited(A)]) == [B, C, D, edited(A)]


@pytest.mark.parametrize(
    ("take", "taken"),
    [
        (Take.OURS, [2]),
        (Take.THEIRS, [3]),
        (Take.BOTH, [2, 3]),
        (Take.BASE, [1]),
        (Take.NEITHER, []),
    ],
)
def test_a_conflict_is_settled_by_a_word(take, taken):
    assert Conflict(base=1, ours=2, theirs=3).settled(take) == taken


def test_a_removed_side_adds_nothing_when_it_is_taken():
    assert Conflict(base=1, ours=None, theirs=3).settled(Take.OURS) == []
    assert Conflict(base=1, ours=None, theirs=3).settled(Take.BOTH) == [3]


@given(items, items, items)
def test_without_edits_nothing_is_lost_doubled_or_invented(base, ours, theirs):
    # Every text is unlike the others here, so that changes are additions and removals.
    def far(item):
        return Demonstration(source=f"{item} " * 3, target=None)

    def far_line(found):
        changes = find_changes(base, found, lambda wanted: {item: far(item) for item in wanted})
        return Line(items=found, changes=changes)

    found = merge(base, far_line(ours), far_line(theirs))
    kept = {item for item in base if item in ours and item in theirs}
    added = {item for item in (*ours, *theirs) if item not in base}
    assert sorted(found) == sorted(kept | added)
