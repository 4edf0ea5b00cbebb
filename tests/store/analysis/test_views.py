"""The analysis views: their names, columns and types are a promise, so they are pinned here."""

import re
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from tests.store.analysis.view_columns import VIEWS
from tests.store.builders import (
    PAIRS,
    add_model,
    add_run,
    add_vector,
    add_version,
    fill,
    intervention,
    layers,
    run_spec,
)
from tests.store.full_store import fill_every_table
from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.lineage import FORWARDS
from vectorlab.domain.runs.runs import Decoding
from vectorlab.store import schema
from vectorlab.store.database import Database, Transaction
from vectorlab.store.sets import sets
from vectorlab.store.upkeep import views_and_triggers
from vectorlab.store.vectors import vectors

PYTHON_TYPES = {
    "bigint": int,
    "integer": int,
    "boolean": bool,
    "double precision": float,
    "text": str,
    "timestamp with time zone": datetime,
}
SQLITE_TYPES = PYTHON_TYPES | {"boolean": int, "timestamp with time zone": str}


def read(tx: Transaction, view: str, **where: Any) -> list[dict[str, Any]]:
    name = view if tx.dialect.name == "sqlite" else f"analysis.{view}"
    condition = " AND ".join(f"{column} = :{column}" for column in where) or "true"
    found = tx.execute(sa.text(f"SELECT * FROM {name} WHERE {condition}"), where)
    return [dict(row) for row in found.mappings()]


def test_names_and_types_of_every_view_are_as_promised(postgres_database: Database):
    query = sa.text(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = 'analysis' ORDER BY table_name, ordinal_position"
    )
    found: dict[str, dict[str, str]] = {}
    with postgres_database.read() as tx:
        for view, column, kind in tx.execute(query):
            found.setdefault(view, {})[column] = kind
    assert found == VIEWS
    assert {view: list(columns) for view, columns in found.items()} == {
        view: list(columns) for view, columns in VIEWS.items()
    }


def test_every_column_gives_values_of_its_type(database: Database):
    types = SQLITE_TYPES if database.dialect == "sqlite" else PYTHON_TYPES
    # Only templates without a place for an entity name one; only a vector's evaluation has one.
    never_filled = {"v_ravel_templates.entity", "v_ravel_runs.vector_name"}
    with database.write() as tx:
        fill_every_table(tx)
    with database.read() as tx:
        for view, columns in VIEWS.items():
            rows = read(tx, view)
            assert list(rows[0]) == list(columns)
            for column, kind in columns.items():
                values = [row[column] for row in rows if row[column] is not None]
                assert {type(value) for value in values} <= {types[kind]}, (view, column)
                assert values or f"{view}.{column}" in never_filled, (view, column)


def test_a_generation_stands_beside_its_baseline_of_the_same_prompt_and_sample(database: Database):
    with database.write() as tx:
        made = fill(tx)
        rows = read(tx, "v_generations", run_id=made["run"].id)
    assert len(rows) == 8
    for row in rows:
        assert row["baseline_text"] == f"p{row['prompt_index']} a0 s{row['sample']}"
        assert row["text"] == f"p{row['prompt_index']} a{row['arm_index']} s{row['sample']}"
        assert row["prompt"] == ["Say it: ", "Again: "][row["prompt_index"]]
        assert row["reference"] == [None, "better"][row["prompt_index"]]
    baseline = next(row for row in rows if row["arm_index"] == 0)
    steered = next(row for row in rows if row["arm_index"] == 1)
    columns = ("is_baseline", "vector_name", "set_label", "strength", "operator", "positions")
    assert [baseline[name] for name in columns] == [True, None, None, 0.0, None, None]
    assert [steered[name] for name in columns] == [
        False,
        "upbeat-v1",
        "upbeat@1",
        0.1,
        "rotate",
        "all",
    ]
    assert (steered["arm"], steered["write_site"]) == ("upbeat 0.1", "mlp_output")


