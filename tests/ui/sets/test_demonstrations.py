"""The demonstrations of a version on its page: what can be made of them, and why not."""

import pytest

from tests.ui.test_pages import shown
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.services.sets import sets


def commit(db, *targets):
    items = [Demonstration(source=f"said {n}", target=text) for n, text in enumerate(targets)]
    return sets.commit(db, name="said", demonstrations=items, message="", actor="ada").version


def offered(app):
    return [item.proto.label for item in app.get("page_link")]


@pytest.mark.parametrize(
    ("targets", "reason"),
    [
        (("fine", None), "one pair has no target"),
        (("fine", None, None), "2 of its 3 demonstrations have no target"),
        ((None, None), "it holds bare prompts, without targets"),
    ],
)
def test_where_no_vector_can_be_made_the_reason_stands(db, visit, targets, reason):
    version = commit(db, *targets)
    assert sets.without_target(db, version) == targets.count(None)
    # What is looked for shows only pairs that are whole; the version is what counts.
    app = visit("sets", set="said", contains="fine")
    assert f"No vector can be made of this version: {reason}." in shown(app)
    assert "New vector from this version" not in offered(app)
    assert "New run with these sources as prompts" in offered(app)


def test_a_version_of_pairs_offers_a_vector(db, visit):
    commit(db, "fine", "well")
    app = visit("sets", set="said")
    assert "New vector from this version" in offered(app)
    assert "No vector can be made" not in shown(app)
