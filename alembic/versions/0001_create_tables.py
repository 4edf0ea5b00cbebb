"""Create every table.

Names of constraints follow the convention of ``vectorlab.store.schema``. Hashes are 64 hex
digits; times are UTC by the database's clock; JSON keeps its spelling, since hashes cover it.
"""

import sqlalchemy as sa

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
ACTIVE = sa.text("state IN ('queued', 'running')")

TABLES = (
    "models",
    "demonstration_sets",
    "set_versions",
    "demonstrations",
    "set_version_items",
    "steering_vectors",
    "vector_parents",
    "layer_vectors",
    "demonstration_alignments",
    "generation_runs",
    "run_prompts",
    "run_arms",
    "arm_interventions",
    "generations",
    "scores",
    "votes",
    "jobs",
    "job_attempts",
    "job_chunks",
    "workers",
    "audit_log",
)


def upgrade() -> None:
    _create_models()
    _create_sets()
    _create_vectors()
    _create_runs()
    _create_judgements()
    _create_queue()
    _create_audit_log()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _create_models() -> None:
    op.create_table(
        "models",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("architecture", sa.Text(), nullable=False),
        sa.Column("n_layers", sa.Integer(), nullable=False),
        sa.Column("d_model", sa.Integer(), nullable=False),
        sa.Column("n_parameters", sa.BigInteger(), nullable=False),
        sa.Column("vocabulary_size", sa.Integer(), nullable=False),
        sa.Column("context_length", sa.BigInteger(), nullable=True),
        sa.Column("weights_sha256", sa.Text(), nullable=False),
        sa.Column("config_sha256", sa.Text(), nullable=False),
        sa.Column("tokenizer_sha256", sa.Text(), nullable=False),
        sa.Column("chat_template_sha256", sa.Text(), nullable=True),
        sa.Column("trust_remote_code", sa.Boolean(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_models_fingerprint")),
        sa.UniqueConstraint("name", name=op.f("uq_models_name")),
        sqlite_autoincrement=True,
    )


def _create_sets() -> None:
    op.create_table(
        "demonstration_sets",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("tags_json", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demonstration_sets")),
        sa.UniqueConstraint("name", name=op.f("uq_demonstration_sets_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "set_versions",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("set_id", BIG_INT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("parent_id", BIG_INT, nullable=True),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("n_demonstrations", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("n_demonstrations > 0", name=op.f("ck_set_versions_n_demonstrations")),
        sa.CheckConstraint("number > 0", name=op.f("ck_set_versions_number")),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["set_versions.id"],
            name=op.f("fk_set_versions_parent_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["set_id"],
            ["demonstration_sets.id"],
            name=op.f("fk_set_versions_set_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_set_versions")),
        sa.UniqueConstraint("set_id", "number", name=op.f("uq_set_versions_set_id_number")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_set_versions_content_sha256"), "set_versions", ["content_sha256"], unique=False
    )
    op.create_index(op.f("ix_set_versions_parent_id"), "set_versions", ["parent_id"], unique=False)
    op.create_table(
        "demonstrations",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("metadata_json", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demonstrations")),
        sa.UniqueConstraint("sha256", name=op.f("uq_demonstrations_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "set_version_items",
        sa.Column("set_version_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("demonstration_id", BIG_INT, nullable=False),
        sa.ForeignKeyConstraint(
            ["demonstration_id"],
            ["demonstrations.id"],
            name=op.f("fk_set_version_items_demonstration_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["set_version_id"],
            ["set_versions.id"],
            name=op.f("fk_set_version_items_set_version_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("set_version_id", "position", name=op.f("pk_set_version_items")),
    )
    op.create_index(
        op.f("ix_set_version_items_demonstration_id"),
        "set_version_items",
        ["demonstration_id"],
        unique=False,
    )


def _create_vectors() -> None:
    op.create_table(
        "steering_vectors",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("spec_sha256", sa.Text(), nullable=True),
        sa.Column("model_id", BIG_INT, nullable=False),
        sa.Column("set_version_id", BIG_INT, nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("parameters_json", sa.JSON(), nullable=False),
        sa.Column("read_site", sa.Text(), nullable=False),
        sa.Column("write_site", sa.Text(), nullable=False),
        sa.Column("token_rule", sa.Text(), nullable=False),
        sa.Column("spec_json", sa.JSON(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("n_layers", sa.Integer(), nullable=False),
        sa.Column("d_model", sa.Integer(), nullable=False),
        sa.Column("environment_json", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "origin IN ('extracted', 'combined', 'imported')",
            name=op.f("ck_steering_vectors_origin"),
        ),
        sa.CheckConstraint(
            "read_site IN ('block_output', 'mlp_output', 'attention_output')",
            name=op.f("ck_steering_vectors_read_site"),
        ),
        sa.CheckConstraint("token_rule IN ('last')", name=op.f("ck_steering_vectors_token_rule")),
        sa.CheckConstraint(
            "write_site IN ('block_output', 'mlp_output', 'attention_output')",
            name=op.f("ck_steering_vectors_write_site"),
        ),
        sa.CheckConstraint("n_layers > 0", name=op.f("ck_steering_vectors_n_layers")),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
            name=op.f("fk_steering_vectors_model_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["set_version_id"],
            ["set_versions.id"],
            name=op.f("fk_steering_vectors_set_version_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_steering_vectors")),
        sa.UniqueConstraint("name", name=op.f("uq_steering_vectors_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_steering_vectors_content_sha256"),
        "steering_vectors",
        ["content_sha256"],
        unique=False,
    )
    op.create_index(
        op.f("ix_steering_vectors_model_id"), "steering_vectors", ["model_id"], unique=False
    )
    op.create_index(
        op.f("ix_steering_vectors_set_version_id"),
        "steering_vectors",
        ["set_version_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_steering_vectors_spec_sha256"), "steering_vectors", ["spec_sha256"], unique=False
    )
    op.create_table(
        "vector_parents",
        sa.Column("steering_vector_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("parent_id", BIG_INT, nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["steering_vectors.id"],
            name=op.f("fk_vector_parents_parent_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["steering_vector_id"],
            ["steering_vectors.id"],
            name=op.f("fk_vector_parents_steering_vector_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("steering_vector_id", "position", name=op.f("pk_vector_parents")),
    )
    op.create_index(
        op.f("ix_vector_parents_parent_id"), "vector_parents", ["parent_id"], unique=False
    )
    op.create_table(
        "layer_vectors",
        sa.Column("steering_vector_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("layer", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("d_model", sa.Integer(), nullable=False),
        sa.Column("dtype", sa.Text(), nullable=False),
        sa.Column("norm", sa.Double(), nullable=False),
        sa.Column("explained_variance", sa.Double(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["steering_vector_id"],
            ["steering_vectors.id"],
            name=op.f("fk_layer_vectors_steering_vector_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("steering_vector_id", "layer", name=op.f("pk_layer_vectors")),
    )
    op.create_table(
        "demonstration_alignments",
        sa.Column("steering_vector_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mean", sa.Double(), nullable=False),
        sa.Column("cosines_json", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["steering_vector_id"],
            ["steering_vectors.id"],
            name=op.f("fk_demonstration_alignments_steering_vector_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint(
            "steering_vector_id", "position", name=op.f("pk_demonstration_alignments")
        ),
    )


def _create_runs() -> None:
    op.create_table(
        "generation_runs",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("spec_sha256", sa.Text(), nullable=False),
        sa.Column("model_id", BIG_INT, nullable=False),
        sa.Column("prompt_set_version_id", BIG_INT, nullable=True),
        sa.Column("decoding_json", sa.JSON(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("add_special_tokens", sa.Boolean(), nullable=False),
        sa.Column("dtype", sa.Text(), nullable=False),
        sa.Column("environment_json", sa.JSON(), nullable=False),
        sa.Column("batch_plan_json", sa.JSON(), nullable=False),
        sa.Column("replay_of", BIG_INT, nullable=True),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint("samples > 0", name=op.f("ck_generation_runs_samples")),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
            name=op.f("fk_generation_runs_model_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["prompt_set_version_id"],
            ["set_versions.id"],
            name=op.f("fk_generation_runs_prompt_set_version_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["replay_of"],
            ["generation_runs.id"],
            name=op.f("fk_generation_runs_replay_of"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generation_runs")),
        sa.UniqueConstraint("name", name=op.f("uq_generation_runs_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_generation_runs_model_id"), "generation_runs", ["model_id"], unique=False
    )
    op.create_index(
        op.f("ix_generation_runs_prompt_set_version_id"),
        "generation_runs",
        ["prompt_set_version_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_generation_runs_replay_of"), "generation_runs", ["replay_of"], unique=False
    )
    op.create_index(
        op.f("ix_generation_runs_spec_sha256"), "generation_runs", ["spec_sha256"], unique=False
    )
    op.create_table(
        "run_prompts",
        sa.Column("run_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["generation_runs.id"],
            name=op.f("fk_run_prompts_run_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_run_prompts")),
    )
    op.create_table(
        "run_arms",
        sa.Column("run_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("combine", sa.Text(), nullable=False),
        sa.CheckConstraint("combine IN ('mean', 'sum')", name=op.f("ck_run_arms_combine")),
        sa.ForeignKeyConstraint(
            ["run_id"], ["generation_runs.id"], name=op.f("fk_run_arms_run_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_run_arms")),
    )
    op.create_table(
        "arm_interventions",
        sa.Column("run_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("arm", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("steering_vector_id", BIG_INT, nullable=False),
        sa.Column("vector_sha256", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("strength", sa.Double(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("positions", sa.Text(), nullable=False),
        sa.Column("layers_json", sa.JSON(), nullable=True),
        sa.CheckConstraint(
            "operator IN ('rotate', 'add', 'ablate')", name=op.f("ck_arm_interventions_operator")
        ),
        sa.CheckConstraint(
            "positions IN ('all', 'prompt', 'response')",
            name=op.f("ck_arm_interventions_positions"),
        ),
        sa.CheckConstraint(
            "site IN ('block_output', 'mlp_output', 'attention_output')",
            name=op.f("ck_arm_interventions_site"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id", "arm"],
            ["run_arms.run_id", "run_arms.position"],
            name=op.f("fk_arm_interventions_run_id_arm"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["steering_vector_id"],
            ["steering_vectors.id"],
            name=op.f("fk_arm_interventions_steering_vector_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("run_id", "arm", "position", name=op.f("pk_arm_interventions")),
    )
    op.create_index(
        op.f("ix_arm_interventions_steering_vector_id"),
        "arm_interventions",
        ["steering_vector_id"],
        unique=False,
    )
    op.create_table(
        "generations",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("run_id", BIG_INT, nullable=False),
        sa.Column("prompt", sa.Integer(), nullable=False),
        sa.Column("arm", sa.Integer(), nullable=False),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("token_ids", sa.LargeBinary(), nullable=False),
        sa.Column("n_tokens", sa.Integer(), nullable=False),
        sa.Column("finish_reason", sa.Text(), nullable=False),
        sa.Column("mean_logprob", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "finish_reason IN ('length', 'eos', 'stop')", name=op.f("ck_generations_finish_reason")
        ),
        sa.CheckConstraint(
            "length(token_ids) = 4 * n_tokens", name=op.f("ck_generations_token_ids_length")
        ),
        sa.ForeignKeyConstraint(
            ["run_id", "arm"],
            ["run_arms.run_id", "run_arms.position"],
            name=op.f("fk_generations_run_id_arm"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["run_id", "prompt"],
            ["run_prompts.run_id", "run_prompts.position"],
            name=op.f("fk_generations_run_id_prompt"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generations")),
        sa.UniqueConstraint(
            "run_id",
            "prompt",
            "arm",
            "sample",
            name=op.f("uq_generations_run_id_prompt_arm_sample"),
        ),
        sqlite_autoincrement=True,
    )


def _create_judgements() -> None:
    op.create_table(
        "scores",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("generation_id", BIG_INT, nullable=False),
        sa.Column("scorer", sa.Text(), nullable=False),
        sa.Column("scorer_version", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("missing_reason", sa.Text(), nullable=True),
        sa.Column("details_json", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(
            "(value IS NULL) <> (missing_reason IS NULL)", name=op.f("ck_scores_value_or_reason")
        ),
        sa.ForeignKeyConstraint(
            ["generation_id"],
            ["generations.id"],
            name=op.f("fk_scores_generation_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scores")),
        sa.UniqueConstraint(
            "generation_id",
            "scorer",
            "scorer_version",
            name=op.f("uq_scores_generation_id_scorer_scorer_version"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "votes",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("left_generation_id", BIG_INT, nullable=False),
        sa.Column("right_generation_id", BIG_INT, nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("voter", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(
            "choice IN ('left', 'right', 'tie', 'neither')", name=op.f("ck_votes_choice")
        ),
        sa.CheckConstraint(
            "left_generation_id <> right_generation_id", name=op.f("ck_votes_two_generations")
        ),
        sa.ForeignKeyConstraint(
            ["left_generation_id"],
            ["generations.id"],
            name=op.f("fk_votes_left_generation_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["right_generation_id"],
            ["generations.id"],
            name=op.f("fk_votes_right_generation_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_votes")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_votes_left_generation_id"), "votes", ["left_generation_id"], unique=False
    )
    op.create_index(
        op.f("ix_votes_right_generation_id"), "votes", ["right_generation_id"], unique=False
    )


def _create_queue() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("spec_json", sa.JSON(), nullable=False),
        sa.Column("spec_sha256", sa.Text(), nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=True),
        sa.Column("model_id", BIG_INT, nullable=True),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("run_after", TIME, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("uncounted_attempts", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("progress_done", sa.BigInteger(), nullable=False),
        sa.Column("progress_total", sa.BigInteger(), nullable=True),
        sa.Column("progress_note", sa.Text(), nullable=False),
        sa.Column("result_json", sa.JSON(), nullable=True),
        sa.Column("error_class", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(state = 'running') = (lease_until IS NOT NULL)", name=op.f("ck_jobs_lease")
        ),
        sa.CheckConstraint("kind IN ('extract', 'generate')", name=op.f("ck_jobs_kind")),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')",
            name=op.f("ck_jobs_state"),
        ),
        sa.CheckConstraint("max_attempts > 0", name=op.f("ck_jobs_max_attempts")),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_jobs_model_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_jobs_claim",
        "jobs",
        ["queue", "priority", "id"],
        unique=False,
        sqlite_where=ACTIVE,
        postgresql_where=ACTIVE,
    )
    op.create_index(op.f("ix_jobs_model_id"), "jobs", ["model_id"], unique=False)
    op.create_index(
        "uq_jobs_dedupe_key",
        "jobs",
        ["dedupe_key"],
        unique=True,
        sqlite_where=ACTIVE,
        postgresql_where=ACTIVE,
    )
    op.create_table(
        "job_attempts",
        sa.Column("job_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("worker_id", sa.Text(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('succeeded', 'failed', 'cancelled', 'released', 'lost')",
            name=op.f("ck_job_attempts_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_job_attempts_job_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("job_id", "attempt", name=op.f("pk_job_attempts")),
    )
    op.create_table(
        "job_chunks",
        sa.Column("job_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_job_chunks_job_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("job_id", "seq", name=op.f("pk_job_chunks")),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("torch_version", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.CheckConstraint("state IN ('idle', 'busy', 'stopped')", name=op.f("ck_workers_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )


def _create_audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("details_json", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_audit_log_object_kind_object_id"),
        "audit_log",
        ["object_kind", "object_id"],
        unique=False,
    )
