"""Drafts on the page of sets: begun, kept, frozen, merged, thrown away."""

import pytest

from tests.ui.test_pages import press, shown
from vectorlab.domain.sets.drafts import NOTHING_YET, DraftStep
from vectorlab.domain.sets.merge import Take
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.services.sets import drafts, sets

ME = "tester"


def pair(name: str, target: str = "plain") -> Demonstration:
    return Demonstration(source=f"the source {name}", target=f"{name} becomes {target}")


ABC = [pair(name) for name in "ABC"]


@pytest.fixture(autouse=True)
def me(monkeypatch):
    monkeypatch.setenv("VECTORLAB_USER", ME)


def freeze(db, items, name="said"):
    return sets.commit(db, name=name, demonstrations=items, message="", actor=ME).version


def write(db, number=1, author=ME, name="said", **changes):
    return drafts.take_step(db, name, number, DraftStep(**changes), author=author)


def targets(db, reference):
    return [item.target for item in sets.demonstrations(db, sets.get(db, reference))]


def buttons(app):
    return [item.label for item in app.button]


def links(app):
    return [item.proto.label for item in app.get("page_link")]


def field(app, label, kind="text_input"):
    (found,) = [item for item in getattr(app, kind) if item.label == label]
    return found


def test_a_set_begins_with_a_name_and_what_was_pasted(db, visit):
    app = visit("sets")
    field(app, "Name of the new set").set_value("made")
    field(app, "Paste pairs", "text_area").set_value("source\ttarget\nbad\tgood\nawful\t\n")
    app = press(app, "Begin")
    assert app.query_params["set"] == "made"
    assert "1 demonstration without a target" in shown(app)
    app = press(app, "Freeze made@1 with 2 demonstrations")
    assert "New run with these sources as prompts" in links(app)
    items = sets.demonstrations(db, sets.get(db, "made@1"))
    assert [(item.source, item.target) for item in items] == [("bad", "good"), ("awful", None)]
    assert drafts.list_drafts(db) == []
    assert "1 demonstration without a target" in shown(app)  # kept with the version


def test_what_cannot_be_pasted_makes_no_set(db, visit):
    app = visit("sets")
    field(app, "Name of the new set").set_value("made")
    field(app, "Paste pairs", "text_area").set_value("a\tb\tc")
    app = press(app, "Begin")
    assert "Line 1 of what was pasted has 3 cells" in shown(app)
    assert sets.list_sets(db) == []


def test_a_draft_is_there_on_another_visit_and_listed(db, visit):
    freeze(db, ABC)
    write(db, replaced={0: pair("A", "new")}, added=(pair("D"),))
    app = visit("sets", set="said", view="edit")
    assert "A becomes" in shown(app)
    assert "Freeze said@2 with 4 demonstrations" in buttons(app)
    listed = shown(visit("sets"))
    assert 'href="sets?set=said&amp;version=1&amp;view=edit"' in listed
    assert "1 changed, 1 added" in listed


def test_pasted_pairs_join_a_draft(db, visit):
    freeze(db, ABC)
    app = visit("sets", set="said", view="edit")
    field(app, "Paste pairs", "text_area").set_value("x\ty")
    app = press(app, "Add these pairs")
    assert "Freeze said@2 with 4 demonstrations" in buttons(app)
    (draft,) = drafts.list_drafts(db)
    assert [(item.source, item.target) for item in draft.edit.added] == [("x", "y")]


def test_a_frozen_draft_leaves_nothing_and_its_version_is_shown(db, visit):
    freeze(db, ABC)
    write(db, removed={1: True})
    app = visit("sets", set="said", view="edit")
    field(app, "Message").set_value("Without B")
    app = press(app, "Freeze said@2 with 2 demonstrations")
    assert "Without B" in shown(app)
    assert "view" not in app.query_params
    assert targets(db, "said@2") == [ABC[0].target, ABC[2].target]
    assert drafts.list_drafts(db) == []


def test_a_draft_is_thrown_away_after_a_question(db, visit):
    freeze(db, ABC)
    write(db, removed={1: True})
    app = visit("sets", set="said", view="edit")
    assert "What it holds is lost: 1 removed." in shown(app)
    app = press(app, "Yes, throw the draft away")
    assert drafts.list_drafts(db) == []
    assert "nothing is frozen" in shown(app)


def test_strict_refuses_and_keeps_the_draft(db, visit):
    freeze(db, ABC)
    write(db, added=(ABC[0],))
    app = visit("sets", set="said", view="edit")
    (strict,) = [box for box in app.checkbox if box.label == "Refuse what the checks find"]
    strict.set_value(True)
    app = press(app, "Freeze said@2 with 4 demonstrations")
    assert "Nothing was committed" in shown(app)
    assert len(drafts.list_drafts(db)) == 1


def conflicting(db):
    freeze(db, ABC)
    write(db, replaced={0: pair("A", "mine"), 1: pair("B", "mine"), 2: pair("C", "mine")})
    freeze(db, [pair("A", "theirs"), ABC[1], pair("C", "theirs")])


def test_a_race_that_was_lost_is_merged_on_the_page(db, visit):
    conflicting(db)
    app = visit("sets", set="said", version="1", view="edit")
    assert "said@2 is the latest version" in shown(app)
    assert "2 conflicts" in shown(app)
    assert not [label for label in buttons(app) if label.startswith("Freeze")]
    app = press(app, "All as said@2 has it")
    assert "Freeze said@3 with 3 demonstrations" in buttons(app)
    takes = {item.label: item for item in app.radio if item.label.startswith("Conflict")}
    assert [item.value for item in takes.values()] == [Take.OURS, Take.OURS]
    app = takes["Conflict 2"].set_value(Take.THEIRS).run()
    app = press(app, "Freeze said@3 with 3 demonstrations")
    assert "New vector from this version" in links(app)
    assert targets(db, "said@3") == ["A becomes theirs", "B becomes mine", "C becomes mine"]
    assert drafts.list_drafts(db) == []


def test_a_draft_of_an_older_version_can_go_its_own_way(db, visit):
    conflicting(db)
    app = visit("sets", set="said", version="1", view="edit")
    (way,) = [item for item in app.radio if item.label == "The draft"]
    app = way.set_value("freeze it as a set of its own").run()
    fork = [item for item in app.text_input if item.label == "Name of the new set"]
    fork[0].set_value("apart")
    app = press(app, "Freeze 3 demonstrations as a fork of said@1")
    assert app.query_params["set"] == "apart"
    assert targets(db, "apart@1") == ["A becomes mine", "B becomes mine", "C becomes mine"]
    assert sets.get(db, "said").number == 2
    assert drafts.list_drafts(db) == []


def test_drafts_of_others_are_said_and_not_opened(db, visit):
    freeze(db, ABC)
    write(db, author="ben", removed={0: True})
    said = shown(visit("sets", set="said", view="edit"))
    assert "Other drafts of this set" in said
    assert "<td>ben</td>" in said
    assert 'href="sets?set=said&amp;version=1&amp;view=edit"' not in said


def test_a_set_without_a_version_shows_its_draft(db, visit):
    sets.create(db, name="bare", description="", task="", labels=[], actor=ME)
    app = visit("sets", set="bare")
    assert "No version yet" in shown(app)
    write(db, number=NOTHING_YET, name="bare", added=tuple(ABC))
    assert "Freeze bare@1 with 3 demonstrations" in buttons(visit("sets", set="bare"))
