"""What is said of stored vectors beside one another, on both databases."""

from tests.store.builders import add_model, add_vector, layers
from vectorlab.services.vectors.vectors import combine, similarities
from vectorlab.store.database import Database


def test_vectors_that_are_equally_alike_stand_newest_first(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        add_vector(tx, model, name="other", layers=layers(7))
        add_vector(tx, model, name="own")
    weights = {"third": 1 / 3, "tenth": 0.1, "turned": -0.7, "long": 13.7, "short": 1e-3}
    for name, weight in weights.items():  # their cosines differ from 1 in the last bits
        combine(database, name=name, terms=[(weight, "own")], actor="t")
    found = [vector.name for vector, _ in similarities(database, "own")]
    assert found == [*reversed(weights), "other"]
