"""Keep RAVEL: entities and their attributes, what models say of them, featurizers, their scores.

The data about an entity type are versioned like demonstration sets. An instance is what one model
answers and the pairs of runs that are swapped; featurizers are trained on it and evaluations say
what every single edited run said. All of it is evidence and frozen. Two kinds of job make it.
"""

import re

import sqlalchemy as sa

from alembic import op

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)

KINDS = ("ravel_build", "ravel_run")

# Table -> frozen columns; None freezes all of them.
FROZEN: dict[str, tuple[str, ...] | None] = {
    "ravel_versions": None,
    "ravel_attributes": None,
    "ravel_entities": None,
    "ravel_values": None,
    "ravel_templates": None,
    "ravel_instances": (
        "id",
        "content_sha256",
        "spec_sha256",
        "version_id",
        "model_id",
        "spec_json",
        "accuracies_json",
        "n_completions",
        "n_examples_json",
        "environment_json",
        "created_at",
        "created_by",
    ),
    "ravel_completions": None,
    "ravel_examples": None,
    "ravel_featurizers": None,
    "ravel_tensors": None,
    "ravel_tensor_chunks": None,
    "ravel_evaluations": None,
    "ravel_evaluation_featurizers": None,
    "ravel_outcomes": None,
    "ravel_scores": None,
    "ravel_runs": (
        "id",
        "spec_sha256",
        "instance_id",
        "spec_json",
        "environment_json",
        "duration_s",
        "created_at",
        "created_by",
    ),
    "ravel_run_evaluations": None,
}

V_SCORES = """
    SELECT s.evaluation_id,
           e.label,
           e.method,
           e.layer,
           e.location,
           e.k,
           e.n_features,
           e.part,
           i.name AS instance,
           t.name || '@' || v.number AS data_label,
           m.name AS model,
           s.measure,
           s.target,
           s.attribute,
           s.template,
           s.n,
           s.value,
           s.low,
           s.high
    FROM ravel_scores s
    JOIN ravel_evaluations e ON e.id = s.evaluation_id
    JOIN ravel_instances i ON i.id = e.instance_id
    JOIN ravel_versions v ON v.id = i.version_id
    JOIN ravel_types t ON t.id = v.type_id
    JOIN models m ON m.id = i.model_id
"""


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    _create_data()
    _create_instances()
    _create_featurizers()
    _create_evaluations()
    for table, columns in FROZEN.items():
        event = "UPDATE" if columns is None else f"UPDATE OF {', '.join(columns)}"
        op.execute((_sqlite_trigger if sqlite else _postgresql_trigger)(table, event))
    op.execute(f"CREATE VIEW {'' if sqlite else 'analysis.'}v_ravel_scores AS {V_SCORES}")
    kinds = _kinds()
    _allow_kinds([*kinds, *KINDS])


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    _forget_jobs()
    _allow_kinds([kind for kind in _kinds() if kind not in KINDS])
    op.execute(f"DROP VIEW {'' if sqlite else 'analysis.'}v_ravel_scores")
    for table in FROZEN:
        op.execute(f"DROP TRIGGER freeze_{table}" + ("" if sqlite else f" ON {table}"))
    for table in reversed(("ravel_types", *FROZEN)):
        op.drop_table(table)


def _forget_jobs() -> None:
    """Jobs of these kinds go with what they made, and everything that belongs to a job."""
    bind = op.get_bind()
    wanted = "SELECT id FROM jobs WHERE kind IN ('ravel_build', 'ravel_run')"
    for table in sa.inspect(bind).get_table_names():
        for key in sa.inspect(bind).get_foreign_keys(table):
            if key["referred_table"] == "jobs":
                (column,) = key["constrained_columns"]
                op.execute(f"DELETE FROM {table} WHERE {column} IN ({wanted})")
    op.execute("DELETE FROM jobs WHERE kind IN ('ravel_build', 'ravel_run')")


def _kinds() -> list[str]:
    """The kinds of job that the database allows now."""
    checks = sa.inspect(op.get_bind()).get_check_constraints("jobs")
    (text,) = [item["sqltext"] for item in checks if item["name"] == "ck_jobs_kind"]
    return re.findall(r"'(\w+)'", text)


