"""Let interventions act on windows and chosen tokens, with schedules, by two more operators.

``positions`` now holds a spelling such as ``prompt:last=2+skip_bos``; the three old values are
spellings too, so that no row and no request hash changes. ``schedule`` says how the strength goes
while a text grows; what was there before is constant. The new column stands last in
``v_generations``. SQLite can only replace a table as a whole, and not under the views that read it.
"""

import sqlalchemy as sa
from alembic.operations import BatchOperations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OPERATORS_BEFORE = "operator IN ('rotate', 'add', 'ablate')"
OPERATORS = "operator IN ('rotate', 'add', 'add_norm_preserving', 'ablate', 'project_to')"
POSITIONS_BEFORE = "positions IN ('all', 'prompt', 'response')"
POSITIONS = "positions LIKE 'all%' OR positions LIKE 'prompt%' OR positions LIKE 'response%'"
SCHEDULE = (
    "schedule = 'constant' OR schedule LIKE 'first:%' OR schedule LIKE 'linear:%' "
    "OR schedule LIKE 'cosine:%'"
)

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
WITH_SCHEDULE = {
    "named": "ai.schedule,",
    "agreed": "CASE WHEN min(schedule) = max(schedule) THEN min(schedule) END AS schedule,",
    "joined": "x.schedule,",
    "shown": ", a.schedule",
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
               {named}
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
               {agreed}
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
               {joined}
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
           r.created_at{shown}
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


def upgrade() -> None:
    views = _drop_readers()
    with op.batch_alter_table("arm_interventions") as table:
        table.add_column(
            sa.Column("schedule", sa.Text(), nullable=False, server_default="constant")
        )
        table.create_check_constraint(op.f("ck_arm_interventions_schedule"), SCHEDULE)
        _replace_checks(table, OPERATORS, POSITIONS)
    _freeze()
    _create_readers(views, WITH_SCHEDULE)


def downgrade() -> None:
    count = sa.text(
        "SELECT count(*) FROM arm_interventions WHERE schedule <> 'constant' "
        f"OR NOT ({OPERATORS_BEFORE}) OR NOT ({POSITIONS_BEFORE})"
    )
    if number := op.get_bind().execute(count).scalar_one():
        raise RuntimeError(
            f"{number} interventions use operators, positions or schedules that revision 0007 does "
            "not know. Purge their runs first: vectorlab runs purge RUN"
        )
    views = _drop_readers()
    with op.batch_alter_table("arm_interventions") as table:
        table.drop_constraint(op.f("ck_arm_interventions_schedule"), type_="check")
        _replace_checks(table, OPERATORS_BEFORE, POSITIONS_BEFORE)
        table.drop_column("schedule")
    _freeze()
    _create_readers(views, dict.fromkeys(WITH_SCHEDULE, ""))


def _replace_checks(table: BatchOperations, operators: str, positions: str) -> None:
    for column, check in (("operator", operators), ("positions", positions)):
        name = op.f(f"ck_arm_interventions_{column}")
        table.drop_constraint(name, type_="check")
        table.create_check_constraint(name, check)


def _drop_readers() -> dict[str, str]:
    """Drop the views that read the table; the SQL of those that stay as they are."""
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP VIEW analysis.v_generations")
        return {}
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'view' AND sql LIKE '%interventions%'"
    views = {row.name: row.sql for row in op.get_bind().execute(sa.text(query))}
    for name in views:
        op.execute(f"DROP VIEW {name}")
    return {name: sql for name, sql in views.items() if name != "v_generations"}


def _create_readers(views: dict[str, str], schedule: dict[str, str]) -> None:
    dialect = op.get_bind().dialect.name
    for sql in views.values():
        op.execute(sql)
    query = V_GENERATIONS.format(**SPELLINGS[dialect], **schedule)
    op.execute(f"CREATE VIEW {'' if dialect == 'sqlite' else 'analysis.'}v_generations AS {query}")


def _freeze() -> None:
    """Put the trigger back that went with the table that was replaced."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER freeze_arm_interventions BEFORE UPDATE ON arm_interventions "
            "BEGIN SELECT RAISE(ABORT, 'arm_interventions rows are frozen'); END"
        )
