"""Evidence is bound to what it is evidence of: whatever of it is altered is noticed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from tests.store.builders import (
    add_model,
    add_run,
    add_vector,
    fill,
    new_score,
    run_spec,
    state_block,
    state_spec,
)
from tests.store.builders import layers as new_layers
from tests.store.full_store import fill_every_table
from vectorlab.domain.runs.texts import results_sha256
from vectorlab.domain.vectors.passages import Passage
from vectorlab.errors import InputError, IntegrityError
from vectorlab.ravel.store import tables
from vectorlab.services.runs import runs as run_services
from vectorlab.services.vectors import thresholds
from vectorlab.services.vectors.calibrations import unit_strength
from vectorlab.store import evidence, schema
from vectorlab.store.columns import UtcTime
from vectorlab.store.database import Database, Transaction
from vectorlab.store.runs import runs, scores
from vectorlab.store.upkeep import maintenance, views_and_triggers
from vectorlab.store.vectors import calibrations, states, threshold_searches

_NOT_COVERED = {evidence.DIGEST, "id"}


@contextmanager
def undone(tx: Transaction) -> Iterator[None]:
    """What happens inside leaves no trace."""
    inner = tx.begin_nested()
    try:
        yield
    finally:
        inner.rollback()


def forge(database: Database, statement: str) -> None:
    """Change rows as somebody would who takes the triggers away first."""
    with database.write() as tx:
        views_and_triggers.drop_all(tx)
        tx.execute(sa.text(statement))


def other_value(column: sa.Column[Any], value: Any) -> Any:
    if isinstance(column.type, sa.Boolean):
        return not value
    if isinstance(column.type, sa.JSON):
        return {"forged": True}
    if isinstance(column.type, sa.LargeBinary):
        return bytes([value[0] ^ 1, *value[1:]])
    if isinstance(column.type, sa.Integer | sa.BigInteger | sa.Double):
        return value - 1  # the largest token id has no next
    return f"{value}!"


def covered(table: sa.Table, *, owner: str = "") -> list[sa.Column[Any]]:
    """Columns that a digest covers by their value."""
    left_out = {*_NOT_COVERED, owner, *schema.FROZEN[table.name]}
    return [
        column
        for column in table.c
        if column.name not in left_out
        and not isinstance(column.type, UtcTime)
        and not column.foreign_keys
    ]


def check_all(tx: Transaction, record: sa.Table) -> None:
    for row in tx.execute(record.select()).all():
        evidence.check(tx, record, row)


def test_every_column_of_every_record_and_of_what_belongs_to_it_is_covered(database: Database):
    with database.write() as tx:
        fill_every_table(tx)
        views_and_triggers.drop_all(tx)
        assert list(evidence.problems(tx)) == []
        tried = 0
        for record in evidence.RECORDS:
            parts = evidence.PARTS.get(record.name, ())
            for table, owner in ((record, ""), *parts):
                for column in covered(table, owner=owner):
                    row = tx.execute(table.select().where(column.is_not(None))).first()
                    if row is None:
                        continue
                    same = [key == row._mapping[key.name] for key in table.primary_key]
                    with undone(tx):
                        try:
                            change = {column: other_value(column, row._mapping[column.name])}
                            tx.execute(table.update().where(*same).values(change))
                        except (sa.exc.IntegrityError, InputError):
                            continue  # the database itself refuses it
                        with pytest.raises((IntegrityError, LookupError)):
                            check_all(tx, record)
                        tried += 1
    assert tried > 150


def test_a_score_of_another_text_and_a_calibration_of_another_vector_are_noticed(
    database: Database,
):
    with database.write() as tx:
        made = fill_every_table(tx)
        views_and_triggers.drop_all(tx)
        ids = list(scores.generation_ids(tx, made["run"].id).values())
        for change in (
            schema.scores.update().values(generation_id=ids[3]).where(schema.scores.c.id == 2),
            schema.calibrations.update().values(steering_vector_id=made["other"].id),
            schema.vector_parents.update().values(parent_id=made["combined"].id),
            schema.generation_tokens.delete().where(
                schema.generation_tokens.c.generation_id == ids[0]
            ),
            tables.ravel_outcomes.delete().where(tables.ravel_outcomes.c.example == 2),
        ):
            with undone(tx):
                tx.execute(change)
                problems = list(evidence.problems(tx))
            assert bool(problems) == (change.table.name != "generation_tokens"), change


def test_a_forged_text_is_refused_by_reading_replay_and_verify(database: Database):
    with database.write() as tx:
        made = fill(tx)
    forge(database, "UPDATE generations SET text = 'FORGED' WHERE id = 1")
    run = made["run"]
    reason = rf"texts of run {run.id} have hash \w+, on record is {run.result_sha256}"
    for act in (
        lambda: run_services.generations(database, run),
        lambda: run_services.request_replay(database, "first", actor="me"),
    ):
        with pytest.raises(IntegrityError, match=reason):
            act()
    with database.read() as tx:
        assert any(re.search(reason, line) for line in maintenance.verify(tx))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE replay_verdicts SET verdict = 'identical'",
        "DELETE FROM replay_departures",
        "UPDATE replay_departures SET margin = 1e-9",
    ],
)
def test_a_forged_verdict_is_refused(database: Database, change: str):
    with database.write() as tx:
        replay = fill(tx)["replay"]
    assert not run_services.verdict(database, str(replay.id)).identical
    forge(database, change)
    with pytest.raises(IntegrityError, match="Replay verdicts"):
        run_services.verdict(database, str(replay.id))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE generations SET token_ids = (SELECT token_ids FROM generations g WHERE g.id = 2)",
        "UPDATE generations SET finish_reason = 'eos' WHERE id = 1",
        "UPDATE generations SET sample = 9 WHERE id = 1",
        "DELETE FROM generations WHERE id = 4",
    ],
)
def test_whatever_of_a_result_is_altered_is_noticed(database: Database, change: str):
    with database.write() as tx:
        model = add_model(tx)
        add_run(tx, model, run_spec(model, add_vector(tx, model)))
    forge(database, change)
    with database.read() as tx:
        with pytest.raises(IntegrityError, match="texts of run 1 have hash"):
            runs.generations(tx, 1)
        assert maintenance.verify(tx)


def test_a_run_without_changes_has_the_hash_of_its_results(database: Database):
    with database.write() as tx:
        made = fill(tx)
        texts = runs.generations(tx, made["run"].id)
        repeated = add_run(tx, made["model"], made["run"].spec, replay_of=made["run"].id)
    assert results_sha256(texts) == made["run"].result_sha256
    assert results_sha256(reversed(texts)) == made["run"].result_sha256
    assert repeated.result_sha256 == made["run"].result_sha256
    assert results_sha256(texts[1:]) != made["run"].result_sha256


def test_swapped_places_of_kept_states_are_noticed_and_computed_anew(database: Database):
    spec = state_spec()
    with database.write() as tx:
        states.add_states(tx, spec, state_block(["one", "two"]))
        assert states.damaged_blobs(tx) == []
    forge(database, "UPDATE cached_states SET position = 1 - position")
    with database.read() as tx:
        (blob,) = states.find_states(tx, spec, [Passage(text="one").sha256])
        assert blob.block is None
        assert states.damaged_blobs(tx) == [blob.blob_id]
        assert any("kept states" in line for line in maintenance.verify(tx))


@pytest.mark.parametrize("column", ["text_sha256", "token_sha256"])
def test_a_kept_state_under_the_name_of_another_text_is_noticed(database: Database, column: str):
    with database.write() as tx:
        states.add_states(tx, state_spec(), state_block(["one"]))
    name = Passage(text="another").sha256
    forge(database, f"UPDATE cached_states SET {column} = '{name}'")
    with database.read() as tx:
        wanted = name if column == "text_sha256" else Passage(text="one").sha256
        assert [blob.block for blob in states.find_states(tx, state_spec(), [wanted])] == [None]


def test_an_altered_calibration_or_search_is_not_applied(database: Database):
    with database.write() as tx:
        made = fill_every_table(tx)
        spec = calibrations.calibrations_of(tx)[0].spec
    forge(database, "UPDATE calibrations SET strength = 5.0")
    forge(database, "UPDATE condition_searches SET condition_threshold = -9.0")
    vector = made["vector"]
    with pytest.raises(IntegrityError, match=r"Calibrations 1 does not have the digest"):
        unit_strength(
            database,
            vector,
            made["model"],
            operator=spec.operator,
            site=spec.site,
            layers=spec.layers,
        )
    with pytest.raises(IntegrityError, match=r"Condition searches 1 does not have the digest"):
        thresholds.parse_condition(database, made["model"], "search:1")
    with database.read() as tx, pytest.raises(IntegrityError):
        threshold_searches.get_search(tx, 1)


def test_an_odd_value_is_one_problem_and_the_others_are_still_listed(database: Database):
    with database.write() as tx:
        fill(tx)
    forge(database, "UPDATE steering_vectors SET read_site = 'nonsense' WHERE id = 1")
    forge(database, "UPDATE generations SET text = 'FORGED' WHERE id = 1")
    with database.read() as tx:
        problems = maintenance.verify(tx)
    assert any("'nonsense' is not a valid Site" in line for line in problems)
    assert any("texts of run 1 have hash" in line for line in problems)


def test_a_score_that_is_made_again_supersedes_the_one_before(database: Database):
    with database.write() as tx:
        run = fill(tx)["run"]
        first, second, *_ = scores.generation_ids(tx, run.id).values()
        scores.put_scores(tx, [new_score(first, 0.25), new_score(second, None)])
        scores.put_scores(tx, [new_score(first, 0.5)])
        scores.put_scores(tx, [new_score(first, 0.75), new_score(second, 1.0)])
        found = scores.scores_of_run(tx, run.id)
        assert [item.score.value for item in found] == [0.75, 1.0]
        kept = tx.execute(sa.select(schema.scores.c.value).order_by(schema.scores.c.id))
        assert list(kept.scalars()) == [0.25, None, 0.5, 0.75, 1.0]
        assert maintenance.verify(tx) == []


def test_vectors_that_differ_only_in_provenance_have_other_digests(database: Database):
    with database.write() as tx:
        model = fill(tx)["model"]
        made = [
            add_vector(tx, model, name=name, method=method, layers=new_layers(3))
            for name, method in (("a", "icv"), ("b", "icv"), ("c", "pca"))
        ]
        table = schema.steering_vectors
        digests = [
            tx.scalar(sa.select(table.c.record_sha256).where(table.c.id == item.id))
            for item in made
        ]
    assert digests[0] == digests[1] != digests[2]
