"""Keep what was said before the prompts of a run that goes on with a conversation.

Runs that are there have none, so their column is null, which their digests leave out.
"""

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("generation_runs", sa.Column("chat_earlier_json", sa.JSON()))


def downgrade() -> None:
    op.drop_column("generation_runs", "chat_earlier_json")
