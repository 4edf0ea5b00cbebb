"""Keep runs of in-context learning as gradient descent, made by four new kinds of job.

A run holds what was asked and what came out; reference points, layers and heads are rows of their
own, so that SQL can ask for them. Weights of a trained model are a blob. All of it is evidence
and frozen. A run refers to its job: the job's curves belong to it.
"""

import re

import sqlalchemy as sa

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True)
KINDS = ("icl_construct", "icl_train", "icl_reproduce", "icl_bridge")
TABLES = ("icl_weights", "icl_heads", "icl_layers", "icl_checks", "icl_runs")
LIST = "'construct', 'train', 'reproduce', 'bridge'"
VIEW = """
    SELECT r.id AS icl_run_id,
           r.created_at,
           c.name,
           c.about,
           c.source,
           c.reference,
           c.tolerance,
           c.comparison,
           c.value,
           c.low,
           c.high,
           c.verdict
    FROM icl_checks c
    JOIN icl_runs r ON r.id = c.icl_run_id
"""
VIEW_LAYERS = """
    SELECT r.id AS icl_run_id,
           r.created_at,
           m.name AS model_name,
           s.name || '@' || sv.number AS set_label,
           l.condition,
           l.layer,
           l.cosine,
           l.query_cosine,
           l.query_cosine_sd,
           l.norm,
           l.relative_norm,
           l.agreement
    FROM icl_layers l
    JOIN icl_runs r ON r.id = l.icl_run_id
    LEFT JOIN models m ON m.id = r.model_id
    LEFT JOIN set_versions sv ON sv.id = r.set_version_id
    LEFT JOIN demonstration_sets s ON s.id = sv.set_id
"""
VIEWS = {"v_icl_checks": VIEW, "v_icl_layers": VIEW_LAYERS}


def upgrade() -> None:
    _create_runs()
    _create_parts()
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in TABLES:
        does = (
            f"BEGIN SELECT RAISE(ABORT, '{table} rows are frozen'); END"
            if sqlite
            else "FOR EACH ROW EXECUTE FUNCTION refuse_update()"
        )
        op.execute(f"CREATE TRIGGER freeze_{table} BEFORE UPDATE ON {table} {does}")
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW {'' if sqlite else 'analysis.'}{name} AS {query}")
    _change_kinds(lambda kinds: [*kinds, *KINDS])


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    listed = ", ".join(f"'{kind}'" for kind in KINDS)
    ours = f"SELECT id FROM jobs WHERE kind IN ({listed})"
    for name in VIEWS:
        op.execute(f"DROP VIEW {'' if sqlite else 'analysis.'}{name}")
    for table in TABLES:
        op.drop_table(table)
    parts = ("job_points", "job_checkpoints", "job_chunks", "job_partials", "job_logs")
    for part in (*parts, "job_attempts"):
        op.execute(f"DELETE FROM {part} WHERE job_id IN ({ours})")
    op.execute(f"DELETE FROM jobs WHERE kind IN ({listed})")
    _change_kinds(lambda kinds: [kind for kind in kinds if kind not in KINDS])


def _create_runs() -> None:
    op.create_table(
        "icl_runs",
        sa.Column("id", BIG, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("spec_sha256", sa.Text, nullable=False),
        sa.Column("spec_json", JSON, nullable=False),
        sa.Column("model_id", BIG),
        sa.Column("set_version_id", BIG),
        sa.Column("job_id", BIG),
        sa.Column("result_json", JSON, nullable=False),
        sa.Column("environment_json", JSON, nullable=False),
        sa.Column("duration_s", sa.Double, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_icl_runs"),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{target}.id"], name=f"fk_icl_runs_{column}", ondelete="RESTRICT"
            )
            for column, target in (
                ("model_id", "models"),
                ("set_version_id", "set_versions"),
                ("job_id", "jobs"),
            )
        ),
        sa.CheckConstraint(f"kind IN ({LIST})", name=op.f("ck_icl_runs_kind")),
        sqlite_autoincrement=True,
    )
    for column in ("spec_sha256", "model_id", "set_version_id", "job_id"):
        op.create_index(f"ix_icl_runs_{column}", "icl_runs", [column])


def _create_parts() -> None:
    _part(
        "icl_checks",
        ["position"],
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("name", "about", "source")),
        sa.Column("reference", sa.Double, nullable=False),
        sa.Column("tolerance", sa.Double, nullable=False),
        sa.Column("comparison", sa.Text, nullable=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("value", "low", "high")),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.CheckConstraint(
            "comparison IN ('equal', 'at_most', 'at_least')",
            name=op.f("ck_icl_checks_comparison"),
        ),
        sa.CheckConstraint("verdict IN ('ok', 'differs')", name=op.f("ck_icl_checks_verdict")),
    )
    figures = ("cosine", "query_cosine", "query_cosine_sd", "norm", "relative_norm", "agreement")
    _part(
        "icl_layers",
        ["condition", "layer"],
        sa.Column("condition", sa.Text, nullable=False),
        sa.Column("layer", sa.Integer, autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in figures),
    )
    figures = ("share", "effect_cosine", "linear_cosine", "attention")
    _part(
        "icl_heads",
        ["layer", "head"],
        sa.Column("layer", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("head", sa.Integer, autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in figures),
        sa.Column("by_demonstration_json", JSON, nullable=False),
    )
    _part(
        "icl_weights",
        [],
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )


def _part(table: str, key: list[str], *columns: sa.Column[object] | sa.CheckConstraint) -> None:
    op.create_table(
        table,
        sa.Column("icl_run_id", BIG, autoincrement=False, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("icl_run_id", *key, name=f"pk_{table}"),
        sa.ForeignKeyConstraint(
            ["icl_run_id"], ["icl_runs.id"], name=f"fk_{table}_icl_run_id", ondelete="RESTRICT"
        ),
    )


def _change_kinds(change) -> None:  # type: ignore[no-untyped-def]
    """Change which kinds of job there may be; SQLite has to make the table anew for that."""
    checks = {
        item["name"]: item["sqltext"]
        for item in sa.inspect(op.get_bind()).get_check_constraints("jobs")
    }
    kinds = change(re.findall(r"'(\w+)'", checks["ck_jobs_kind"]))
    condition = f"kind IN ({', '.join(repr(kind) for kind in kinds)})"
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_jobs_kind"), "jobs", type_="check")
        op.create_check_constraint(op.f("ck_jobs_kind"), "jobs", condition)
        return
    # Taken from the catalogue, because views on jobs may have grown columns by then.
    catalogue = "SELECT name, sql FROM sqlite_master WHERE type = 'view' AND sql LIKE '%jobs%'"
    views = op.get_bind().exec_driver_sql(catalogue).all()
    for name, _ in views:
        op.execute(f"DROP VIEW {name}")
    with op.batch_alter_table("jobs", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_constraint(op.f("ck_jobs_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_jobs_kind"), condition)
    for _, definition in views:
        op.execute(definition)
