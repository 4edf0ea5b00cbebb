"""Edits of versions: steps from several windows add up, and nothing that was typed is lost."""

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from vectorlab.domain.sets.drafts import DraftStep, Edit, without_twins
from vectorlab.domain.sets.versions import Demonstration

PAIRS = [Demonstration(source=f"source {n}", target=f"target {n}") for n in range(6)]
pairs = st.builds(
    Demonstration,
    source=st.text(max_size=3),
    target=st.none() | st.text(max_size=3),
    metadata=st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)
edits = st.builds(
    Edit,
    replaced=st.dictionaries(st.integers(0, 9), pairs, max_size=3),
    removed=st.frozensets(st.integers(0, 9), max_size=3),
    added=st.lists(pairs, max_size=3).map(tuple),
)


@given(edit=edits)
def test_an_edit_is_the_same_after_it_was_kept(edit: Edit):
    assert Edit.of_plain(json.loads(json.dumps(edit.plain()))) == edit
    assert edit.after(DraftStep(seen=edit.added, added=edit.added)) == edit


def test_steps_replace_remove_and_take_back():
    edit = Edit().after(DraftStep(replaced={1: PAIRS[0]}, removed={2: True}))
    assert edit == Edit(replaced={1: PAIRS[0]}, removed=frozenset({2}))
    assert edit.after(DraftStep(replaced={1: None}, removed={2: False})).is_empty


@given(seen=st.lists(st.sampled_from(PAIRS)), new=st.lists(st.sampled_from(PAIRS)))
def test_a_window_that_saw_the_latest_sets_the_added_pairs(
    seen: list[Demonstration], new: list[Demonstration]
):
    edit = Edit(added=tuple(seen)).after(DraftStep(seen=tuple(seen), added=tuple(new)))
    assert edit.added == tuple(new)


@given(
    seen=st.lists(st.sampled_from(PAIRS), max_size=4),
    here=st.lists(st.sampled_from(PAIRS), max_size=4),
    there=st.lists(st.sampled_from(PAIRS), max_size=4),
)
def test_what_two_windows_add_is_all_there_afterwards(
    seen: list[Demonstration], here: list[Demonstration], there: list[Demonstration]
):
    def step(added: list[Demonstration]) -> DraftStep:
        return DraftStep(seen=tuple(seen), added=tuple(added))

    def came(added: list[Demonstration]) -> Counter[str]:
        return Counter(item.sha256 for item in added) - Counter(item.sha256 for item in seen)

    edit = Edit(added=tuple(seen)).after(step(here)).after(step(there))
    if here != seen:
        assert came(here) + came(there) <= Counter(item.sha256 for item in edit.added)


def test_a_replacement_by_what_stands_there_is_none():
    edit = Edit(replaced={0: PAIRS[0], 1: PAIRS[0]})
    assert without_twins(edit, {0: PAIRS[0], 1: PAIRS[1]}) == Edit(replaced={1: PAIRS[0]})
