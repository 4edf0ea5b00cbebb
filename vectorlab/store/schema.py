"""Every table as it is at the newest revision; ``docs/schema.md`` says what the columns mean.

Names of constraints follow one rule from the first revision on, so that SQLite's batch mode can
drop and alter them. Foreign keys restrict: what something depends on cannot be deleted. Times
come from the database's clock. Checks list the values of closed vocabularies alone (states,
outcomes, finish reasons, verdicts); an open one (kinds of job, operators, methods, sites, spellings
of positions) grows without a migration, and Python refuses what it does not know before it gets
here. Hashes are texts of 64 hex digits: spelt alike in SQL, JSON, messages and the prefixes that
people type. Bytes would take half the room, and would have to be turned into that text, and back,
in every query and view. Views are in ``views/``, triggers follow ``FROZEN``.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Table,
    UniqueConstraint,
)

from vectorlab.domain.jobs.jobs import AttemptOutcome, JobState, LogLevel
from vectorlab.domain.runs.replays import ReplayOutcome
from vectorlab.domain.runs.texts import FinishReason
from vectorlab.domain.runs.votes import Choice
from vectorlab.icl.domain.reference_points import ReproductionVerdict
from vectorlab.ravel.domain.entities import Split
from vectorlab.store.columns import BigInt, Json, UtcTime, one_of

REVISION = "0001"  # the newest revision; numbers sort, a test holds it to Alembic's head

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# The tables whose rows are frozen, with the columns that may change although the rest may not.
FROZEN: dict[str, tuple[str, ...]] = {
    "models": ("name", "source", "revision", "trust_remote_code"),
    "set_versions": (),
    "demonstrations": (),
    "set_items": (),
    "set_version_findings": (),
    "steering_vectors": ("name",),
    "vector_parents": (),
    "layer_vectors": (),
    "demonstration_alignments": (),
    "explanations": (),
    "omitted_demonstrations": (),
    "generation_runs": ("name",),
    "run_prompts": (),
    "run_arms": (),
    "arm_interventions": (),
    "generations": (),
    "replay_verdicts": (),
    "replay_departures": (),
    "ravel_versions": (),
    "ravel_attributes": (),
    "ravel_entities": (),
    "ravel_values": (),
    "ravel_templates": (),
    "ravel_instances": ("name",),
    "ravel_completions": (),
    "ravel_examples": (),
    "ravel_featurizers": (),
    "ravel_tensors": (),
    "ravel_tensor_chunks": (),
    "ravel_evaluations": (),
    "ravel_evaluation_featurizers": (),
    "ravel_outcomes": (),
    "ravel_scores": (),
    "ravel_runs": ("name",),
    "ravel_run_evaluations": (),
    "condition_searches": (),
    "icl_runs": (),
    "icl_checks": (),
    "icl_layers": (),
    "icl_heads": (),
    "icl_weights": (),
    "calibrations": (),
    "nearest_tokens": (),
    "generation_tokens": (),
    "scores": (),
    "votes": (),
    "audit_log": (),
}

ACTIVE_STATES = sa.text("state IN ('queued', 'running')")


def _id() -> Column[int]:
    return Column("id", BigInt, primary_key=True)


def _refers(name: str, target: str, *, nullable: bool = False, index: bool = True) -> Column[int]:
    key = ForeignKey(f"{target}.id", ondelete="RESTRICT")
    return Column(name, BigInt, key, nullable=nullable, index=index)


def _part_of(name: str, target: str) -> Column[int]:
    key = ForeignKey(f"{target}.id", ondelete="RESTRICT")
    return Column(name, BigInt, key, primary_key=True, autoincrement=False)


def _place(name: str = "position") -> Column[int]:
    return Column(name, sa.Integer, primary_key=True, autoincrement=False)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, sa.Text, nullable=nullable)


def _created_at() -> Column[object]:
    return Column("created_at", UtcTime, nullable=False)


models = Table(
    "models",
    metadata,
    _id(),
    _text("name"),
    _text("source"),
    _text("revision", nullable=True),
    _text("fingerprint"),
    _text("architecture"),
    Column("n_layers", sa.Integer, nullable=False),
    Column("d_model", sa.Integer, nullable=False),
    Column("n_parameters", BigInt, nullable=False),
    Column("vocabulary_size", sa.Integer, nullable=False),
    Column("context_length", BigInt),
    _text("weights_sha256"),
    _text("config_sha256"),
    _text("tokenizer_sha256"),
    _text("chat_template_sha256", nullable=True),
    Column("trust_remote_code", sa.Boolean, nullable=False),
    _created_at(),
    UniqueConstraint("name"),
    UniqueConstraint("fingerprint"),
    sqlite_autoincrement=True,
)

demonstration_sets = Table(
    "demonstration_sets",
    metadata,
    _id(),
    _text("name"),
    _text("description"),
    _text("task"),
    Column("labels_json", Json, nullable=False),
    _created_at(),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

set_versions = Table(
    "set_versions",
    metadata,
    _id(),
    _refers("set_id", "demonstration_sets", index=False),
    Column("number", sa.Integer, nullable=False),
    _refers("parent_id", "set_versions", nullable=True),
    _text("relation", nullable=True),
    _refers("merged_id", "set_versions", nullable=True),
    Column("content_sha256", sa.Text, nullable=False, index=True),
    Column("n_demonstrations", sa.Integer, nullable=False),
    Column("base_number", sa.Integer, nullable=False),
    _text("message"),
    _text("author"),
    Column("details_json", Json),
    _created_at(),
    UniqueConstraint("set_id", "number"),
    CheckConstraint("number > 0", name="number"),
    CheckConstraint("n_demonstrations > 0", name="n_demonstrations"),
    sqlite_autoincrement=True,
)

demonstrations = Table(
    "demonstrations",
    metadata,
    _id(),
    _text("sha256"),
    _text("source"),
    _text("target", nullable=True),
    Column("metadata_json", Json, nullable=False),
    UniqueConstraint("sha256"),
    sqlite_autoincrement=True,
)

# What stands where: a row holds its rank from version ``number`` on, until the next row of that
# rank; without demonstration it clears the rank. The items of a version are those of its
# ``base_number``, at which the list was last written whole, up to its own number.
set_items = Table(
    "set_items",
    metadata,
    _part_of("set_id", "demonstration_sets"),
    _place("base_number"),
    Column("rank", BigInt, primary_key=True, autoincrement=False),
    _place("number"),
    _refers("demonstration_id", "demonstrations", nullable=True),
    sqlite_with_rowid=False,
)


version_tags = Table(
    "version_tags",
    metadata,
    _part_of("set_id", "demonstration_sets"),
    Column("name", sa.Text, primary_key=True),
    _refers("set_version_id", "set_versions"),
    _created_at(),
    _text("created_by"),
)

set_version_findings = Table(
    "set_version_findings",
    metadata,
    _part_of("set_version_id", "set_versions"),
    _place(),
    _text("check_name"),
    Column("n_demonstrations", sa.Integer, nullable=False),
    _text("message"),
    Column("positions_json", Json, nullable=False),
)

steering_vectors = Table(
    "steering_vectors",
    metadata,
    _id(),
    _text("name"),
    _refers("model_id", "models"),
    _text("origin"),
    _text("method"),
    Column("parameters_json", Json, nullable=False),
    _text("operator"),
    _refers("set_version_id", "set_versions", nullable=True),
    _text("token_rule"),
    _text("read_site"),
    _text("write_site"),
    Column("n_layers", sa.Integer, nullable=False),
    Column("d_model", sa.Integer, nullable=False),
    Column("content_sha256", sa.Text, nullable=False, index=True),
    Column("spec_sha256", sa.Text, index=True),
    Column("spec_json", Json),
    Column("environment_json", Json, nullable=False),
    _text("record_sha256"),
    _created_at(),
    _text("created_by"),
    UniqueConstraint("name"),
    CheckConstraint("n_layers > 0", name="n_layers"),
    sqlite_autoincrement=True,
)

vector_parents = Table(
    "vector_parents",
    metadata,
    _part_of("steering_vector_id", "steering_vectors"),
    _place(),
    _refers("parent_id", "steering_vectors"),
    Column("weight", sa.Double, nullable=False),
)

layer_vectors = Table(
    "layer_vectors",
    metadata,
    _part_of("steering_vector_id", "steering_vectors"),
    _place("layer"),
    Column("d_model", sa.Integer, nullable=False),
    _text("dtype"),
    Column("norm", sa.Double, nullable=False),
    Column("explained_variance", sa.Double),
    Column("separability", sa.Double),
    _text("sha256"),
    Column("data", sa.LargeBinary, nullable=False),
)

demonstration_alignments = Table(
    "demonstration_alignments",
    metadata,
    _part_of("steering_vector_id", "steering_vectors"),
    _place(),
    Column("mean", sa.Double, nullable=False),
    Column("cosines_json", Json, nullable=False),
)

# A study of a vector that is frozen by then, asked for later by a job of its own.
explanations = Table(
    "explanations",
    metadata,
    _part_of("steering_vector_id", "steering_vectors"),
    Column("environment_json", Json, nullable=False),
    _text("record_sha256"),
    _created_at(),
    _text("created_by"),
)

omitted_demonstrations = Table(
    "omitted_demonstrations",
    metadata,
    Column(
        "steering_vector_id",
        BigInt,
        ForeignKey("explanations.steering_vector_id", ondelete="RESTRICT"),
        primary_key=True,
        autoincrement=False,
    ),
    _place(),
    Column("norm_change", sa.Double, nullable=False),
    Column("cosine", sa.Double, nullable=False),
    Column("norm_changes_json", Json, nullable=False),
    Column("cosines_json", Json, nullable=False),
)

state_caches = Table(
    "state_caches",
    metadata,
    _id(),
    _text("sha256"),
    _text("model_fingerprint"),
    Column("spec_json", Json, nullable=False),
    _created_at(),
    UniqueConstraint("sha256"),
    sqlite_autoincrement=True,
)

state_blobs = Table(
    "state_blobs",
    metadata,
    _id(),
    _refers("state_cache_id", "state_caches"),
    Column("n_texts", sa.Integer, nullable=False),
    Column("n_bytes", BigInt, nullable=False),
    _text("sha256"),
    # Not a reference: what a job left here outlives the job.
    Column("job_id", BigInt),
    Column("used_at", UtcTime, nullable=False, index=True),
    _created_at(),
    CheckConstraint("n_texts > 0", name="n_texts"),
    sqlite_autoincrement=True,
)

state_blob_chunks = Table(
    "state_blob_chunks",
    metadata,
    _part_of("state_blob_id", "state_blobs"),
    _place("seq"),
    Column("data", sa.LargeBinary, nullable=False),
)

cached_states = Table(
    "cached_states",
    metadata,
    _part_of("state_cache_id", "state_caches"),
    Column("text_sha256", sa.Text, primary_key=True),
    _text("token_sha256"),
    _refers("state_blob_id", "state_blobs"),
    Column("position", sa.Integer, nullable=False),
    _text("sha256"),
    sqlite_with_rowid=False,
)

generation_runs = Table(
    "generation_runs",
    metadata,
    _id(),
    _text("name", nullable=True),
    _refers("model_id", "models"),
    _refers("prompt_set_version_id", "set_versions", nullable=True),
    _refers("replay_of", "generation_runs", nullable=True),
    Column("spec_sha256", sa.Text, nullable=False, index=True),
    _text("result_sha256"),
    Column("decoding_json", Json, nullable=False),
    Column("seed", BigInt, nullable=False),
    Column("samples", sa.Integer, nullable=False),
    _text("chat_template_sha256", nullable=True),
    _text("chat_system", nullable=True),
    Column("add_special_tokens", sa.Boolean, nullable=False),
    _text("dtype"),
    Column("batch_plan_json", Json, nullable=False),
    Column("environment_json", Json, nullable=False),
    Column("duration_s", sa.Double, nullable=False),
    _text("record_sha256"),
    _created_at(),
    _text("created_by"),
    UniqueConstraint("name"),
    CheckConstraint("samples > 0", name="samples"),
    CheckConstraint("chat_system IS NULL OR chat_template_sha256 IS NOT NULL", name="chat"),
    sqlite_autoincrement=True,
)

run_prompts = Table(
    "run_prompts",
    metadata,
    _part_of("run_id", "generation_runs"),
    _place(),
    _text("text"),
    _text("reference", nullable=True),
)

run_arms = Table(
    "run_arms",
    metadata,
    _part_of("run_id", "generation_runs"),
    _place(),
    _text("label"),
    _text("prefix", nullable=True),
    _text("combine"),
)


def _condition(*, nullable: bool = False) -> list[Column[Any]]:
    """Columns that say what a condition reads, in which part of a sequence, and when it holds."""
    return [
        _refers("condition_vector_id", "steering_vectors", nullable=nullable),
        _text("condition_vector_sha256", nullable=nullable),
        Column("condition_layer", sa.Integer, nullable=nullable),
        _text("condition_site", nullable=nullable),
        _text("condition_measure", nullable=nullable),
        _text("condition_comparison", nullable=nullable),
        Column("condition_threshold", sa.Double, nullable=nullable),
        _text("condition_window", nullable=nullable),
    ]


arm_interventions = Table(
    "arm_interventions",
    metadata,
    Column("run_id", BigInt, primary_key=True, autoincrement=False),
    _place("arm"),
    _place(),
    _refers("steering_vector_id", "steering_vectors"),
    _text("vector_sha256"),
    _text("operator"),
    Column("strength", sa.Double, nullable=False),
    _text("schedule"),
    _text("site"),
    Column("layers_json", Json),
    _text("positions"),
    *_condition(nullable=True),
    ForeignKeyConstraint(
        ["run_id", "arm"], ["run_arms.run_id", "run_arms.position"], ondelete="RESTRICT"
    ),
)

generations = Table(
    "generations",
    metadata,
    _id(),
    Column("run_id", BigInt, nullable=False),
    Column("prompt", sa.Integer, nullable=False),
    Column("arm", sa.Integer, nullable=False),
    Column("sample", sa.Integer, nullable=False),
    _text("text"),
    Column("n_tokens", sa.Integer, nullable=False),
    _text("finish_reason"),
    Column("mean_logprob", sa.Double),
    # How near another token was where that was nearest; see ``domain.margins`` for the unit.
    Column("choice_margin", sa.Double),
    # Against the baseline, of runs that ask for it. The values per token, like the token ids, are
    # the last columns: rows are read up to the last column that a query names.
    Column("mean_kl", sa.Double),
    Column("baseline_mean_logprob", sa.Double),
    Column("token_ids", sa.LargeBinary, nullable=False),
    Column("kl", sa.LargeBinary),
    Column("logprobs", sa.LargeBinary),
    Column("baseline_logprobs", sa.LargeBinary),
    UniqueConstraint("run_id", "prompt", "arm", "sample"),
    ForeignKeyConstraint(
        ["run_id", "prompt"], ["run_prompts.run_id", "run_prompts.position"], ondelete="RESTRICT"
    ),
    ForeignKeyConstraint(
        ["run_id", "arm"], ["run_arms.run_id", "run_arms.position"], ondelete="RESTRICT"
    ),
    one_of("finish_reason", FinishReason),
    CheckConstraint("length(token_ids) = 4 * n_tokens", name="token_ids_length"),
    CheckConstraint(
        "length(kl) = 4 * n_tokens AND length(logprobs) = 4 * n_tokens "
        "AND length(baseline_logprobs) = 4 * n_tokens",
        name="divergence_lengths",
    ),
    sqlite_autoincrement=True,
)

replay_verdicts = Table(
    "replay_verdicts",
    metadata,
    _part_of("run_id", "generation_runs"),
    _text("verdict"),
    Column("rounding_margin", sa.Double, nullable=False),
    _text("record_sha256"),
    _created_at(),
    one_of("verdict", ReplayOutcome),
)

replay_departures = Table(
    "replay_departures",
    metadata,
    Column("run_id", BigInt, primary_key=True, autoincrement=False),
    _place("prompt"),
    _place("arm"),
    _place("sample"),
    Column("position", sa.Integer, nullable=False),
    Column("original_token_id", sa.Integer),
    Column("replay_token_id", sa.Integer),
    Column("margin", sa.Double),
    ForeignKeyConstraint(
        ["run_id", "prompt", "arm", "sample"],
        ["generations.run_id", "generations.prompt", "generations.arm", "generations.sample"],
        ondelete="RESTRICT",
    ),
)

condition_searches = Table(
    "condition_searches",
    metadata,
    _id(),
    _refers("model_id", "models"),
    _refers("positive_version_id", "set_versions"),
    _refers("negative_version_id", "set_versions"),
    *_condition(),
    Column("accuracy", sa.Double, nullable=False),
    Column("f1", sa.Double, nullable=False),
    Column("spec_sha256", sa.Text, nullable=False, index=True),
    Column("spec_json", Json, nullable=False),
    Column("evidence_json", Json, nullable=False),
    Column("environment_json", Json, nullable=False),
    _text("record_sha256"),
    _created_at(),
    _text("created_by"),
    sqlite_autoincrement=True,
)

nearest_tokens = Table(
    "nearest_tokens",
    metadata,
    _part_of("steering_vector_id", "steering_vectors"),
    _place("layer"),
    Column("toward_json", Json, nullable=False),
    Column("away_json", Json, nullable=False),
    _text("record_sha256"),
    _created_at(),
)

# Read again by a job after the run, when the texts are frozen; or while they were written.
generation_tokens = Table(
    "generation_tokens",
    metadata,
    _part_of("generation_id", "generations"),
    Column("pieces_json", Json, nullable=False),
    Column("logprobs", sa.LargeBinary, nullable=False),
    Column("baseline_logprobs", sa.LargeBinary, nullable=False),
    _text("record_sha256"),
    _created_at(),
    CheckConstraint("length(logprobs) = length(baseline_logprobs)", name="logprobs_length"),
)

scores = Table(
    "scores",
    metadata,
    _id(),
    _refers("generation_id", "generations", index=False),
    _refers("supersedes", "scores", nullable=True, index=False),
    _text("scorer"),
    _text("scorer_version"),
    Column("value", sa.Double),
    _text("missing_reason", nullable=True),
    Column("details_json", Json, nullable=False),
    Column("content_sha256", sa.Text, nullable=False, index=True),
    _text("record_sha256"),
    _created_at(),
    UniqueConstraint("supersedes"),
    Index(None, "generation_id", "scorer", "scorer_version"),
    # A text is scored once by a scorer; another score of it supersedes the one before.
    Index(
        "uq_scores_first",
        "generation_id",
        "scorer",
        "scorer_version",
        unique=True,
        sqlite_where=sa.text("supersedes IS NULL"),
        postgresql_where=sa.text("supersedes IS NULL"),
    ),
    # Unscorable is not zero: either a value, or the reason why there is none.
    CheckConstraint("(value IS NULL) <> (missing_reason IS NULL)", name="value_or_reason"),
    sqlite_autoincrement=True,
)

votes = Table(
    "votes",
    metadata,
    _id(),
    _refers("left_generation_id", "generations"),
    _refers("right_generation_id", "generations"),
    _text("choice"),
    _text("question"),
    _text("voter"),
    _created_at(),
    one_of("choice", Choice),
    CheckConstraint("left_generation_id <> right_generation_id", name="two_generations"),
    sqlite_autoincrement=True,
)

ravel_types = Table(
    "ravel_types",
    metadata,
    _id(),
    _text("name"),
    _created_at(),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

ravel_versions = Table(
    "ravel_versions",
    metadata,
    _id(),
    _refers("type_id", "ravel_types", index=False),
    Column("number", sa.Integer, nullable=False),
    Column("content_sha256", sa.Text, nullable=False, index=True),
    _text("message"),
    _text("author"),
    Column("n_entities", sa.Integer, nullable=False),
    Column("n_templates", sa.Integer, nullable=False),
    Column("n_neutral", sa.Integer, nullable=False),
    _created_at(),
    UniqueConstraint("type_id", "number"),
    CheckConstraint("number > 0", name="number"),
    sqlite_autoincrement=True,
)

ravel_attributes = Table(
    "ravel_attributes",
    metadata,
    _part_of("version_id", "ravel_versions"),
    _place(),
    _text("name"),
    UniqueConstraint("version_id", "name"),
)

ravel_entities = Table(
    "ravel_entities",
    metadata,
    _part_of("version_id", "ravel_versions"),
    _place(),
    _text("name"),
    _text("split"),
    UniqueConstraint("version_id", "name"),
    one_of("split", Split),
)

ravel_values = Table(
    "ravel_values",
    metadata,
    _part_of("version_id", "ravel_versions"),
    _place("entity"),
    _place("attribute"),
    _text("value"),
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
    _part_of("version_id", "ravel_versions"),
    _place(),
    _text("text"),
    _text("split"),
    Column("attribute", sa.Integer),
    _text("entity", nullable=True),
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
    _id(),
    _text("name"),
    Column("content_sha256", sa.Text, nullable=False, index=True),
    Column("spec_sha256", sa.Text, nullable=False, index=True),
    _refers("version_id", "ravel_versions"),
    _refers("model_id", "models"),
    Column("spec_json", Json, nullable=False),
    Column("accuracies_json", Json, nullable=False),
    Column("n_completions", sa.Integer, nullable=False),
    Column("n_examples_json", Json, nullable=False),
    Column("environment_json", Json, nullable=False),
    _text("record_sha256"),
    _created_at(),
    _text("created_by"),
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
    _part_of("instance_id", "ravel_instances"),
    _place("template"),
    _place("entity"),
    _text("text"),
    Column("token_ids", sa.LargeBinary, nullable=False),
    Column("correct", sa.Boolean),
    sqlite_with_rowid=False,
)

ravel_examples = Table(
    "ravel_examples",
    metadata,
    _part_of("instance_id", "ravel_instances"),
    _place(),
    _text("part"),
    _text("kind"),
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
    _id(),
    _text("spec_sha256"),
    _refers("instance_id", "ravel_instances"),
    _text("method"),
    _text("attribute"),
    Column("layer", sa.Integer, nullable=False),
    _text("location"),
    Column("k", sa.Integer),
    Column("n_features", sa.Integer, nullable=False),
    Column("spec_json", Json, nullable=False),
    Column("curve_json", Json, nullable=False),
    Column("measures_json", Json, nullable=False),
    Column("environment_json", Json, nullable=False),
    _text("record_sha256"),
    _created_at(),
    _text("created_by"),
    UniqueConstraint("spec_sha256"),
    sqlite_autoincrement=True,
)

ravel_tensors = Table(
    "ravel_tensors",
    metadata,
    _part_of("featurizer_id", "ravel_featurizers"),
    _place(),
    _text("name"),
    Column("shape_json", Json, nullable=False),
    _text("dtype"),
    _text("sha256"),
)

ravel_tensor_chunks = Table(
    "ravel_tensor_chunks",
    metadata,
    _part_of("featurizer_id", "ravel_featurizers"),
    _place("tensor"),
    _place("seq"),
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
    _id(),
    _text("spec_sha256"),
    _refers("instance_id", "ravel_instances"),
    _refers("steering_vector_id", "steering_vectors", nullable=True),
    _text("part"),
    _text("label"),
    _text("method"),
    Column("layer", sa.Integer),
    _text("location"),
    Column("k", sa.Integer),
    Column("n_features", sa.Double),
    Column("spec_json", Json, nullable=False),
    Column("n_outcomes", sa.Integer, nullable=False),
    Column("environment_json", Json, nullable=False),
    _text("record_sha256"),
    _created_at(),
    _text("created_by"),
    UniqueConstraint("spec_sha256"),
    sqlite_autoincrement=True,
)

ravel_evaluation_featurizers = Table(
    "ravel_evaluation_featurizers",
    metadata,
    _part_of("evaluation_id", "ravel_evaluations"),
    _place(),
    _refers("featurizer_id", "ravel_featurizers"),
)

ravel_outcomes = Table(
    "ravel_outcomes",
    metadata,
    _part_of("evaluation_id", "ravel_evaluations"),
    Column("target", sa.Text, primary_key=True),
    _place("example"),
    _text("output"),
    Column("changed", sa.Boolean, nullable=False),
    Column("kept", sa.Boolean, nullable=False),
    CheckConstraint("NOT (changed AND kept)", name="one_of_both"),
    sqlite_with_rowid=False,
)

ravel_scores = Table(
    "ravel_scores",
    metadata,
    _part_of("evaluation_id", "ravel_evaluations"),
    _place(),
    _text("measure"),
    _text("target", nullable=True),
    _text("attribute", nullable=True),
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
    _id(),
    _text("name", nullable=True),
    Column("spec_sha256", sa.Text, nullable=False, index=True),
    _refers("instance_id", "ravel_instances"),
    Column("spec_json", Json, nullable=False),
    Column("environment_json", Json, nullable=False),
    Column("duration_s", sa.Double, nullable=False),
    _text("record_sha256"),
    _created_at(),
    _text("created_by"),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

ravel_run_evaluations = Table(
    "ravel_run_evaluations",
    metadata,
    _part_of("run_id", "ravel_runs"),
    _place(),
    _refers("evaluation_id", "ravel_evaluations"),
)

calibrations = Table(
    "calibrations",
    metadata,
    _id(),
    _refers("steering_vector_id", "steering_vectors"),
    _text("vector_sha256"),
    _refers("model_id", "models"),
    _text("operator"),
    _text("site"),
    Column("layers_json", Json),
    _text("effect"),
    _text("damage"),
    Column("budget", sa.Double, nullable=False),
    Column("is_met", sa.Boolean, nullable=False),
    Column("strength", sa.Double, nullable=False),
    Column("effect_value", sa.Double),
    Column("damage_value", sa.Double, nullable=False),
    Column("n_prompts", sa.Integer, nullable=False),
    Column("spec_sha256", sa.Text, nullable=False, index=True),
    Column("spec_json", Json, nullable=False),
    Column("curve_json", Json, nullable=False),
    Column("evidence_json", Json, nullable=False),
    Column("environment_json", Json, nullable=False),
    _text("record_sha256"),
    _created_at(),
    _text("created_by"),
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    metadata,
    _id(),
    _text("kind"),
    _text("state"),
    _text("queue"),
    Column("priority", sa.Integer, nullable=False),
    _refers("model_id", "models", nullable=True),
    Column("spec_json", Json, nullable=False),
    _text("spec_sha256"),
    _text("dedupe_key", nullable=True),
    _text("batch_key", nullable=True),
    Column("run_after", UtcTime, nullable=False),
    Column("attempt", sa.Integer, nullable=False),
    Column("uncounted_attempts", sa.Integer, nullable=False),
    Column("max_attempts", sa.Integer, nullable=False),
    _text("lease_owner", nullable=True),
    Column("lease_until", UtcTime),
    Column("cancel_requested", sa.Boolean, nullable=False),
    Column("progress_done", BigInt, nullable=False),
    Column("progress_total", BigInt),
    Column("progress_rate", sa.Double),
    _text("progress_note"),
    Column("result_json", Json),
    _text("error_class", nullable=True),
    _text("error", nullable=True),
    _created_at(),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    _text("created_by"),
    one_of("state", JobState),
    CheckConstraint("max_attempts > 0", name="max_attempts"),
    CheckConstraint("(state = 'running') = (lease_until IS NOT NULL)", name="lease"),
    Index(
        "uq_jobs_dedupe_key",
        "dedupe_key",
        unique=True,
        sqlite_where=ACTIVE_STATES,
        postgresql_where=ACTIVE_STATES,
    ),
    Index(None, "state", "id"),
    Index(
        "ix_jobs_claim",
        "queue",
        "priority",
        "id",
        sqlite_where=ACTIVE_STATES,
        postgresql_where=ACTIVE_STATES,
    ),
    sqlite_autoincrement=True,
)

icl_runs = Table(
    "icl_runs",
    metadata,
    _id(),
    _text("kind"),
    Column("spec_sha256", sa.Text, nullable=False, index=True),
    Column("spec_json", Json, nullable=False),
    _refers("model_id", "models", nullable=True),
    _refers("set_version_id", "set_versions", nullable=True),
    # Keeps the job, whose curves are part of the record.
    _refers("job_id", "jobs", nullable=True),
    Column("result_json", Json, nullable=False),
    Column("environment_json", Json, nullable=False),
    Column("duration_s", sa.Double, nullable=False),
    _text("record_sha256"),
    _created_at(),
    _text("created_by"),
    sqlite_autoincrement=True,
)

icl_checks = Table(
    "icl_checks",
    metadata,
    _part_of("icl_run_id", "icl_runs"),
    _place(),
    _text("name"),
    _text("about"),
    _text("source"),
    Column("reference", sa.Double, nullable=False),
    Column("tolerance", sa.Double, nullable=False),
    _text("comparison"),
    Column("value", sa.Double, nullable=False),
    Column("low", sa.Double, nullable=False),
    Column("high", sa.Double, nullable=False),
    _text("verdict"),
    one_of("verdict", ReproductionVerdict),
)

icl_layers = Table(
    "icl_layers",
    metadata,
    _part_of("icl_run_id", "icl_runs"),
    Column("condition", sa.Text, primary_key=True),
    _place("layer"),
    Column("cosine", sa.Double, nullable=False),
    Column("query_cosine", sa.Double, nullable=False),
    Column("query_cosine_sd", sa.Double, nullable=False),
    Column("norm", sa.Double, nullable=False),
    Column("relative_norm", sa.Double, nullable=False),
    Column("agreement", sa.Double, nullable=False),
)

icl_heads = Table(
    "icl_heads",
    metadata,
    _part_of("icl_run_id", "icl_runs"),
    _place("layer"),
    _place("head"),
    Column("share", sa.Double, nullable=False),
    Column("effect_cosine", sa.Double, nullable=False),
    Column("linear_cosine", sa.Double, nullable=False),
    Column("attention", sa.Double, nullable=False),
    Column("by_demonstration_json", Json, nullable=False),
)

# Apart from their runs because they are large: a list of runs never reads them.
icl_weights = Table(
    "icl_weights",
    metadata,
    _part_of("icl_run_id", "icl_runs"),
    _text("sha256"),
    Column("data", sa.LargeBinary, nullable=False),
)

job_attempts = Table(
    "job_attempts",
    metadata,
    _part_of("job_id", "jobs"),
    _place("attempt"),
    _text("worker_id"),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    _text("outcome", nullable=True),
    _text("error", nullable=True),
    one_of("outcome", AttemptOutcome),
)

job_chunks = Table(
    "job_chunks",
    metadata,
    _part_of("job_id", "jobs"),
    _place("seq"),
    Column("attempt", sa.Integer, nullable=False),
    Column("data", sa.LargeBinary, nullable=False),
    _created_at(),
)

# Partial texts and checkpoints are written over and over, and gone when the job is done: apart from
# their jobs, whose rows stay small.
job_partials = Table(
    "job_partials",
    metadata,
    _part_of("job_id", "jobs"),
    Column("attempt", sa.Integer, nullable=False),
    Column("texts_json", Json, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

job_logs = Table(
    "job_logs",
    metadata,
    _id(),
    _refers("job_id", "jobs", index=False),
    Column("attempt", sa.Integer, nullable=False),
    _text("level"),
    _text("message"),
    _created_at(),
    one_of("level", LogLevel),
    Index(None, "job_id", "id"),
    sqlite_autoincrement=True,
)

job_points = Table(
    "job_points",
    metadata,
    _part_of("job_id", "jobs"),
    Column("series", sa.Text, primary_key=True),
    Column("step", BigInt, primary_key=True, autoincrement=False),
    Column("value", sa.Double, nullable=False),
    sqlite_with_rowid=False,
)

job_checkpoints = Table(
    "job_checkpoints",
    metadata,
    _part_of("job_id", "jobs"),
    Column("attempt", sa.Integer, nullable=False),
    Column("step", BigInt, nullable=False),
    _text("sha256"),
    Column("data", sa.LargeBinary, nullable=False),
    _created_at(),
)

workers = Table(
    "workers",
    metadata,
    Column("id", sa.Text, primary_key=True),
    _text("host"),
    Column("pid", BigInt, nullable=False),
    _text("device"),
    _text("torch_version"),
    _text("queue"),
    _text("state"),
    Column("models_json", Json),
    Column("memory_bytes", BigInt),
    Column("started_at", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Column("stop_asked_at", UtcTime),
    one_of("state", ("idle", "busy", "stopped")),
)

saved_queries = Table(
    "saved_queries",
    metadata,
    Column("name", sa.Text, primary_key=True),
    _text("sql"),
    _created_at(),
    _text("created_by"),
)

audit_log = Table(
    "audit_log",
    metadata,
    _id(),
    _created_at(),
    _text("actor"),
    _text("action"),
    _text("object_kind"),
    _text("object_id"),
    Column("details_json", Json, nullable=False),
    Index(None, "object_kind", "object_id"),
    sqlite_autoincrement=True,
)
