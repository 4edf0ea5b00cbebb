"""Entity data, instances, featurizers and evaluations come back as they went in."""

from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sa

from tests.databases import execute_raw
from tests.store.builders import (
    WIDTH,
    add_instance,
    add_model,
    add_ravel,
    featurizer_spec,
    ravel_data_of,
)
from vectorlab.errors import ConflictError, InputError, IntegrityError, NotFoundError
from vectorlab.ravel.domain.instances import ExamplePart
from vectorlab.ravel.domain.specs import NamedTensor, NewFeaturizer
from vectorlab.ravel.store import entities, instances, results, tables
from vectorlab.store import purge, schema
from vectorlab.store.database import Database, Transaction
from vectorlab.store.upkeep import maintenance


def test_data_come_back_with_the_hash_they_went_in_with(database: Database):
    data = ravel_data_of()
    with database.write() as tx:
        version, is_new = entities.add_version(
            tx, name="thing", data=data, message="first", author="ada"
        )
        assert is_new
        assert entities.data(tx, version.id) == data
        assert entities.data(tx, version.id).sha256 == version.content_sha256 == data.sha256
        assert (version.label, version.n_entities, version.n_templates) == ("thing@1", 4, 6)


def test_equal_data_are_found_and_changed_ones_are_the_next_version(database: Database):
    data = ravel_data_of()
    changed = replace(data, entities=data.entities[::-1])
    with database.write() as tx:
        add = lambda some: entities.add_version(  # noqa: E731
            tx, name="thing", data=some, message="", author="ada"
        )
        first, _ = add(data)
        assert add(data) == (first, False)
        second, is_new = add(changed)
        assert (second.number, is_new) == (2, True)
        assert entities.resolve(tx, "thing") == second
        assert entities.resolve(tx, "thing@1") == first
        assert entities.resolve(tx, f"thing@{first.content_sha256[:8]}") == first
        assert entities.list_versions(tx) == [second, first]
        with pytest.raises(NotFoundError, match="No entity data 'other'"):
            entities.resolve(tx, "other")


def test_an_instance_comes_back_with_its_completions_and_examples(database: Database):
    with database.write() as tx:
        made = add_instance(tx, add_model(tx))
    with database.read() as tx:
        assert instances.get_instance(tx, "things") == made
        assert instances.get_instance(tx, made.content_sha256[:10]) == made
        assert instances.find_by_spec(tx, made.spec.sha256) == made
        said = instances.completions(tx, made.id)
        assert [(item.entity, item.token_ids, item.correct) for item in said] == [
            (0, (0, 7), None),
            (1, (1, 7), True),
        ]
        assert list(instances.examples(tx, made.id)) == [0, 1, 2, 3]
        tested = instances.examples(tx, made.id, [ExamplePart.ENTITY_TEST])
        assert list(tested) == [2, 3]
        assert made.n_examples[ExamplePart.TRAIN] == 2
        assert not instances.name_is_free(tx, "things")
        assert instances.free_name(tx, "things") == "things-2"
        with pytest.raises(NotFoundError, match="vectorlab ravel list"):
            instances.get_instance(tx, "nothing")


def test_results_come_back_and_are_found_by_their_requests(database: Database):
    with database.write() as tx:
        made = add_ravel(tx, add_model(tx))
    with database.read() as tx:
        featurizer, evaluation, run = made["featurizer"], made["evaluation"], made["run"]
        assert results.find_featurizer(tx, featurizer.spec.sha256) == featurizer
        rows = results.tensors(tx, featurizer.id)["rows"]
        assert np.array_equal(rows.values, np.eye(2, WIDTH, dtype=np.float32))
        assert results.outcomes(tx, evaluation.id) == made["outcomes"]
        assert results.featurizers_of(tx, evaluation.id) == [featurizer]
        assert results.list_evaluations(tx, run_id=run.id) == [evaluation]
        assert results.find_run(tx, "trial") == run
        spec = results.run_spec(tx, run.id)
        assert spec.sha256 == run.spec_sha256
        assert results.find_run_by_spec(tx, spec.sha256) == run
        assert results.list_runs(tx) == [run]


