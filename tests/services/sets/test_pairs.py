"""A pair is added to the latest version, or begins a set, and never takes anything away."""

import pytest

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import ConflictError, InputError
from vectorlab.services.sets import pairs, sets

PAIR = Demonstration(source="The soup.", target="Wow, the soup!")


def add(db, name="tone", base=None, pair=PAIR, **more):
    return pairs.add_pair(
        db, name=name, base=base, pair=pair, message="why", actor="ada", **more
    ).version


def test_the_first_pair_begins_a_set_and_the_next_goes_to_its_end(database):
    first = add(database)
    second = add(database, base="tone@1", pair=Demonstration(source="a", target="b"))
    assert [first.label, second.label] == ["tone@1", "tone@2"]
    found = sets.demonstrations(database, second)
    assert [(one.source, one.target) for one in found] == [
        ("The soup.", "Wow, the soup!"),
        ("a", "b"),
    ]
    assert (second.author, second.message) == ("ada", "why")


def test_a_set_that_came_up_meanwhile_loses_nothing(database):
    add(database)
    with pytest.raises(ConflictError, match="there by now"):
        add(database)
    add(database, base="tone@1", pair=Demonstration(source="a", target="b"))
    with pytest.raises(InputError, match="latest version is tone@2"):
        add(database, base="tone@1", pair=Demonstration(source="c", target="d"))
    assert sets.get(database, "tone").count == 2


@pytest.mark.parametrize(("source", "target"), [("", "b"), (" ", "b"), ("a", ""), ("a", None)])
def test_a_pair_lacks_no_side(database, source, target):
    with pytest.raises(InputError, match="needs a source and a target"):
        add(database, pair=Demonstration(source=source, target=target))
    assert sets.list_sets(database) == []


def test_an_empty_set_takes_its_first_pair(database):
    sets.create(database, name="tone", description="", task="", labels=(), actor="ada")
    assert add(database).label == "tone@1"
