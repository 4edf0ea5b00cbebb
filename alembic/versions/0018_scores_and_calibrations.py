"""Keep what scores were made of, arms that begin with a text, and calibrations.

A score can be found again by the content it was made of. An arm may put a text before every prompt,
as in-context learning does; such an arm is no baseline, which ``v_generations`` has to know. A
calibration is the strength that gives a vector the most effect within a budget of damage, with the
evidence for it. Two kinds of job make scores and calibrations.
"""

import re

import sqlalchemy as sa

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
KINDS = ("score", "calibrate")

SPELLINGS = {
    "sqlite": {
        "true": "1",
        "false": "0",
        "names": "group_concat(vector_name, ' + ')",
        "sets": "group_concat(set_label, ' + ')",
        "ordered": "(SELECT * FROM named ORDER BY run_id, arm, position)",
    },
    "postgresql": {
        "true": "true",
        "false": "false",
        "names": "string_agg(vector_name, ' + ' ORDER BY position)",
        "sets": "string_agg(set_label, ' + ' ORDER BY position)",
        "ordered": "named",
    },
}
WITH_PREFIX = {
    "prefix": "a.prefix,",
    "without_effect": "CASE WHEN a.prefix IS NULL THEN coalesce(x.without_effect, 1) ELSE 0 END",
    "shown": ",\n           a.prefix",
}
WITHOUT_PREFIX = {
    "prefix": "",
    "without_effect": "coalesce(x.without_effect, 1)",
    "shown": "",
}
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
               {prefix}
               coalesce(x.n_interventions, 0) AS n_interventions,
               x.vector_name,
               x.set_label,
               CASE WHEN x.run_id IS NULL THEN 0.0 ELSE x.strength END AS strength,
               x.operator,
               x.positions,
               x.write_site,
               x.schedule,
               {without_effect} AS without_effect
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
           a.schedule{shown}
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
V_VOTES = """
    SELECT v.id AS vote_id,
           l.run_id AS left_run_id,
           l.prompt AS left_prompt,
           a.label AS left_arm,
           l.text AS left_text,
           r.run_id AS right_run_id,
           r.prompt AS right_prompt,
           b.label AS right_arm,
           r.text AS right_text,
           v.left_generation_id,
           v.right_generation_id,
           v.choice,
           v.question,
           v.voter,
           v.created_at
    FROM votes v
    JOIN generations l ON l.id = v.left_generation_id
    JOIN run_arms a ON a.run_id = l.run_id AND a.position = l.arm
    JOIN generations r ON r.id = v.right_generation_id
    JOIN run_arms b ON b.run_id = r.run_id AND b.position = r.arm
"""
V_CALIBRATIONS = """
    SELECT c.id AS calibration_id,
           v.id AS vector_id,
           v.name AS vector_name,
           m.name AS model_name,
           c.operator,
           c.site AS write_site,
           c.layers_json{text} AS layers,
           c.effect,
           c.damage,
           c.budget,
           c.is_met,
           c.strength,
           c.effect_value,
           c.damage_value,
           c.n_prompts,
           c.curve_json{text} AS curve,
           c.created_at,
           c.created_by
    FROM calibrations c
    JOIN steering_vectors v ON v.id = c.steering_vector_id
    JOIN models m ON m.id = v.model_id
"""


