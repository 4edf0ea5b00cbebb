-- Every table of the first revision, as PostgreSQL spells it; 0001_baseline.py says what SQLite
-- spells in another way.

CREATE TABLE audit_log (
    id BIGSERIAL CONSTRAINT pk_audit_log PRIMARY KEY,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    details_json JSON NOT NULL
);
CREATE INDEX ix_audit_log_object_kind_object_id ON audit_log (object_kind, object_id);

CREATE TABLE demonstration_sets (
    id BIGSERIAL CONSTRAINT pk_demonstration_sets PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    task TEXT NOT NULL,
    labels_json JSON NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT uq_demonstration_sets_name UNIQUE (name)
);

CREATE TABLE demonstrations (
    id BIGSERIAL CONSTRAINT pk_demonstrations PRIMARY KEY,
    sha256 TEXT NOT NULL,
    source TEXT NOT NULL,
    target TEXT,
    metadata_json JSON NOT NULL,
    CONSTRAINT uq_demonstrations_sha256 UNIQUE (sha256)
);

CREATE TABLE models (
    id BIGSERIAL CONSTRAINT pk_models PRIMARY KEY,
    name TEXT NOT NULL,
    source TEXT NOT NULL,
    revision TEXT,
    fingerprint TEXT NOT NULL,
    architecture TEXT NOT NULL,
    n_layers INTEGER NOT NULL,
    d_model INTEGER NOT NULL,
    n_parameters BIGINT NOT NULL,
    vocabulary_size INTEGER NOT NULL,
    context_length BIGINT,
    weights_sha256 TEXT NOT NULL,
    config_sha256 TEXT NOT NULL,
    tokenizer_sha256 TEXT NOT NULL,
    chat_template_sha256 TEXT,
    trust_remote_code BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT uq_models_name UNIQUE (name),
    CONSTRAINT uq_models_fingerprint UNIQUE (fingerprint)
);

CREATE TABLE ravel_types (
    id BIGSERIAL CONSTRAINT pk_ravel_types PRIMARY KEY,
    name TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT uq_ravel_types_name UNIQUE (name)
);

CREATE TABLE saved_queries (
    name TEXT NOT NULL,
    sql TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    CONSTRAINT pk_saved_queries PRIMARY KEY (name)
);

CREATE TABLE state_caches (
    id BIGSERIAL CONSTRAINT pk_state_caches PRIMARY KEY,
    sha256 TEXT NOT NULL,
    model_fingerprint TEXT NOT NULL,
    spec_json JSON NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT uq_state_caches_sha256 UNIQUE (sha256)
);

CREATE TABLE workers (
    id TEXT NOT NULL,
    host TEXT NOT NULL,
    pid BIGINT NOT NULL,
    device TEXT NOT NULL,
    torch_version TEXT NOT NULL,
    queue TEXT NOT NULL,
    state TEXT NOT NULL,
    models_json JSON,
    memory_bytes BIGINT,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen TIMESTAMP WITH TIME ZONE NOT NULL,
    stop_asked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_workers PRIMARY KEY (id),
    CONSTRAINT ck_workers_state CHECK (state IN ('idle', 'busy', 'stopped'))
);

CREATE TABLE jobs (
    id BIGSERIAL CONSTRAINT pk_jobs PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    model_id BIGINT,
    spec_json JSON NOT NULL,
    spec_sha256 TEXT NOT NULL,
    dedupe_key TEXT,
    batch_key TEXT,
    run_after TIMESTAMP WITH TIME ZONE NOT NULL,
    attempt INTEGER NOT NULL,
    uncounted_attempts INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until TIMESTAMP WITH TIME ZONE,
    cancel_requested BOOLEAN NOT NULL,
    progress_done BIGINT NOT NULL,
    progress_total BIGINT,
    progress_rate DOUBLE PRECISION,
    progress_note TEXT NOT NULL,
    result_json JSON,
    error_class TEXT,
    error TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    created_by TEXT NOT NULL,
    CONSTRAINT ck_jobs_state CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT ck_jobs_max_attempts CHECK (max_attempts > 0),
    CONSTRAINT ck_jobs_lease CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CONSTRAINT fk_jobs_model_id FOREIGN KEY(model_id) REFERENCES models (id) ON DELETE RESTRICT
);
CREATE INDEX ix_jobs_claim ON jobs (queue, priority, id) WHERE state IN ('queued', 'running');
CREATE INDEX ix_jobs_model_id ON jobs (model_id);
CREATE INDEX ix_jobs_state_id ON jobs (state, id);
CREATE UNIQUE INDEX uq_jobs_dedupe_key ON jobs (dedupe_key) WHERE state IN ('queued', 'running');

CREATE TABLE ravel_versions (
    id BIGSERIAL CONSTRAINT pk_ravel_versions PRIMARY KEY,
    type_id BIGINT NOT NULL,
    number INTEGER NOT NULL,
    content_sha256 TEXT NOT NULL,
    message TEXT NOT NULL,
    author TEXT NOT NULL,
    n_entities INTEGER NOT NULL,
    n_templates INTEGER NOT NULL,
    n_neutral INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT uq_ravel_versions_type_id_number UNIQUE (type_id, number),
    CONSTRAINT ck_ravel_versions_number CHECK (number > 0),
    CONSTRAINT fk_ravel_versions_type_id FOREIGN KEY(type_id) REFERENCES ravel_types (id) ON DELETE RESTRICT
);
CREATE INDEX ix_ravel_versions_content_sha256 ON ravel_versions (content_sha256);

CREATE TABLE set_items (
    set_id BIGINT NOT NULL,
    base_number INTEGER NOT NULL,
    rank BIGINT NOT NULL,
    number INTEGER NOT NULL,
    demonstration_id BIGINT,
    CONSTRAINT pk_set_items PRIMARY KEY (set_id, base_number, rank, number),
    CONSTRAINT fk_set_items_set_id FOREIGN KEY(set_id) REFERENCES demonstration_sets (id) ON DELETE RESTRICT,
    CONSTRAINT fk_set_items_demonstration_id FOREIGN KEY(demonstration_id) REFERENCES demonstrations (id) ON DELETE RESTRICT
) /* WITHOUT ROWID */;
CREATE INDEX ix_set_items_demonstration_id ON set_items (demonstration_id);

