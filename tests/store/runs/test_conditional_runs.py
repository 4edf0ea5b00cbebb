"""Conditional runs, their comparisons and searches for thresholds, on both databases."""

import pytest
import sqlalchemy as sa

from tests.store.builders import (
    PAIRS,
    add_conditional_run,
    add_model,
    add_run,
    add_search,
    add_vector,
    add_version,
    layers,
    run_spec,
)
from vectorlab.domain.interventions.positions import Part
from vectorlab.domain.text.chats import Chat, Exchange
from vectorlab.errors import ConflictError, InputError, NotFoundError
from vectorlab.store import purge, schema
from vectorlab.store.database import Database
from vectorlab.store.runs import runs
from vectorlab.store.vectors import threshold_searches


def test_a_conditional_run_comes_back_with_its_chat_and_comparison(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        vector = add_vector(tx, model)
        run = add_conditional_run(tx, model, vector)
    with database.read() as tx:
        found = runs.get_run(tx, str(run.id))
        texts = runs.generations(tx, run.id)
    assert found.spec == run.spec
    assert found.spec.chat is not None
    assert found.spec.chat.system == "Be kind"
    assert found.spec.chat.earlier == (Exchange(user="Hello", assistant="Hi!"),)
    [condition] = found.spec.conditions(Part.PROMPT)
    assert str(condition.window) == "prompt:last=2"
    assert {item.divergence.kl for item in texts if item.divergence} == {(0.5, 0.25, 0.0, 1.25)}
    assert texts[0].divergence is not None
    assert texts[0].divergence.mean_kl == 0.5
    assert texts[0].divergence.baseline_mean_logprob == -2.0


def test_a_chat_without_earlier_turns_has_none_in_the_store(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        chat = Chat(template_sha256="c" * 64)
        run = add_run(tx, model, run_spec(model, chat=chat))
        earlier = sa.select(schema.generation_runs.c.chat_earlier_json)
        assert tx.scalar(earlier) is None  # as in runs from before the column, whose digest holds
        assert runs.get_run(tx, str(run.id)).spec.chat == chat


def test_a_turn_that_no_database_can_hold_is_refused(database: Database):
    chat = Chat(template_sha256="c" * 64, earlier=(Exchange(user="a\x00", assistant="b"),))
    with database.write() as tx:
        model = add_model(tx)
        with pytest.raises(InputError, match=r"Turn of the user .* NUL"):
            add_run(tx, model, run_spec(model, chat=chat))


def test_a_search_comes_back_with_its_evidence(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        vector = add_vector(tx, model)
        versions = add_version(tx), add_version(tx, items=PAIRS[:2])
        search = add_search(tx, model, vector, versions)
        other = add_vector(tx, model, name="other", layers=layers(1))
    with database.read() as tx:
        assert threshold_searches.get_search(tx, search.id) == search
        assert threshold_searches.find_by_spec(tx, search.spec.sha256) == search
        assert threshold_searches.find_by_spec(tx, "0" * 64) is None
        assert threshold_searches.list_searches(tx, vector_id=vector.id) == [search]
        assert threshold_searches.list_searches(tx, vector_id=other.id) == []
        with pytest.raises(NotFoundError, match="threshold search"):
            threshold_searches.get_search(tx, search.id + 1)
    assert (search.positive_label, search.negative_label) == ("upbeat@1", "upbeat@2")
    assert search.evidence["positive"] == [1.0, 2.0]


def test_a_vector_that_a_condition_or_a_search_reads_is_not_purged(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        vector = add_vector(tx, model)
        add_search(tx, model, vector, (add_version(tx), add_version(tx, items=PAIRS[:2])))
        add_conditional_run(tx, model, vector)
        with pytest.raises(ConflictError, match=r"needed by run 1, condition search 1"):
            purge.purge_vector(tx, vector.name, cascade=False, actor="ann")
        gone = purge.purge_vector(tx, vector.name, cascade=True, actor="ann")
        assert gone == ["run 1", "condition search 1", f"vector {vector.name!r}"]
        assert runs.list_runs(tx) == []
        assert threshold_searches.list_searches(tx) == []
