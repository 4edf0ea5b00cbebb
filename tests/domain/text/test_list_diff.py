from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vectorlab.domain.text.list_diff import diff_lists

lists = st.lists(st.integers(0, 8), max_size=14)


@given(lists, lists)
def test_every_place_of_both_lists_has_one_fate(old, new):
    found = diff_lists(old, new)
    pairs = [*found.stayed(), *found.moved]
    assert sorted([*(place for place, _ in pairs), *found.removed]) == list(range(len(old)))
    assert sorted([*(place for _, place in pairs), *found.added]) == list(range(len(new)))
    assert all(old[before] == new[after] for before, after in pairs)
    assert Counter(old[place] for place in found.removed) == Counter(old) - Counter(new)


@given(lists, lists)
def test_what_stayed_kept_its_order(old, new):
    found = diff_lists(old, new)
    stayed = list(found.stayed())
    assert stayed == sorted(stayed)
    assert [old for old, _ in stayed] == sorted(old for old, _ in stayed)
    for left, right in pairwise(found.runs):  # neighbours in both lists are one run
        assert (left.old + left.length, left.new + left.length) != (right.old, right.new)


@given(st.lists(st.integers(), unique=True, min_size=2, max_size=30), st.data())
def test_one_item_put_elsewhere_is_all_that_moved(items, data):
    place = data.draw(st.integers(0, len(items) - 1))
    target = data.draw(st.integers(0, len(items) - 1).filter(lambda other: other != place))
    other = items[:place] + items[place + 1 :]
    other.insert(target, items[place])
    found = diff_lists(items, other)
    assert len(found.moved) == 1
    assert (found.removed, found.added) == ((), ())
