"""${message}.

Why: say here what the change is for, and what it does to rows that are there already.

A revision is frozen once released: it uses ``sa.Column`` and SQL only, never the tables of
``vectorlab.store.schema``. On SQLite batch mode replaces a table, which drops its triggers and
needs its views dropped before: create both again in the same revision.
"""

import sqlalchemy as sa

from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