def _allow_kinds(kinds: list[str]) -> None:
    """Change the check on the kind of a job; SQLite has to make the table anew for that."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    condition = f"kind IN ({listed})"
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_jobs_kind"), "jobs", type_="check")
        op.create_check_constraint(op.f("ck_jobs_kind"), "jobs", condition)
        return
    # Taken from the catalogue, because a view on jobs may have grown columns by then.
    catalogue = "SELECT name, sql FROM sqlite_master WHERE type = 'view' AND sql LIKE '%jobs%'"
    views = op.get_bind().exec_driver_sql(catalogue).all()
    for name, _ in views:
        op.execute(f"DROP VIEW {name}")
    with op.batch_alter_table("jobs", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_constraint(op.f("ck_jobs_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_jobs_kind"), condition)
    for _, definition in views:
        op.execute(definition)


def _sqlite_trigger(table: str, event: str) -> str:
    return (
        f"CREATE TRIGGER freeze_{table} BEFORE {event} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} rows are frozen'); END"
    )


def _postgresql_trigger(table: str, event: str) -> str:
    return (
        f"CREATE TRIGGER freeze_{table} BEFORE {event} ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_update()"
    )


def _create_data() -> None:
    op.create_table(
        "ravel_types",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ravel_types")),
        sa.UniqueConstraint("name", name=op.f("uq_ravel_types_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "ravel_versions",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("type_id", BIG_INT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("n_entities", sa.Integer(), nullable=False),
        sa.Column("n_templates", sa.Integer(), nullable=False),
        sa.Column("n_neutral", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_ravel_versions_number")),
        sa.ForeignKeyConstraint(
            ["type_id"],
            ["ravel_types.id"],
            name=op.f("fk_ravel_versions_type_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ravel_versions")),
        sa.UniqueConstraint("type_id", "number", name=op.f("uq_ravel_versions_type_id_number")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_ravel_versions_content_sha256"), "ravel_versions", ["content_sha256"])
    op.create_table(
        "ravel_attributes",
        sa.Column("version_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["ravel_versions.id"],
            name=op.f("fk_ravel_attributes_version_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("version_id", "position", name=op.f("pk_ravel_attributes")),
        sa.UniqueConstraint("version_id", "name", name=op.f("uq_ravel_attributes_version_id_name")),
    )
    op.create_table(
        "ravel_entities",
        sa.Column("version_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "split IN ('train', 'val', 'test')", name=op.f("ck_ravel_entities_split")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["ravel_versions.id"],
            name=op.f("fk_ravel_entities_version_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("version_id", "position", name=op.f("pk_ravel_entities")),
        sa.UniqueConstraint("version_id", "name", name=op.f("uq_ravel_entities_version_id_name")),
    )
    op.create_table(
        "ravel_values",
        sa.Column("version_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("entity", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attribute", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id", "attribute"],
            ["ravel_attributes.version_id", "ravel_attributes.position"],
            name=op.f("fk_ravel_values_version_id_attribute"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["version_id", "entity"],
            ["ravel_entities.version_id", "ravel_entities.position"],
            name=op.f("fk_ravel_values_version_id_entity"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["ravel_versions.id"],
            name=op.f("fk_ravel_values_version_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("version_id", "entity", "attribute", name=op.f("pk_ravel_values")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ravel_templates",
        sa.Column("version_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("attribute", sa.Integer(), nullable=True),
        sa.Column("entity", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "split IN ('train', 'val', 'test')", name=op.f("ck_ravel_templates_split")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["ravel_versions.id"],
            name=op.f("fk_ravel_templates_version_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["version_id", "attribute"],
            ["ravel_attributes.version_id", "ravel_attributes.position"],
            name=op.f("fk_ravel_templates_version_id_attribute"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("version_id", "position", name=op.f("pk_ravel_templates")),
    )


def _create_instances() -> None:
    op.create_table(
        "ravel_instances",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("spec_sha256", sa.Text(), nullable=False),
        sa.Column("version_id", BIG_INT, nullable=False),
        sa.Column("model_id", BIG_INT, nullable=False),
        sa.Column("spec_json", sa.JSON(), nullable=False),
        sa.Column("accuracies_json", sa.JSON(), nullable=False),
        sa.Column("n_completions", sa.Integer(), nullable=False),
        sa.Column("n_examples_json", sa.JSON(), nullable=False),
        sa.Column("environment_json", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["ravel_versions.id"],
            name=op.f("fk_ravel_instances_version_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["models.id"],
            name=op.f("fk_ravel_instances_model_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ravel_instances")),
        sa.UniqueConstraint("name", name=op.f("uq_ravel_instances_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_ravel_instances_model_id"), "ravel_instances", ["model_id"])
    op.create_index(
        op.f("ix_ravel_instances_content_sha256"), "ravel_instances", ["content_sha256"]
    )
    op.create_index(op.f("ix_ravel_instances_version_id"), "ravel_instances", ["version_id"])
    op.create_index(op.f("ix_ravel_instances_spec_sha256"), "ravel_instances", ["spec_sha256"])
    op.create_table(
        "ravel_completions",
        sa.Column("instance_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("template", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entity", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("token_ids", sa.LargeBinary(), nullable=False),
        sa.Column("correct", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["ravel_instances.id"],
            name=op.f("fk_ravel_completions_instance_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint(
            "instance_id", "template", "entity", name=op.f("pk_ravel_completions")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ravel_examples",
        sa.Column("instance_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("template", sa.Integer(), nullable=False),
        sa.Column("entity", sa.Integer(), nullable=False),
        sa.Column("source_template", sa.Integer(), nullable=False),
        sa.Column("source_entity", sa.Integer(), nullable=False),
        sa.Column("label", sa.LargeBinary(), nullable=False),
        sa.Column("counter_label", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('same', 'other', 'neutral')", name=op.f("ck_ravel_examples_kind")
        ),
        sa.CheckConstraint("label <> counter_label", name=op.f("ck_ravel_examples_labels_differ")),
        sa.CheckConstraint(
            "part IN ('train', 'entity_val', 'entity_test', 'context_val', 'context_test')",
            name=op.f("ck_ravel_examples_part"),
        ),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["ravel_instances.id"],
            name=op.f("fk_ravel_examples_instance_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("instance_id", "position", name=op.f("pk_ravel_examples")),
        sqlite_with_rowid=False,
    )


def _create_featurizers() -> None:
    op.create_table(
        "ravel_featurizers",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("spec_sha256", sa.Text(), nullable=False),
        sa.Column("instance_id", BIG_INT, nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("attribute", sa.Text(), nullable=False),
        sa.Column("layer", sa.Integer(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("k", sa.Integer(), nullable=True),
        sa.Column("n_features", sa.Integer(), nullable=False),
        sa.Column("spec_json", sa.JSON(), nullable=False),
        sa.Column("curve_json", sa.JSON(), nullable=False),
        sa.Column("measures_json", sa.JSON(), nullable=False),
        sa.Column("environment_json", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["ravel_instances.id"],
            name=op.f("fk_ravel_featurizers_instance_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ravel_featurizers")),
        sa.UniqueConstraint("spec_sha256", name=op.f("uq_ravel_featurizers_spec_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_ravel_featurizers_instance_id"), "ravel_featurizers", ["instance_id"])
    op.create_table(
        "ravel_tensors",
        sa.Column("featurizer_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("shape_json", sa.JSON(), nullable=False),
        sa.Column("dtype", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["featurizer_id"],
            ["ravel_featurizers.id"],
            name=op.f("fk_ravel_tensors_featurizer_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("featurizer_id", "position", name=op.f("pk_ravel_tensors")),
    )
    op.create_table(
        "ravel_tensor_chunks",
        sa.Column("featurizer_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("tensor", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["featurizer_id", "tensor"],
            ["ravel_tensors.featurizer_id", "ravel_tensors.position"],
            name=op.f("fk_ravel_tensor_chunks_featurizer_id_tensor"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["featurizer_id"],
            ["ravel_featurizers.id"],
            name=op.f("fk_ravel_tensor_chunks_featurizer_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint(
            "featurizer_id", "tensor", "seq", name=op.f("pk_ravel_tensor_chunks")
        ),
    )


def _create_evaluations() -> None:
    op.create_table(
        "ravel_evaluations",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("spec_sha256", sa.Text(), nullable=False),
        sa.Column("instance_id", BIG_INT, nullable=False),
        sa.Column("steering_vector_id", BIG_INT, nullable=True),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("layer", sa.Integer(), nullable=True),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("k", sa.Integer(), nullable=True),
        sa.Column("n_features", sa.Double(), nullable=True),
        sa.Column("spec_json", sa.JSON(), nullable=False),
        sa.Column("n_outcomes", sa.Integer(), nullable=False),
        sa.Column("environment_json", sa.JSON(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "part IN ('train', 'entity_val', 'entity_test', 'context_val', 'context_test')",
            name=op.f("ck_ravel_evaluations_part"),
        ),
        sa.ForeignKeyConstraint(
            ["steering_vector_id"],
            ["steering_vectors.id"],
            name=op.f("fk_ravel_evaluations_steering_vector_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["ravel_instances.id"],
            name=op.f("fk_ravel_evaluations_instance_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ravel_evaluations")),
        sa.UniqueConstraint("spec_sha256", name=op.f("uq_ravel_evaluations_spec_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_ravel_evaluations_instance_id"), "ravel_evaluations", ["instance_id"])
    op.create_index(
        op.f("ix_ravel_evaluations_steering_vector_id"), "ravel_evaluations", ["steering_vector_id"]
    )
    op.create_table(
        "ravel_evaluation_featurizers",
        sa.Column("evaluation_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("featurizer_id", BIG_INT, nullable=False),
        sa.ForeignKeyConstraint(
            ["featurizer_id"],
            ["ravel_featurizers.id"],
            name=op.f("fk_ravel_evaluation_featurizers_featurizer_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["ravel_evaluations.id"],
            name=op.f("fk_ravel_evaluation_featurizers_evaluation_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint(
            "evaluation_id", "position", name=op.f("pk_ravel_evaluation_featurizers")
        ),
    )
    op.create_index(
        op.f("ix_ravel_evaluation_featurizers_featurizer_id"),
        "ravel_evaluation_featurizers",
        ["featurizer_id"],
    )
    op.create_table(
        "ravel_outcomes",
        sa.Column("evaluation_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("example", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("changed", sa.Boolean(), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.CheckConstraint("NOT (changed AND kept)", name=op.f("ck_ravel_outcomes_one_of_both")),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["ravel_evaluations.id"],
            name=op.f("fk_ravel_outcomes_evaluation_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint(
            "evaluation_id", "target", "example", name=op.f("pk_ravel_outcomes")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ravel_scores",
        sa.Column("evaluation_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("attribute", sa.Text(), nullable=True),
        sa.Column("template", sa.Integer(), nullable=True),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.CheckConstraint(
            "measure IN ('cause', 'isolate', 'disentangle')", name=op.f("ck_ravel_scores_measure")
        ),
        sa.CheckConstraint("value BETWEEN 0 AND 1", name=op.f("ck_ravel_scores_share")),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["ravel_evaluations.id"],
            name=op.f("fk_ravel_scores_evaluation_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "position", name=op.f("pk_ravel_scores")),
    )
    op.create_table(
        "ravel_runs",
        sa.Column("id", BIG_INT, nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("spec_sha256", sa.Text(), nullable=False),
        sa.Column("instance_id", BIG_INT, nullable=False),
        sa.Column("spec_json", sa.JSON(), nullable=False),
        sa.Column("environment_json", sa.JSON(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["ravel_instances.id"],
            name=op.f("fk_ravel_runs_instance_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ravel_runs")),
        sa.UniqueConstraint("name", name=op.f("uq_ravel_runs_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_ravel_runs_spec_sha256"), "ravel_runs", ["spec_sha256"])
    op.create_index(op.f("ix_ravel_runs_instance_id"), "ravel_runs", ["instance_id"])
    op.create_table(
        "ravel_run_evaluations",
        sa.Column("run_id", BIG_INT, autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("evaluation_id", BIG_INT, nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["ravel_evaluations.id"],
            name=op.f("fk_ravel_run_evaluations_evaluation_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["ravel_runs.id"],
            name=op.f("fk_ravel_run_evaluations_run_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_ravel_run_evaluations")),
    )
    op.create_index(
        op.f("ix_ravel_run_evaluations_evaluation_id"), "ravel_run_evaluations", ["evaluation_id"]
    )