CREATE TABLE set_versions (
    id BIGSERIAL CONSTRAINT pk_set_versions PRIMARY KEY,
    set_id BIGINT NOT NULL,
    number INTEGER NOT NULL,
    parent_id BIGINT,
    relation TEXT,
    merged_id BIGINT,
    content_sha256 TEXT NOT NULL,
    n_demonstrations INTEGER NOT NULL,
    base_number INTEGER NOT NULL,
    message TEXT NOT NULL,
    author TEXT NOT NULL,
    details_json JSON,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT uq_set_versions_set_id_number UNIQUE (set_id, number),
    CONSTRAINT ck_set_versions_number CHECK (number > 0),
    CONSTRAINT ck_set_versions_n_demonstrations CHECK (n_demonstrations > 0),
    CONSTRAINT fk_set_versions_set_id FOREIGN KEY(set_id) REFERENCES demonstration_sets (id) ON DELETE RESTRICT,
    CONSTRAINT fk_set_versions_parent_id FOREIGN KEY(parent_id) REFERENCES set_versions (id) ON DELETE RESTRICT,
    CONSTRAINT fk_set_versions_merged_id FOREIGN KEY(merged_id) REFERENCES set_versions (id) ON DELETE RESTRICT
);
CREATE INDEX ix_set_versions_content_sha256 ON set_versions (content_sha256);
CREATE INDEX ix_set_versions_merged_id ON set_versions (merged_id);
CREATE INDEX ix_set_versions_parent_id ON set_versions (parent_id);

CREATE TABLE state_blobs (
    id BIGSERIAL CONSTRAINT pk_state_blobs PRIMARY KEY,
    state_cache_id BIGINT NOT NULL,
    n_texts INTEGER NOT NULL,
    n_bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    job_id BIGINT,
    used_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT ck_state_blobs_n_texts CHECK (n_texts > 0),
    CONSTRAINT fk_state_blobs_state_cache_id FOREIGN KEY(state_cache_id) REFERENCES state_caches (id) ON DELETE RESTRICT
);
CREATE INDEX ix_state_blobs_state_cache_id ON state_blobs (state_cache_id);
CREATE INDEX ix_state_blobs_used_at ON state_blobs (used_at);

CREATE TABLE cached_states (
    state_cache_id BIGINT NOT NULL,
    text_sha256 TEXT NOT NULL,
    token_sha256 TEXT NOT NULL,
    state_blob_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    CONSTRAINT pk_cached_states PRIMARY KEY (state_cache_id, text_sha256),
    CONSTRAINT fk_cached_states_state_cache_id FOREIGN KEY(state_cache_id) REFERENCES state_caches (id) ON DELETE RESTRICT,
    CONSTRAINT fk_cached_states_state_blob_id FOREIGN KEY(state_blob_id) REFERENCES state_blobs (id) ON DELETE RESTRICT
) /* WITHOUT ROWID */;
CREATE INDEX ix_cached_states_state_blob_id ON cached_states (state_blob_id);

CREATE TABLE generation_runs (
    id BIGSERIAL CONSTRAINT pk_generation_runs PRIMARY KEY,
    name TEXT,
    model_id BIGINT NOT NULL,
    prompt_set_version_id BIGINT,
    replay_of BIGINT,
    spec_sha256 TEXT NOT NULL,
    result_sha256 TEXT NOT NULL,
    decoding_json JSON NOT NULL,
    seed BIGINT NOT NULL,
    samples INTEGER NOT NULL,
    chat_template_sha256 TEXT,
    chat_system TEXT,
    add_special_tokens BOOLEAN NOT NULL,
    dtype TEXT NOT NULL,
    batch_plan_json JSON NOT NULL,
    environment_json JSON NOT NULL,
    duration_s DOUBLE PRECISION NOT NULL,
    record_sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    CONSTRAINT uq_generation_runs_name UNIQUE (name),
    CONSTRAINT ck_generation_runs_samples CHECK (samples > 0),
    CONSTRAINT ck_generation_runs_chat CHECK (chat_system IS NULL OR chat_template_sha256 IS NOT NULL),
    CONSTRAINT fk_generation_runs_model_id FOREIGN KEY(model_id) REFERENCES models (id) ON DELETE RESTRICT,
    CONSTRAINT fk_generation_runs_prompt_set_version_id FOREIGN KEY(prompt_set_version_id) REFERENCES set_versions (id) ON DELETE RESTRICT,
    CONSTRAINT fk_generation_runs_replay_of FOREIGN KEY(replay_of) REFERENCES generation_runs (id) ON DELETE RESTRICT
);
CREATE INDEX ix_generation_runs_model_id ON generation_runs (model_id);
CREATE INDEX ix_generation_runs_prompt_set_version_id ON generation_runs (prompt_set_version_id);
CREATE INDEX ix_generation_runs_replay_of ON generation_runs (replay_of);
CREATE INDEX ix_generation_runs_spec_sha256 ON generation_runs (spec_sha256);

CREATE TABLE icl_runs (
    id BIGSERIAL CONSTRAINT pk_icl_runs PRIMARY KEY,
    kind TEXT NOT NULL,
    spec_sha256 TEXT NOT NULL,
    spec_json JSON NOT NULL,
    model_id BIGINT,
    set_version_id BIGINT,
    job_id BIGINT,
    result_json JSON NOT NULL,
    environment_json JSON NOT NULL,
    duration_s DOUBLE PRECISION NOT NULL,
    record_sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    CONSTRAINT fk_icl_runs_model_id FOREIGN KEY(model_id) REFERENCES models (id) ON DELETE RESTRICT,
    CONSTRAINT fk_icl_runs_set_version_id FOREIGN KEY(set_version_id) REFERENCES set_versions (id) ON DELETE RESTRICT,
    CONSTRAINT fk_icl_runs_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE RESTRICT
);
CREATE INDEX ix_icl_runs_job_id ON icl_runs (job_id);
CREATE INDEX ix_icl_runs_model_id ON icl_runs (model_id);
CREATE INDEX ix_icl_runs_set_version_id ON icl_runs (set_version_id);
CREATE INDEX ix_icl_runs_spec_sha256 ON icl_runs (spec_sha256);

