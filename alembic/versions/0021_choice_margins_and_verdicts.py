"""Keep how near every choice of a token was, and what replays found.

A text has the least margin of its tokens; older texts have none. A replay keeps its verdict, and
each token at which a text left the original's with the margin of the choice there. Both are
evidence and frozen. Margins of greedy runs are nats and those of sampled runs probabilities, which
the views say beside them.
"""

import sqlalchemy as sa

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FROZEN = ("replay_verdicts", "replay_departures")

SPELLINGS = {
    "sqlite": {
        "true": "1",
        "false": "0",
        "names": "group_concat(vector_name, ' + ')",
        "sets": "group_concat(set_label, ' + ')",
        "sampled": "json_extract(r.decoding_json, '$.do_sample')",
        "ordered": "(SELECT * FROM named ORDER BY run_id, arm, position)",
    },
    "postgresql": {
        "true": "true",
        "false": "false",
        "names": "string_agg(vector_name, ' + ' ORDER BY position)",
        "sets": "string_agg(set_label, ' + ' ORDER BY position)",
        "sampled": "(r.decoding_json ->> 'do_sample')::boolean",
        "ordered": "named",
    },
}
UNIT = "CASE WHEN {sampled} THEN 'probability' ELSE 'nats' END"
WITH_MARGIN = f",\n           g.choice_margin,\n           {UNIT} AS choice_margin_unit"
V_GENERATIONS = """
    WITH named AS (
        SELECT ai.run_id,
               ai.arm,
               ai.position,
               ai.strength,
               ai.operator,
               ai.positions,
               ai.site,
               ai.schedule,
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
               CASE WHEN min(schedule) = max(schedule) THEN min(schedule) END AS schedule,
               min(CASE WHEN strength = 0 THEN 1 ELSE 0 END) AS without_effect
        FROM {ordered} AS ordered
        GROUP BY run_id, arm
    ),
    arms AS (
        SELECT a.run_id,
               a.position,
               a.label,
               a.prefix,
               coalesce(x.n_interventions, 0) AS n_interventions,
               x.vector_name,
               x.set_label,
               CASE WHEN x.run_id IS NULL THEN 0.0 ELSE x.strength END AS strength,
               x.operator,
               x.positions,
               x.write_site,
               x.schedule,
               CASE WHEN a.prefix IS NULL THEN coalesce(x.without_effect, 1) ELSE 0 END
                   AS without_effect
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
           r.created_at,
           a.schedule,
           a.prefix{shown}
    FROM generations g
    JOIN generation_runs r ON r.id = g.run_id
    JOIN models m ON m.id = r.model_id
    JOIN run_prompts p ON p.run_id = g.run_id AND p.position = g.prompt
    JOIN arms a ON a.run_id = g.run_id AND a.position = g.arm
    LEFT JOIN baselines z ON z.run_id = g.run_id
    LEFT JOIN generations b
        ON b.run_id = g.run_id AND b.prompt = g.prompt AND b.arm = z.arm
        AND b.sample = g.sample
"""
V_REPLAYS = """
    SELECT r.id AS replay_id,
           r.replay_of AS original_id,
           m.name AS model_name,
           r.n_generations,
           CASE WHEN v.run_id IS NOT NULL THEN r.n_generations - coalesce(d.n_departures, 0) END
               AS n_equal,
           CASE WHEN v.run_id IS NOT NULL THEN coalesce(d.n_departures, 0) END AS n_departures,
           d.nearest_margin,
           d.widest_margin,
           {unit} AS margin_unit,
           v.rounding_margin,
           v.verdict,
           r.created_at
    FROM (
        SELECT id,
               replay_of,
               model_id,
               decoding_json,
               created_at,
               (SELECT count(*) FROM generations g WHERE g.run_id = runs.id) AS n_generations
        FROM generation_runs runs
        WHERE replay_of IS NOT NULL
    ) r
    JOIN models m ON m.id = r.model_id
    LEFT JOIN replay_verdicts v ON v.run_id = r.id
    LEFT JOIN (
        SELECT run_id,
               count(*) AS n_departures,
               min(margin) AS nearest_margin,
               max(margin) AS widest_margin
        FROM replay_departures
        GROUP BY run_id
    ) d ON d.run_id = r.id
"""


def upgrade() -> None:
    op.add_column("generations", sa.Column("choice_margin", sa.Double))
    op.create_table(
        "replay_verdicts",
        sa.Column("run_id", BIG, autoincrement=False, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("rounding_margin", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_replay_verdicts"),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["generation_runs.id"],
            name="fk_replay_verdicts_run_id",
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint(
            "verdict IN ('identical', 'rounding', 'unexplained')",
            name=op.f("ck_replay_verdicts_verdict"),
        ),
    )
    op.create_table(
        "replay_departures",
        sa.Column("run_id", BIG, autoincrement=False, nullable=False),
        sa.Column("prompt", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("arm", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("sample", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("original_token_id", sa.Integer),
        sa.Column("replay_token_id", sa.Integer),
        sa.Column("margin", sa.Double),
        sa.PrimaryKeyConstraint("run_id", "prompt", "arm", "sample", name="pk_replay_departures"),
        sa.ForeignKeyConstraint(
            ["run_id", "prompt", "arm", "sample"],
            ["generations.run_id", "generations.prompt", "generations.arm", "generations.sample"],
            name="fk_replay_departures_run_id_prompt_arm_sample",
            ondelete="RESTRICT",
        ),
    )
    for table in FROZEN:
        op.execute(_trigger(table))
    _replace_generations(WITH_MARGIN)
    op.execute(f"CREATE VIEW {_schema()}v_replays AS " + V_REPLAYS.format(unit=_spelt(UNIT)))


def downgrade() -> None:
    op.execute(f"DROP VIEW {_schema()}v_replays")
    _replace_generations("")
    for table in reversed(FROZEN):
        op.drop_table(table)
    op.drop_column("generations", "choice_margin")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _schema() -> str:
    return "" if _is_sqlite() else "analysis."


def _spelt(text: str) -> str:
    return text.format(**SPELLINGS[op.get_bind().dialect.name])


def _replace_generations(shown: str) -> None:
    op.execute(f"DROP VIEW {_schema()}v_generations")
    query = _spelt(V_GENERATIONS.replace("{shown}", shown))
    op.execute(f"CREATE VIEW {_schema()}v_generations AS {query}")


def _trigger(table: str) -> str:
    if _is_sqlite():
        return (
            f"CREATE TRIGGER freeze_{table} BEFORE UPDATE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} rows are frozen'); END"
        )
    return (
        f"CREATE TRIGGER freeze_{table} BEFORE UPDATE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_update()"
    )
