"""What workers tell while they work: rate, partial texts and the log of a job; asking them to stop.

Partial texts stand in a table of their own, so that nothing can take them for a result and lists
of jobs stay small. The log is bounded by whoever writes it. A batch key marks generation jobs
that may share one batch.
"""

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("jobs", sa.Column("batch_key", sa.Text))
    op.add_column("jobs", sa.Column("progress_rate", sa.Double))
    op.add_column("workers", sa.Column("queue", sa.Text))
    op.add_column("workers", sa.Column("stop_asked_at", MOMENT))
    op.create_table(
        "job_partials",
        sa.Column("job_id", BIG, autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("texts_json", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_job_partials"),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_job_partials_job_id", ondelete="RESTRICT"
        ),
    )
    op.create_table(
        "job_logs",
        sa.Column("id", BIG, nullable=False),
        sa.Column("job_id", BIG, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_job_logs"),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_job_logs_job_id", ondelete="RESTRICT"
        ),
        sa.CheckConstraint("level IN ('info', 'warning', 'error')", name=op.f("ck_job_logs_level")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_job_logs_job_id_id", "job_logs", ["job_id", "id"])


def downgrade() -> None:
    op.drop_table("job_logs")
    op.drop_table("job_partials")
    for table, column in (
        ("workers", "stop_asked_at"),
        ("workers", "queue"),
        ("jobs", "progress_rate"),
        ("jobs", "batch_key"),
    ):
        op.drop_column(table, column)
