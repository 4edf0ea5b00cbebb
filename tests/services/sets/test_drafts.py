"""Drafts in the store: kept, frozen, thrown away, merged with what was frozen meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from vectorlab.domain.sets.checks import Check
from vectorlab.domain.sets.drafts import NOTHING_YET, Draft, DraftStep
from vectorlab.domain.sets.merge import Take
from vectorlab.domain.sets.versions import Demonstration, Relation
from vectorlab.errors import ConflictError, InputError, NotFoundError
from vectorlab.services.sets import drafts, sets
from vectorlab.store.database import Database


def pair(name: str, target: str = "plain") -> Demonstration:
    return Demonstration(source=f"the source {name}", target=f"{name} becomes {target}")


ABC = [pair(name) for name in "ABC"]


@pytest.fixture
def store(database: Database) -> Database:
    sets.commit(database, name="a", demonstrations=ABC, message="", actor="tester")
    return database


def step(store: Database, number: int = 1, author: str = "ann", **changes) -> Draft:
    draft = drafts.take_step(store, "a", number, DraftStep(**changes), author=author)
    assert draft is not None
    return draft


def targets(store: Database, reference: str) -> list[str | None]:
    return [item.target for item in sets.demonstrations(store, sets.get(store, reference))]


def test_a_draft_is_one_per_version_and_person_and_says_how_much_it_changes(store: Database):
    first = step(store, replaced={0: pair("A", "new")})
    again = step(store, removed={1: True}, added=(pair("D"),))
    other = step(store, author="ben", removed={0: True})
    assert again.id == first.id != other.id
    assert (again.label, again.words) == ("a@1", "1 changed, 1 removed, 1 added")
    assert drafts.find(store, "a", 1, author="ann") == again
    assert drafts.find(store, "a", 1, author="cleo") is None
    assert [draft.id for draft in drafts.list_drafts(store)] == [other.id, again.id]
    assert drafts.list_drafts(store, author="ann") == [again]
    outlook = drafts.look_ahead(store, again)
    assert (outlook.count, outlook.findings) == (3, ())
    assert len(outlook.changes.edited) + len(outlook.changes.added) == 2


def test_a_draft_that_changes_nothing_any_more_is_not_kept(store: Database):
    step(store, replaced={0: pair("A", "new")})
    assert drafts.take_step(store, "a", 1, DraftStep(replaced={0: ABC[0]}), author="ann") is None
    assert drafts.list_drafts(store) == []


def test_a_draft_is_frozen_once_and_leaves_nothing_behind(store: Database):
    draft = step(store, replaced={0: pair("A", "new")}, added=(pair("D"), ABC[1]))
    done = drafts.freeze_draft(store, draft, message="why", actor="ann")
    assert (done.version.label, done.version.message) == ("a@2", "why")
    assert [item.check for item in done.findings] == [Check.DUPLICATE]
    assert targets(store, "a@2")[0] == "A becomes new"
    assert drafts.list_drafts(store) == []
    with pytest.raises(ConflictError, match="frozen or thrown away elsewhere"):
        drafts.freeze_draft(store, draft, message="", actor="ann")


def test_another_draft_than_the_one_that_was_shown_is_not_frozen(store: Database):
    seen = step(store, replaced={0: pair("A", "new")})
    step(store, removed={1: True})
    with pytest.raises(ConflictError, match="changed elsewhere"):
        drafts.freeze_draft(store, seen, message="", actor="ann")
    assert sets.get(store, "a").number == 1


def test_strict_freezes_nothing_and_keeps_the_draft(store: Database):
    draft = step(store, added=(Demonstration(source="alone", target=None),))
    with pytest.raises(InputError, match="without a target"):
        drafts.freeze_draft(store, draft, message="", actor="ann", strict=True)
    assert drafts.list_drafts(store) == [draft]


def test_a_set_begins_with_a_draft(store: Database):
    sets.create(store, name="new", description="", task="", labels=[], actor="ann")
    begun = drafts.take_step(store, "new", NOTHING_YET, DraftStep(added=tuple(ABC)), author="ann")
    assert begun is not None
    assert (begun.label, begun.words) == ("new", "3 added")
    assert drafts.look_ahead(store, begun).count == 3
    done = drafts.freeze_draft(store, begun, message="", actor="ann")
    assert done.version.label == "new@1"
    assert drafts.list_drafts(store) == []


def test_a_draft_is_thrown_away_by_its_number(store: Database):
    draft = step(store, removed={0: True})
    assert drafts.get(store, draft.id) == drafts.discard(store, draft.id) == draft
    with pytest.raises(NotFoundError, match="sets drafts"):
        drafts.discard(store, draft.id)


def test_what_no_version_has_is_refused_and_nothing_is_kept(store: Database):
    with pytest.raises(InputError, match="a@1 has no position 3"):
        step(store, removed={3: True})
    with pytest.raises(InputError, match="NUL"):
        step(store, added=(Demonstration(source="\x00", target="x"),))
    with pytest.raises(NotFoundError):
        step(store, number=2, removed={0: True})
    with pytest.raises(NotFoundError):
        drafts.take_step(store, "other", NOTHING_YET, DraftStep(added=tuple(ABC)), author="ann")
    assert drafts.list_drafts(store) == []


def test_windows_that_write_at_once_lose_nothing(store: Database):
    def write(number: int) -> None:
        step(store, added=(pair(f"X{number}"),), replaced={number % 3: pair(f"R{number}")})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(12)))
    (draft,) = drafts.list_drafts(store)
    assert {item.source for item in draft.edit.added} == {f"the source X{n}" for n in range(12)}
    assert set(draft.edit.replaced) == {0, 1, 2}


def test_a_race_that_was_lost_becomes_a_merge(store: Database):
    """Both changed A and C; each chose what to take, and what only one changed is there."""
    mine = step(store, author="ann", replaced={0: pair("A", "anns"), 2: pair("C", "anns")})
    lost = step(
        store,
        author="ben",
        replaced={0: pair("A", "bens"), 1: pair("B", "bens"), 2: pair("C", "bens")},
        added=(pair("D"),),
    )
    drafts.freeze_draft(store, mine, message="", actor="ann")
    with pytest.raises(ConflictError, match=r"a@1 was edited, but the latest version is a@2"):
        drafts.freeze_draft(store, lost, message="", actor="ben")
    seen = drafts.look_at_merge(store, lost)
    assert seen.into.label == "a@2"
    assert seen.outlook is None
    assert [(c.ours and c.ours.target, c.theirs and c.theirs.target) for c in seen.conflicts] == [
        ("A becomes anns", "A becomes bens"),
        ("C becomes anns", "C becomes bens"),
    ]
    settled = {1: Take.OURS, 2: Take.THEIRS}
    with pytest.raises(InputError, match="Conflict 2 of 2 is open"):
        drafts.merge_draft(store, lost, seen, settled={1: Take.OURS}, message="", actor="ben")
    outlook = drafts.look_at_merge(store, lost, settled=settled).outlook
    assert outlook is not None
    assert outlook.count == 4
    done = drafts.merge_draft(store, lost, seen, settled=settled, message="", actor="ben")
    assert done.version.label == "a@3"
    assert done.version.message == "Merge of a draft of a@1 with a@2"
    assert done.version.details == {"base": "a@1", "conflicts": 2}
    assert targets(store, "a@3") == [
        "A becomes anns",
        "B becomes bens",
        "C becomes bens",
        "D becomes plain",
    ]
    assert drafts.list_drafts(store) == []


def test_a_merge_that_was_looked_at_is_not_made_with_a_later_version(store: Database):
    lost = step(store, author="ben", removed={2: True})
    first = step(store, replaced={0: pair("A", "new")})
    drafts.freeze_draft(store, first, message="", actor="ann")
    seen = drafts.look_at_merge(store, lost)
    assert (seen.conflicts, seen.outlook and seen.outlook.count) == ((), 2)
    later = step(store, number=2, replaced={1: pair("B", "new")})
    drafts.freeze_draft(store, later, message="", actor="ann")
    with pytest.raises(ConflictError, match=r"a@3 was frozen since the merge with a@2"):
        drafts.merge_draft(store, lost, seen, settled={}, message="", actor="ben")
    changed = replace(lost, edit=first.edit)
    with pytest.raises(ConflictError, match="changed elsewhere"):
        drafts.merge_draft(store, changed, seen, settled={}, message="", actor="ben")


def test_two_who_begin_the_same_set_are_merged_too(store: Database):
    sets.create(store, name="new", description="", task="", labels=[], actor="ann")
    begun = {
        author: drafts.take_step(store, "new", NOTHING_YET, DraftStep(added=items), author=author)
        for author, items in {"ann": (ABC[0], ABC[1]), "ben": (ABC[1], ABC[2])}.items()
    }
    assert begun["ann"] is not None
    assert begun["ben"] is not None
    drafts.freeze_draft(store, begun["ann"], message="", actor="ann")
    seen = drafts.look_at_merge(store, begun["ben"])
    drafts.merge_draft(store, begun["ben"], seen, settled={}, message="", actor="ben")
    assert targets(store, "new@2") == [item.target for item in ABC]


def test_an_older_version_is_edited_as_a_fork(store: Database):
    sets.commit(store, name="a", demonstrations=ABC[:2], message="", actor="tester")
    draft = step(store, replaced={0: pair("A", "new")})
    with pytest.raises(ConflictError, match="exists already"):
        drafts.freeze_draft(store, draft, message="", actor="ann", fork_as="a")
    done = drafts.freeze_draft(store, draft, message="", actor="ann", fork_as="a-old")
    assert (done.version.label, done.version.relation) == ("a-old@1", Relation.FORK)
    assert (done.version.message, done.version.count) == ("Fork of a@1", 3)
    assert drafts.list_drafts(store) == []
    assert sets.get(store, "a").number == 2


def test_drafts_follow_a_rename_and_go_with_their_set(store: Database):
    draft = step(store, removed={0: True})
    sets.rename(store, "a", "b", actor="ann")
    assert drafts.get(store, draft.id).label == "b@1"
    sets.remove(store, "b", cascade=False, actor="ann")
    assert drafts.list_drafts(store) == []
