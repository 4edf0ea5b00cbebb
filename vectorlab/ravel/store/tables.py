"""Tables of RAVEL; ``docs/schema.md`` says what the columns mean."""

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Table, UniqueConstraint

from vectorlab.ravel.domain.entities import Split
from vectorlab.store.columns import (
    Json,
    created_at,
    metadata,
    one_of,
    part_of,
    place,
    refers,
    row_id,
    text,
)

ravel_types = Table(
    "ravel_types",
    metadata,
    row_id(),
    text("name"),
    created_at(),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

ravel_versions = Table(
    "ravel_versions",
    metadata,
    row_id(),
    refers("type_id", "ravel_types", index=False),
    Column("number", sa.Integer, nullable=False),
    Column("content_sha256", sa.Text, nullable=False, index=True),
    text("message"),
    text("author"),
    Column("n_entities", sa.Integer, nullable=False),
    Column("n_templates", sa.Integer, nullable=False),
    Column("n_neutral", sa.Integer, nullable=False),
    created_at(),
    UniqueConstraint("type_id", "number"),
    CheckConstraint("number > 0", name="number"),
    sqlite_autoincrement=True,
)

ravel_attributes = Table(
    "ravel_attributes",
    metadata,
    part_of("version_id", "ravel_versions"),
    place(),
    text("name"),
    UniqueConstraint("version_id", "name"),
)

ravel_entities = Table(
    "ravel_entities",
    metadata,
    part_of("version_id", "ravel_versions"),
    place(),
    text("name"),
    text("split"),
    UniqueConstraint("version_id", "name"),
    one_of("split", Split),
)

ravel_values = Table(
    "ravel_values",
    metadata,
    part_of("version_id", "ravel_versions"),
    place("entity"),
    place("attribute"),
    text("value"),
    ForeignKeyConstraint(
        ["version_id", "entity"],
        ["ravel_entities.version_id", "ravel_entities.position"],
        ondelete="RESTRICT",
    ),
    ForeignKeyConstraint(
        ["version_id", "attribute"],
        ["ravel_attributes.version_id", "ravel_attributes.position"],
        ondelete="RESTRICT",
    ),
    sqlite_with_rowid=False,
)

ravel_templates = Table(
    "ravel_templates",
    metadata,
    part_of("version_id", "ravel_versions"),
    place(),
    text("text"),
    text("split"),
    Column("attribute", sa.Integer),
    text("entity", nullable=True),
    ForeignKeyConstraint(
        ["version_id", "attribute"],
        ["ravel_attributes.version_id", "ravel_attributes.position"],
        ondelete="RESTRICT",
    ),
    one_of("split", Split),
)

ravel_instances = Table(
    "ravel_instances",
    metadata,
    row_id(),
    text("name"),
    Column("content_sha256", sa.Text, nullable=False, index=True),
    Column("spec_sha256", sa.Text, nullable=False, index=True),
    refers("version_id", "ravel_versions"),
    refers("model_id", "models"),
    Column("spec_json", Json, nullable=False),
    Column("accuracies_json", Json, nullable=False),
    Column("n_completions", sa.Integer, nullable=False),
    Column("n_examples_json", Json, nullable=False),
    Column("environment_json", Json, nullable=False),
    text("record_sha256"),
    created_at(),
    text("created_by"),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

# Completions and examples name templates and entities by their place in the version of their
# instance, outcomes their example by its place in the instance of their evaluation. References
# would repeat the version or the instance in every one of some hundred thousand rows; the hash of
# the instance and the digest of the evaluation cover the places instead.
ravel_completions = Table(
    "ravel_completions",
    metadata,
    part_of("instance_id", "ravel_instances"),
    place("template"),
    place("entity"),
    text("text"),
    Column("token_ids", sa.LargeBinary, nullable=False),
    Column("correct", sa.Boolean),
    sqlite_with_rowid=False,
)

ravel_examples = Table(
    "ravel_examples",
    metadata,
    part_of("instance_id", "ravel_instances"),
    place(),
    text("part"),
    text("kind"),
    Column("template", sa.Integer, nullable=False),
    Column("entity", sa.Integer, nullable=False),
    Column("source_template", sa.Integer, nullable=False),
    Column("source_entity", sa.Integer, nullable=False),
    Column("label", sa.LargeBinary, nullable=False),
    Column("counter_label", sa.LargeBinary, nullable=False),
    CheckConstraint("label <> counter_label", name="labels_differ"),
    sqlite_with_rowid=False,
)

ravel_featurizers = Table(
    "ravel_featurizers",
    metadata,
    row_id(),
    text("spec_sha256"),
    refers("instance_id", "ravel_instances"),
    text("method"),
    text("attribute"),
    Column("layer", sa.Integer, nullable=False),
    text("location"),
    Column("k", sa.Integer),
    Column("n_features", sa.Integer, nullable=False),
    Column("spec_json", Json, nullable=False),
    Column("curve_json", Json, nullable=False),
    Column("measures_json", Json, nullable=False),
    Column("environment_json", Json, nullable=False),
    text("record_sha256"),
    created_at(),
    text("created_by"),
    UniqueConstraint("spec_sha256"),
    sqlite_autoincrement=True,
)

ravel_tensors = Table(
    "ravel_tensors",
    metadata,
    part_of("featurizer_id", "ravel_featurizers"),
    place(),
    text("name"),
    Column("shape_json", Json, nullable=False),
    text("dtype"),
    text("sha256"),
)

ravel_tensor_chunks = Table(
    "ravel_tensor_chunks",
    metadata,
    part_of("featurizer_id", "ravel_featurizers"),
    place("tensor"),
    place("seq"),
    Column("data", sa.LargeBinary, nullable=False),
    ForeignKeyConstraint(
        ["featurizer_id", "tensor"],
        ["ravel_tensors.featurizer_id", "ravel_tensors.position"],
        ondelete="RESTRICT",
    ),
)

ravel_evaluations = Table(
    "ravel_evaluations",
    metadata,
    row_id(),
    text("spec_sha256"),
    refers("instance_id", "ravel_instances"),
    refers("steering_vector_id", "steering_vectors", nullable=True),
    text("part"),
    text("label"),
    text("method"),
    Column("layer", sa.Integer),
    text("location"),
    Column("k", sa.Integer),
    Column("n_features", sa.Double),
    Column("spec_json", Json, nullable=False),
    Column("n_outcomes", sa.Integer, nullable=False),
    Column("environment_json", Json, nullable=False),
    text("record_sha256"),
    created_at(),
    text("created_by"),
    UniqueConstraint("spec_sha256"),
    sqlite_autoincrement=True,
)

ravel_evaluation_featurizers = Table(
    "ravel_evaluation_featurizers",
    metadata,
    part_of("evaluation_id", "ravel_evaluations"),
    place(),
    refers("featurizer_id", "ravel_featurizers"),
)

ravel_outcomes = Table(
    "ravel_outcomes",
    metadata,
    part_of("evaluation_id", "ravel_evaluations"),
    Column("target", sa.Text, primary_key=True),
    place("example"),
    text("output"),
    Column("changed", sa.Boolean, nullable=False),
    Column("kept", sa.Boolean, nullable=False),
    CheckConstraint("NOT (changed AND kept)", name="one_of_both"),
    sqlite_with_rowid=False,
)

ravel_scores = Table(
    "ravel_scores",
    metadata,
    part_of("evaluation_id", "ravel_evaluations"),
    place(),
    text("measure"),
    text("target", nullable=True),
    text("attribute", nullable=True),
    Column("template", sa.Integer),
    Column("n", sa.Integer, nullable=False),
    Column("value", sa.Double, nullable=False),
    Column("low", sa.Double, nullable=False),
    Column("high", sa.Double, nullable=False),
    CheckConstraint("value BETWEEN 0 AND 1", name="share"),
)

ravel_runs = Table(
    "ravel_runs",
    metadata,
    row_id(),
    text("name", nullable=True),
    Column("spec_sha256", sa.Text, nullable=False, index=True),
    refers("instance_id", "ravel_instances"),
    Column("spec_json", Json, nullable=False),
    Column("environment_json", Json, nullable=False),
    Column("duration_s", sa.Double, nullable=False),
    text("record_sha256"),
    created_at(),
    text("created_by"),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

ravel_run_evaluations = Table(
    "ravel_run_evaluations",
    metadata,
    part_of("run_id", "ravel_runs"),
    place(),
    refers("evaluation_id", "ravel_evaluations"),
)