def test_an_arm_of_several_vectors_lists_them_in_order_and_agrees_or_says_nothing(
    database: Database,
):
    with database.write() as tx:
        model = add_model(tx)
        items = [
            intervention(add_vector(tx, model, name=name, layers=layers(seed)), strength)
            for seed, (name, strength) in enumerate([("b", 0.1), ("c", 0.2), ("a", 0.1)])
        ]
        off = intervention(vectors.get_vector(tx, "b"), 0.0, operator=Operator.ADD)
        arms = (
            Arm(label="three", interventions=tuple(items)),
            Arm(label="two", interventions=(items[2], items[0])),
            Arm(
                label="off",
                interventions=(off,),
            ),
        )
        spec = run_spec(model, arms=arms, samples=1)
        run = add_run(tx, model, spec)
        rows = {
            row["arm_index"]: row
            for row in read(tx, "v_generations", run_id=run.id, prompt_index=0)
        }
    assert rows[0]["vector_name"] == "b + c + a"
    assert (rows[0]["n_interventions"], rows[0]["strength"]) == (3, None)
    assert rows[0]["operator"] == "rotate"
    assert (rows[1]["vector_name"], rows[1]["strength"]) == ("a + b", 0.1)
    # Strength 0 is the baseline, whatever vector stands beside it.
    assert (rows[2]["is_baseline"], rows[2]["operator"]) == (True, "add")
    assert {row["baseline_text"] for row in rows.values()} == {"p0 a2 s0"}


def test_a_run_without_baseline_has_no_baseline_text(database: Database):
    with database.write() as tx:
        model = add_model(tx)
        item = intervention(add_vector(tx, model))
        arms = (Arm(label="on", interventions=(item,)),)
        run = add_run(tx, model, run_spec(model, arms=arms))
        rows = read(tx, "v_generations", run_id=run.id)
    assert {row["baseline_text"] for row in rows} == {None}
    assert len(rows) == 4


def test_a_run_shows_its_counts_and_decoding(database: Database):
    with database.write() as tx:
        model, version = add_model(tx), add_version(tx)
        decoding = Decoding(max_new_tokens=9, do_sample=True, temperature=0.5)
        spec = run_spec(model, add_vector(tx, model, version), decoding=decoding)
        add_run(tx, model, spec, prompt_set_version_id=version.id)
        (row,) = read(tx, "v_runs")
    assert (row["n_prompts"], row["n_arms"], row["samples"], row["n_generations"]) == (2, 2, 2, 8)
    assert (row["max_new_tokens"], row["do_sample"], row["temperature"]) == (9, True, 0.5)
    assert (row["prompt_set_label"], row["model_name"]) == ("upbeat@1", "tiny")


def test_lineage_leads_from_a_replay_back_to_the_demonstrations(database: Database):
    with database.write() as tx:
        made = fill(tx)
        rows = read(tx, "v_lineage")
    edges = {
        (row["kind"], row["id"], row["relation"], row["parent_kind"], row["parent_id"])
        for row in rows
    }
    assert len(rows) == len(edges)
    assert {row["relation"] for row in rows} <= set(FORWARDS)
    first, second, merged = (made[name].id for name in ("first", "second", "merged"))
    vector, other, combined = (made[name].id for name in ("vector", "other", "combined"))
    run, replay, model = (made[name].id for name in ("run", "replay", "model"))
    assert edges == {
        ("set_version", second, "revises", "set_version", first),
        ("set_version", merged, "forked_from", "set_version", second),
        ("set_version", merged, "merged_from", "set_version", first),
        ("vector", vector, "extracted_from", "set_version", first),
        *(("vector", item, "belongs_to", "model", model) for item in (vector, other, combined)),
        ("vector", combined, "combined_from", "vector", vector),
        ("vector", combined, "combined_from", "vector", other),
        *(("run", item, "generated_by", "model", model) for item in (run, replay)),
        ("run", run, "prompted_by", "set_version", second),
        *(("run", item, "steered_by", "vector", vector) for item in (run, replay)),
        ("run", replay, "replays", "run", run),
    }


