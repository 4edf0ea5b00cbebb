"""Fork, tag, merge and purge a set on its page."""

import pytest

from tests.ui.sets.test_drafts import ABC, buttons, field, freeze, pair, targets
from tests.ui.test_pages import press, shown
from vectorlab.domain.sets.merge import Take
from vectorlab.domain.sets.versions import Relation
from vectorlab.errors import NotFoundError
from vectorlab.services.sets import sets


def test_a_version_is_forked(db, visit):
    freeze(db, ABC)
    freeze(db, ABC[:2])
    app = visit("sets", set="said", version="1")
    field(app, "Name of the new set").set_value("said")
    app = press(app, "Fork said@1")
    assert "Set &#x27;said&#x27; exists already" in shown(app)
    field(app, "Name of the new set").set_value("apart")
    app = press(app, "Fork said@1")
    made = sets.get(db, "apart@1")
    assert (made.relation, made.count) == (Relation.FORK, 3)
    assert app.query_params["set"] == "apart"
    assert "Fork of said@1" in shown(app)


def test_tags_are_kept_moved_and_taken_away(db, visit):
    freeze(db, ABC)
    freeze(db, ABC[:2])
    sets.tag(db, reference="said@1", tags=["published", "old"], actor="ada")
    app = visit("sets", set="said", version="2")
    app.multiselect[0].set_value(["published"])
    press(app, "Keep these tags")
    assert [version.tags for version in sets.log(db, "said")] == [("published",), ("old",)]
    app = visit("sets", set="said", version="1")
    app.multiselect[0].set_value(["latest"])
    app = press(app, "Keep these tags")
    assert "always means the newest version" in shown(app)
    app.multiselect[0].set_value([])
    press(app, "Keep these tags")
    assert [version.tags for version in sets.log(db, "said")] == [("published",), ()]


def test_a_purge_says_what_goes_and_takes_it(filled, visit):
    app = visit("sets", set="upbeat")
    said = shown(app)
    assert "other things with it" in said
    assert "vector &#x27;upbeat-icv&#x27;" in said
    going = sets.what_goes(filled, "upbeat")
    app = press(app, f"Purge {len(going)} things")
    with pytest.raises(NotFoundError):
        sets.get_set(filled, "upbeat")
    assert app.title[0].value == "Demonstration sets"


def test_a_set_that_nothing_depends_on_goes_alone(db, visit):
    sets.create(db, name="bare", description="", task="", labels=[], actor="ada")
    freeze(db, ABC)
    app = visit("sets", set="bare")
    assert "Nothing else depends on it." in shown(app)
    press(app, "Purge it")
    assert [about.name for about, _ in sets.list_sets(db)] == ["said"]


def test_another_set_is_merged_with_its_conflicts_settled(db, visit):
    freeze(db, ABC)
    sets.fork(db, reference="said@1", name="apart", actor="ada")
    freeze(db, [pair("A", "theirs"), pair("B", "theirs"), ABC[2]], name="apart")
    freeze(db, [pair("A", "mine"), *ABC[1:]])
    app = visit("sets", set="said", view="merge")
    assert "1 conflict" in shown(app)
    assert not [label for label in buttons(app) if label.startswith("Freeze")]
    (take,) = [item for item in app.radio if item.label == "Conflict 1"]
    app = take.set_value(Take.THEIRS).run()
    app = press(app, "Freeze said@3 with 3 demonstrations")
    assert targets(db, "said@3") == ["A becomes theirs", "B becomes theirs", "C becomes plain"]
    version = sets.get(db, "said@3")
    assert version.merged_id == sets.get(db, "apart@2").id
    assert version.message == "Merge apart@2"
    assert "Merge apart@2" in shown(app)


def test_sets_without_a_version_in_common_are_joined_on_request_alone(db, visit):
    freeze(db, ABC[:1])
    freeze(db, ABC[1:], name="other")
    app = visit("sets", set="said", view="merge")
    assert "have no version in common" in shown(app)
    (box,) = [item for item in app.checkbox if item.label.startswith("Also where")]
    app = box.set_value(True).run()
    press(app, "Freeze said@2 with 3 demonstrations")
    assert targets(db, "said@2") == [item.target for item in ABC]


