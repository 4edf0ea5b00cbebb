"""The demonstrations of a version on its page: what can be made of them, and why not."""

import pytest

from tests.ui.test_pages import shown
from ui import markup
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


def test_demonstrations_are_counted_from_one_and_the_page_says_where_they_are_not(db, visit):
    commit(db, "fine", "fine", "well")
    items = [Demonstration(source=f"said {n}", target="well") for n in (0, 1, 1)]
    sets.commit(db, name="said", demonstrations=items, message="", actor="ada")
    app = visit("sets", set="said")
    assert app.dataframe[0].value["number"].tolist() == [1, 2, 3]
    assert "number 3" in shown(app)  # of the check for what stands twice
    assert "from 1 here, and from 0 in commands" in app.caption[-1].value
    table = html_with("<th", visit("sets", set="said", view="changes"))
    assert cells_of(table, column=1) == ["1", "2", "3"]
    blamed = visit("sets", set="said", view="history").dataframe[0].value
    assert blamed["number"].tolist() == [1, 2, 3]


def html_with(mark, app):
    return next(
        item.body for item in app.get("html") if "<table" in item.body and mark in item.body
    )


def cells_of(table, *, column):
    rows = table.partition("<tbody>")[2].split("<tr>")[1:]
    return [markup.words(row.split("<td>")[1 + column].partition("</td>")[0]) for row in rows]


def test_the_numbers_of_what_the_checks_found_stand_apart_from_their_words(db, visit):
    commit(db, "fine", None)
    said = shown(visit("sets", set="said"))
    assert "no vector is made of such a version<span" in said.replace(" <span", "<span")
    assert "(number 2)</span>" in said
