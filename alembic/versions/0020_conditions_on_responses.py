"""Let the condition of an intervention read the text as it grows.

``positions`` of a condition may be ``response``, or ``response:last=4`` for the newest tokens.
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLE = "intervention_conditions"
BEFORE = "positions LIKE 'prompt%'"
NOW = "positions LIKE 'prompt%' OR positions LIKE 'response%'"


def upgrade() -> None:
    _allow(NOW)


def downgrade() -> None:
    others = f"SELECT count(DISTINCT run_id) FROM {TABLE} WHERE positions LIKE 'response%%'"
    count = op.get_bind().exec_driver_sql(others).scalar()
    if count:
        raise RuntimeError(
            f"{count} runs have a condition on their response, which the revision before does not "
            "know. Purge them first: vectorlab runs purge ID"
        )
    _allow(BEFORE)


def _allow(condition: str) -> None:
    """Change the check on positions; SQLite has to make the table anew for that."""
    name = op.f(f"ck_{TABLE}_positions")
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(name, TABLE, type_="check")
        op.create_check_constraint(name, TABLE, condition)
        return
    # Triggers go with the old table and views stand in the way: made again as they are by then.
    catalogue = (
        f"SELECT type, name, sql FROM sqlite_master WHERE type = 'view' AND sql LIKE '%{TABLE}%' "
        f"OR type = 'trigger' AND tbl_name = '{TABLE}' ORDER BY rowid"
    )
    kept = op.get_bind().exec_driver_sql(catalogue).all()
    for kind, found, _ in kept:
        op.execute(f"DROP {kind} {found}")
    with op.batch_alter_table(TABLE) as batch:
        batch.drop_constraint(name, type_="check")
        batch.create_check_constraint(name, condition)
    for *_, definition in kept:
        op.get_bind().exec_driver_sql(definition)