CREATE TABLE job_attempts (
    job_id BIGINT NOT NULL,
    attempt INTEGER NOT NULL,
    worker_id TEXT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    error TEXT,
    CONSTRAINT pk_job_attempts PRIMARY KEY (job_id, attempt),
    CONSTRAINT ck_job_attempts_outcome CHECK (outcome IN ('succeeded', 'failed', 'cancelled', 'released', 'lost')),
    CONSTRAINT fk_job_attempts_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE RESTRICT
);

CREATE TABLE job_checkpoints (
    job_id BIGINT NOT NULL,
    attempt INTEGER NOT NULL,
    step BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    data BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_job_checkpoints PRIMARY KEY (job_id),
    CONSTRAINT fk_job_checkpoints_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE RESTRICT
);

CREATE TABLE job_chunks (
    job_id BIGINT NOT NULL,
    seq INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    data BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_job_chunks PRIMARY KEY (job_id, seq),
    CONSTRAINT fk_job_chunks_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE RESTRICT
);

CREATE TABLE job_logs (
    id BIGSERIAL CONSTRAINT pk_job_logs PRIMARY KEY,
    job_id BIGINT NOT NULL,
    attempt INTEGER NOT NULL,
    level TEXT NOT NULL,
    message TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT ck_job_logs_level CHECK (level IN ('info', 'warning', 'error')),
    CONSTRAINT fk_job_logs_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE RESTRICT
);
CREATE INDEX ix_job_logs_job_id_id ON job_logs (job_id, id);

CREATE TABLE job_partials (
    job_id BIGINT NOT NULL,
    attempt INTEGER NOT NULL,
    texts_json JSON NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_job_partials PRIMARY KEY (job_id),
    CONSTRAINT fk_job_partials_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE RESTRICT
);

CREATE TABLE job_points (
    job_id BIGINT NOT NULL,
    series TEXT NOT NULL,
    step BIGINT NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_job_points PRIMARY KEY (job_id, series, step),
    CONSTRAINT fk_job_points_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE RESTRICT
) /* WITHOUT ROWID */;

CREATE TABLE ravel_attributes (
    version_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT pk_ravel_attributes PRIMARY KEY (version_id, position),
    CONSTRAINT uq_ravel_attributes_version_id_name UNIQUE (version_id, name),
    CONSTRAINT fk_ravel_attributes_version_id FOREIGN KEY(version_id) REFERENCES ravel_versions (id) ON DELETE RESTRICT
);

CREATE TABLE ravel_entities (
    version_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    split TEXT NOT NULL,
    CONSTRAINT pk_ravel_entities PRIMARY KEY (version_id, position),
    CONSTRAINT uq_ravel_entities_version_id_name UNIQUE (version_id, name),
    CONSTRAINT ck_ravel_entities_split CHECK (split IN ('train', 'val', 'test')),
    CONSTRAINT fk_ravel_entities_version_id FOREIGN KEY(version_id) REFERENCES ravel_versions (id) ON DELETE RESTRICT
);

CREATE TABLE ravel_instances (
    id BIGSERIAL CONSTRAINT pk_ravel_instances PRIMARY KEY,
    name TEXT NOT NULL,
    content_sha256 TEXT NOT NULL,
    spec_sha256 TEXT NOT NULL,
    version_id BIGINT NOT NULL,
    model_id BIGINT NOT NULL,
    spec_json JSON NOT NULL,
    accuracies_json JSON NOT NULL,
    n_completions INTEGER NOT NULL,
    n_examples_json JSON NOT NULL,
    environment_json JSON NOT NULL,
    record_sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    CONSTRAINT uq_ravel_instances_name UNIQUE (name),
    CONSTRAINT fk_ravel_instances_version_id FOREIGN KEY(version_id) REFERENCES ravel_versions (id) ON DELETE RESTRICT,
    CONSTRAINT fk_ravel_instances_model_id FOREIGN KEY(model_id) REFERENCES models (id) ON DELETE RESTRICT
);
CREATE INDEX ix_ravel_instances_content_sha256 ON ravel_instances (content_sha256);
CREATE INDEX ix_ravel_instances_model_id ON ravel_instances (model_id);
CREATE INDEX ix_ravel_instances_spec_sha256 ON ravel_instances (spec_sha256);
CREATE INDEX ix_ravel_instances_version_id ON ravel_instances (version_id);

CREATE TABLE set_version_findings (
    set_version_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    check_name TEXT NOT NULL,
    n_demonstrations INTEGER NOT NULL,
    message TEXT NOT NULL,
    positions_json JSON NOT NULL,
    CONSTRAINT pk_set_version_findings PRIMARY KEY (set_version_id, position),
    CONSTRAINT fk_set_version_findings_set_version_id FOREIGN KEY(set_version_id) REFERENCES set_versions (id) ON DELETE RESTRICT
);

CREATE TABLE state_blob_chunks (
    state_blob_id BIGINT NOT NULL,
    seq INTEGER NOT NULL,
    data BYTEA NOT NULL,
    CONSTRAINT pk_state_blob_chunks PRIMARY KEY (state_blob_id, seq),
    CONSTRAINT fk_state_blob_chunks_state_blob_id FOREIGN KEY(state_blob_id) REFERENCES state_blobs (id) ON DELETE RESTRICT
);

