from typing import Any

import pytest
import sqlalchemy as sa

from tests.store.builders import (
    PAIRS,
    add_model,
    add_run,
    add_version,
    fill,
    new_score,
    run_spec,
)
from vectorlab.domain.sets.versions import Relation
from vectorlab.errors import ConflictError, NotFoundError
from vectorlab.store import purge, schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Database, Transaction
from vectorlab.store.runs import runs, scores
from vectorlab.store.sets import sets
from vectorlab.store.upkeep import maintenance
from vectorlab.store.vectors import vectors


def counts(tx: Transaction) -> dict[str, int]:
    return {
        table.name: tx.scalar(sa.select(sa.func.count()).select_from(table))
        for table in schema.metadata.sorted_tables
        if table.name not in ("audit_log", "models")
    }


def audited(tx: Transaction) -> list[tuple[str, str, str, Any]]:
    log = schema.audit_log
    columns = (log.c.actor, log.c.action, log.c.object_kind, log.c.details_json)
    return [tuple(row) for row in tx.execute(sa.select(*columns).order_by(log.c.id))]


@pytest.mark.parametrize(
    ("act", "reference", "needed_by"),
    [
        (purge.purge_set, "upbeat", r"Set 'upbeat' is needed by vector 'upbeat-v1', run 1"),
        (purge.purge_vector, "upbeat-v1", r"'upbeat-v1' is needed by vector 'combined', run 1"),
        (purge.purge_vector, "other", r"'other' is needed by vector 'combined'\."),
        (purge.purge_run, "first", r"Run 1 is needed by run 2\."),
    ],
)
def test_what_is_needed_is_not_purged_and_the_dependents_are_named(
    database: Database, act: Any, reference: str, needed_by: str
):
    with database.write() as tx:
        fill(tx)
        before = counts(tx)
        with pytest.raises(ConflictError, match=f"{needed_by}.*--cascade"):
            act(tx, reference, cascade=False, actor="ann")
        assert counts(tx) == before
        assert audited(tx) == []


def test_what_nothing_needs_is_purged_with_all_its_parts(database: Database):
    with database.write() as tx:
        fill(tx)
        assert purge.purge_run(tx, "2", cascade=False, actor="ann") == ["run 2"]
        assert purge.purge_run(tx, "first", cascade=False, actor="ann") == ["run 1"]
        assert purge.purge_vector(tx, "combined", cascade=False, actor="ann") == [
            "vector 'combined'"
        ]
        assert runs.list_runs(tx) == []
        assert [item.name for item in vectors.list_vectors(tx)] == ["other", "upbeat-v1"]
        left = counts(tx)
        assert maintenance.verify(tx) == []
    for table in ("generations", "run_prompts", "run_arms", "arm_interventions", "vector_parents"):
        assert left[table] == 0, table
    assert left["layer_vectors"] == 6


def test_a_cascade_takes_everything_that_depends_and_audits_each(database: Database):
    with database.write() as tx:
        made = fill(tx)
        gone = purge.purge_set(tx, "upbeat", cascade=True, actor="ann")
        assert maintenance.verify(tx) == []
        log = audited(tx)
        assert [item.name for item in vectors.list_vectors(tx)] == ["other"]
        assert sets.list_sets(tx) == []
        left = counts(tx)
    assert gone == [
        "run 2",
        "run 1",
        "in-context run 1",
        "vector 'combined'",
        "vector 'upbeat-v1'",
        "set 'upbeat-fix'",
        "set 'upbeat'",
    ]
    assert [details["what"] for _, _, _, details in log] == gone
    assert {(actor, action) for actor, action, _, _ in log} == {("ann", "purge")}
    assert {details["with"] for _, _, _, details in log} == {f"set {made['first'].id}"}
    assert (left["demonstrations"], left["set_items"], left["version_tags"]) == (0, 0, 0)


def test_a_purged_set_leaves_the_demonstrations_that_another_set_contains(database: Database):
    with database.write() as tx:
        add_version(tx, "a")
        kept = add_version(tx, "b", items=PAIRS[:1])
        purge.purge_set(tx, "a", cascade=False, actor="ann")
        assert sets.demonstrations(tx, kept.id) == list(PAIRS[:1])
        assert counts(tx)["demonstrations"] == 1


def test_sets_forked_from_each_other_go_together(database: Database):
    def fork(name: str, parent: int, items: Any) -> int:
        version, _ = sets.add_version(
            tx,
            set_name=name,
            demonstrations=items,
            message="",
            author="t",
            origin=sets.SetOrigin(version_id=parent, relation=Relation.FORK),
        )
        return version.id

    with database.write() as tx:
        first = add_version(tx, "a").id
        sets.create_set(tx, name="b")
        fork("a", fork("b", first, PAIRS[:2]), PAIRS[:1])
        with pytest.raises(ConflictError, match="Set 'a' is needed by set 'b'"):
            purge.purge_set(tx, "a", cascade=False, actor="ann")
        assert purge.purge_set(tx, "a", cascade=True, actor="ann") == ["set 'b'", "set 'a'"]
        assert set(counts(tx).values()) == {0}


def test_scores_and_votes_hold_a_run(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        add_run(tx, model, run_spec(model), name="judged")
        add_run(tx, model, run_spec(model, seed=8), name="other")
        left, right = tx.scalars(
            sa.select(sa.func.min(schema.generations.c.id)).group_by(schema.generations.c.run_id)
        )
        tx.execute(
            schema.votes.insert().values(
                left_generation_id=left,
                right_generation_id=right,
                choice="tie",
                question="Which is kinder?",
                voter="ann",
                created_at=utc_now(),
            )
        )
        for name in ("judged", "other"):
            with pytest.raises(ConflictError, match="is needed by vote 1"):
                purge.purge_run(tx, name, cascade=False, actor="ann")
        assert purge.purge_run(tx, "judged", cascade=True, actor="ann") == ["vote 1", "run 1"]
        assert [item.name for item in runs.list_runs(tx)] == ["other"]


def test_an_unknown_object_is_not_found(sqlite_database: Database):
    with sqlite_database.write() as tx:
        for act in (purge.purge_set, purge.purge_vector, purge.purge_run):
            with pytest.raises(NotFoundError):
                act(tx, "nothing", cascade=True, actor="ann")


def test_superseded_scores_go_with_their_run(database: Database):
    with database.write() as tx:
        made = fill(tx)
        text = next(iter(scores.generation_ids(tx, made["run"].id).values()))
        for value in (0.25, 0.5, 0.75):
            scores.put_scores(tx, [new_score(text, value)])
        gone = purge.purge_run(tx, "first", cascade=True, actor="me")
        assert sum(line.startswith("score ") for line in gone) == 3
        assert tx.scalar(sa.select(sa.func.count()).select_from(schema.scores)) == 0
