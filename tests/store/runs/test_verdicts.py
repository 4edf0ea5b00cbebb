"""Verdicts on replays as they are kept, and as analysts see them."""

from tests.store.analysis.test_views import read
from tests.store.builders import add_model, add_replay, add_run, run_spec, texts
from vectorlab.domain.runs import margins
from vectorlab.domain.runs.replays import ReplayOutcome
from vectorlab.domain.runs.runs import Decoding
from vectorlab.services.runs import runs as services
from vectorlab.store import purge
from vectorlab.store.database import Database
from vectorlab.store.runs import verdicts


def test_a_verdict_comes_back_as_it_was_found(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        original = add_run(tx, model, run_spec(model))
        replay = add_replay(tx, model, original)
        found = verdicts.find(tx, original, replay)
    assert found is not None
    assert found.verdict is ReplayOutcome.ROUNDING
    assert [item.replay_id for item in found.departures] == [5]
    assert services.verdict(database, str(replay.id)) == found


def test_a_verdict_is_read_with_the_bound_that_it_was_found_with(database: Database, monkeypatch):
    with database.write() as tx:
        model = add_model(tx)
        original = add_run(tx, model, run_spec(model))
        replay = add_replay(tx, model, original)
    monkeypatch.setitem(margins.ROUNDING_NATS, "float32", 1e-9)
    found = services.verdict(database, str(replay.id))
    assert (found.verdict, found.rounding_margin) == (ReplayOutcome.ROUNDING, 1e-3)


def test_a_replay_from_before_verdicts_is_compared_when_it_is_asked_for(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        original = add_run(tx, model, run_spec(model))
        same = add_replay(tx, model, original, departures=None, generations=texts(original.spec))
        other = add_replay(tx, model, original, departures=None)
        assert verdicts.find(tx, original, other) is None
    assert services.verdict(database, str(same.id)).verdict is ReplayOutcome.IDENTICAL
    found = services.verdict(database, str(other.id))
    assert found.verdict is ReplayOutcome.UNEXPLAINED
    assert [(item.position, item.margin) for item in found.departures] == [(3, None)]


def test_the_view_shows_every_replay_and_its_verdict_where_there_is_one(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        sampled = run_spec(model, decoding=Decoding(max_new_tokens=4, do_sample=True))
        original = add_run(tx, model, sampled)
        made = [
            add_replay(tx, model, original),
            add_replay(tx, model, original, departures=(), generations=texts(sampled)),
            add_replay(tx, model, original, departures=None),
        ]
        found = [read(tx, "v_replays", replay_id=run.id)[0] for run in made]
        assert len(read(tx, "v_replays")) == len(made)
    columns = ("original_id", "n_generations", "n_equal", "n_departures", "verdict")
    assert [tuple(row[name] for name in columns) for row in found] == [
        (original.id, 4, 3, 1, "rounding"),
        (original.id, 4, 4, 0, "identical"),
        (original.id, 4, None, None, None),
    ]
    assert {row["margin_unit"] for row in found} == {"probability"}
    assert [row["nearest_margin"] for row in found] == [2.5e-4, None, None]


def test_a_verdict_goes_with_its_replay(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        original = add_run(tx, model, run_spec(model))
        replay = add_replay(tx, model, original)
        purge.purge_run(tx, str(replay.id), cascade=False, actor="tester")
        assert read(tx, "v_replays") == []