CREATE TABLE steering_vectors (
    id BIGSERIAL CONSTRAINT pk_steering_vectors PRIMARY KEY,
    name TEXT NOT NULL,
    model_id BIGINT NOT NULL,
    origin TEXT NOT NULL,
    method TEXT NOT NULL,
    parameters_json JSON NOT NULL,
    operator TEXT NOT NULL,
    set_version_id BIGINT,
    token_rule TEXT NOT NULL,
    read_site TEXT NOT NULL,
    write_site TEXT NOT NULL,
    n_layers INTEGER NOT NULL,
    d_model INTEGER NOT NULL,
    content_sha256 TEXT NOT NULL,
    spec_sha256 TEXT,
    spec_json JSON,
    environment_json JSON NOT NULL,
    record_sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    CONSTRAINT uq_steering_vectors_name UNIQUE (name),
    CONSTRAINT ck_steering_vectors_n_layers CHECK (n_layers > 0),
    CONSTRAINT fk_steering_vectors_model_id FOREIGN KEY(model_id) REFERENCES models (id) ON DELETE RESTRICT,
    CONSTRAINT fk_steering_vectors_set_version_id FOREIGN KEY(set_version_id) REFERENCES set_versions (id) ON DELETE RESTRICT
);
CREATE INDEX ix_steering_vectors_content_sha256 ON steering_vectors (content_sha256);
CREATE INDEX ix_steering_vectors_model_id ON steering_vectors (model_id);
CREATE INDEX ix_steering_vectors_set_version_id ON steering_vectors (set_version_id);
CREATE INDEX ix_steering_vectors_spec_sha256 ON steering_vectors (spec_sha256);

CREATE TABLE version_tags (
    set_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    set_version_id BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    CONSTRAINT pk_version_tags PRIMARY KEY (set_id, name),
    CONSTRAINT fk_version_tags_set_id FOREIGN KEY(set_id) REFERENCES demonstration_sets (id) ON DELETE RESTRICT,
    CONSTRAINT fk_version_tags_set_version_id FOREIGN KEY(set_version_id) REFERENCES set_versions (id) ON DELETE RESTRICT
);
CREATE INDEX ix_version_tags_set_version_id ON version_tags (set_version_id);

CREATE TABLE calibrations (
    id BIGSERIAL CONSTRAINT pk_calibrations PRIMARY KEY,
    steering_vector_id BIGINT NOT NULL,
    vector_sha256 TEXT NOT NULL,
    model_id BIGINT NOT NULL,
    operator TEXT NOT NULL,
    site TEXT NOT NULL,
    layers_json JSON,
    effect TEXT NOT NULL,
    damage TEXT NOT NULL,
    budget DOUBLE PRECISION NOT NULL,
    is_met BOOLEAN NOT NULL,
    strength DOUBLE PRECISION NOT NULL,
    effect_value DOUBLE PRECISION,
    damage_value DOUBLE PRECISION NOT NULL,
    n_prompts INTEGER NOT NULL,
    spec_sha256 TEXT NOT NULL,
    spec_json JSON NOT NULL,
    curve_json JSON NOT NULL,
    evidence_json JSON NOT NULL,
    environment_json JSON NOT NULL,
    record_sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    CONSTRAINT fk_calibrations_steering_vector_id FOREIGN KEY(steering_vector_id) REFERENCES steering_vectors (id) ON DELETE RESTRICT,
    CONSTRAINT fk_calibrations_model_id FOREIGN KEY(model_id) REFERENCES models (id) ON DELETE RESTRICT
);
CREATE INDEX ix_calibrations_model_id ON calibrations (model_id);
CREATE INDEX ix_calibrations_spec_sha256 ON calibrations (spec_sha256);
CREATE INDEX ix_calibrations_steering_vector_id ON calibrations (steering_vector_id);

CREATE TABLE condition_searches (
    id BIGSERIAL CONSTRAINT pk_condition_searches PRIMARY KEY,
    model_id BIGINT NOT NULL,
    positive_version_id BIGINT NOT NULL,
    negative_version_id BIGINT NOT NULL,
    condition_vector_id BIGINT NOT NULL,
    condition_vector_sha256 TEXT NOT NULL,
    condition_layer INTEGER NOT NULL,
    condition_site TEXT NOT NULL,
    condition_measure TEXT NOT NULL,
    condition_comparison TEXT NOT NULL,
    condition_threshold DOUBLE PRECISION NOT NULL,
    condition_window TEXT NOT NULL,
    accuracy DOUBLE PRECISION NOT NULL,
    f1 DOUBLE PRECISION NOT NULL,
    spec_sha256 TEXT NOT NULL,
    spec_json JSON NOT NULL,
    evidence_json JSON NOT NULL,
    environment_json JSON NOT NULL,
    record_sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    CONSTRAINT fk_condition_searches_model_id FOREIGN KEY(model_id) REFERENCES models (id) ON DELETE RESTRICT,
    CONSTRAINT fk_condition_searches_positive_version_id FOREIGN KEY(positive_version_id) REFERENCES set_versions (id) ON DELETE RESTRICT,
    CONSTRAINT fk_condition_searches_negative_version_id FOREIGN KEY(negative_version_id) REFERENCES set_versions (id) ON DELETE RESTRICT,
    CONSTRAINT fk_condition_searches_condition_vector_id FOREIGN KEY(condition_vector_id) REFERENCES steering_vectors (id) ON DELETE RESTRICT
);
CREATE INDEX ix_condition_searches_condition_vector_id ON condition_searches (condition_vector_id);
CREATE INDEX ix_condition_searches_model_id ON condition_searches (model_id);
CREATE INDEX ix_condition_searches_negative_version_id ON condition_searches (negative_version_id);
CREATE INDEX ix_condition_searches_positive_version_id ON condition_searches (positive_version_id);
CREATE INDEX ix_condition_searches_spec_sha256 ON condition_searches (spec_sha256);

