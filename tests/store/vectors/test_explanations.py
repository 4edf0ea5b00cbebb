"""Demonstrations ranked by what they do to a vector, read from alignments and studies."""

import pytest

from tests.store.builders import PAIRS, add_model, add_study, add_vector, add_version, left_out
from vectorlab.domain.vectors.vectors import Alignment, SteeringVector
from vectorlab.store import purge
from vectorlab.store.database import Database, Transaction
from vectorlab.store.vectors import explanations, vectors

MEANS = (0.5, -0.25, 0.75, -0.5)


def studied(tx: Transaction, sizes: tuple[float, ...] = (0.1, 0.4, 0.2, 0.3)) -> SteeringVector:
    alignments = [
        Alignment(position=place, cosines=(mean,) * 3, mean=mean)
        for place, mean in enumerate(MEANS)
    ]
    vector = add_vector(tx, add_model(tx), add_version(tx), alignments=alignments)
    if sizes:
        items = [left_out(place, size) for place, size in enumerate(sizes)]
        explanations.add_explanation(tx, vector.id, items, {"states_reused": 8}, "ada")
    return vector


def test_demonstrations_are_ranked_and_bring_their_texts(database: Database):
    with database.write() as tx:
        vector = studied(tx)
        strongest = explanations.pulls(tx, vector.id, order="strongest", contrary=False)
        contrary = explanations.pulls(tx, vector.id, order="weakest", contrary=True)
        moved = explanations.pulls(tx, vector.id, order="largest_shift", limit=2)
        everything = explanations.pulls(tx, vector.id)
        assert explanations.count_contrary(tx, vector.id) == 2
    assert [item.position for item in strongest] == [2, 0]
    assert [item.position for item in contrary] == [3, 1]
    assert [item.position for item in moved] == [1, 3]
    assert [item.position for item in everything] == [0, 1, 2, 3]
    assert [(item.source, item.target) for item in everything] == [
        (item.source, item.target) for item in PAIRS
    ]
    assert [item.alignment for item in everything] == list(MEANS)
    assert everything[1].left_out == left_out(1, 0.4)
    assert everything[1].cosines == (-0.25,) * 3


def test_without_a_study_there_are_alignments_alone(database: Database):
    with database.write() as tx:
        vector = studied(tx, sizes=())
        assert explanations.find_explanation(tx, vector.id) is None
        assert explanations.left_out(tx, vector.id) == []
        assert all(item.left_out is None for item in explanations.pulls(tx, vector.id))


def test_a_study_is_stored_once_with_where_it_came_from(database: Database):
    with database.write() as tx:
        vector = studied(tx)
        explanations.add_explanation(tx, vector.id, [left_out(0)], {"other": 1}, "bob")
        found = explanations.find_explanation(tx, vector.id)
        items = explanations.left_out(tx, vector.id)
    assert found is not None
    assert (found.created_by, found.environment) == ("ada", {"states_reused": 8})
    assert items == [left_out(place, size) for place, size in enumerate((0.1, 0.4, 0.2, 0.3))]


def test_a_purged_vector_takes_its_study_with_it(database: Database):
    with database.write() as tx:
        vector = studied(tx)
        purge.purge_vector(tx, vector.name, cascade=False, actor="ada")
        assert explanations.find_explanation(tx, vector.id) is None
        assert vectors.list_vectors(tx) == []


@pytest.mark.parametrize("size", [0.0, 0.3, 1.0])
def test_shift_is_the_length_of_what_is_missing(size: float):
    item = left_out(0, size)
    length = 1 - size
    assert item.shift == pytest.approx((1 + length**2 - 2 * length * (1 - size)) ** 0.5)


def test_a_study_belongs_to_one_vector(database: Database):
    with database.write() as tx:
        vector = studied(tx)
        other = add_vector(tx, add_model(tx, "other"), name="other", alignments=())
        add_study(tx, other)
        assert len(explanations.left_out(tx, vector.id)) == 4
        assert len(explanations.left_out(tx, other.id)) == 1
