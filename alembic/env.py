"""Runs the revisions on the connection that ``vectorlab.store.upkeep.migrate`` opened and locked.

Called by Alembic's own command line, which developers use to write revisions, it opens one on
the store that the settings name.
"""

import sqlalchemy as sa

from alembic import context
from vectorlab.config import Settings
from vectorlab.store.schema import metadata
from vectorlab.store.upkeep.migrate import migration_transaction
from vectorlab.store.upkeep.views_and_triggers import set_aside


def run(connection: sa.Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction(), set_aside(connection):
        context.run_migrations()


if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    with migration_transaction(Settings.from_environment().database_url) as opened:
        run(opened)