CREATE TABLE demonstration_alignments (
    steering_vector_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    mean DOUBLE PRECISION NOT NULL,
    cosines_json JSON NOT NULL,
    CONSTRAINT pk_demonstration_alignments PRIMARY KEY (steering_vector_id, position),
    CONSTRAINT fk_demonstration_alignments_steering_vector_id FOREIGN KEY(steering_vector_id) REFERENCES steering_vectors (id) ON DELETE RESTRICT
);

CREATE TABLE explanations (
    steering_vector_id BIGINT NOT NULL,
    environment_json JSON NOT NULL,
    record_sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    CONSTRAINT pk_explanations PRIMARY KEY (steering_vector_id),
    CONSTRAINT fk_explanations_steering_vector_id FOREIGN KEY(steering_vector_id) REFERENCES steering_vectors (id) ON DELETE RESTRICT
);

CREATE TABLE icl_checks (
    icl_run_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    about TEXT NOT NULL,
    source TEXT NOT NULL,
    reference DOUBLE PRECISION NOT NULL,
    tolerance DOUBLE PRECISION NOT NULL,
    comparison TEXT NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    low DOUBLE PRECISION NOT NULL,
    high DOUBLE PRECISION NOT NULL,
    verdict TEXT NOT NULL,
    CONSTRAINT pk_icl_checks PRIMARY KEY (icl_run_id, position),
    CONSTRAINT ck_icl_checks_verdict CHECK (verdict IN ('ok', 'differs')),
    CONSTRAINT fk_icl_checks_icl_run_id FOREIGN KEY(icl_run_id) REFERENCES icl_runs (id) ON DELETE RESTRICT
);

CREATE TABLE icl_heads (
    icl_run_id BIGINT NOT NULL,
    layer INTEGER NOT NULL,
    head INTEGER NOT NULL,
    share DOUBLE PRECISION NOT NULL,
    effect_cosine DOUBLE PRECISION NOT NULL,
    linear_cosine DOUBLE PRECISION NOT NULL,
    attention DOUBLE PRECISION NOT NULL,
    by_demonstration_json JSON NOT NULL,
    CONSTRAINT pk_icl_heads PRIMARY KEY (icl_run_id, layer, head),
    CONSTRAINT fk_icl_heads_icl_run_id FOREIGN KEY(icl_run_id) REFERENCES icl_runs (id) ON DELETE RESTRICT
);

CREATE TABLE icl_layers (
    icl_run_id BIGINT NOT NULL,
    condition TEXT NOT NULL,
    layer INTEGER NOT NULL,
    cosine DOUBLE PRECISION NOT NULL,
    query_cosine DOUBLE PRECISION NOT NULL,
    query_cosine_sd DOUBLE PRECISION NOT NULL,
    norm DOUBLE PRECISION NOT NULL,
    relative_norm DOUBLE PRECISION NOT NULL,
    agreement DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_icl_layers PRIMARY KEY (icl_run_id, condition, layer),
    CONSTRAINT fk_icl_layers_icl_run_id FOREIGN KEY(icl_run_id) REFERENCES icl_runs (id) ON DELETE RESTRICT
);

CREATE TABLE icl_weights (
    icl_run_id BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    data BYTEA NOT NULL,
    CONSTRAINT pk_icl_weights PRIMARY KEY (icl_run_id),
    CONSTRAINT fk_icl_weights_icl_run_id FOREIGN KEY(icl_run_id) REFERENCES icl_runs (id) ON DELETE RESTRICT
);

CREATE TABLE layer_vectors (
    steering_vector_id BIGINT NOT NULL,
    layer INTEGER NOT NULL,
    d_model INTEGER NOT NULL,
    dtype TEXT NOT NULL,
    norm DOUBLE PRECISION NOT NULL,
    explained_variance DOUBLE PRECISION,
    separability DOUBLE PRECISION,
    sha256 TEXT NOT NULL,
    data BYTEA NOT NULL,
    CONSTRAINT pk_layer_vectors PRIMARY KEY (steering_vector_id, layer),
    CONSTRAINT fk_layer_vectors_steering_vector_id FOREIGN KEY(steering_vector_id) REFERENCES steering_vectors (id) ON DELETE RESTRICT
);

CREATE TABLE nearest_tokens (
    steering_vector_id BIGINT NOT NULL,
    layer INTEGER NOT NULL,
    toward_json JSON NOT NULL,
    away_json JSON NOT NULL,
    record_sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_nearest_tokens PRIMARY KEY (steering_vector_id, layer),
    CONSTRAINT fk_nearest_tokens_steering_vector_id FOREIGN KEY(steering_vector_id) REFERENCES steering_vectors (id) ON DELETE RESTRICT
);

CREATE TABLE ravel_completions (
    instance_id BIGINT NOT NULL,
    template INTEGER NOT NULL,
    entity INTEGER NOT NULL,
    text TEXT NOT NULL,
    token_ids BYTEA NOT NULL,
    correct BOOLEAN,
    CONSTRAINT pk_ravel_completions PRIMARY KEY (instance_id, template, entity),
    CONSTRAINT fk_ravel_completions_instance_id FOREIGN KEY(instance_id) REFERENCES ravel_instances (id) ON DELETE RESTRICT
) /* WITHOUT ROWID */;

CREATE TABLE ravel_evaluations (
    id BIGSERIAL CONSTRAINT pk_ravel_evaluations PRIMARY KEY,
    spec_sha256 TEXT NOT NULL,
    instance_id BIGINT NOT NULL,
    steering_vector_id BIGINT,
    part TEXT NOT NULL,
    label TEXT NOT NULL,
    method TEXT NOT NULL,
    layer INTEGER,
    location TEXT NOT NULL,
    k INTEGER,
    n_features DOUBLE PRECISION,
    spec_json JSON NOT NULL,
    n_outcomes INTEGER NOT NULL,
    environment_json JSON NOT NULL,
    record_sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    CONSTRAINT uq_ravel_evaluations_spec_sha256 UNIQUE (spec_sha256),
    CONSTRAINT fk_ravel_evaluations_instance_id FOREIGN KEY(instance_id) REFERENCES ravel_instances (id) ON DELETE RESTRICT,
    CONSTRAINT fk_ravel_evaluations_steering_vector_id FOREIGN KEY(steering_vector_id) REFERENCES steering_vectors (id) ON DELETE RESTRICT
);
CREATE INDEX ix_ravel_evaluations_instance_id ON ravel_evaluations (instance_id);
CREATE INDEX ix_ravel_evaluations_steering_vector_id ON ravel_evaluations (steering_vector_id);

