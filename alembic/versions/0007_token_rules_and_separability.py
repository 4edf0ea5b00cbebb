"""Allow more token rules than the last token, and keep how well a layer separates the sides.

A text may be stood for by its first tokens, one of them, or the mean or maximum of all; a rule
with a number is kept as it is written, ``first:3``. Separability is the held-out accuracy of
telling sources from targets along a layer vector; vectors made before have none.
"""

import sqlalchemy as sa

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RULES_BEFORE = "token_rule IN ('last')"
RULES = "token_rule IN ('last', 'mean', 'max') OR substr(token_rule, 1, 6) IN ('first:', 'index:')"

V_LAYER_VECTORS_BEFORE = """
    SELECT v.id AS vector_id,
           v.name AS vector_name,
           l.layer,
           l.d_model,
           l.dtype,
           l.norm,
           l.explained_variance,
           l.sha256
    FROM layer_vectors l
    JOIN steering_vectors v ON v.id = l.steering_vector_id
"""
V_LAYER_VECTORS = V_LAYER_VECTORS_BEFORE.replace("l.sha256", "l.sha256, l.separability")


def upgrade() -> None:
    _drop_view()
    op.add_column("layer_vectors", sa.Column("separability", sa.Double(), nullable=True))
    _allow_rules(RULES)
    _create_view(V_LAYER_VECTORS)


def downgrade() -> None:
    others = "SELECT count(*) FROM steering_vectors WHERE token_rule <> 'last'"
    count = op.get_bind().exec_driver_sql(others).scalar()
    if count:
        raise RuntimeError(
            f"{count} vectors were read by another rule than the last token, which the revision "
            "before does not know. Purge them first: vectorlab vectors purge NAME"
        )
    _drop_view()
    _allow_rules(RULES_BEFORE)
    op.drop_column("layer_vectors", "separability")
    _create_view(V_LAYER_VECTORS_BEFORE)


def _view() -> str:
    schema = "" if op.get_bind().dialect.name == "sqlite" else "analysis."
    return f"{schema}v_layer_vectors"


def _drop_view() -> None:
    op.execute(f"DROP VIEW {_view()}")


def _create_view(query: str) -> None:
    op.execute(f"CREATE VIEW {_view()} AS {query}")


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
