"""The analysis views: their names, columns and types are a promise, so they are pinned here."""

from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from tests.store.builders import (
    PAIRS,
    add_conditional_run,
    add_job,
    add_model,
    add_run,
    add_vector,
    add_version,
    fill,
    intervention,
    layers,
    run_spec,
)
from vectorlab.domain.lineage import FORWARDS
from vectorlab.domain.runs import Arm, Decoding, Operator
from vectorlab.store import jobs, schema, sets, vectors
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Database, Transaction

# Types as PostgreSQL spells them; SQLite gives int, float, str for them (times as text).
VIEWS: dict[str, dict[str, str]] = {
    "v_sets": {
        "set_id": "bigint",
        "set_name": "text",
        "description": "text",
        "task": "text",
        "tags": "text",
        "version_id": "bigint",
        "version_number": "integer",
        "set_label": "text",
        "parent_label": "text",
        "content_sha256": "text",
        "message": "text",
        "author": "text",
        "n_demonstrations": "integer",
        "created_at": "timestamp with time zone",
        "labels": "text",
        "version_tags": "text",
        "relation": "text",
        "merged_label": "text",
        "details": "text",
        "n_findings": "bigint",
    },
    "v_demonstrations": {
        "set_name": "text",
        "version_number": "integer",
        "set_label": "text",
        "version_id": "bigint",
        "position": "integer",
        "demonstration_id": "bigint",
        "demonstration_sha256": "text",
        "source": "text",
        "target": "text",
        "metadata": "text",
        "since_version_number": "integer",
    },
    "v_vectors": {
        "vector_id": "bigint",
        "vector_name": "text",
        "content_sha256": "text",
        "spec_sha256": "text",
        "origin": "text",
        "method": "text",
        "parameters": "text",
        "read_site": "text",
        "write_site": "text",
        "token_rule": "text",
        "model_id": "bigint",
        "model_name": "text",
        "model_fingerprint": "text",
        "set_version_id": "bigint",
        "set_label": "text",
        "n_demonstrations": "integer",
        "n_layers": "integer",
        "d_model": "integer",
        "mean_norm": "double precision",
        "created_at": "timestamp with time zone",
        "created_by": "text",
    },
    "v_layer_vectors": {
        "vector_id": "bigint",
        "vector_name": "text",
        "layer": "integer",
        "d_model": "integer",
        "dtype": "text",
        "norm": "double precision",
        "explained_variance": "double precision",
        "sha256": "text",
        "separability": "double precision",
    },
    "v_alignments": {
        "vector_id": "bigint",
        "vector_name": "text",
        "version_id": "bigint",
        "set_label": "text",
        "position": "integer",
        "alignment": "double precision",
        "norm_change": "double precision",
        "cosine": "double precision",
    },
    "v_icl_checks": {
        "icl_run_id": "bigint",
        "created_at": "timestamp with time zone",
        "name": "text",
        "about": "text",
        "source": "text",
        "reference": "double precision",
        "tolerance": "double precision",
        "comparison": "text",
        "value": "double precision",
        "low": "double precision",
        "high": "double precision",
        "verdict": "text",
    },
    "v_icl_layers": {
        "icl_run_id": "bigint",
        "created_at": "timestamp with time zone",
        "model_name": "text",
        "set_label": "text",
        "condition": "text",
        "layer": "integer",
        "cosine": "double precision",
        "query_cosine": "double precision",
        "query_cosine_sd": "double precision",
        "norm": "double precision",
        "relative_norm": "double precision",
        "agreement": "double precision",
    },
    "v_ravel_scores": {
        "evaluation_id": "bigint",
        "label": "text",
        "method": "text",
        "layer": "integer",
        "location": "text",
        "k": "integer",
        "n_features": "double precision",
        "part": "text",
        "instance": "text",
        "data_label": "text",
        "model": "text",
        "measure": "text",
        "target": "text",
        "attribute": "text",
        "template": "integer",
        "n": "integer",
        "value": "double precision",
        "low": "double precision",
        "high": "double precision",
    },
    "v_runs": {
        "run_id": "bigint",
        "run_name": "text",
        "spec_sha256": "text",
        "model_id": "bigint",
        "model_name": "text",
        "model_fingerprint": "text",
        "prompt_set_label": "text",
        "n_prompts": "bigint",
        "n_arms": "bigint",
        "samples": "integer",
        "n_generations": "bigint",
        "max_new_tokens": "integer",
        "do_sample": "boolean",
        "temperature": "double precision",
        "decoding": "text",
        "seed": "bigint",
        "dtype": "text",
        "replay_of": "bigint",
        "duration_s": "double precision",
        "created_at": "timestamp with time zone",
        "created_by": "text",
    },
    "v_generations": {
        "generation_id": "bigint",
        "run_id": "bigint",
        "run_name": "text",
        "model_name": "text",
        "prompt": "integer",
        "prompt_text": "text",
        "prompt_reference": "text",
        "arm": "integer",
        "arm_label": "text",
        "is_baseline": "boolean",
        "n_interventions": "bigint",
        "vector_name": "text",
        "set_label": "text",
        "strength": "double precision",
        "operator": "text",
        "positions": "text",
        "write_site": "text",
        "sample": "integer",
        "text": "text",
        "baseline_text": "text",
        "n_tokens": "integer",
        "finish_reason": "text",
        "mean_logprob": "double precision",
        "seed": "bigint",
        "replay_of": "bigint",
        "created_at": "timestamp with time zone",
        "schedule": "text",
        "prefix": "text",
        "choice_margin": "double precision",
        "choice_margin_unit": "text",
    },
    "v_scores": {
        "score_id": "bigint",
        "generation_id": "bigint",
        "run_id": "bigint",
        "prompt": "integer",
        "arm": "integer",
        "arm_label": "text",
        "sample": "integer",
        "scorer": "text",
        "scorer_version": "text",
        "value": "double precision",
        "missing_reason": "text",
        "details": "text",
        "created_at": "timestamp with time zone",
    },
    "v_votes": {
        "vote_id": "bigint",
        "left_run_id": "bigint",
        "left_prompt": "integer",
        "left_arm": "text",
        "left_text": "text",
        "right_run_id": "bigint",
        "right_prompt": "integer",
        "right_arm": "text",
        "right_text": "text",
        "left_generation_id": "bigint",
        "right_generation_id": "bigint",
        "choice": "text",
        "question": "text",
        "voter": "text",
        "created_at": "timestamp with time zone",
    },
    "v_calibrations": {
        "calibration_id": "bigint",
        "vector_id": "bigint",
        "vector_name": "text",
        "model_name": "text",
        "operator": "text",
        "write_site": "text",
        "layers": "text",
        "effect": "text",
        "damage": "text",
        "budget": "double precision",
        "is_met": "boolean",
        "strength": "double precision",
        "effect_value": "double precision",
        "damage_value": "double precision",
        "n_prompts": "integer",
        "curve": "text",
        "created_at": "timestamp with time zone",
        "created_by": "text",
    },
    "v_lineage": {
        "kind": "text",
        "id": "bigint",
        "name": "text",
        "relation": "text",
        "parent_kind": "text",
        "parent_id": "bigint",
        "parent_name": "text",
    },
    "v_jobs": {
        "job_id": "bigint",
        "kind": "text",
        "state": "text",
        "queue": "text",
        "priority": "integer",
        "model_name": "text",
        "attempt": "integer",
        "max_attempts": "integer",
        "worker_id": "text",
        "cancel_requested": "boolean",
        "progress_done": "bigint",
        "progress_total": "bigint",
        "progress_note": "text",
        "error_class": "text",
        "error": "text",
        "created_at": "timestamp with time zone",
        "started_at": "timestamp with time zone",
        "finished_at": "timestamp with time zone",
        "waited_s": "double precision",
        "ran_s": "double precision",
        "created_by": "text",
    },
}