CREATE TABLE ravel_examples (
    instance_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    part TEXT NOT NULL,
    kind TEXT NOT NULL,
    template INTEGER NOT NULL,
    entity INTEGER NOT NULL,
    source_template INTEGER NOT NULL,
    source_entity INTEGER NOT NULL,
    label BYTEA NOT NULL,
    counter_label BYTEA NOT NULL,
    CONSTRAINT pk_ravel_examples PRIMARY KEY (instance_id, position),
    CONSTRAINT ck_ravel_examples_labels_differ CHECK (label <> counter_label),
    CONSTRAINT fk_ravel_examples_instance_id FOREIGN KEY(instance_id) REFERENCES ravel_instances (id) ON DELETE RESTRICT
) /* WITHOUT ROWID */;

CREATE TABLE ravel_featurizers (
    id BIGSERIAL CONSTRAINT pk_ravel_featurizers PRIMARY KEY,
    spec_sha256 TEXT NOT NULL,
    instance_id BIGINT NOT NULL,
    method TEXT NOT NULL,
    attribute TEXT NOT NULL,
    layer INTEGER NOT NULL,
    location TEXT NOT NULL,
    k INTEGER,
    n_features INTEGER NOT NULL,
    spec_json JSON NOT NULL,
    curve_json JSON NOT NULL,
    measures_json JSON NOT NULL,
    environment_json JSON NOT NULL,
    record_sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    CONSTRAINT uq_ravel_featurizers_spec_sha256 UNIQUE (spec_sha256),
    CONSTRAINT fk_ravel_featurizers_instance_id FOREIGN KEY(instance_id) REFERENCES ravel_instances (id) ON DELETE RESTRICT
);
CREATE INDEX ix_ravel_featurizers_instance_id ON ravel_featurizers (instance_id);

CREATE TABLE ravel_runs (
    id BIGSERIAL CONSTRAINT pk_ravel_runs PRIMARY KEY,
    name TEXT,
    spec_sha256 TEXT NOT NULL,
    instance_id BIGINT NOT NULL,
    spec_json JSON NOT NULL,
    environment_json JSON NOT NULL,
    duration_s DOUBLE PRECISION NOT NULL,
    record_sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    CONSTRAINT uq_ravel_runs_name UNIQUE (name),
    CONSTRAINT fk_ravel_runs_instance_id FOREIGN KEY(instance_id) REFERENCES ravel_instances (id) ON DELETE RESTRICT
);
CREATE INDEX ix_ravel_runs_instance_id ON ravel_runs (instance_id);
CREATE INDEX ix_ravel_runs_spec_sha256 ON ravel_runs (spec_sha256);

CREATE TABLE ravel_templates (
    version_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    split TEXT NOT NULL,
    attribute INTEGER,
    entity TEXT,
    CONSTRAINT pk_ravel_templates PRIMARY KEY (version_id, position),
    CONSTRAINT fk_ravel_templates_version_id_attribute FOREIGN KEY(version_id, attribute) REFERENCES ravel_attributes (version_id, position) ON DELETE RESTRICT,
    CONSTRAINT ck_ravel_templates_split CHECK (split IN ('train', 'val', 'test')),
    CONSTRAINT fk_ravel_templates_version_id FOREIGN KEY(version_id) REFERENCES ravel_versions (id) ON DELETE RESTRICT
);

CREATE TABLE ravel_values (
    version_id BIGINT NOT NULL,
    entity INTEGER NOT NULL,
    attribute INTEGER NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT pk_ravel_values PRIMARY KEY (version_id, entity, attribute),
    CONSTRAINT fk_ravel_values_version_id_entity FOREIGN KEY(version_id, entity) REFERENCES ravel_entities (version_id, position) ON DELETE RESTRICT,
    CONSTRAINT fk_ravel_values_version_id_attribute FOREIGN KEY(version_id, attribute) REFERENCES ravel_attributes (version_id, position) ON DELETE RESTRICT,
    CONSTRAINT fk_ravel_values_version_id FOREIGN KEY(version_id) REFERENCES ravel_versions (id) ON DELETE RESTRICT
) /* WITHOUT ROWID */;

CREATE TABLE run_arms (
    run_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    label TEXT NOT NULL,
    prefix TEXT,
    combine TEXT NOT NULL,
    CONSTRAINT pk_run_arms PRIMARY KEY (run_id, position),
    CONSTRAINT fk_run_arms_run_id FOREIGN KEY(run_id) REFERENCES generation_runs (id) ON DELETE RESTRICT
);

CREATE TABLE run_prompts (
    run_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    reference TEXT,
    CONSTRAINT pk_run_prompts PRIMARY KEY (run_id, position),
    CONSTRAINT fk_run_prompts_run_id FOREIGN KEY(run_id) REFERENCES generation_runs (id) ON DELETE RESTRICT
);

CREATE TABLE vector_parents (
    steering_vector_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    parent_id BIGINT NOT NULL,
    weight DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_vector_parents PRIMARY KEY (steering_vector_id, position),
    CONSTRAINT fk_vector_parents_steering_vector_id FOREIGN KEY(steering_vector_id) REFERENCES steering_vectors (id) ON DELETE RESTRICT,
    CONSTRAINT fk_vector_parents_parent_id FOREIGN KEY(parent_id) REFERENCES steering_vectors (id) ON DELETE RESTRICT
);
CREATE INDEX ix_vector_parents_parent_id ON vector_parents (parent_id);

