import pytest

from tests.store.builders import add_model, description
from vectorlab.errors import ConflictError, InputError, NotFoundError
from vectorlab.store import models
from vectorlab.store.database import Database


def test_a_model_comes_back_with_every_field(database: Database):
    full = description(
        "full",
        revision="abc",
        chat_template_sha256="d" * 64,
        trust_remote_code=True,
        context_length=None,
    )
    with database.write() as tx:
        stored = models.add_model(tx, name="full", description=full)
    with database.read() as tx:
        found = models.get_model(tx, "full")
    assert found == stored
    assert found.description == full
    assert found.fingerprint == full.fingerprint


def test_a_model_is_found_by_name_id_and_fingerprint(database: Database):
    with database.write() as tx:
        stored, other = add_model(tx), add_model(tx, "other")
    with database.read() as tx:
        assert models.find_model(tx, str(stored.id)) == stored
        assert models.find_model(tx, stored.fingerprint[:6]) == stored
        assert models.model_by_fingerprint(tx, other.fingerprint) == other
        assert models.model_by_fingerprint(tx, "0" * 64) is None
        assert models.list_models(tx) == [other, stored]
        assert models.find_model(tx, "nothing") is None
        with pytest.raises(NotFoundError, match=r"No model 'nothing'.*vectorlab models list"):
            models.get_model(tx, "nothing")


def test_a_prefix_of_two_fingerprints_asks_for_more_digits(database: Database):
    with database.write() as tx:
        one, two = add_model(tx, "one"), add_model(tx, "two")
        shared = "abcdef"
        for model in (one, two):
            # Fingerprints are hashes, so two that begin alike are planted past the freeze.
            on = "" if database.dialect == "sqlite" else " ON models"
            if model is one:
                tx.exec_driver_sql(f"DROP TRIGGER freeze_models{on}")
            tx.execute(
                models._models.update()
                .where(models._models.c.id == model.id)
                .values(fingerprint=shared + str(model.id))
            )
    with database.read() as tx, pytest.raises(InputError, match="2 model hashes"):
        models.find_model(tx, shared)


def test_the_same_model_is_not_registered_twice(database: Database):
    with database.write() as tx:
        add_model(tx)
        with pytest.raises(ConflictError, match="'tiny' is taken"):
            models.add_model(tx, name="tiny", description=description("other"))
        with pytest.raises(ConflictError, match="registered already as 'tiny'"):
            models.add_model(tx, name="copy", description=description("tiny"))


def test_a_moved_model_keeps_its_identity(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        found = models.move_model(tx, model, description(source="/elsewhere", revision="r2"))
        assert models.list_models(tx) == [found]
    assert (found.id, found.fingerprint) == (model.id, model.fingerprint)
    assert (found.description.source, found.description.revision) == ("/elsewhere", "r2")