def test_an_equal_featurizer_is_stored_once(database: Database):
    with database.write() as tx:
        made = add_ravel(tx, add_model(tx))
        new = NewFeaturizer(
            spec=featurizer_spec(made["instance"]), instance_id=made["instance"].id, n_features=9,
            tensors=[], curve=[], measures={}, environment={},
        )  # fmt: skip
        assert results.add_featurizer(tx, new, "bob") == made["featurizer"]


def test_arrays_larger_than_a_chunk_come_back(database: Database, monkeypatch):
    monkeypatch.setattr(results, "CHUNK_BYTES", 64)
    values = np.random.default_rng(0).normal(size=(7, 9)).astype(np.float32)
    with database.write() as tx:
        instance = add_instance(tx, add_model(tx))
        new = NewFeaturizer(
            spec=featurizer_spec(instance, method="sae"), instance_id=instance.id, n_features=1,
            tensors=[NamedTensor(name="W_enc", values=values)], curve=[], measures={},
            environment={},
        )  # fmt: skip
        made = results.add_featurizer(tx, new, "ada")
        chunks = tables.ravel_tensor_chunks
        assert tx.scalar(sa.select(sa.func.count()).select_from(chunks)) == 4
        assert np.array_equal(results.tensors(tx, made.id)["W_enc"].values, values)


def test_a_damaged_array_is_refused(database: Database):
    with database.write() as tx:
        made = add_ravel(tx, add_model(tx))
    execute_raw(
        database.url,
        "DROP TRIGGER freeze_ravel_tensor_chunks"
        + ("" if database.dialect == "sqlite" else " ON ravel_tensor_chunks"),
        "UPDATE ravel_tensor_chunks SET data = "
        + ("X'00'" if database.dialect == "sqlite" else "'\\x00'::bytea"),
    )
    with database.read() as tx:
        [problem] = maintenance.verify(tx)
        assert "Array 'rows' of featurizer 1" in problem
        with pytest.raises(IntegrityError, match="Array 'rows'"):
            results.tensors(tx, made["featurizer"].id)


def test_labels_that_agree_are_refused_by_the_database_too(database: Database):
    with database.write() as tx:
        made = add_instance(tx, add_model(tx))

    def insert() -> None:
        with database.write() as tx:
            row = tx.execute(tables.ravel_examples.select()).first()
            assert row is not None
            values = dict(row._mapping) | {"position": 9, "counter_label": row.label}
            tx.execute(tables.ravel_examples.insert().values(values))

    with pytest.raises(InputError, match="expected label <> counter_label"):
        insert()
    with database.read() as tx:
        assert len(instances.examples(tx, made.id)) == 4


def rows_of_ravel(tx: Transaction) -> int:
    tables = [
        table
        for name, table in schema.metadata.tables.items()
        if name.startswith("ravel_") and name != "ravel_types"
    ]
    return sum(tx.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in tables)


def test_what_is_needed_is_not_purged_unless_told_to(database: Database):
    with database.write() as tx:
        made = add_ravel(tx, add_model(tx))
        before = rows_of_ravel(tx)
        for kind, row_id, needed in (
            ("entity data", made["instance"].version_id, "instance 'things'"),
            ("featurizer", made["featurizer"].id, "evaluation"),
            ("evaluation", made["evaluation"].id, "ravel run"),
        ):
            with pytest.raises(ConflictError, match=f"is needed by {needed}"):
                purge.purge_thing(tx, kind, row_id, cascade=False, actor="ann")
        assert rows_of_ravel(tx) == before
        gone = purge.purge_thing(
            tx, "entity data", made["instance"].version_id, cascade=True, actor="ann"
        )
        assert len(gone) == 5
        assert rows_of_ravel(tx) == 0