CREATE TABLE arm_interventions (
    run_id BIGINT NOT NULL,
    arm INTEGER NOT NULL,
    position INTEGER NOT NULL,
    steering_vector_id BIGINT NOT NULL,
    vector_sha256 TEXT NOT NULL,
    operator TEXT NOT NULL,
    strength DOUBLE PRECISION NOT NULL,
    schedule TEXT NOT NULL,
    site TEXT NOT NULL,
    layers_json JSON,
    positions TEXT NOT NULL,
    condition_vector_id BIGINT,
    condition_vector_sha256 TEXT,
    condition_layer INTEGER,
    condition_site TEXT,
    condition_measure TEXT,
    condition_comparison TEXT,
    condition_threshold DOUBLE PRECISION,
    condition_window TEXT,
    CONSTRAINT pk_arm_interventions PRIMARY KEY (run_id, arm, position),
    CONSTRAINT fk_arm_interventions_run_id_arm FOREIGN KEY(run_id, arm) REFERENCES run_arms (run_id, position) ON DELETE RESTRICT,
    CONSTRAINT fk_arm_interventions_steering_vector_id FOREIGN KEY(steering_vector_id) REFERENCES steering_vectors (id) ON DELETE RESTRICT,
    CONSTRAINT fk_arm_interventions_condition_vector_id FOREIGN KEY(condition_vector_id) REFERENCES steering_vectors (id) ON DELETE RESTRICT
);
CREATE INDEX ix_arm_interventions_condition_vector_id ON arm_interventions (condition_vector_id);
CREATE INDEX ix_arm_interventions_steering_vector_id ON arm_interventions (steering_vector_id);

CREATE TABLE generations (
    id BIGSERIAL CONSTRAINT pk_generations PRIMARY KEY,
    run_id BIGINT NOT NULL,
    prompt INTEGER NOT NULL,
    arm INTEGER NOT NULL,
    sample INTEGER NOT NULL,
    text TEXT NOT NULL,
    n_tokens INTEGER NOT NULL,
    finish_reason TEXT NOT NULL,
    mean_logprob DOUBLE PRECISION,
    choice_margin DOUBLE PRECISION,
    mean_kl DOUBLE PRECISION,
    baseline_mean_logprob DOUBLE PRECISION,
    token_ids BYTEA NOT NULL,
    kl BYTEA,
    logprobs BYTEA,
    baseline_logprobs BYTEA,
    CONSTRAINT uq_generations_run_id_prompt_arm_sample UNIQUE (run_id, prompt, arm, sample),
    CONSTRAINT fk_generations_run_id_prompt FOREIGN KEY(run_id, prompt) REFERENCES run_prompts (run_id, position) ON DELETE RESTRICT,
    CONSTRAINT fk_generations_run_id_arm FOREIGN KEY(run_id, arm) REFERENCES run_arms (run_id, position) ON DELETE RESTRICT,
    CONSTRAINT ck_generations_finish_reason CHECK (finish_reason IN ('length', 'eos', 'stop')),
    CONSTRAINT ck_generations_token_ids_length CHECK (length(token_ids) = 4 * n_tokens),
    CONSTRAINT ck_generations_divergence_lengths CHECK (length(kl) = 4 * n_tokens AND length(logprobs) = 4 * n_tokens AND length(baseline_logprobs) = 4 * n_tokens)
);

CREATE TABLE replay_verdicts (
    run_id BIGINT NOT NULL,
    verdict TEXT NOT NULL,
    rounding_margin DOUBLE PRECISION NOT NULL,
    record_sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_replay_verdicts PRIMARY KEY (run_id),
    CONSTRAINT fk_replay_verdicts_run_id FOREIGN KEY(run_id) REFERENCES generation_runs (id) ON DELETE RESTRICT,
    CONSTRAINT ck_replay_verdicts_verdict CHECK (verdict IN ('identical', 'rounding', 'unexplained'))
);

CREATE TABLE replay_departures (
    run_id BIGINT NOT NULL,
    prompt INTEGER NOT NULL,
    arm INTEGER NOT NULL,
    sample INTEGER NOT NULL,
    position INTEGER NOT NULL,
    original_token_id INTEGER,
    replay_token_id INTEGER,
    margin DOUBLE PRECISION,
    CONSTRAINT pk_replay_departures PRIMARY KEY (run_id, prompt, arm, sample),
    CONSTRAINT fk_replay_departures_run_id_prompt_arm_sample FOREIGN KEY(run_id, prompt, arm, sample) REFERENCES generations (run_id, prompt, arm, sample) ON DELETE RESTRICT
);

CREATE TABLE omitted_demonstrations (
    steering_vector_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    norm_change DOUBLE PRECISION NOT NULL,
    cosine DOUBLE PRECISION NOT NULL,
    norm_changes_json JSON NOT NULL,
    cosines_json JSON NOT NULL,
    CONSTRAINT pk_omitted_demonstrations PRIMARY KEY (steering_vector_id, position),
    CONSTRAINT fk_omitted_demonstrations_steering_vector_id FOREIGN KEY(steering_vector_id) REFERENCES explanations (steering_vector_id) ON DELETE RESTRICT
);

CREATE TABLE ravel_evaluation_featurizers (
    evaluation_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    featurizer_id BIGINT NOT NULL,
    CONSTRAINT pk_ravel_evaluation_featurizers PRIMARY KEY (evaluation_id, position),
    CONSTRAINT fk_ravel_evaluation_featurizers_evaluation_id FOREIGN KEY(evaluation_id) REFERENCES ravel_evaluations (id) ON DELETE RESTRICT,
    CONSTRAINT fk_ravel_evaluation_featurizers_featurizer_id FOREIGN KEY(featurizer_id) REFERENCES ravel_featurizers (id) ON DELETE RESTRICT
);
CREATE INDEX ix_ravel_evaluation_featurizers_featurizer_id ON ravel_evaluation_featurizers (featurizer_id);

