"""Create the analysis views.

They are the public face of the store for SQL: names and types may be added to, never changed.
On PostgreSQL they live in schema ``analysis``, where a read-only role can be let in. The few
words that the two databases spell differently stand in braces.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SPELLINGS = {
    "sqlite": {
        "schema": "",
        "true": "1",
        "false": "0",
        "max_new_tokens": "json_extract(r.decoding_json, '$.max_new_tokens')",
        "do_sample": "json_extract(r.decoding_json, '$.do_sample')",
        "temperature": "json_extract(r.decoding_json, '$.temperature')",
        "names": "group_concat(vector_name, ' + ')",
        "sets": "group_concat(set_label, ' + ')",
        "ordered": "(SELECT * FROM named ORDER BY run_id, arm, position)",
        "waited": "(julianday(j.started_at) - julianday(j.created_at)) * 86400.0",
        "ran": "(julianday(j.finished_at) - julianday(j.started_at)) * 86400.0",
        "text": "",
    },
    "postgresql": {
        "schema": "analysis.",
        "true": "true",
        "false": "false",
        "max_new_tokens": "(r.decoding_json ->> 'max_new_tokens')::integer",
        "do_sample": "(r.decoding_json ->> 'do_sample')::boolean",
        "temperature": "(r.decoding_json ->> 'temperature')::double precision",
        "names": "string_agg(vector_name, ' + ' ORDER BY position)",
        "sets": "string_agg(set_label, ' + ' ORDER BY position)",
        "ordered": "named",
        "waited": "extract(epoch FROM j.started_at - j.created_at)::double precision",
        "ran": "extract(epoch FROM j.finished_at - j.started_at)::double precision",
        "text": "::text",
    },
}

VIEWS = {
    "v_sets": """
        SELECT s.id AS set_id,
               s.name AS set_name,
               s.description,
               s.task,
               s.tags_json{text} AS tags,
               v.id AS version_id,
               v.number AS version_number,
               s.name || '@' || v.number AS set_label,
               ps.name || '@' || p.number AS parent_label,
               v.content_sha256,
               v.message,
               v.author,
               v.n_demonstrations,
               v.created_at
        FROM demonstration_sets s
        LEFT JOIN set_versions v ON v.set_id = s.id
        LEFT JOIN set_versions p ON p.id = v.parent_id
        LEFT JOIN demonstration_sets ps ON ps.id = p.set_id
    """,
    "v_demonstrations": """
        SELECT s.name AS set_name,
               v.number AS version_number,
               s.name || '@' || v.number AS set_label,
               v.id AS version_id,
               i.position,
               d.id AS demonstration_id,
               d.sha256 AS demonstration_sha256,
               d.source,
               d.target,
               d.metadata_json{text} AS metadata
        FROM set_version_items i
        JOIN set_versions v ON v.id = i.set_version_id
        JOIN demonstration_sets s ON s.id = v.set_id
        JOIN demonstrations d ON d.id = i.demonstration_id
    """,
    "v_vectors": """
        SELECT v.id AS vector_id,
               v.name AS vector_name,
               v.content_sha256,
               v.spec_sha256,
               v.origin,
               v.method,
               v.parameters_json{text} AS parameters,
               v.read_site,
               v.write_site,
               v.token_rule,
               v.model_id,
               m.name AS model_name,
               m.fingerprint AS model_fingerprint,
               v.set_version_id,
               s.name || '@' || sv.number AS set_label,
               sv.n_demonstrations,
               v.n_layers,
               v.d_model,
               (SELECT avg(l.norm) FROM layer_vectors l WHERE l.steering_vector_id = v.id)
                   AS mean_norm,
               v.created_at,
               v.created_by
        FROM steering_vectors v
        JOIN models m ON m.id = v.model_id
        LEFT JOIN set_versions sv ON sv.id = v.set_version_id
        LEFT JOIN demonstration_sets s ON s.id = sv.set_id
    """,
    "v_layer_vectors": """
        SELECT v.id AS vector_id,
               v.name AS vector_name,
               l.layer,
               l.d_model,
               l.dtype,
               l.norm,
               l.explained_variance,
               l.sha256
        FROM layer_vectors l
        JOIN steering_vectors v ON v.id = l.steering_vector_id
    """,
    "v_runs": """
        SELECT r.id AS run_id,
               r.name AS run_name,
               r.spec_sha256,
               r.model_id,
               m.name AS model_name,
               m.fingerprint AS model_fingerprint,
               s.name || '@' || sv.number AS prompt_set_label,
               (SELECT count(*) FROM run_prompts p WHERE p.run_id = r.id) AS n_prompts,
               (SELECT count(*) FROM run_arms a WHERE a.run_id = r.id) AS n_arms,
               r.samples,
               (SELECT count(*) FROM generations g WHERE g.run_id = r.id) AS n_generations,
               {max_new_tokens} AS max_new_tokens,
               {do_sample} AS do_sample,
               {temperature} AS temperature,
               r.decoding_json{text} AS decoding,
               r.seed,
               r.dtype,
               r.replay_of,
               r.duration_s,
               r.created_at,
               r.created_by
        FROM generation_runs r
        JOIN models m ON m.id = r.model_id
        LEFT JOIN set_versions sv ON sv.id = r.prompt_set_version_id
        LEFT JOIN demonstration_sets s ON s.id = sv.set_id
    """,
    # An arm with several interventions lists their names; strength and the like are given when
    # all of them agree. The baseline of a run is its first arm without effect.
    "v_generations": """
        WITH named AS (
            SELECT ai.run_id,
                   ai.arm,
                   ai.position,
                   ai.strength,
                   ai.operator,
                   ai.positions,
                   ai.site,
                   v.name AS vector_name,
                   s.name || '@' || sv.number AS set_label
            FROM arm_interventions ai
            JOIN steering_vectors v ON v.id = ai.steering_vector_id
            LEFT JOIN set_versions sv ON sv.id = v.set_version_id
            LEFT JOIN demonstration_sets s ON s.id = sv.set_id
        ),
        applied AS (
            SELECT run_id,
                   arm,
                   count(*) AS n_interventions,
                   {names} AS vector_name,
                   {sets} AS set_label,
                   CASE WHEN min(strength) = max(strength) THEN min(strength) END AS strength,
                   CASE WHEN min(operator) = max(operator) THEN min(operator) END AS operator,
                   CASE WHEN min(positions) = max(positions) THEN min(positions) END AS positions,
                   CASE WHEN min(site) = max(site) THEN min(site) END AS write_site,
                   min(CASE WHEN strength = 0 THEN 1 ELSE 0 END) AS without_effect
            FROM {ordered} AS ordered
            GROUP BY run_id, arm
        ),
        arms AS (
            SELECT a.run_id,
                   a.position,
                   a.label,
                   coalesce(x.n_interventions, 0) AS n_interventions,
                   x.vector_name,
                   x.set_label,
                   CASE WHEN x.run_id IS NULL THEN 0.0 ELSE x.strength END AS strength,
                   x.operator,
                   x.positions,
                   x.write_site,
                   coalesce(x.without_effect, 1) AS without_effect
            FROM run_arms a
            LEFT JOIN applied x ON x.run_id = a.run_id AND x.arm = a.position
        ),
        baselines AS (
            SELECT run_id, min(position) AS arm FROM arms WHERE without_effect = 1 GROUP BY run_id
        )
        SELECT g.id AS generation_id,
               g.run_id,
               r.name AS run_name,
               m.name AS model_name,
               g.prompt,
               p.text AS prompt_text,
               p.reference AS prompt_reference,
               g.arm,
               a.label AS arm_label,
               CASE WHEN a.without_effect = 1 THEN {true} ELSE {false} END AS is_baseline,
               a.n_interventions,
               a.vector_name,
               a.set_label,
               a.strength,
               a.operator,
               a.positions,
               a.write_site,
               g.sample,
               g.text,
               b.text AS baseline_text,
               g.n_tokens,
               g.finish_reason,
               g.mean_logprob,
               r.seed,
               r.replay_of,
               r.created_at
        FROM generations g
        JOIN generation_runs r ON r.id = g.run_id
        JOIN models m ON m.id = r.model_id
        JOIN run_prompts p ON p.run_id = g.run_id AND p.position = g.prompt
        JOIN arms a ON a.run_id = g.run_id AND a.position = g.arm
        LEFT JOIN baselines z ON z.run_id = g.run_id
        LEFT JOIN generations b
            ON b.run_id = g.run_id AND b.prompt = g.prompt AND b.arm = z.arm
            AND b.sample = g.sample
    """,
    "v_scores": """
        SELECT s.id AS score_id,
               s.generation_id,
               g.run_id,
               g.prompt,
               g.arm,
               a.label AS arm_label,
               g.sample,
               s.scorer,
               s.scorer_version,
               s.value,
               s.missing_reason,
               s.details_json{text} AS details,
               s.created_at
        FROM scores s
        JOIN generations g ON g.id = s.generation_id
        JOIN run_arms a ON a.run_id = g.run_id AND a.position = g.arm
    """,
    "v_lineage": """
        WITH versions AS (
            SELECT v.id, v.parent_id, s.name || '@' || v.number AS label
            FROM set_versions v
            JOIN demonstration_sets s ON s.id = v.set_id
        )
        SELECT 'set_version' AS kind, c.id, c.label AS name, 'revises' AS relation,
               'set_version' AS parent_kind, p.id AS parent_id, p.label AS parent_name
        FROM versions c
        JOIN versions p ON p.id = c.parent_id
        UNION ALL
        SELECT 'vector', v.id, v.name, 'extracted_from', 'set_version', p.id, p.label
        FROM steering_vectors v
        JOIN versions p ON p.id = v.set_version_id
        UNION ALL
        SELECT 'vector', v.id, v.name, 'belongs_to', 'model', m.id, m.name
        FROM steering_vectors v
        JOIN models m ON m.id = v.model_id
        UNION ALL
        SELECT 'vector', v.id, v.name, 'combined_from', 'vector', p.id, p.name
        FROM vector_parents x
        JOIN steering_vectors v ON v.id = x.steering_vector_id
        JOIN steering_vectors p ON p.id = x.parent_id
        UNION ALL
        SELECT 'run', r.id, r.name, 'generated_by', 'model', m.id, m.name
        FROM generation_runs r
        JOIN models m ON m.id = r.model_id
        UNION ALL
        SELECT 'run', r.id, r.name, 'prompted_by', 'set_version', p.id, p.label
        FROM generation_runs r
        JOIN versions p ON p.id = r.prompt_set_version_id
        UNION ALL
        SELECT DISTINCT 'run', r.id, r.name, 'steered_by', 'vector', v.id, v.name
        FROM arm_interventions i
        JOIN generation_runs r ON r.id = i.run_id
        JOIN steering_vectors v ON v.id = i.steering_vector_id
        UNION ALL
        SELECT 'run', r.id, r.name, 'replays', 'run', p.id, p.name
        FROM generation_runs r
        JOIN generation_runs p ON p.id = r.replay_of
    """,
    "v_jobs": """
        SELECT j.id AS job_id,
               j.kind,
               j.state,
               j.queue,
               j.priority,
               m.name AS model_name,
               j.attempt,
               j.max_attempts,
               j.lease_owner AS worker_id,
               j.cancel_requested,
               j.progress_done,
               j.progress_total,
               j.progress_note,
               j.error_class,
               j.error,
               j.created_at,
               j.started_at,
               j.finished_at,
               {waited} AS waited_s,
               {ran} AS ran_s,
               j.created_by
        FROM jobs j
        LEFT JOIN models m ON m.id = j.model_id
    """,
}


def upgrade() -> None:
    words = SPELLINGS[op.get_bind().dialect.name]
    if words["schema"]:
        op.execute("CREATE SCHEMA analysis")
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {words['schema']}{name} AS {query.format(**words)}")


def downgrade() -> None:
    words = SPELLINGS[op.get_bind().dialect.name]
    for name in VIEWS:
        op.execute(f"DROP VIEW {words['schema']}{name}")
    if words["schema"]:
        op.execute("DROP SCHEMA analysis")