def upgrade() -> None:
    op.add_column("scores", sa.Column("content_sha256", sa.Text))
    op.create_index(op.f("ix_scores_content_sha256"), "scores", ["content_sha256"])
    op.add_column("run_arms", sa.Column("prefix", sa.Text))
    op.create_table(
        "calibrations",
        sa.Column("id", BIG, nullable=False),
        sa.Column("steering_vector_id", BIG, nullable=False),
        sa.Column("vector_sha256", sa.Text, nullable=False),
        sa.Column("spec_sha256", sa.Text, nullable=False),
        sa.Column("spec_json", sa.JSON, nullable=False),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("layers_json", sa.JSON),
        sa.Column("effect", sa.Text, nullable=False),
        sa.Column("damage", sa.Text, nullable=False),
        sa.Column("budget", sa.Double, nullable=False),
        sa.Column("is_met", sa.Boolean, nullable=False),
        sa.Column("strength", sa.Double, nullable=False),
        sa.Column("effect_value", sa.Double),
        sa.Column("damage_value", sa.Double, nullable=False),
        sa.Column("n_prompts", sa.Integer, nullable=False),
        sa.Column("curve_json", sa.JSON, nullable=False),
        sa.Column("evidence_json", sa.JSON, nullable=False),
        sa.Column("environment_json", sa.JSON, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibrations")),
        sa.ForeignKeyConstraint(
            ["steering_vector_id"],
            ["steering_vectors.id"],
            name=op.f("fk_calibrations_steering_vector_id"),
            ondelete="RESTRICT",
        ),
        sqlite_autoincrement=True,
    )
    for column in ("steering_vector_id", "spec_sha256"):
        op.create_index(op.f(f"ix_calibrations_{column}"), "calibrations", [column])
    _freeze()
    _allow_kinds([*_kinds(), *KINDS])
    _replace_generations(WITH_PREFIX)
    schema, text = ("", "") if _is_sqlite() else ("analysis.", "::text")
    op.execute(f"CREATE VIEW {schema}v_votes AS {V_VOTES}")
    op.execute(f"CREATE VIEW {schema}v_calibrations AS {V_CALIBRATIONS.format(text=text)}")


def downgrade() -> None:
    count = sa.text("SELECT count(*) FROM run_arms WHERE prefix IS NOT NULL")
    if number := op.get_bind().execute(count).scalar_one():
        raise RuntimeError(
            f"{number} arms begin with a text, which revision 0017 does not know. Purge their runs "
            "first: vectorlab runs purge RUN"
        )
    schema = "" if _is_sqlite() else "analysis."
    op.execute(f"DROP VIEW {schema}v_calibrations")
    op.execute(f"DROP VIEW {schema}v_votes")
    _replace_generations(WITHOUT_PREFIX)
    _forget_jobs()
    _allow_kinds([kind for kind in _kinds() if kind not in KINDS])
    on = "" if _is_sqlite() else " ON calibrations"
    op.execute(f"DROP TRIGGER freeze_calibrations{on}")
    op.drop_table("calibrations")
    op.drop_column("run_arms", "prefix")
    op.drop_index(op.f("ix_scores_content_sha256"), "scores")
    op.drop_column("scores", "content_sha256")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _replace_generations(words: dict[str, str]) -> None:
    dialect = op.get_bind().dialect.name
    schema = "" if dialect == "sqlite" else "analysis."
    op.execute(f"DROP VIEW {schema}v_generations")
    query = V_GENERATIONS.format(**SPELLINGS[dialect], **words)
    op.execute(f"CREATE VIEW {schema}v_generations AS {query}")


def _freeze() -> None:
    if _is_sqlite():
        op.execute(
            "CREATE TRIGGER freeze_calibrations BEFORE UPDATE ON calibrations "
            "BEGIN SELECT RAISE(ABORT, 'calibrations rows are frozen'); END"
        )
    else:
        op.execute(
            "CREATE TRIGGER freeze_calibrations BEFORE UPDATE ON calibrations "
            "FOR EACH ROW EXECUTE FUNCTION refuse_update()"
        )


def _forget_jobs() -> None:
    """Jobs of these kinds go, and everything that belongs to a job."""
    bind = op.get_bind()
    kinds = ", ".join(f"'{kind}'" for kind in KINDS)
    seen = sa.inspect(bind)
    for table in seen.get_table_names():
        for key in seen.get_foreign_keys(table):
            if key["referred_table"] == "jobs":
                (column,) = key["constrained_columns"]
                op.execute(
                    f"DELETE FROM {table} WHERE {column} IN "
                    f"(SELECT id FROM jobs WHERE kind IN ({kinds}))"
                )
    op.execute(f"DELETE FROM jobs WHERE kind IN ({kinds})")


def _kinds() -> list[str]:
    """The kinds of job that the database allows now."""
    checks = sa.inspect(op.get_bind()).get_check_constraints("jobs")
    (text,) = (item["sqltext"] for item in checks if item["name"] == "ck_jobs_kind")
    return re.findall(r"'(\w+)'", text)


def _allow_kinds(kinds: list[str]) -> None:
    """Change the check on the kind of a job; SQLite has to make the table anew for that."""
    condition = f"kind IN ({', '.join(repr(kind) for kind in kinds)})"
    if not _is_sqlite():
        op.drop_constraint(op.f("ck_jobs_kind"), "jobs", type_="check")
        op.create_check_constraint(op.f("ck_jobs_kind"), "jobs", condition)
        return
    catalogue = "SELECT name, sql FROM sqlite_master WHERE type = 'view' AND sql LIKE '%jobs%'"
    views = op.get_bind().exec_driver_sql(catalogue).all()
    for name, _ in views:
        op.execute(f"DROP VIEW {name}")
    with op.batch_alter_table("jobs", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_constraint(op.f("ck_jobs_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_jobs_kind"), condition)
    for _, definition in views:
        op.execute(definition)
