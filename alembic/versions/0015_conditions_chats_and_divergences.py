"""Keep conditions of interventions, chats, comparisons with the baseline and threshold searches.

All of it is new and none of it changes what is there, so it stands in tables of its own: a run
without conditions, chat or comparison has no row in them. ``v_divergences`` shows the comparison
without the blobs. Everything here is evidence and frozen. Two kinds of job come with it.
"""

import re
from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SITE = "site IN ('block_output', 'mlp_output', 'attention_output')"
KINDS = ("condition", "equalise")
FROZEN = (
    "run_chats",
    "intervention_conditions",
    "generation_divergences",
    "condition_searches",
)


def upgrade() -> None:
    op.create_table(
        "run_chats",
        sa.Column("run_id", BIG, autoincrement=False, nullable=False),
        sa.Column("template_sha256", sa.Text, nullable=False),
        sa.Column("system", sa.Text),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_chats"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["generation_runs.id"], name="fk_run_chats_run_id", ondelete="RESTRICT"
        ),
    )
    op.create_table(
        "intervention_conditions",
        sa.Column("run_id", BIG, autoincrement=False, nullable=False),
        sa.Column("arm", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("steering_vector_id", BIG, nullable=False),
        sa.Column("vector_sha256", sa.Text, nullable=False),
        sa.Column("layer", sa.Integer, nullable=False),
        sa.Column("measure", sa.Text, nullable=False),
        sa.Column("comparison", sa.Text, nullable=False),
        sa.Column("threshold", sa.Double, nullable=False),
        sa.Column("positions", sa.Text, nullable=False),
        sa.Column("site", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "arm", "position", name="pk_intervention_conditions"),
        sa.ForeignKeyConstraint(
            ["run_id", "arm", "position"],
            ["arm_interventions.run_id", "arm_interventions.arm", "arm_interventions.position"],
            name="fk_intervention_conditions_run_id_arm_position",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["steering_vector_id"],
            ["steering_vectors.id"],
            name="fk_intervention_conditions_steering_vector_id",
            ondelete="RESTRICT",
        ),
        *_checks("intervention_conditions"),
    )
    op.create_index(
        "ix_intervention_conditions_steering_vector_id",
        "intervention_conditions",
        ["steering_vector_id"],
    )
    op.create_table(
        "generation_divergences",
        sa.Column("run_id", BIG, autoincrement=False, nullable=False),
        sa.Column("prompt", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("arm", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("sample", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("n_tokens", sa.Integer, nullable=False),
        sa.Column("mean_kl", sa.Double, nullable=False),
        sa.Column("baseline_mean_logprob", sa.Double, nullable=False),
        sa.Column("kl", sa.LargeBinary, nullable=False),
        sa.Column("logprobs", sa.LargeBinary, nullable=False),
        sa.Column("baseline_logprobs", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint(
            "run_id", "prompt", "arm", "sample", name="pk_generation_divergences"
        ),
        sa.ForeignKeyConstraint(
            ["run_id", "prompt", "arm", "sample"],
            ["generations.run_id", "generations.prompt", "generations.arm", "generations.sample"],
            name="fk_generation_divergences_run_id_prompt_arm_sample",
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint(
            "length(kl) = 4 * n_tokens AND length(logprobs) = 4 * n_tokens "
            "AND length(baseline_logprobs) = 4 * n_tokens",
            name=op.f("ck_generation_divergences_lengths"),
        ),
    )
    op.create_table(
        "condition_searches",
        sa.Column("id", BIG, nullable=False),
        sa.Column("spec_sha256", sa.Text, nullable=False),
        sa.Column("spec_json", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("model_id", BIG, nullable=False),
        sa.Column("steering_vector_id", BIG, nullable=False),
        sa.Column("positive_version_id", BIG, nullable=False),
        sa.Column("negative_version_id", BIG, nullable=False),
        sa.Column("vector_sha256", sa.Text, nullable=False),
        sa.Column("layer", sa.Integer, nullable=False),
        sa.Column("measure", sa.Text, nullable=False),
        sa.Column("comparison", sa.Text, nullable=False),
        sa.Column("threshold", sa.Double, nullable=False),
        sa.Column("positions", sa.Text, nullable=False),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("accuracy", sa.Double, nullable=False),
        sa.Column("f1", sa.Double, nullable=False),
        sa.Column("evidence_json", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("environment_json", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_condition_searches"),
        *(
            sa.ForeignKeyConstraint(
                [column],
                [f"{target}.id"],
                name=f"fk_condition_searches_{column}",
                ondelete="RESTRICT",
            )
            for column, target in (
                ("model_id", "models"),
                ("steering_vector_id", "steering_vectors"),
                ("positive_version_id", "set_versions"),
                ("negative_version_id", "set_versions"),
            )
        ),
        *_checks("condition_searches"),
        sqlite_autoincrement=True,
    )
    for column in (
        "spec_sha256",
        "model_id",
        "steering_vector_id",
        "positive_version_id",
        "negative_version_id",
    ):
        op.create_index(f"ix_condition_searches_{column}", "condition_searches", [column])
    schema = "" if _is_sqlite() else "analysis."
    op.execute(
        f"CREATE VIEW {schema}v_divergences AS "
        "SELECT g.id AS generation_id, d.run_id, d.prompt, d.arm, d.sample, d.n_tokens, "
        "d.mean_kl, g.mean_logprob, d.baseline_mean_logprob "
        "FROM generation_divergences d JOIN generations g ON g.run_id = d.run_id "
        "AND g.prompt = d.prompt AND g.arm = d.arm AND g.sample = d.sample"
    )
    for table in FROZEN:
        _freeze(table)
    _allow_kinds([*_kinds(), *KINDS])


def downgrade() -> None:
    used = [
        table
        for table in FROZEN
        if op.get_bind().execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first()
    ]
    if used:
        raise RuntimeError(
            f"Rows of {', '.join(used)} would be lost. Purge the runs and vectors that they belong "
            "to first: vectorlab runs purge RUN, vectorlab vectors purge VECTOR --cascade"
        )
    _forget_jobs()
    _allow_kinds([kind for kind in _kinds() if kind not in KINDS])
    op.execute(f"DROP VIEW {'' if _is_sqlite() else 'analysis.'}v_divergences")
    for table in reversed(FROZEN):
        op.drop_table(table)


def _checks(table: str) -> tuple[sa.CheckConstraint, ...]:
    return (
        sa.CheckConstraint("measure IN ('cosine', 'projection')", name=op.f(f"ck_{table}_measure")),
        sa.CheckConstraint("comparison IN ('>', '<')", name=op.f(f"ck_{table}_comparison")),
        sa.CheckConstraint(SITE, name=op.f(f"ck_{table}_site")),
        sa.CheckConstraint("positions LIKE 'prompt%'", name=op.f(f"ck_{table}_positions")),
    )


def _forget_jobs() -> None:
    """Jobs of these kinds cannot stay, nor what belongs to them."""
    bind = op.get_bind()
    mine = f"SELECT id FROM jobs WHERE kind IN ({_listed(KINDS)})"
    for table in sa.inspect(bind).get_table_names():
        for key in sa.inspect(bind).get_foreign_keys(table):
            if key["referred_table"] == "jobs":
                [column] = key["constrained_columns"]
                op.execute(f"DELETE FROM {table} WHERE {column} IN ({mine})")
    op.execute(f"DELETE FROM jobs WHERE kind IN ({_listed(KINDS)})")


def _kinds() -> list[str]:
    """The kinds of job that are allowed now."""
    checks = sa.inspect(op.get_bind()).get_check_constraints("jobs")
    [text] = [item["sqltext"] for item in checks if item["name"] == "ck_jobs_kind"]
    return re.findall(r"'(\w+)'", text)


def _allow_kinds(kinds: Sequence[str]) -> None:
    """Change the check on the kind of a job, under the views that read the table."""
    condition = f"kind IN ({_listed(kinds)})"
    if not _is_sqlite():
        op.drop_constraint(op.f("ck_jobs_kind"), "jobs", type_="check")
        op.create_check_constraint(op.f("ck_jobs_kind"), "jobs", condition)
        return
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'view' AND sql LIKE '%jobs%'"
    views = op.get_bind().exec_driver_sql(query).all()
    for name, _ in views:
        op.execute(f"DROP VIEW {name}")
    with op.batch_alter_table("jobs", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.drop_constraint(op.f("ck_jobs_kind"), type_="check")
        table.create_check_constraint(op.f("ck_jobs_kind"), condition)
    for _, definition in views:
        op.execute(definition)


def _listed(kinds: Sequence[str]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _freeze(table: str) -> None:
    if _is_sqlite():
        op.execute(
            f"CREATE TRIGGER freeze_{table} BEFORE UPDATE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} rows are frozen'); END"
        )
    else:
        op.execute(
            f"CREATE TRIGGER freeze_{table} BEFORE UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_update()"
        )
