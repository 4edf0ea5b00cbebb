from dataclasses import replace

import numpy as np
import pytest

from tests.databases import execute_raw
from tests.store.builders import (
    LAYERS,
    WIDTH,
    add_combined,
    add_model,
    add_vector,
    add_version,
    layers,
    new_vector,
)
from vectorlab.domain.vectors.vectors import LayerVector, Origin, derived_request_sha256
from vectorlab.errors import (
    ConflictError,
    InputError,
    IntegrityError,
    NotFoundError,
    ShapeError,
    VectorLabError,
)
from vectorlab.store.database import Database
from vectorlab.store.vectors import vectors


def test_a_combined_vector_goes_by_what_its_parents_were_asked_for(database: Database):
    with database.write() as tx:
        model, version = add_model(tx), add_version(tx)
        one = add_vector(tx, model, version)
        other = add_vector(tx, model, version, name="other", layers=layers(1))
        combined = add_combined(tx, model, [one, other])
        assert vectors.request_sha256(tx, one) == one.spec_sha256
        parents = [vectors.request_sha256(tx, vector) for vector in (one, other)]
        assert vectors.request_sha256(tx, combined) == derived_request_sha256(
            combined.method, combined.parameters, parents
        )


def test_a_vector_comes_back_with_every_fact_and_every_byte(database: Database):
    with database.write() as tx:
        model, version = add_model(tx), add_version(tx)
        new = new_vector(model, version)
        stored = vectors.add_vector(tx, new, "tester")
    with database.read() as tx:
        assert vectors.get_vector(tx, "upbeat-v1") == stored
        found = vectors.layer_vectors(tx, stored.id)
        infos = vectors.layer_infos(tx, stored.id)
        assert vectors.alignments(tx, stored.id) == list(new.alignments)
        assert vectors.parents(tx, stored.id) == []
    assert stored.content_sha256 == new.content_sha256
    assert stored.spec_sha256 == new.spec.sha256
    assert (stored.model_name, stored.set_label) == ("tiny", "upbeat@1")
    assert (stored.n_layers, stored.d_model, stored.n_demonstrations) == (LAYERS, WIDTH, 4)
    assert stored.parameters == {"scale": 1.0}
    assert [item.data for item in found] == [item.data for item in new.layers]
    assert [item.explained_variance for item in found] == [0.5, None, None]
    assert [item.separability for item in found] == [0.75, None, None]
    assert all(item.values.dtype == np.float32 for item in found)
    assert [item.norm for item in infos] == [item.norm for item in new.layers]
    assert {item.dtype for item in infos} == {"float32"}


def test_the_environment_and_the_request_are_on_record(database: Database):
    with database.write() as tx:
        model, version = add_model(tx), add_version(tx)
        new = new_vector(model, version)
        vectors.add_vector(tx, new, "tester")
    columns = vectors._vectors.c
    with database.read() as tx:
        row = tx.execute(
            vectors._vectors.select().with_only_columns(
                columns.spec_json, columns.environment_json, columns.created_by
            )
        ).one()
    assert row == (new.spec.to_json(), dict(new.environment), "tester")


def test_a_vector_is_found_by_name_id_hash_prefix_and_request(database: Database):
    with database.write() as tx:
        model, version = add_model(tx), add_version(tx)
        old = add_vector(tx, model, version, "old")
        new = add_vector(tx, model, version, "new")  # forced again: same request, same bytes
        digits = add_vector(tx, model, name="12345678", layers=layers(5))
    with database.read() as tx:
        assert vectors.get_vector(tx, str(old.id)) == old
        assert vectors.get_vector(tx, "12345678") == digits
        assert vectors.get_vector(tx, old.content_sha256[:6]) == new
        assert vectors.get_vector(tx, old.content_sha256.upper()) == new
        assert vectors.find_by_spec(tx, old.spec_sha256) == old
        assert vectors.find_by_spec(tx, old.spec_sha256, name="new") == new
        assert vectors.find_by_spec(tx, "0" * 64) is None
        for unknown in ("nothing", "99", old.content_sha256[:5], "f" * 64, "9" * 30):
            with pytest.raises(NotFoundError, match="vectorlab vectors list"):
                vectors.get_vector(tx, unknown)


