from hypothesis import given
from hypothesis import strategies as st

from vectorlab.domain.sets.diff import find_changes
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.text.word_diff import Change, word_diff


def changes(old, new):
    """Changes between two lists of (source, target)."""
    texts: dict[int, Demonstration] = {}
    ids: dict[tuple[str, str], int] = {}
    for pair in (*old, *new):
        ids.setdefault(pair, len(ids))
        texts[ids[pair]] = Demonstration(source=pair[0], target=pair[1])
    asked: list[int] = []

    def read(wanted):
        asked.extend(wanted)
        return {item: texts[item] for item in wanted}

    found = find_changes([ids[pair] for pair in old], [ids[pair] for pair in new], read)
    return found, {texts[item].source for item in asked}


def apply(old, found):
    """The new list, put together from the old one and the changes alone."""
    gone = {item.position for item in found.removed}
    gone |= {item.before.position for item in found.edited}
    gone |= {item.before for item in found.moved}
    placed = {item.position: item.demonstration for item in found.added}
    placed |= {item.after.position: item.after.demonstration for item in found.edited}
    placed |= {item.after: item.demonstration for item in found.moved}
    rest = [Demonstration(source=s, target=t) for n, (s, t) in enumerate(old) if n not in gone]
    result = []
    while rest or len(result) in placed:
        result.append(placed[len(result)] if len(result) in placed else rest.pop(0))
    return [(item.source, item.target) for item in result]


PAIRS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz")), max_size=10)


@given(PAIRS, PAIRS)
def test_the_changes_lead_from_the_old_list_to_the_new(old, new):
    found, _ = changes(old, new)
    assert apply(old, found) == new
    assert found.is_empty == (old == new)


def test_a_changed_target_is_an_edit_even_of_a_moved_demonstration():
    old = [("the soup", "fine"), ("the park", "good"), ("the tea", "nice")]
    new = [("the park", "good"), ("the tea", "nice"), ("the soup", "superb")]
    found, asked = changes(old, new)
    [edit] = found.edited
    assert (edit.before.position, edit.after.position) == (0, 2)
    assert (found.added, found.removed, found.moved) == ((), (), ())
    assert asked == {"the soup"}  # what stayed is not read


def test_both_sides_changed_are_an_edit_between_the_same_neighbours():
    old = [("a", "A"), ("The soup was cold and bad", "The soup was divine today"), ("b", "B")]
    new = [("a", "A"), ("The soup was cold and awful", "The soup was divine again"), ("b", "B")]
    found, _ = changes(old, new)
    assert len(found.edited) == 1
    assert (found.added, found.removed) == ((), ())


def test_texts_that_share_little_are_a_removal_and_an_addition():
    found, _ = changes([("a", "A"), ("one two", "three")], [("a", "A"), ("four five", "six")])
    assert found.edited == ()
    assert (len(found.added), len(found.removed)) == (1, 1)


def test_the_most_similar_of_several_is_the_edit():
    old = [("we liked the old park very much", "x")]
    new = [
        ("we liked the old park so much", "y"),
        ("we liked the park", "z"),
    ]
    found, _ = changes(old, new)
    assert [item.after.position for item in found.edited] == [0]
    assert [item.position for item in found.added] == [1]


def test_a_thousand_edits_side_by_side_are_matched_in_their_order():
    old = [(f"sentence number {n} is plain", f"old {n}") for n in range(300)]
    new = [(f"sentence number {n} is plainer", f"new {n}") for n in range(300)]
    found, _ = changes(old, new)
    assert [(item.before.position, item.after.position) for item in found.edited] == [
        (n, n) for n in range(300)
    ]


def test_a_side_that_repeats_does_not_pair_what_differs():
    old = [("Q", "alpha beta gamma"), ("Q", "one two three four")]
    new = [("Q", "alpha beta gamma"), ("Q", "one two three five")]
    found, _ = changes(old, new)
    [edit] = found.edited
    assert (edit.before.position, edit.after.position) == (1, 1)
    found, _ = changes([("The film was bad", "no"), ("a", "b")], [("a", "b"), ("It rained", "no")])
    assert found.edited == ()


def test_a_script_without_spaces_is_compared_by_characters():
    old = [("今天天气很好我们去公园散步吧", "太好了我们现在就出发去公园")]
    new = [("今天天气很好，我们去公园散步吧", "太好了！我们现在就出发去公园")]
    assert len(changes(old, new)[0].edited) == 1


def test_words_that_stand_everywhere_count_as_much_as_others():
    words = ["the", "soup", "and", "the", "bread", "were", "so", "good"] * 25
    old, new = (" ".join([first, *words[:-2]]) for first in ("Once", "Now"))
    # With the target's one they are 200, from where the standard library leaves frequent ones out.
    assert len(changes([(old, "yes")], [(new, "no")])[0].edited) == 1


def test_long_repetitive_texts_are_compared_in_bounded_time():
    old = [("a b " * 20_000 + "x", "y " * 20_000)]
    new = [("a b " * 20_000 + "z", "q " * 20_000)]
    assert len(changes(old, new)[0].edited) == 1
    before, after = "a b c " * 20_000, "c b a " * 20_000
    segments = word_diff(before, after)
    assert "".join(item.text for item in segments if item.change is not Change.ADDED) == before
    assert "".join(item.text for item in segments if item.change is not Change.REMOVED) == after