CREATE TABLE ravel_outcomes (
    evaluation_id BIGINT NOT NULL,
    target TEXT NOT NULL,
    example INTEGER NOT NULL,
    output TEXT NOT NULL,
    changed BOOLEAN NOT NULL,
    kept BOOLEAN NOT NULL,
    CONSTRAINT pk_ravel_outcomes PRIMARY KEY (evaluation_id, target, example),
    CONSTRAINT ck_ravel_outcomes_one_of_both CHECK (NOT (changed AND kept)),
    CONSTRAINT fk_ravel_outcomes_evaluation_id FOREIGN KEY(evaluation_id) REFERENCES ravel_evaluations (id) ON DELETE RESTRICT
) /* WITHOUT ROWID */;

CREATE TABLE ravel_run_evaluations (
    run_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    evaluation_id BIGINT NOT NULL,
    CONSTRAINT pk_ravel_run_evaluations PRIMARY KEY (run_id, position),
    CONSTRAINT fk_ravel_run_evaluations_run_id FOREIGN KEY(run_id) REFERENCES ravel_runs (id) ON DELETE RESTRICT,
    CONSTRAINT fk_ravel_run_evaluations_evaluation_id FOREIGN KEY(evaluation_id) REFERENCES ravel_evaluations (id) ON DELETE RESTRICT
);
CREATE INDEX ix_ravel_run_evaluations_evaluation_id ON ravel_run_evaluations (evaluation_id);

CREATE TABLE ravel_scores (
    evaluation_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    measure TEXT NOT NULL,
    target TEXT,
    attribute TEXT,
    template INTEGER,
    n INTEGER NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    low DOUBLE PRECISION NOT NULL,
    high DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_ravel_scores PRIMARY KEY (evaluation_id, position),
    CONSTRAINT ck_ravel_scores_share CHECK (value BETWEEN 0 AND 1),
    CONSTRAINT fk_ravel_scores_evaluation_id FOREIGN KEY(evaluation_id) REFERENCES ravel_evaluations (id) ON DELETE RESTRICT
);

CREATE TABLE ravel_tensors (
    featurizer_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    shape_json JSON NOT NULL,
    dtype TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    CONSTRAINT pk_ravel_tensors PRIMARY KEY (featurizer_id, position),
    CONSTRAINT fk_ravel_tensors_featurizer_id FOREIGN KEY(featurizer_id) REFERENCES ravel_featurizers (id) ON DELETE RESTRICT
);

CREATE TABLE generation_tokens (
    generation_id BIGINT NOT NULL,
    pieces_json JSON NOT NULL,
    logprobs BYTEA NOT NULL,
    baseline_logprobs BYTEA NOT NULL,
    record_sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_generation_tokens PRIMARY KEY (generation_id),
    CONSTRAINT ck_generation_tokens_logprobs_length CHECK (length(logprobs) = length(baseline_logprobs)),
    CONSTRAINT fk_generation_tokens_generation_id FOREIGN KEY(generation_id) REFERENCES generations (id) ON DELETE RESTRICT
);

CREATE TABLE ravel_tensor_chunks (
    featurizer_id BIGINT NOT NULL,
    tensor INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    data BYTEA NOT NULL,
    CONSTRAINT pk_ravel_tensor_chunks PRIMARY KEY (featurizer_id, tensor, seq),
    CONSTRAINT fk_ravel_tensor_chunks_featurizer_id_tensor FOREIGN KEY(featurizer_id, tensor) REFERENCES ravel_tensors (featurizer_id, position) ON DELETE RESTRICT,
    CONSTRAINT fk_ravel_tensor_chunks_featurizer_id FOREIGN KEY(featurizer_id) REFERENCES ravel_featurizers (id) ON DELETE RESTRICT
);

CREATE TABLE scores (
    id BIGSERIAL CONSTRAINT pk_scores PRIMARY KEY,
    generation_id BIGINT NOT NULL,
    supersedes BIGINT,
    scorer TEXT NOT NULL,
    scorer_version TEXT NOT NULL,
    value DOUBLE PRECISION,
    missing_reason TEXT,
    details_json JSON NOT NULL,
    content_sha256 TEXT NOT NULL,
    record_sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT uq_scores_supersedes UNIQUE (supersedes),
    CONSTRAINT ck_scores_value_or_reason CHECK ((value IS NULL) <> (missing_reason IS NULL)),
    CONSTRAINT fk_scores_generation_id FOREIGN KEY(generation_id) REFERENCES generations (id) ON DELETE RESTRICT,
    CONSTRAINT fk_scores_supersedes FOREIGN KEY(supersedes) REFERENCES scores (id) ON DELETE RESTRICT
);
CREATE INDEX ix_scores_content_sha256 ON scores (content_sha256);
CREATE INDEX ix_scores_generation_id_scorer_scorer_version ON scores (generation_id, scorer, scorer_version);
CREATE UNIQUE INDEX uq_scores_first ON scores (generation_id, scorer, scorer_version) WHERE supersedes IS NULL;

CREATE TABLE votes (
    id BIGSERIAL CONSTRAINT pk_votes PRIMARY KEY,
    left_generation_id BIGINT NOT NULL,
    right_generation_id BIGINT NOT NULL,
    choice TEXT NOT NULL,
    question TEXT NOT NULL,
    voter TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT ck_votes_choice CHECK (choice IN ('left', 'right', 'tie', 'neither')),
    CONSTRAINT ck_votes_two_generations CHECK (left_generation_id <> right_generation_id),
    CONSTRAINT fk_votes_left_generation_id FOREIGN KEY(left_generation_id) REFERENCES generations (id) ON DELETE RESTRICT,
    CONSTRAINT fk_votes_right_generation_id FOREIGN KEY(right_generation_id) REFERENCES generations (id) ON DELETE RESTRICT
);
CREATE INDEX ix_votes_left_generation_id ON votes (left_generation_id);
CREATE INDEX ix_votes_right_generation_id ON votes (right_generation_id);
