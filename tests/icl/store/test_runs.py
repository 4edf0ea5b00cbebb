"""In-context runs are kept whole, found again and purged with all their parts."""

import pytest
import sqlalchemy as sa

from tests.icl.store.builders import add_icl_run, new_icl_run
from tests.store.builders import add_job, add_model, add_version
from vectorlab.domain.jobs.jobs import JobFilter
from vectorlab.errors import ConflictError, IntegrityError, NotFoundError
from vectorlab.icl.domain.runs import IclKind
from vectorlab.icl.store import runs, tables
from vectorlab.store import purge, schema
from vectorlab.store.database import Database
from vectorlab.store.jobs import pruning, queue

PARTS = (tables.icl_weights, tables.icl_heads, tables.icl_layers, tables.icl_checks)


def test_a_run_comes_back_as_it_was_stored(database: Database):
    with database.write() as tx:
        model, version = add_model(tx), add_version(tx)
        new = new_icl_run(model, version)
        run_id = runs.add_run(tx, new, "tester")
        run = runs.get_run(tx, str(run_id))
        assert (run.kind, run.spec, run.result) == (new.kind, new.spec, new.result)
        assert (run.model_name, run.set_label) == (model.name, version.label)
        assert runs.checks(tx, run_id) == list(new.checks)
        assert runs.layers(tx, run_id) == list(new.layers)
        assert runs.heads(tx, run_id) == list(new.heads)
        assert runs.weights(tx, run_id) == new.weights
        bare = runs.add_run(
            tx,
            new_icl_run(
                model, version, kind=IclKind.TRAIN, weights=None, checks=(), layers=(), heads=()
            ),
            "tester",
        )
        assert runs.weights(tx, bare) is None
        assert runs.checks(tx, bare) == runs.layers(tx, bare) == runs.heads(tx, bare) == []


def test_runs_are_found_by_id_and_hash_and_listed_newest_first(database: Database):
    with database.write() as tx:
        model, version = add_model(tx), add_version(tx)
        first = add_icl_run(tx, model, version)
        second = add_icl_run(tx, model, version)
        other = add_icl_run(tx, model, version, kind=IclKind.TRAIN, spec={"a": 1})
        sha256 = runs.get_run(tx, str(first)).spec_sha256
        assert runs.find_run(tx, sha256).id == runs.get_run(tx, sha256[:8]).id == second
        assert runs.find_run(tx, "0" * 64) is None
        assert [run.id for run in runs.list_runs(tx)] == [other, second, first]
        assert [run.id for run in runs.list_runs(tx, kind=IclKind.TRAIN)] == [other]
        assert len(runs.list_runs(tx, limit=1)) == 1
        for reference in ("99", "abc", "%%%%%%", "ffffffff"):
            with pytest.raises(NotFoundError, match="icl list"):
                runs.get_run(tx, reference)


def test_a_purge_takes_all_parts_and_is_audited(database: Database):
    with database.write() as tx:
        run_id = add_icl_run(tx, add_model(tx), add_version(tx))
        assert purge.purge_thing(tx, "in-context run", run_id, cascade=False, actor="me")
        for table in (*PARTS, tables.icl_runs):
            assert tx.scalar(sa.select(sa.func.count()).select_from(table)) == 0
        action = tx.execute(schema.audit_log.select()).all()[-1]
        assert (action.action, action.object_kind) == ("purge", "in-context run")


def test_a_set_that_a_bridge_was_made_of_is_not_purged_by_accident(database: Database):
    with database.write() as tx:
        version = add_version(tx)
        add_icl_run(tx, add_model(tx), version)
        name = version.label.partition("@")[0]
        with pytest.raises(ConflictError, match="is needed by in-context run 1"):
            purge.purge_set(tx, name, cascade=False, actor="me")
        gone = purge.purge_set(tx, name, cascade=True, actor="me")
        assert "in-context run 1" in gone


def test_the_job_of_a_run_is_never_pruned_because_its_curves_belong_to_the_run(
    database: Database,
):
    with database.write() as tx:
        job = add_job(tx)
        queue.cancel(tx, job.id)
        add_icl_run(tx, add_model(tx), add_version(tx), job_id=job.id)
        assert pruning.prune(tx, JobFilter(), actor="me") == []


def test_weights_with_other_bytes_than_recorded_are_refused(sqlite_database: Database):
    with sqlite_database.write() as tx:
        run_id = add_icl_run(tx, add_model(tx), add_version(tx))
        tx.execute(sa.text("DROP TRIGGER freeze_icl_weights"))
        tx.execute(tables.icl_weights.update().values(data=b"other"))
        with pytest.raises(IntegrityError, match="do not have the hash on record"):
            runs.weights(tx, run_id)
