"""Keep the curves of a training and the checkpoint from which its next attempt goes on.

Points are part of the record and stay with the job; how many there are is bounded by whoever
writes them. A job has one checkpoint at most, replaced by the next and gone when the job is done.
"""

import sqlalchemy as sa

from alembic import op

revision = "0011"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "job_points",
        sa.Column("job_id", BIG, autoincrement=False, nullable=False),
        sa.Column("series", sa.Text, nullable=False),
        sa.Column("step", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "series", "step", name="pk_job_points"),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_job_points_job_id", ondelete="RESTRICT"
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "job_checkpoints",
        sa.Column("job_id", BIG, autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_job_checkpoints"),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_job_checkpoints_job_id", ondelete="RESTRICT"
        ),
    )


def downgrade() -> None:
    op.drop_table("job_checkpoints")
    op.drop_table("job_points")