def test_where_there_is_nothing_to_merge_it_is_said(db, visit):
    freeze(db, ABC)
    assert "Only one set" in shown(visit("sets", set="said", view="merge"))
    sets.fork(db, reference="said@1", name="apart", actor="ada")
    sets.fork(db, reference="said@1", name="zebra", actor="ada")
    said = shown(visit("sets", set="apart", view="merge"))
    assert "apart@1 already holds said@1; there is nothing to merge" in said


def test_a_set_is_described(db, visit):
    sets.create(db, name="said", description="old", task="tone", labels=["a", "b"], actor="ada")
    freeze(db, ABC)
    app = visit("sets", set="said")
    labels = next(item for item in app.multiselect if item.label == "Labels")
    field(app, "What it is for").set_value(" plain to upbeat ")
    labels.set_value(["b"])
    app = press(app, "Keep this description")
    about = sets.get_set(db, "said")
    assert (about.description, about.task, about.labels) == ("plain to upbeat", "tone", ("b",))
    assert "plain to upbeat" in shown(app)
    field(app, "What it is for").set_value("not\x00 text")
    said = in_popover(press(app, "Keep this description"), "Describe")
    assert "holds a NUL character, which cannot be stored" in said
    assert sets.get_set(db, "said") == about


def test_a_set_without_a_version_is_described_too(db, visit):
    sets.create(db, name="bare", description="", task="", labels=[], actor="ada")
    app = visit("sets", set="bare")
    field(app, "Task").set_value("tone")
    press(app, "Keep this description")
    assert sets.get_set(db, "bare").task == "tone"


def test_a_set_is_renamed(db, visit):
    freeze(db, ABC)
    freeze(db, ABC, name="other")
    app = visit("sets", set="said", version="1")
    field(app, "New name of the set").set_value("other")
    app = press(app, "Keep this name")
    assert "Set name &#x27;other&#x27; is taken by set 2. Choose another." in in_popover(
        app, "Rename"
    )
    field(app, "New name of the set").set_value("told")
    app = press(app, "Keep this name")
    assert app.query_params["set"] == "told"
    assert app.title[0].value == "told"
    assert [about.name for about, _ in sets.list_sets(db)] == ["other", "told"]


def test_a_version_is_split_in_two(db, visit):
    freeze(db, ABC)
    app = visit("sets", set="said")
    field(app, "Name of the first set").set_value("pool")
    field(app, "Name of the second set").set_value("said")
    app = press(app, "Split said@1")
    assert "Set &#x27;said&#x27; exists already" in in_popover(app, "Split")
    field(app, "Name of the second set").set_value("test")
    field(app, "Share of the first", "number_input").set_value(0.01)
    app = press(app, "Split said@1")
    assert "leaves a side empty" in in_popover(app, "Split")
    assert [about.name for about, _ in sets.list_sets(db)] == ["said"]
    field(app, "Share of the first", "number_input").set_value(0.67)
    app = press(app, "Split said@1")
    assert app.query_params["set"] == "pool"
    sides = [sets.get(db, "pool"), sets.get(db, "test")]
    assert [side.count for side in sides] == [2, 1]
    assert {side.relation for side in sides} == {Relation.SPLIT}


def test_a_version_is_divided_into_folds(db, visit):
    freeze(db, ABC)
    app = visit("sets", set="said")
    field(app, "Beginning of the names").set_value("cv")
    app = press(app, "Make the folds")
    said = in_popover(app, "Folds")
    assert "5 folds of said@1 cannot be made: choose 2 to 3" in said
    field(app, "Folds", "number_input").set_value(3)
    field(app, "Beginning of the names").set_value("c v")
    assert "cannot be used" in in_popover(press(app, "Make the folds"), "Folds")
    field(app, "Beginning of the names").set_value("cv")
    app = press(app, "Make the folds")
    made = [f"cv-{fold}-{side}" for fold in (1, 2, 3) for side in ("pool", "test")]
    assert [about.name for about, _ in sets.list_sets(db)] == [*made, "said"]
    assert app.query_params["words"] == "cv-"
    assert "cv-3-test" in shown(app)


def in_popover(app, label):
    """What stands in a popover, as one string."""
    (found,) = [
        block
        for block in app.main.children.values()
        for block in popovers(block)
        if block.proto.popover.label == label
    ]
    return "\n".join(item.proto.body for item in found.get("html"))


def popovers(block):
    if getattr(getattr(block, "proto", None), "popover", None) and block.proto.popover.label:
        yield block
    for child in getattr(block, "children", {}).values():
        yield from popovers(child)