def test_a_set_shows_its_versions_and_one_without_versions_stays_visible(database: Database):
    with database.write() as tx:
        made = fill(tx)
        sets.create_set(tx, name="bare", labels=["x"])
        rows = {row["set_label"]: row for row in read(tx, "v_sets")}
        texts = read(tx, "v_demonstrations", set_label="upbeat@1")
    assert set(rows) == {"upbeat@1", "upbeat@2", "upbeat-fix@1", None}
    assert rows["upbeat@2"]["parent_label"] == "upbeat@1"
    assert rows["upbeat@1"]["content_sha256"] == made["first"].content_sha256
    assert (rows[None]["labels"], rows[None]["tags"]) == ('["x"]', None)
    assert (rows["upbeat@2"]["tags"], rows["upbeat@2"]["n_findings"]) == ("published", 1)
    fix = rows["upbeat-fix@1"]
    assert (fix["parent_label"], fix["relation"]) == ("upbeat@2", "forked_from")
    assert (fix["merged_label"], fix["details"]) == ("upbeat@1", '{"theirs":"upbeat@1"}')
    assert {row["position"]: row["source"] for row in texts} == {
        position: item.source for position, item in enumerate(PAIRS)
    }
    assert {row["metadata"] for row in texts} == {"{}", '{"stars":1}'}


def test_a_job_shows_how_long_it_waited_and_ran(database: Database):
    with database.write() as tx:
        fill_every_table(tx)
        failed, running = sorted(read(tx, "v_jobs"), key=lambda row: row["job_id"])
    assert (failed["state"], failed["error"], failed["model_name"]) == ("failed", "bad", "tiny")
    assert failed["waited_s"] == pytest.approx(0, abs=30)
    assert failed["ran_s"] >= 0
    assert (running["worker_id"], running["ran_s"]) == ("w2", None)


# Tables that no view shows, and why.
_IN_NO_VIEW = {
    "state_caches": "a cache: nothing that somebody made, gone at any time",
    "state_blobs": "a cache",
    "state_blob_chunks": "a cache",
    "cached_states": "a cache",
    "job_chunks": "work in progress, gone when the job is done",
    "job_partials": "work in progress",
    "job_checkpoints": "work in progress",
    "ravel_tensors": "names of arrays; v_ravel_featurizers shows what they are of",
    "ravel_tensor_chunks": "numbers, which SQL can do nothing with",
    "icl_weights": "numbers; v_icl_runs shows what they are of",
}


def test_every_table_that_holds_what_somebody_made_is_in_a_view():
    queries = " ".join(views_and_triggers.view_statements("postgresql").values())
    shown = set(re.findall(r"\b(?:FROM|JOIN) (\w+)", queries))
    unseen = {name for name in schema.metadata.tables if name not in shown}
    assert unseen == set(_IN_NO_VIEW)


def test_every_view_says_what_its_rows_are():
    for view, words in views_and_triggers.view_descriptions().items():
        assert words.startswith("One row per "), view


def test_conditions_searches_outcomes_entities_attempts_and_scores_can_be_asked_for(
    database: Database,
):
    with database.write() as tx:
        fill_every_table(tx)
        conditional = read(tx, "v_interventions", condition_layer=1)
        (search,) = read(tx, "v_threshold_searches")
        outcomes = read(tx, "v_ravel_outcomes")
        entities = read(tx, "v_ravel_entities", entity="e1")
        attempts = read(tx, "v_job_attempts", outcome="failed")
        (score,) = read(tx, "v_scores", scorer_version="1")
    assert [row["condition_vector_name"] for row in conditional] == ["upbeat-v1"]
    assert (search["positive_set_label"], search["condition_threshold"]) == ("upbeat@1", 0.25)
    assert {row["target"] for row in outcomes} == {"colour"}
    assert {(row["attribute"], row["value"]) for row in entities} == {
        ("colour", "c1"),
        ("shape", "s1"),
    }
    assert [row["error"] for row in attempts] == ["bad"]
    assert (score["value"], score["supersedes"]) == (0.5, 1)
