"""Every table as it is at the newest revision; ``docs/schema.md`` says what the columns mean.

Those of a system are in its own ``store/tables.py``, and none here refers to one of them.

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
from vectorlab.domain.runs.outcomes import Choice, ReplayOutcome
from vectorlab.domain.runs.texts import FinishReason
from vectorlab.store.columns import (
    BigInt,
    Json,
    UtcTime,
    created_at,
    index_where,
    one_of,
    part_of,
    place,
    refers,
    row_id,
    text,
)
from vectorlab.store.columns import metadata as metadata
from vectorlab.systems import systems

REVISION = "0003"  # the newest revision; numbers sort, a test holds it to Alembic's head

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
    "condition_searches": (),
    "calibrations": (),
    "nearest_tokens": (),
    "generation_tokens": (),
    "scores": (),
    "votes": (),
    "audit_log": (),
    **{table: columns for system in systems() for table, columns in system.frozen.items()},
}

ACTIVE_STATES = sa.text("state IN ('queued', 'running')")

models = Table(
    "models",
    metadata,
    row_id(),
    text("name"),
    text("source"),
    text("revision", nullable=True),
    text("fingerprint"),
    text("architecture"),
    Column("n_layers", sa.Integer, nullable=False),
    Column("d_model", sa.Integer, nullable=False),
    Column("n_parameters", BigInt, nullable=False),
    Column("vocabulary_size", sa.Integer, nullable=False),
    Column("context_length", BigInt),
    text("weights_sha256"),
    text("config_sha256"),
    text("tokenizer_sha256"),
    text("chat_template_sha256", nullable=True),
    Column("trust_remote_code", sa.Boolean, nullable=False),
    created_at(),
    UniqueConstraint("name"),
    UniqueConstraint("fingerprint"),
    sqlite_autoincrement=True,
)

demonstration_sets = Table(
    "demonstration_sets",
    metadata,
    row_id(),
    text("name"),
    text("description"),
    text("task"),
    Column("labels_json", Json, nullable=False),
    created_at(),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

set_versions = Table(
    "set_versions",
    metadata,
    row_id(),
    refers("set_id", "demonstration_sets", index=False),
    Column("number", sa.Integer, nullable=False),
    refers("parent_id", "set_versions", nullable=True),
    text("relation", nullable=True),
    refers("merged_id", "set_versions", nullable=True),
    Column("content_sha256", sa.Text, nullable=False, index=True),
    Column("n_demonstrations", sa.Integer, nullable=False),
    Column("base_number", sa.Integer, nullable=False),
    text("message"),
    text("author"),
    Column("details_json", Json),
    created_at(),
    UniqueConstraint("set_id", "number"),
    CheckConstraint("number > 0", name="number"),
    CheckConstraint("n_demonstrations > 0", name="n_demonstrations"),
    sqlite_autoincrement=True,
)

demonstrations = Table(
    "demonstrations",
    metadata,
    row_id(),
    text("sha256"),
    text("source"),
    text("target", nullable=True),
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
    part_of("set_id", "demonstration_sets"),
    place("base_number"),
    Column("rank", BigInt, primary_key=True, autoincrement=False),
    place("number"),
    refers("demonstration_id", "demonstrations", nullable=True),
    sqlite_with_rowid=False,
)


version_tags = Table(
    "version_tags",
    metadata,
    part_of("set_id", "demonstration_sets"),
    Column("name", sa.Text, primary_key=True),
    refers("set_version_id", "set_versions"),
    created_at(),
    text("created_by"),
)

set_version_findings = Table(
    "set_version_findings",
    metadata,
    part_of("set_version_id", "set_versions"),
    place(),
    text("check_name"),
    Column("n_demonstrations", sa.Integer, nullable=False),
    text("message"),
    Column("positions_json", Json, nullable=False),
)

# Not frozen: what somebody changes of a version, or begins a set with, before it is one.
set_drafts = Table(
    "set_drafts",
    metadata,
    row_id(),
    refers("set_id", "demonstration_sets", index=False),
    Column("base_number", sa.Integer, nullable=False),
    text("author"),
    Column("edit_json", Json, nullable=False),
    created_at(),
    Column("changed_at", UtcTime, nullable=False),
    UniqueConstraint("set_id", "base_number", "author"),
    CheckConstraint("base_number >= 0", name="base_number"),
    sqlite_autoincrement=True,
)

steering_vectors = Table(
    "steering_vectors",
    metadata,
    row_id(),
    text("name"),
    refers("model_id", "models"),
    text("origin"),
    text("method"),
    Column("parameters_json", Json, nullable=False),
    text("operator"),
    refers("set_version_id", "set_versions", nullable=True),
    text("token_rule"),
    text("read_site"),
    text("write_site"),
    Column("n_layers", sa.Integer, nullable=False),
    Column("d_model", sa.Integer, nullable=False),
    Column("content_sha256", sa.Text, nullable=False, index=True),
    Column("spec_sha256", sa.Text, index=True),
    Column("spec_json", Json),
    Column("environment_json", Json, nullable=False),
    text("record_sha256"),
    created_at(),
    text("created_by"),
    UniqueConstraint("name"),
    CheckConstraint("n_layers > 0", name="n_layers"),
    sqlite_autoincrement=True,
)

vector_parents = Table(
    "vector_parents",
    metadata,
    part_of("steering_vector_id", "steering_vectors"),
    place(),
    refers("parent_id", "steering_vectors"),
    Column("weight", sa.Double, nullable=False),
)

layer_vectors = Table(
    "layer_vectors",
    metadata,
    part_of("steering_vector_id", "steering_vectors"),
    place("layer"),
    Column("d_model", sa.Integer, nullable=False),
    text("dtype"),
    Column("norm", sa.Double, nullable=False),
    Column("explained_variance", sa.Double),
    Column("separability", sa.Double),
    text("sha256"),
    Column("data", sa.LargeBinary, nullable=False),
)

demonstration_alignments = Table(
    "demonstration_alignments",
    metadata,
    part_of("steering_vector_id", "steering_vectors"),
    place(),
    Column("mean", sa.Double, nullable=False),
    Column("cosines_json", Json, nullable=False),
)

# A study of a vector that is frozen by then, asked for later by a job of its own.
explanations = Table(
    "explanations",
    metadata,
    part_of("steering_vector_id", "steering_vectors"),
    Column("environment_json", Json, nullable=False),
    text("record_sha256"),
    created_at(),
    text("created_by"),
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
    place(),
    Column("norm_change", sa.Double, nullable=False),
    Column("cosine", sa.Double, nullable=False),
    Column("norm_changes_json", Json, nullable=False),
    Column("cosines_json", Json, nullable=False),
)

state_caches = Table(
    "state_caches",
    metadata,
    row_id(),
    text("sha256"),
    text("model_fingerprint"),
    Column("spec_json", Json, nullable=False),
    created_at(),
    UniqueConstraint("sha256"),
    sqlite_autoincrement=True,
)

state_blobs = Table(
    "state_blobs",
    metadata,
    row_id(),
    refers("state_cache_id", "state_caches"),
    Column("n_texts", sa.Integer, nullable=False),
    Column("n_bytes", BigInt, nullable=False),
    text("sha256"),
    # Not a reference: what a job left here outlives the job.
    Column("job_id", BigInt),
    Column("used_at", UtcTime, nullable=False, index=True),
    created_at(),
    CheckConstraint("n_texts > 0", name="n_texts"),
    sqlite_autoincrement=True,
)

state_blob_chunks = Table(
    "state_blob_chunks",
    metadata,
    part_of("state_blob_id", "state_blobs"),
    place("seq"),
    Column("data", sa.LargeBinary, nullable=False),
)

cached_states = Table(
    "cached_states",
    metadata,
    part_of("state_cache_id", "state_caches"),
    Column("text_sha256", sa.Text, primary_key=True),
    text("token_sha256"),
    refers("state_blob_id", "state_blobs"),
    Column("position", sa.Integer, nullable=False),
    text("sha256"),
    sqlite_with_rowid=False,
)

generation_runs = Table(
    "generation_runs",
    metadata,
    row_id(),
    text("name", nullable=True),
    refers("model_id", "models"),
    refers("prompt_set_version_id", "set_versions", nullable=True),
    refers("replay_of", "generation_runs", nullable=True),
    Column("spec_sha256", sa.Text, nullable=False, index=True),
    text("result_sha256"),
    Column("decoding_json", Json, nullable=False),
    Column("seed", BigInt, nullable=False),
    Column("samples", sa.Integer, nullable=False),
    text("chat_template_sha256", nullable=True),
    text("chat_system", nullable=True),
    Column("add_special_tokens", sa.Boolean, nullable=False),
    text("dtype"),
    Column("batch_plan_json", Json, nullable=False),
    Column("environment_json", Json, nullable=False),
    Column("duration_s", sa.Double, nullable=False),
    text("record_sha256"),
    created_at(),
    text("created_by"),
    Column("chat_earlier_json", Json),
    UniqueConstraint("name"),
    CheckConstraint("samples > 0", name="samples"),
    CheckConstraint("chat_system IS NULL OR chat_template_sha256 IS NOT NULL", name="chat"),
    sqlite_autoincrement=True,
)

run_prompts = Table(
    "run_prompts",
    metadata,
    part_of("run_id", "generation_runs"),
    place(),
    text("text"),
    text("reference", nullable=True),
)

run_arms = Table(
    "run_arms",
    metadata,
    part_of("run_id", "generation_runs"),
    place(),
    text("label"),
    text("prefix", nullable=True),
    text("combine"),
)


def _condition(*, nullable: bool = False) -> list[Column[Any]]:
    """Columns that say what a condition reads, in which part of a sequence, and when it holds."""
    return [
        refers("condition_vector_id", "steering_vectors", nullable=nullable),
        text("condition_vector_sha256", nullable=nullable),
        Column("condition_layer", sa.Integer, nullable=nullable),
        text("condition_site", nullable=nullable),
        text("condition_measure", nullable=nullable),
        text("condition_comparison", nullable=nullable),
        Column("condition_threshold", sa.Double, nullable=nullable),
        text("condition_window", nullable=nullable),
    ]


arm_interventions = Table(
    "arm_interventions",
    metadata,
    Column("run_id", BigInt, primary_key=True, autoincrement=False),
    place("arm"),
    place(),
    refers("steering_vector_id", "steering_vectors"),
    text("vector_sha256"),
    text("operator"),
    Column("strength", sa.Double, nullable=False),
    text("schedule"),
    text("site"),
    Column("layers_json", Json),
    text("positions"),
    *_condition(nullable=True),
    ForeignKeyConstraint(
        ["run_id", "arm"], ["run_arms.run_id", "run_arms.position"], ondelete="RESTRICT"
    ),
)

generations = Table(
    "generations",
    metadata,
    row_id(),
    Column("run_id", BigInt, nullable=False),
    Column("prompt", sa.Integer, nullable=False),
    Column("arm", sa.Integer, nullable=False),
    Column("sample", sa.Integer, nullable=False),
    text("text"),
    Column("n_tokens", sa.Integer, nullable=False),
    text("finish_reason"),
    Column("mean_logprob", sa.Double),
    # How near another token was where that was nearest; see ``domain.runs.margins`` for the unit.
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
    part_of("run_id", "generation_runs"),
    text("verdict"),
    Column("rounding_margin", sa.Double, nullable=False),
    text("record_sha256"),
    created_at(),
    one_of("verdict", ReplayOutcome),
)

replay_departures = Table(
    "replay_departures",
    metadata,
    Column("run_id", BigInt, primary_key=True, autoincrement=False),
    place("prompt"),
    place("arm"),
    place("sample"),
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
    row_id(),
    refers("model_id", "models"),
    refers("positive_version_id", "set_versions"),
    refers("negative_version_id", "set_versions"),
    *_condition(),
    Column("accuracy", sa.Double, nullable=False),
    Column("f1", sa.Double, nullable=False),
    Column("spec_sha256", sa.Text, nullable=False, index=True),
    Column("spec_json", Json, nullable=False),
    Column("evidence_json", Json, nullable=False),
    Column("environment_json", Json, nullable=False),
    text("record_sha256"),
    created_at(),
    text("created_by"),
    sqlite_autoincrement=True,
)

nearest_tokens = Table(
    "nearest_tokens",
    metadata,
    part_of("steering_vector_id", "steering_vectors"),
    place("layer"),
    Column("toward_json", Json, nullable=False),
    Column("away_json", Json, nullable=False),
    text("record_sha256"),
    created_at(),
)

# Read again by a job after the run, when the texts are frozen; or while they were written.
generation_tokens = Table(
    "generation_tokens",
    metadata,
    part_of("generation_id", "generations"),
    Column("pieces_json", Json, nullable=False),
    Column("logprobs", sa.LargeBinary, nullable=False),
    Column("baseline_logprobs", sa.LargeBinary, nullable=False),
    text("record_sha256"),
    created_at(),
    CheckConstraint("length(logprobs) = length(baseline_logprobs)", name="logprobs_length"),
)

scores = Table(
    "scores",
    metadata,
    row_id(),
    refers("generation_id", "generations", index=False),
    refers("supersedes", "scores", nullable=True, index=False),
    text("scorer"),
    text("scorer_version"),
    Column("value", sa.Double),
    text("missing_reason", nullable=True),
    Column("details_json", Json, nullable=False),
    Column("content_sha256", sa.Text, nullable=False, index=True),
    text("record_sha256"),
    created_at(),
    UniqueConstraint("supersedes"),
    Index(None, "generation_id", "scorer", "scorer_version"),
    # A text is scored once by a scorer; another score of it supersedes the one before.
    index_where(
        "uq_scores_first",
        "generation_id",
        "scorer",
        "scorer_version",
        unique=True,
        condition=sa.text("supersedes IS NULL"),
    ),
    # Unscorable is not zero: either a value, or the reason why there is none.
    CheckConstraint("(value IS NULL) <> (missing_reason IS NULL)", name="value_or_reason"),
    sqlite_autoincrement=True,
)

votes = Table(
    "votes",
    metadata,
    row_id(),
    refers("left_generation_id", "generations"),
    refers("right_generation_id", "generations"),
    text("choice"),
    text("question"),
    text("voter"),
    created_at(),
    one_of("choice", Choice),
    CheckConstraint("left_generation_id <> right_generation_id", name="two_generations"),
    sqlite_autoincrement=True,
)

calibrations = Table(
    "calibrations",
    metadata,
    row_id(),
    refers("steering_vector_id", "steering_vectors"),
    text("vector_sha256"),
    refers("model_id", "models"),
    text("operator"),
    text("site"),
    Column("layers_json", Json),
    text("effect"),
    text("damage"),
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
    text("record_sha256"),
    created_at(),
    text("created_by"),
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    metadata,
    row_id(),
    text("kind"),
    text("state"),
    text("queue"),
    Column("priority", sa.Integer, nullable=False),
    refers("model_id", "models", nullable=True),
    Column("spec_json", Json, nullable=False),
    text("spec_sha256"),
    text("dedupe_key", nullable=True),
    text("batch_key", nullable=True),
    Column("run_after", UtcTime, nullable=False),
    Column("attempt", sa.Integer, nullable=False),
    Column("uncounted_attempts", sa.Integer, nullable=False),
    Column("max_attempts", sa.Integer, nullable=False),
    text("lease_owner", nullable=True),
    Column("lease_until", UtcTime),
    Column("cancel_requested", sa.Boolean, nullable=False),
    Column("progress_done", BigInt, nullable=False),
    Column("progress_total", BigInt),
    Column("progress_rate", sa.Double),
    text("progress_note"),
    Column("result_json", Json),
    text("error_class", nullable=True),
    text("error", nullable=True),
    created_at(),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    text("created_by"),
    one_of("state", JobState),
    CheckConstraint("max_attempts > 0", name="max_attempts"),
    CheckConstraint("(state = 'running') = (lease_until IS NOT NULL)", name="lease"),
    index_where(
        "uq_jobs_dedupe_key",
        "dedupe_key",
        unique=True,
        condition=ACTIVE_STATES,
    ),
    Index(None, "state", "id"),
    index_where(
        "ix_jobs_claim",
        "queue",
        "priority",
        "id",
        condition=ACTIVE_STATES,
    ),
    sqlite_autoincrement=True,
)

job_attempts = Table(
    "job_attempts",
    metadata,
    part_of("job_id", "jobs"),
    place("attempt"),
    text("worker_id"),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    text("outcome", nullable=True),
    text("error", nullable=True),
    one_of("outcome", AttemptOutcome),
)

job_chunks = Table(
    "job_chunks",
    metadata,
    part_of("job_id", "jobs"),
    place("seq"),
    Column("attempt", sa.Integer, nullable=False),
    Column("data", sa.LargeBinary, nullable=False),
    created_at(),
)

# Partial texts and checkpoints are written over and over, and gone when the job is done: apart from
# their jobs, whose rows stay small.
job_partials = Table(
    "job_partials",
    metadata,
    part_of("job_id", "jobs"),
    Column("attempt", sa.Integer, nullable=False),
    Column("texts_json", Json, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

job_logs = Table(
    "job_logs",
    metadata,
    row_id(),
    refers("job_id", "jobs", index=False),
    Column("attempt", sa.Integer, nullable=False),
    text("level"),
    text("message"),
    created_at(),
    one_of("level", LogLevel),
    Index(None, "job_id", "id"),
    sqlite_autoincrement=True,
)

job_points = Table(
    "job_points",
    metadata,
    part_of("job_id", "jobs"),
    Column("series", sa.Text, primary_key=True),
    Column("step", BigInt, primary_key=True, autoincrement=False),
    Column("value", sa.Double, nullable=False),
    sqlite_with_rowid=False,
)

job_checkpoints = Table(
    "job_checkpoints",
    metadata,
    part_of("job_id", "jobs"),
    Column("attempt", sa.Integer, nullable=False),
    Column("step", BigInt, nullable=False),
    text("sha256"),
    Column("data", sa.LargeBinary, nullable=False),
    created_at(),
)

workers = Table(
    "workers",
    metadata,
    Column("id", sa.Text, primary_key=True),
    text("host"),
    Column("pid", BigInt, nullable=False),
    text("device"),
    text("torch_version"),
    text("queue"),
    text("state"),
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
    text("sql"),
    created_at(),
    text("created_by"),
)

audit_log = Table(
    "audit_log",
    metadata,
    row_id(),
    created_at(),
    text("actor"),
    text("action"),
    text("object_kind"),
    text("object_id"),
    Column("details_json", Json, nullable=False),
    Index(None, "object_kind", "object_id"),
    sqlite_autoincrement=True,
)

# Last, so that whoever knows this module knows the tables of the systems as well.
for _system in systems():
    _system.module("store.tables")
