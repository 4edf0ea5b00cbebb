"""Tables of in-context learning; ``docs/schema.md`` says what the columns mean."""

import sqlalchemy as sa
from sqlalchemy import Column, Table

from vectorlab.icl.domain.reference_points import ReproductionVerdict
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

icl_runs = Table(
    "icl_runs",
    metadata,
    row_id(),
    text("kind"),
    Column("spec_sha256", sa.Text, nullable=False, index=True),
    Column("spec_json", Json, nullable=False),
    refers("model_id", "models", nullable=True),
    refers("set_version_id", "set_versions", nullable=True),
    # Keeps the job, whose curves are part of the record.
    refers("job_id", "jobs", nullable=True),
    Column("result_json", Json, nullable=False),
    Column("environment_json", Json, nullable=False),
    Column("duration_s", sa.Double, nullable=False),
    text("record_sha256"),
    created_at(),
    text("created_by"),
    sqlite_autoincrement=True,
)

icl_checks = Table(
    "icl_checks",
    metadata,
    part_of("icl_run_id", "icl_runs"),
    place(),
    text("name"),
    text("about"),
    text("source"),
    Column("reference", sa.Double, nullable=False),
    Column("tolerance", sa.Double, nullable=False),
    text("comparison"),
    Column("value", sa.Double, nullable=False),
    Column("low", sa.Double, nullable=False),
    Column("high", sa.Double, nullable=False),
    text("verdict"),
    one_of("verdict", ReproductionVerdict),
)

icl_layers = Table(
    "icl_layers",
    metadata,
    part_of("icl_run_id", "icl_runs"),
    Column("condition", sa.Text, primary_key=True),
    place("layer"),
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
    part_of("icl_run_id", "icl_runs"),
    place("layer"),
    place("head"),
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
    part_of("icl_run_id", "icl_runs"),
    text("sha256"),
    Column("data", sa.LargeBinary, nullable=False),
)
