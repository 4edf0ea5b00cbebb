"""Allow token rules that name a part of a conversation or a slot of a template.

``response``, ``thinking`` and ``answer`` are parts of what an assistant says; ``slot:topic`` is
what fills the slot ``{topic}`` of a template.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

RULES_BEFORE = (
    "token_rule IN ('last', 'mean', 'max') OR substr(token_rule, 1, 6) IN ('first:', 'index:')"
)
RULES = (
    "token_rule IN ('last', 'mean', 'max', 'response', 'thinking', 'answer') "
    "OR substr(token_rule, 1, 6) IN ('first:', 'index:') "
    "OR substr(token_rule, 1, 5) = 'slot:'"
)


def upgrade() -> None:
    _allow_rules(RULES)


def downgrade() -> None:
    others = f"SELECT count(*) FROM steering_vectors WHERE NOT ({RULES_BEFORE})"
    count = op.get_bind().exec_driver_sql(others).scalar()
    if count:
        raise RuntimeError(
            f"{count} vectors were read from a part of a conversation or template, which the "
            "revision before does not know. Purge them first: vectorlab vectors purge NAME"
        )
    _allow_rules(RULES_BEFORE)


def _allow_rules(condition: str) -> None:
    """Change the check on the token rule; SQLite has to make the table anew for that."""
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(
            op.f("ck_steering_vectors_token_rule"), "steering_vectors", type_="check"
        )
        op.create_check_constraint(
            op.f("ck_steering_vectors_token_rule"), "steering_vectors", condition
        )
        return
    # Views stand in the way of it and triggers go with the old table: both are taken from the
    # catalogue and made again, as they are by then.
    catalogue = (
        "SELECT type, name, sql FROM sqlite_master WHERE type = 'view' "
        "OR type = 'trigger' AND tbl_name = 'steering_vectors' ORDER BY rowid"
    )
    kept = op.get_bind().exec_driver_sql(catalogue).all()
    for kind, name, _ in kept:
        op.execute(f"DROP {kind} {name}")
    with op.batch_alter_table(
        "steering_vectors", table_kwargs={"sqlite_autoincrement": True}
    ) as batch:
        batch.drop_constraint(op.f("ck_steering_vectors_token_rule"), type_="check")
        batch.create_check_constraint(op.f("ck_steering_vectors_token_rule"), condition)
    for *_, definition in kept:
        op.get_bind().exec_driver_sql(definition)
