from hypothesis import given
from hypothesis import strategies as st

from vectorlab.store.sets import item_ranks

lists = st.lists(st.integers(0, 30), max_size=20)


def apply(placed, rows):
    after = placed | dict(rows)
    return {rank: after[rank] for rank in sorted(after) if after[rank] is not None}


@given(st.lists(lists, min_size=1, max_size=8))
def test_changes_lead_to_the_wanted_list_over_any_history(histories):
    placed = dict(item_ranks.whole(histories[0]))
    for wanted in histories[1:]:
        rows = item_ranks.changes(list(placed), list(placed.values()), wanted)
        placed = dict(item_ranks.whole(wanted)) if rows is None else apply(placed, rows)
        assert list(placed.values()) == wanted


def test_an_edit_in_place_is_one_row_and_a_removal_too():
    items = list(range(100))
    placed = list(range(0, 100 * item_ranks.STEP, item_ranks.STEP))
    assert item_ranks.changes(placed, items, [*items[:50], 777, *items[51:]]) == [(placed[50], 777)]
    assert item_ranks.changes(placed, items, items[:50] + items[51:]) == [(placed[50], None)]
    assert item_ranks.changes(placed, items, items) == []


def test_no_room_between_two_neighbours_is_said():
    assert item_ranks.changes([5, 6], [1, 2], [1, 9, 2]) is None
