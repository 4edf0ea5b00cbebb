"""Keep drafts of sets in the store.

What somebody changed of a version, or typed for a set that has none, was in the memory of a page
and gone with it. No row that is there changes.
"""

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "set_drafts",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("set_id", _BIG, nullable=False),
        sa.Column("base_number", sa.Integer(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("edit_json", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_set_drafts")),
        sa.ForeignKeyConstraint(
            ["set_id"],
            ["demonstration_sets.id"],
            name=op.f("fk_set_drafts_set_id"),
            ondelete="RESTRICT",
        ),
        sa.UniqueConstraint(
            "set_id", "base_number", "author", name=op.f("uq_set_drafts_set_id_base_number_author")
        ),
        sa.CheckConstraint("base_number >= 0", name=op.f("ck_set_drafts_base_number")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("set_drafts")