VIEWS["v_divergences"] = {
    "generation_id": "bigint",
    "run_id": "bigint",
    "prompt": "integer",
    "arm": "integer",
    "sample": "integer",
    "n_tokens": "integer",
    "mean_kl": "double precision",
    "mean_logprob": "double precision",
    "baseline_mean_logprob": "double precision",
}

VIEWS["v_replays"] = {
    "replay_id": "bigint",
    "original_id": "bigint",
    "model_name": "text",
    "n_generations": "bigint",
    "n_equal": "bigint",
    "n_departures": "bigint",
    "nearest_margin": "double precision",
    "widest_margin": "double precision",
    "margin_unit": "text",
    "rounding_margin": "double precision",
    "verdict": "text",
    "created_at": "timestamp with time zone",
}

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


def fill_all(tx: Transaction) -> dict[str, Any]:
    """Like ``fill``, with scores and jobs, so that no view is empty."""
    made = fill(tx)
    generation = tx.scalar(sa.select(schema.generations.c.id).order_by(schema.generations.c.id))
    for version, value, reason in (("1", 0.5, None), ("2", None, "no target text")):
        tx.execute(
            schema.scores.insert().values(
                generation_id=generation,
                scorer="bleu",
                scorer_version=version,
                value=value,
                missing_reason=reason,
                details_json={},
                created_at=utc_now(),
            )
        )
    add_conditional_run(tx, made["model"], made["vector"])
    texts = tx.scalars(sa.select(schema.generations.c.id).order_by(schema.generations.c.id)).all()
    tx.execute(
        schema.votes.insert().values(
            left_generation_id=texts[0],
            right_generation_id=texts[2],
            choice="left",
            question="Which is better?",
            voter="ann",
            created_at=utc_now(),
        )
    )
    with_prefix = Arm(label="in context", prefix="Once: good. ")
    add_run(tx, made["model"], run_spec(made["model"], arms=(Arm(label="plain"), with_prefix)))
    done = add_job(tx, model_id=made["model"].id)
    jobs.claim(tx, worker_id="w1", lease_s=60)
    jobs.report_progress(tx, done.id, 1, 1, 2, "half")
    jobs.fail(tx, done.id, 1, error_class="InputError", error="bad", retry=False)
    add_job(tx)
    jobs.claim(tx, worker_id="w2", lease_s=60)
    return made


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
    never_filled = {"v_runs.temperature"}  # greedy decoding has none
    with database.write() as tx:
        fill_all(tx)
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
        assert row["baseline_text"] == f"p{row['prompt']} a0 s{row['sample']}"
        assert row["text"] == f"p{row['prompt']} a{row['arm']} s{row['sample']}"
        assert row["prompt_text"] == ["Say it: ", "Again: "][row["prompt"]]
        assert row["prompt_reference"] == [None, "better"][row["prompt"]]
    baseline = next(row for row in rows if row["arm"] == 0)
    steered = next(row for row in rows if row["arm"] == 1)
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
    assert (steered["arm_label"], steered["write_site"]) == ("upbeat 0.1", "mlp_output")


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
        rows = {row["arm"]: row for row in read(tx, "v_generations", run_id=run.id, prompt=0)}
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
    assert (rows[None]["labels"], rows[None]["tags"]) == ('["x"]', '["x"]')
    assert (rows["upbeat@2"]["version_tags"], rows["upbeat@2"]["n_findings"]) == ("published", 1)
    fix = rows["upbeat-fix@1"]
    assert (fix["parent_label"], fix["relation"]) == ("upbeat@2", "forked_from")
    assert (fix["merged_label"], fix["details"]) == ("upbeat@1", '{"theirs":"upbeat@1"}')
    assert {row["position"]: row["source"] for row in texts} == {
        position: item.source for position, item in enumerate(PAIRS)
    }
    assert {row["metadata"] for row in texts} == {"{}", '{"stars":1}'}


def test_a_job_shows_how_long_it_waited_and_ran(database: Database):
    with database.write() as tx:
        fill_all(tx)
        failed, running = sorted(read(tx, "v_jobs"), key=lambda row: row["job_id"])
    assert (failed["state"], failed["error"], failed["model_name"]) == ("failed", "bad", "tiny")
    assert failed["waited_s"] == pytest.approx(0, abs=30)
    assert failed["ran_s"] >= 0
    assert (running["worker_id"], running["ran_s"]) == ("w2", None)