def test_vectors_are_listed_newest_first_by_model_set_and_method(database: Database):
    with database.write() as tx:
        model, other_model, version = add_model(tx), add_model(tx, "other"), add_version(tx)
        one = add_vector(tx, model, version, "one")
        two = add_vector(tx, other_model, name="two", method="mean_difference", layers=layers(1))
    with database.read() as tx:
        assert vectors.list_vectors(tx) == [two, one]
        assert vectors.list_vectors(tx, model_id=model.id) == [one]
        assert vectors.list_vectors(tx, set_name="upbeat") == [one]
        assert vectors.list_vectors(tx, method="mean_difference") == [two]
        assert vectors.list_vectors(tx, method="pca") == []


def test_a_combined_vector_names_its_parents_with_weights(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        one = add_vector(tx, model, name="one")
        two = add_vector(tx, model, name="two", layers=layers(1))
        combined = add_combined(tx, model, [two, one])
        terms = vectors.parents(tx, combined.id)
    assert combined.origin is Origin.COMBINED
    assert [(item.vector_id, item.weight) for item in terms] == [(two.id, 0.5), (one.id, 0.5)]


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"layers": []}, ShapeError, "needs layers of one width"),
        ({"layers": layers(width=4)[:1] + layers()[1:]}, ShapeError, r"\(4,\), \(8,\)"),
        ({"layers": layers()[::-1]}, ShapeError, r"\[2, 1, 0\]"),
        ({"layers": [layers()[0], layers()[0]]}, ShapeError, r"\[0, 0\]"),
        (
            {"layers": [LayerVector(layer=0, values=np.full(8, np.nan, np.float32))]},
            InputError,
            "Layer 0 holds NaN",
        ),
        ({"name": "taken"}, ConflictError, "'taken' is taken"),
    ],
)
def test_a_vector_that_cannot_be_is_refused(
    sqlite_database: Database, changed: dict, error: type[VectorLabError], message: str
):
    with sqlite_database.write() as tx:
        model = add_model(tx)
        add_vector(tx, model, name="taken")
    with pytest.raises(error, match=message), sqlite_database.write() as tx:
        vectors.add_vector(tx, replace(new_vector(model), **changed), "tester")
    with sqlite_database.read() as tx:
        assert [item.name for item in vectors.list_vectors(tx)] == ["taken"]


def thaw(database: Database, table: str) -> str:
    """The statement that takes the freeze trigger away, as somebody who tampers would."""
    on = "" if database.dialect == "sqlite" else f" ON {table}"
    return f"DROP TRIGGER freeze_{table}{on}"


def test_one_altered_byte_is_refused_naming_vector_layer_and_both_hashes(
    database: Database, database_url: str
):
    with database.write() as tx:
        vector = add_vector(tx, add_model(tx))
    original = layers()[1]
    altered = bytes([original.data[0] ^ 1]) + original.data[1:]
    literal = (
        f"X'{altered.hex()}'" if database.dialect == "sqlite" else rf"'\x{altered.hex()}'::bytea"
    )
    execute_raw(
        database_url,
        thaw(database, "layer_vectors"),
        f"UPDATE layer_vectors SET data = {literal} WHERE layer = 1",
    )
    with database.read() as tx, pytest.raises(IntegrityError) as caught:
        vectors.layer_vectors(tx, vector.id)
    message = str(caught.value)
    assert "Layer 1 of vector 'upbeat-v1'" in message
    assert original.sha256 in message
    assert LayerVector(layer=1, values=np.frombuffer(altered, "<f4")).sha256 in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data = substr(data, 1, 28)", "has 28 bytes, expected 32"),
        ("dtype = 'pickle'", "has dtype 'pickle', expected float32"),
        # A consistent swap of two layers: each hash fits its bytes, the whole does not.
        ("layer = 9", "Vector 'upbeat-v1' has content hash"),
    ],
)
def test_other_tampering_is_refused_too(
    database: Database, database_url: str, change: str, message: str
):
    with database.write() as tx:
        vector = add_vector(tx, add_model(tx))
    execute_raw(
        database_url,
        thaw(database, "layer_vectors"),
        f"UPDATE layer_vectors SET {change} WHERE layer = 1",
    )
    with database.read() as tx, pytest.raises(IntegrityError, match=message):
        vectors.layer_vectors(tx, vector.id)
