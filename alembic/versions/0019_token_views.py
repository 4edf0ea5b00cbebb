"""Keep what jobs find about single tokens, and let workers register models.

The tokens nearest to a vector and the tokens of generated texts are results and frozen like them.
Queries that analysts keep stand beside the cookbook's. Workers say which models they hold and how
much memory they take. An index serves pages that ask which jobs
are under way.
"""

import re

import sqlalchemy as sa

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True)
MOMENT = sa.DateTime(timezone=True)
FROZEN = ("nearest_tokens", "generation_tokens")
KINDS = ("nearest", "read", "register")


def upgrade() -> None:
    op.create_table(
        "nearest_tokens",
        sa.Column("steering_vector_id", BIG, autoincrement=False, nullable=False),
        sa.Column("layer", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("toward_json", JSON, nullable=False),
        sa.Column("away_json", JSON, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("steering_vector_id", "layer", name="pk_nearest_tokens"),
        sa.ForeignKeyConstraint(
            ["steering_vector_id"],
            ["steering_vectors.id"],
            name="fk_nearest_tokens_steering_vector_id",
            ondelete="RESTRICT",
        ),
    )
    op.create_table(
        "generation_tokens",
        sa.Column("generation_id", BIG, autoincrement=False, nullable=False),
        sa.Column("pieces_json", JSON, nullable=False),
        sa.Column("logprobs", sa.LargeBinary, nullable=False),
        sa.Column("baseline_logprobs", sa.LargeBinary, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("generation_id", name="pk_generation_tokens"),
        sa.ForeignKeyConstraint(
            ["generation_id"],
            ["generations.id"],
            name="fk_generation_tokens_generation_id",
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint(
            "length(logprobs) = length(baseline_logprobs)",
            name=op.f("ck_generation_tokens_logprobs_length"),
        ),
    )
    op.create_table(
        "saved_queries",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sql", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_saved_queries"),
    )
    op.add_column("workers", sa.Column("models_json", JSON))
    op.add_column("workers", sa.Column("memory_bytes", sa.BigInteger))
    _allow_kinds([*_kinds(), *KINDS])
    op.create_index("ix_jobs_state_id", "jobs", ["state", "id"])
    for table in FROZEN:
        op.execute(_trigger(table))


def downgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for table in FROZEN:
        op.execute(f"DROP TRIGGER freeze_{table}" + ("" if is_sqlite else f" ON {table}"))
    op.drop_index("ix_jobs_state_id", "jobs")
    _forget_jobs()
    _allow_kinds([kind for kind in _kinds() if kind not in KINDS])
    op.drop_column("workers", "memory_bytes")
    op.drop_column("workers", "models_json")
    op.drop_table("saved_queries")
    op.drop_table("generation_tokens")
    op.drop_table("nearest_tokens")


def _forget_jobs() -> None:
    """Jobs of these kinds go with what they made, and everything that belongs to a job."""
    bind = op.get_bind()
    listed = ", ".join(f"'{kind}'" for kind in KINDS)
    wanted = f"SELECT id FROM jobs WHERE kind IN ({listed})"
    for table in sa.inspect(bind).get_table_names():
        for key in sa.inspect(bind).get_foreign_keys(table):
            if key["referred_table"] == "jobs":
                (column,) = key["constrained_columns"]
                op.execute(f"DELETE FROM {table} WHERE {column} IN ({wanted})")
    op.execute(f"DELETE FROM jobs WHERE kind IN ({listed})")


def _kinds() -> list[str]:
    """The kinds of job that the database allows now."""
    checks = sa.inspect(op.get_bind()).get_check_constraints("jobs")
    (text,) = [item["sqltext"] for item in checks if item["name"] == "ck_jobs_kind"]
    return re.findall(r"'(\w+)'", text)


def _allow_kinds(kinds: list[str]) -> None:
    """Change the check on the kind of a job; SQLite has to make the table anew for that."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    condition = f"kind IN ({listed})"
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_jobs_kind"), "jobs", type_="check")
        op.create_check_constraint(op.f("ck_jobs_kind"), "jobs", condition)
        return
    # Taken from the catalogue, because a view on jobs may have grown columns by then.
    catalogue = "SELECT name, sql FROM sqlite_master WHERE type = 'view' AND sql LIKE '%jobs%'"
    views = op.get_bind().exec_driver_sql(catalogue).all()
    for name, _ in views:
        op.execute(f"DROP VIEW {name}")
    with op.batch_alter_table("jobs", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_constraint(op.f("ck_jobs_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_jobs_kind"), condition)
    for _, definition in views:
        op.execute(definition)


def _trigger(table: str) -> str:
    if op.get_bind().dialect.name == "sqlite":
        return (
            f"CREATE TRIGGER freeze_{table} BEFORE UPDATE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} rows are frozen'); END"
        )
    return (
        f"CREATE TRIGGER freeze_{table} BEFORE UPDATE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_update()"
    )
