"""Keep recorded states, and what leaving out each demonstration does.

A text that a model has read once need not be read again for the next version of its set: states
are kept in blobs, packed so that a row holds many texts, and found by the hash of the text. They
are a cache: nothing refers to them and they may go at any time. The study of a vector without
each of its demonstrations is a result and frozen like one; it is made by a new kind of job.
"""

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)

FROZEN = ("explanations", "omitted_demonstrations")

KINDS_BEFORE = "kind IN ('extract', 'generate')"
KINDS = "kind IN ('extract', 'explain', 'generate')"

V_ALIGNMENTS = """
    SELECT v.id AS vector_id,
           v.name AS vector_name,
           v.set_version_id AS version_id,
           s.name || '@' || sv.number AS set_label,
           a.position,
           a.mean AS alignment,
           o.norm_change,
           o.cosine
    FROM demonstration_alignments a
    JOIN steering_vectors v ON v.id = a.steering_vector_id
    LEFT JOIN set_versions sv ON sv.id = v.set_version_id
    LEFT JOIN demonstration_sets s ON s.id = sv.set_id
    LEFT JOIN omitted_demonstrations o
        ON o.steering_vector_id = v.id AND o.position = a.position
"""


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    _create_explanations()
    _create_states()
    for table in FROZEN:
        op.execute((_sqlite_trigger if sqlite else _postgresql_trigger)(table))
    op.execute(f"CREATE VIEW {'' if sqlite else 'analysis.'}v_alignments AS {V_ALIGNMENTS}")
    _allow_kinds(KINDS)


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for part in ("job_chunks", "job_attempts"):
        op.execute(
            f"DELETE FROM {part} WHERE job_id IN (SELECT id FROM jobs WHERE kind = 'explain')"
        )
    op.execute("DELETE FROM jobs WHERE kind = 'explain'")
    _allow_kinds(KINDS_BEFORE)
    op.execute(f"DROP VIEW {'' if sqlite else 'analysis.'}v_alignments")
    for table in FROZEN:
        op.execute(f"DROP TRIGGER freeze_{table}" + ("" if sqlite else f" ON {table}"))
    for table in (
        "cached_states",
        "state_blob_chunks",
        "state_blobs",
        "state_caches",
        "omitted_demonstrations",
        "explanations",
    ):
        op.drop_table(table)


def _create_explanations() -> None:
    op.create_table(
        "explanations",
        sa.Column("steering_vector_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("environment_json", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["steering_vector_id"],
            ["steering_vectors.id"],
            name=op.f("fk_explanations_steering_vector_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("steering_vector_id", name=op.f("pk_explanations")),
    )
    op.create_table(
        "omitted_demonstrations",
        sa.Column("steering_vector_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("norm_change", sa.Double(), nullable=False),
        sa.Column("cosine", sa.Double(), nullable=False),
        sa.Column("norm_changes_json", sa.JSON(), nullable=False),
        sa.Column("cosines_json", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["steering_vector_id"],
            ["explanations.steering_vector_id"],
            name=op.f("fk_omitted_demonstrations_steering_vector_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint(
            "steering_vector_id", "position", name=op.f("pk_omitted_demonstrations")
        ),
    )


def _create_states() -> None:
    op.create_table(
        "state_caches",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("model_fingerprint", sa.Text(), nullable=False),
        sa.Column("spec_json", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state_caches")),
        sa.UniqueConstraint("sha256", name=op.f("uq_state_caches_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "state_blobs",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("state_cache_id", BIG_INT, nullable=False),
        sa.Column("n_texts", sa.Integer(), nullable=False),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("job_id", BIG_INT, nullable=True),
        sa.Column("used_at", TIME, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("n_texts > 0", name=op.f("ck_state_blobs_n_texts")),
        sa.ForeignKeyConstraint(
            ["state_cache_id"],
            ["state_caches.id"],
            name=op.f("fk_state_blobs_state_cache_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state_blobs")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_state_blobs_state_cache_id"), "state_blobs", ["state_cache_id"])
    op.create_index(op.f("ix_state_blobs_used_at"), "state_blobs", ["used_at"])
    op.create_table(
        "state_blob_chunks",
        sa.Column("state_blob_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["state_blob_id"],
            ["state_blobs.id"],
            name=op.f("fk_state_blob_chunks_state_blob_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("state_blob_id", "seq", name=op.f("pk_state_blob_chunks")),
    )
    op.create_table(
        "cached_states",
        sa.Column("state_cache_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("text_sha256", sa.Text(), nullable=False),
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("state_blob_id", BIG_INT, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["state_cache_id"],
            ["state_caches.id"],
            name=op.f("fk_cached_states_state_cache_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["state_blob_id"],
            ["state_blobs.id"],
            name=op.f("fk_cached_states_state_blob_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("state_cache_id", "text_sha256", name=op.f("pk_cached_states")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_cached_states_state_blob_id"), "cached_states", ["state_blob_id"])


def _allow_kinds(condition: str) -> None:
    """Change the check on the kind of a job; SQLite has to make the table anew for that."""
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_jobs_kind"), "jobs", type_="check")
        op.create_check_constraint(op.f("ck_jobs_kind"), "jobs", condition)
        return
    # Taken from the catalogue, because a view on jobs may have grown columns by then.
    catalogue = "SELECT name, sql FROM sqlite_master WHERE type = 'view' AND sql LIKE '%FROM jobs%'"
    views = op.get_bind().exec_driver_sql(catalogue).all()
    for name, _ in views:
        op.execute(f"DROP VIEW {name}")
    with op.batch_alter_table("jobs", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_constraint(op.f("ck_jobs_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_jobs_kind"), condition)
    for _, definition in views:
        op.execute(definition)


def _sqlite_trigger(table: str) -> str:
    return (
        f"CREATE TRIGGER freeze_{table} BEFORE UPDATE ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} rows are frozen'); END"
    )


def _postgresql_trigger(table: str) -> str:
    return (
        f"CREATE TRIGGER freeze_{table} BEFORE UPDATE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_update()"
    )
