"""Freeze rows with triggers.

Set versions, vectors and runs are evidence: what was recorded may be deleted by an audited purge
but never changed. Only the columns that merely name or locate a thing stay open.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Table -> frozen columns; None freezes all of them.
FROZEN: dict[str, tuple[str, ...] | None] = {
    "models": (
        "id",
        "fingerprint",
        "architecture",
        "n_layers",
        "d_model",
        "n_parameters",
        "vocabulary_size",
        "context_length",
        "weights_sha256",
        "config_sha256",
        "tokenizer_sha256",
        "chat_template_sha256",
        "created_at",
    ),
    "set_versions": None,
    "demonstrations": None,
    "set_version_items": None,
    "steering_vectors": (
        "id",
        "content_sha256",
        "spec_sha256",
        "model_id",
        "set_version_id",
        "method",
        "parameters_json",
        "read_site",
        "write_site",
        "token_rule",
        "spec_json",
        "origin",
        "n_layers",
        "d_model",
        "environment_json",
        "created_at",
        "created_by",
    ),
    "vector_parents": None,
    "layer_vectors": None,
    "demonstration_alignments": None,
    "generation_runs": (
        "id",
        "spec_sha256",
        "model_id",
        "prompt_set_version_id",
        "decoding_json",
        "seed",
        "samples",
        "add_special_tokens",
        "dtype",
        "environment_json",
        "batch_plan_json",
        "replay_of",
        "duration_s",
        "created_at",
        "created_by",
    ),
    "run_prompts": None,
    "run_arms": None,
    "arm_interventions": None,
    "generations": None,
}

POSTGRESQL_FUNCTION = """
CREATE FUNCTION refuse_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are frozen', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$
"""


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    if not sqlite:
        op.execute(POSTGRESQL_FUNCTION)
    for table, columns in FROZEN.items():
        event = "UPDATE" if columns is None else f"UPDATE OF {', '.join(columns)}"
        op.execute((_sqlite if sqlite else _postgresql)(table, event))


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in FROZEN:
        op.execute(f"DROP TRIGGER freeze_{table}" + ("" if sqlite else f" ON {table}"))
    if not sqlite:
        op.execute("DROP FUNCTION refuse_update()")


def _sqlite(table: str, event: str) -> str:
    return (
        f"CREATE TRIGGER freeze_{table} BEFORE {event} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} rows are frozen'); END"
    )


def _postgresql(table: str, event: str) -> str:
    return (
        f"CREATE TRIGGER freeze_{table} BEFORE {event} ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_update()"
    )
