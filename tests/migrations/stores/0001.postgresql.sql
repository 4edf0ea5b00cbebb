CREATE SCHEMA analysis;

CREATE FUNCTION public.refuse_update() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN
        RAISE EXCEPTION '% rows are frozen', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END
    $$;

CREATE TABLE public.demonstration_alignments (
    steering_vector_id bigint NOT NULL,
    "position" integer NOT NULL,
    mean double precision NOT NULL,
    cosines_json json NOT NULL
);

CREATE TABLE public.demonstration_sets (
    id bigint NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    task text NOT NULL,
    labels_json json NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.explanations (
    steering_vector_id bigint NOT NULL,
    environment_json json NOT NULL,
    record_sha256 text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL
);

CREATE TABLE public.omitted_demonstrations (
    steering_vector_id bigint NOT NULL,
    "position" integer NOT NULL,
    norm_change double precision NOT NULL,
    cosine double precision NOT NULL,
    norm_changes_json json NOT NULL,
    cosines_json json NOT NULL
);

CREATE TABLE public.set_versions (
    id bigint NOT NULL,
    set_id bigint NOT NULL,
    number integer NOT NULL,
    parent_id bigint,
    relation text,
    merged_id bigint,
    content_sha256 text NOT NULL,
    n_demonstrations integer NOT NULL,
    base_number integer NOT NULL,
    message text NOT NULL,
    author text NOT NULL,
    details_json json,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_set_versions_n_demonstrations CHECK ((n_demonstrations > 0)),
    CONSTRAINT ck_set_versions_number CHECK ((number > 0))
);

CREATE TABLE public.steering_vectors (
    id bigint NOT NULL,
    name text NOT NULL,
    model_id bigint NOT NULL,
    origin text NOT NULL,
    method text NOT NULL,
    parameters_json json NOT NULL,
    operator text NOT NULL,
    set_version_id bigint,
    token_rule text NOT NULL,
    read_site text NOT NULL,
    write_site text NOT NULL,
    n_layers integer NOT NULL,
    d_model integer NOT NULL,
    content_sha256 text NOT NULL,
    spec_sha256 text,
    spec_json json,
    environment_json json NOT NULL,
    record_sha256 text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    CONSTRAINT ck_steering_vectors_n_layers CHECK ((n_layers > 0))
);

CREATE VIEW analysis.v_alignments AS
 SELECT v.id AS vector_id,
    v.name AS vector_name,
    v.set_version_id AS version_id,
    ((s.name || '@'::text) || sv.number) AS set_label,
    a."position",
    a.mean AS alignment,
    o.norm_change,
    o.cosine,
    e.created_by AS left_out_by
   FROM (((((public.demonstration_alignments a
     JOIN public.steering_vectors v ON ((v.id = a.steering_vector_id)))
     LEFT JOIN public.set_versions sv ON ((sv.id = v.set_version_id)))
     LEFT JOIN public.demonstration_sets s ON ((s.id = sv.set_id)))
     LEFT JOIN public.explanations e ON ((e.steering_vector_id = v.id)))
     LEFT JOIN public.omitted_demonstrations o ON (((o.steering_vector_id = v.id) AND (o."position" = a."position"))));

CREATE TABLE public.audit_log (
    id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    object_kind text NOT NULL,
    object_id text NOT NULL,
    details_json json NOT NULL
);

CREATE VIEW analysis.v_audit AS
 SELECT id AS entry_id,
    created_at,
    actor,
    action,
    object_kind,
    object_id,
    (details_json)::text AS details
   FROM public.audit_log;

CREATE TABLE public.calibrations (
    id bigint NOT NULL,
    steering_vector_id bigint NOT NULL,
    vector_sha256 text NOT NULL,
    model_id bigint NOT NULL,
    operator text NOT NULL,
    site text NOT NULL,
    layers_json json,
    effect text NOT NULL,
    damage text NOT NULL,
    budget double precision NOT NULL,
    is_met boolean NOT NULL,
    strength double precision NOT NULL,
    effect_value double precision,
    damage_value double precision NOT NULL,
    n_prompts integer NOT NULL,
    spec_sha256 text NOT NULL,
    spec_json json NOT NULL,
    curve_json json NOT NULL,
    evidence_json json NOT NULL,
    environment_json json NOT NULL,
    record_sha256 text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL
);

CREATE TABLE public.models (
    id bigint NOT NULL,
    name text NOT NULL,
    source text NOT NULL,
    revision text,
    fingerprint text NOT NULL,
    architecture text NOT NULL,
    n_layers integer NOT NULL,
    d_model integer NOT NULL,
    n_parameters bigint NOT NULL,
    vocabulary_size integer NOT NULL,
    context_length bigint,
    weights_sha256 text NOT NULL,
    config_sha256 text NOT NULL,
    tokenizer_sha256 text NOT NULL,
    chat_template_sha256 text,
    trust_remote_code boolean NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE VIEW analysis.v_calibrations AS
 SELECT c.id AS calibration_id,
    v.id AS vector_id,
    v.name AS vector_name,
    c.model_id,
    m.name AS model_name,
    c.operator,
    c.site AS write_site,
    (c.layers_json)::text AS layers,
    c.effect,
    c.damage,
    c.budget,
    c.is_met,
    c.strength,
    c.effect_value,
    c.damage_value,
    c.n_prompts,
    (c.curve_json)::text AS curve,
    c.created_at,
    c.created_by
   FROM ((public.calibrations c
     JOIN public.steering_vectors v ON ((v.id = c.steering_vector_id)))
     JOIN public.models m ON ((m.id = c.model_id)));

CREATE TABLE public.demonstrations (
    id bigint NOT NULL,
    sha256 text NOT NULL,
    source text NOT NULL,
    target text,
    metadata_json json NOT NULL
);

CREATE TABLE public.set_items (
    set_id bigint NOT NULL,
    base_number integer NOT NULL,
    rank bigint NOT NULL,
    number integer NOT NULL,
    demonstration_id bigint
);

CREATE VIEW analysis.v_demonstrations AS
 SELECT p.set_name,
    p.version_number,
    p.set_label,
    p.version_id,
    (p.place)::integer AS "position",
    d.id AS demonstration_id,
    d.sha256 AS demonstration_sha256,
    d.source,
    d.target,
    (d.metadata_json)::text AS metadata,
    p.since_version_number
   FROM (( SELECT s.name AS set_name,
            v.number AS version_number,
            ((s.name || '@'::text) || v.number) AS set_label,
            v.id AS version_id,
            (row_number() OVER (PARTITION BY v.id, v.number, s.name, ((s.name || '@'::text) || v.number) ORDER BY i.rank) - 1) AS place,
            i.demonstration_id,
            i.number AS since_version_number
           FROM ((public.demonstration_sets s
             JOIN public.set_versions v ON ((v.set_id = s.id)))
             JOIN public.set_items i ON (((i.set_id = v.set_id) AND (i.base_number = v.base_number) AND (i.number <= v.number))))
          WHERE ((i.demonstration_id IS NOT NULL) AND (NOT (EXISTS ( SELECT 1
                   FROM public.set_items n
                  WHERE ((n.set_id = i.set_id) AND (n.base_number = i.base_number) AND (n.rank = i.rank) AND (n.number > i.number) AND (n.number <= v.number))))))) p
     JOIN public.demonstrations d ON ((d.id = p.demonstration_id)));

CREATE TABLE public.generation_tokens (
    generation_id bigint NOT NULL,
    pieces_json json NOT NULL,
    logprobs bytea NOT NULL,
    baseline_logprobs bytea NOT NULL,
    record_sha256 text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_generation_tokens_logprobs_length CHECK ((length(logprobs) = length(baseline_logprobs)))
);

CREATE TABLE public.generations (
    id bigint NOT NULL,
    run_id bigint NOT NULL,
    prompt integer NOT NULL,
    arm integer NOT NULL,
    sample integer NOT NULL,
    text text NOT NULL,
    n_tokens integer NOT NULL,
    finish_reason text NOT NULL,
    mean_logprob double precision,
    choice_margin double precision,
    mean_kl double precision,
    baseline_mean_logprob double precision,
    token_ids bytea NOT NULL,
    kl bytea,
    logprobs bytea,
    baseline_logprobs bytea,
    CONSTRAINT ck_generations_divergence_lengths CHECK (((length(kl) = (4 * n_tokens)) AND (length(logprobs) = (4 * n_tokens)) AND (length(baseline_logprobs) = (4 * n_tokens)))),
    CONSTRAINT ck_generations_finish_reason CHECK ((finish_reason = ANY (ARRAY['length'::text, 'eos'::text, 'stop'::text]))),
    CONSTRAINT ck_generations_token_ids_length CHECK ((length(token_ids) = (4 * n_tokens)))
);

CREATE VIEW analysis.v_generation_tokens AS
 SELECT t.generation_id,
    g.run_id,
    g.prompt AS prompt_index,
    g.arm AS arm_index,
    g.sample,
    (t.pieces_json)::text AS pieces,
    t.created_at
   FROM (public.generation_tokens t
     JOIN public.generations g ON ((g.id = t.generation_id)));

CREATE TABLE public.arm_interventions (
    run_id bigint NOT NULL,
    arm integer NOT NULL,
    "position" integer NOT NULL,
    steering_vector_id bigint NOT NULL,
    vector_sha256 text NOT NULL,
    operator text NOT NULL,
    strength double precision NOT NULL,
    schedule text NOT NULL,
    site text NOT NULL,
    layers_json json,
    positions text NOT NULL,
    condition_vector_id bigint,
    condition_vector_sha256 text,
    condition_layer integer,
    condition_site text,
    condition_measure text,
    condition_comparison text,
    condition_threshold double precision,
    condition_window text
);

CREATE TABLE public.generation_runs (
    id bigint NOT NULL,
    name text,
    model_id bigint NOT NULL,
    prompt_set_version_id bigint,
    replay_of bigint,
    spec_sha256 text NOT NULL,
    result_sha256 text NOT NULL,
    decoding_json json NOT NULL,
    seed bigint NOT NULL,
    samples integer NOT NULL,
    chat_template_sha256 text,
    chat_system text,
    add_special_tokens boolean NOT NULL,
    dtype text NOT NULL,
    batch_plan_json json NOT NULL,
    environment_json json NOT NULL,
    duration_s double precision NOT NULL,
    record_sha256 text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    CONSTRAINT ck_generation_runs_chat CHECK (((chat_system IS NULL) OR (chat_template_sha256 IS NOT NULL))),
    CONSTRAINT ck_generation_runs_samples CHECK ((samples > 0))
);

CREATE TABLE public.run_arms (
    run_id bigint NOT NULL,
    "position" integer NOT NULL,
    label text NOT NULL,
    prefix text,
    combine text NOT NULL
);

CREATE TABLE public.run_prompts (
    run_id bigint NOT NULL,
    "position" integer NOT NULL,
    text text NOT NULL,
    reference text
);

CREATE VIEW analysis.v_generations AS
 WITH named AS (
         SELECT ai.run_id,
            ai.arm,
            ai."position",
            ai.strength,
            ai.operator,
            ai.positions,
            ai.site,
            ai.schedule,
            v.name AS vector_name,
            ((s.name || '@'::text) || sv.number) AS set_label
           FROM (((public.arm_interventions ai
             JOIN public.steering_vectors v ON ((v.id = ai.steering_vector_id)))
             LEFT JOIN public.set_versions sv ON ((sv.id = v.set_version_id)))
             LEFT JOIN public.demonstration_sets s ON ((s.id = sv.set_id)))
        ), applied AS (
         SELECT ordered.run_id,
            ordered.arm,
            count(*) AS n_interventions,
            string_agg(ordered.vector_name, ' + '::text ORDER BY ordered."position") AS vector_name,
            string_agg(ordered.set_label, ' + '::text ORDER BY ordered."position") AS set_label,
                CASE
                    WHEN (min(ordered.strength) = max(ordered.strength)) THEN min(ordered.strength)
                    ELSE NULL::double precision
                END AS strength,
                CASE
                    WHEN (min(ordered.operator) = max(ordered.operator)) THEN min(ordered.operator)
                    ELSE NULL::text
                END AS operator,
                CASE
                    WHEN (min(ordered.positions) = max(ordered.positions)) THEN min(ordered.positions)
                    ELSE NULL::text
                END AS positions,
                CASE
                    WHEN (min(ordered.site) = max(ordered.site)) THEN min(ordered.site)
                    ELSE NULL::text
                END AS write_site,
                CASE
                    WHEN (min(ordered.schedule) = max(ordered.schedule)) THEN min(ordered.schedule)
                    ELSE NULL::text
                END AS schedule,
            min(
                CASE
                    WHEN (ordered.strength = (0)::double precision) THEN 1
                    ELSE 0
                END) AS without_effect
           FROM ( SELECT named.run_id,
                    named.arm,
                    named."position",
                    named.strength,
                    named.operator,
                    named.positions,
                    named.site,
                    named.schedule,
                    named.vector_name,
                    named.set_label
                   FROM named
                  ORDER BY named.run_id, named.arm, named."position") ordered
          GROUP BY ordered.run_id, ordered.arm
        ), arms AS (
         SELECT a_1.run_id,
            a_1."position",
            a_1.label,
            a_1.prefix,
            COALESCE(x.n_interventions, (0)::bigint) AS n_interventions,
            x.vector_name,
            x.set_label,
                CASE
                    WHEN (x.run_id IS NULL) THEN (0.0)::double precision
                    ELSE x.strength
                END AS strength,
            x.operator,
            x.positions,
            x.write_site,
            x.schedule,
                CASE
                    WHEN (a_1.prefix IS NULL) THEN COALESCE(x.without_effect, 1)
                    ELSE 0
                END AS without_effect
           FROM (public.run_arms a_1
             LEFT JOIN applied x ON (((x.run_id = a_1.run_id) AND (x.arm = a_1."position"))))
        ), baselines AS (
         SELECT arms.run_id,
            min(arms."position") AS arm
           FROM arms
          WHERE (arms.without_effect = 1)
          GROUP BY arms.run_id
        )
 SELECT g.id AS generation_id,
    g.run_id,
    r.name AS run_name,
    r.replay_of,
    m.name AS model_name,
    g.prompt AS prompt_index,
    p.text AS prompt,
    p.reference,
    g.arm AS arm_index,
    a.label AS arm,
        CASE
            WHEN (a.without_effect = 1) THEN true
            ELSE false
        END AS is_baseline,
    a.prefix,
    a.n_interventions,
    a.vector_name,
    a.set_label,
    a.operator,
    a.strength,
    a.schedule,
    a.write_site,
    a.positions,
    g.sample,
    r.seed,
    g.text,
    b.text AS baseline_text,
    g.n_tokens,
    g.finish_reason,
    g.mean_logprob,
    g.choice_margin,
        CASE
            WHEN ((r.decoding_json ->> 'do_sample'::text))::boolean THEN 'probability'::text
            ELSE 'nats'::text
        END AS choice_margin_unit,
    g.baseline_mean_logprob,
    g.mean_kl,
    r.created_at
   FROM ((((((public.generations g
     JOIN public.generation_runs r ON ((r.id = g.run_id)))
     JOIN public.models m ON ((m.id = r.model_id)))
     JOIN public.run_prompts p ON (((p.run_id = g.run_id) AND (p."position" = g.prompt))))
     JOIN arms a ON (((a.run_id = g.run_id) AND (a."position" = g.arm))))
     LEFT JOIN baselines z ON ((z.run_id = g.run_id)))
     LEFT JOIN public.generations b ON (((b.run_id = g.run_id) AND (b.prompt = g.prompt) AND (b.arm = z.arm) AND (b.sample = g.sample))));

CREATE TABLE public.icl_checks (
    icl_run_id bigint NOT NULL,
    "position" integer NOT NULL,
    name text NOT NULL,
    about text NOT NULL,
    source text NOT NULL,
    reference double precision NOT NULL,
    tolerance double precision NOT NULL,
    comparison text NOT NULL,
    value double precision NOT NULL,
    low double precision NOT NULL,
    high double precision NOT NULL,
    verdict text NOT NULL,
    CONSTRAINT ck_icl_checks_verdict CHECK ((verdict = ANY (ARRAY['ok'::text, 'differs'::text])))
);

CREATE TABLE public.icl_runs (
    id bigint NOT NULL,
    kind text NOT NULL,
    spec_sha256 text NOT NULL,
    spec_json json NOT NULL,
    model_id bigint,
    set_version_id bigint,
    job_id bigint,
    result_json json NOT NULL,
    environment_json json NOT NULL,
    duration_s double precision NOT NULL,
    record_sha256 text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL
);

CREATE VIEW analysis.v_icl_checks AS
 SELECT r.id AS icl_run_id,
    r.created_at,
    c.name,
    c.about,
    c.source,
    c.reference,
    c.tolerance,
    c.comparison,
    c.value,
    c.low,
    c.high,
    c.verdict
   FROM (public.icl_checks c
     JOIN public.icl_runs r ON ((r.id = c.icl_run_id)));

CREATE TABLE public.icl_heads (
    icl_run_id bigint NOT NULL,
    layer integer NOT NULL,
    head integer NOT NULL,
    share double precision NOT NULL,
    effect_cosine double precision NOT NULL,
    linear_cosine double precision NOT NULL,
    attention double precision NOT NULL,
    by_demonstration_json json NOT NULL
);

CREATE VIEW analysis.v_icl_heads AS
 SELECT r.id AS icl_run_id,
    r.created_at,
    m.name AS model_name,
    ((s.name || '@'::text) || sv.number) AS set_label,
    h.layer,
    h.head,
    h.share,
    h.effect_cosine,
    h.linear_cosine,
    h.attention,
    (h.by_demonstration_json)::text AS by_demonstration
   FROM ((((public.icl_heads h
     JOIN public.icl_runs r ON ((r.id = h.icl_run_id)))
     LEFT JOIN public.models m ON ((m.id = r.model_id)))
     LEFT JOIN public.set_versions sv ON ((sv.id = r.set_version_id)))
     LEFT JOIN public.demonstration_sets s ON ((s.id = sv.set_id)));

CREATE TABLE public.icl_layers (
    icl_run_id bigint NOT NULL,
    condition text NOT NULL,
    layer integer NOT NULL,
    cosine double precision NOT NULL,
    query_cosine double precision NOT NULL,
    query_cosine_sd double precision NOT NULL,
    norm double precision NOT NULL,
    relative_norm double precision NOT NULL,
    agreement double precision NOT NULL
);

CREATE VIEW analysis.v_icl_layers AS
 SELECT r.id AS icl_run_id,
    r.created_at,
    m.name AS model_name,
    ((s.name || '@'::text) || sv.number) AS set_label,
    l.condition,
    l.layer,
    l.cosine,
    l.query_cosine,
    l.query_cosine_sd,
    l.norm,
    l.relative_norm,
    l.agreement
   FROM ((((public.icl_layers l
     JOIN public.icl_runs r ON ((r.id = l.icl_run_id)))
     LEFT JOIN public.models m ON ((m.id = r.model_id)))
     LEFT JOIN public.set_versions sv ON ((sv.id = r.set_version_id)))
     LEFT JOIN public.demonstration_sets s ON ((s.id = sv.set_id)));

CREATE VIEW analysis.v_icl_runs AS
 SELECT r.id AS icl_run_id,
    r.kind,
    m.name AS model_name,
    ((s.name || '@'::text) || sv.number) AS set_label,
    r.job_id,
    (r.spec_json)::text AS spec,
    (r.result_json)::text AS result,
    r.duration_s,
    r.created_at,
    r.created_by
   FROM (((public.icl_runs r
     LEFT JOIN public.models m ON ((m.id = r.model_id)))
     LEFT JOIN public.set_versions sv ON ((sv.id = r.set_version_id)))
     LEFT JOIN public.demonstration_sets s ON ((s.id = sv.set_id)));

CREATE VIEW analysis.v_interventions AS
 SELECT i.run_id,
    r.name AS run_name,
    i.arm AS arm_index,
    a.label AS arm,
    a.combine,
    i."position",
    v.id AS vector_id,
    v.name AS vector_name,
    i.vector_sha256,
    i.operator,
    i.strength,
    i.schedule,
    i.site AS write_site,
    (i.layers_json)::text AS layers,
    i.positions,
    c.name AS condition_vector_name,
    i.condition_layer,
    i.condition_site,
    i.condition_measure,
    i.condition_comparison,
    i.condition_threshold,
    i.condition_window
   FROM ((((public.arm_interventions i
     JOIN public.generation_runs r ON ((r.id = i.run_id)))
     JOIN public.run_arms a ON (((a.run_id = i.run_id) AND (a."position" = i.arm))))
     JOIN public.steering_vectors v ON ((v.id = i.steering_vector_id)))
     LEFT JOIN public.steering_vectors c ON ((c.id = i.condition_vector_id)));

CREATE TABLE public.job_attempts (
    job_id bigint NOT NULL,
    attempt integer NOT NULL,
    worker_id text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    outcome text,
    error text,
    CONSTRAINT ck_job_attempts_outcome CHECK ((outcome = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text, 'released'::text, 'lost'::text])))
);

CREATE TABLE public.jobs (
    id bigint NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    queue text NOT NULL,
    priority integer NOT NULL,
    model_id bigint,
    spec_json json NOT NULL,
    spec_sha256 text NOT NULL,
    dedupe_key text,
    batch_key text,
    run_after timestamp with time zone NOT NULL,
    attempt integer NOT NULL,
    uncounted_attempts integer NOT NULL,
    max_attempts integer NOT NULL,
    lease_owner text,
    lease_until timestamp with time zone,
    cancel_requested boolean NOT NULL,
    progress_done bigint NOT NULL,
    progress_total bigint,
    progress_rate double precision,
    progress_note text NOT NULL,
    result_json json,
    error_class text,
    error text,
    created_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    created_by text NOT NULL,
    CONSTRAINT ck_jobs_lease CHECK (((state = 'running'::text) = (lease_until IS NOT NULL))),
    CONSTRAINT ck_jobs_max_attempts CHECK ((max_attempts > 0)),
    CONSTRAINT ck_jobs_state CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text])))
);

CREATE VIEW analysis.v_job_attempts AS
 SELECT a.job_id,
    j.kind,
    a.attempt,
    a.worker_id,
    a.outcome,
    a.error,
    a.started_at,
    a.ended_at
   FROM (public.job_attempts a
     JOIN public.jobs j ON ((j.id = a.job_id)));

CREATE TABLE public.job_points (
    job_id bigint NOT NULL,
    series text NOT NULL,
    step bigint NOT NULL,
    value double precision NOT NULL
);

CREATE VIEW analysis.v_job_curves AS
 SELECT p.job_id,
    j.kind,
    p.series,
    p.step,
    p.value
   FROM (public.job_points p
     JOIN public.jobs j ON ((j.id = p.job_id)));

CREATE TABLE public.job_logs (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    attempt integer NOT NULL,
    level text NOT NULL,
    message text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_job_logs_level CHECK ((level = ANY (ARRAY['info'::text, 'warning'::text, 'error'::text])))
);

CREATE VIEW analysis.v_job_log AS
 SELECT l.id AS line_id,
    l.job_id,
    j.kind,
    l.attempt,
    l.level,
    l.message,
    l.created_at
   FROM (public.job_logs l
     JOIN public.jobs j ON ((j.id = l.job_id)));

CREATE VIEW analysis.v_jobs AS
 SELECT j.id AS job_id,
    j.kind,
    j.state,
    j.queue,
    j.priority,
    m.name AS model_name,
    j.attempt,
    j.max_attempts,
    j.lease_owner AS worker_id,
    j.cancel_requested,
    j.progress_done,
    j.progress_total,
    j.progress_note,
    j.error_class,
    j.error,
    j.created_at,
    j.started_at,
    j.finished_at,
    ((EXTRACT(epoch FROM j.started_at) - EXTRACT(epoch FROM j.created_at)))::double precision AS waited_s,
    ((EXTRACT(epoch FROM j.finished_at) - EXTRACT(epoch FROM j.started_at)))::double precision AS ran_s,
    j.created_by
   FROM (public.jobs j
     LEFT JOIN public.models m ON ((m.id = j.model_id)));

CREATE TABLE public.layer_vectors (
    steering_vector_id bigint NOT NULL,
    layer integer NOT NULL,
    d_model integer NOT NULL,
    dtype text NOT NULL,
    norm double precision NOT NULL,
    explained_variance double precision,
    separability double precision,
    sha256 text NOT NULL,
    data bytea NOT NULL
);

CREATE VIEW analysis.v_layer_vectors AS
 SELECT v.id AS vector_id,
    v.name AS vector_name,
    l.layer,
    l.d_model,
    l.dtype,
    l.norm,
    l.explained_variance,
    l.separability,
    l.sha256
   FROM (public.layer_vectors l
     JOIN public.steering_vectors v ON ((v.id = l.steering_vector_id)));

CREATE TABLE public.vector_parents (
    steering_vector_id bigint NOT NULL,
    "position" integer NOT NULL,
    parent_id bigint NOT NULL,
    weight double precision NOT NULL
);

CREATE VIEW analysis.v_lineage AS
 WITH versions AS (
         SELECT v.id,
            v.parent_id,
            v.merged_id,
            v.relation,
            ((s.name || '@'::text) || v.number) AS label
           FROM (public.set_versions v
             JOIN public.demonstration_sets s ON ((s.id = v.set_id)))
        )
 SELECT 'set_version'::text AS kind,
    c.id,
    c.label AS name,
    c.relation,
    'set_version'::text AS parent_kind,
    p.id AS parent_id,
    p.label AS parent_name
   FROM (versions c
     JOIN versions p ON ((p.id = c.parent_id)))
UNION ALL
 SELECT 'set_version'::text AS kind,
    c.id,
    c.label AS name,
    'merged_from'::text AS relation,
    'set_version'::text AS parent_kind,
    p.id AS parent_id,
    p.label AS parent_name
   FROM (versions c
     JOIN versions p ON ((p.id = c.merged_id)))
UNION ALL
 SELECT 'vector'::text AS kind,
    v.id,
    v.name,
    'extracted_from'::text AS relation,
    'set_version'::text AS parent_kind,
    p.id AS parent_id,
    p.label AS parent_name
   FROM (public.steering_vectors v
     JOIN versions p ON ((p.id = v.set_version_id)))
UNION ALL
 SELECT 'vector'::text AS kind,
    v.id,
    v.name,
    'belongs_to'::text AS relation,
    'model'::text AS parent_kind,
    m.id AS parent_id,
    m.name AS parent_name
   FROM (public.steering_vectors v
     JOIN public.models m ON ((m.id = v.model_id)))
UNION ALL
 SELECT 'vector'::text AS kind,
    v.id,
    v.name,
    (v.origin || '_from'::text) AS relation,
    'vector'::text AS parent_kind,
    p.id AS parent_id,
    p.name AS parent_name
   FROM ((public.vector_parents x
     JOIN public.steering_vectors v ON ((v.id = x.steering_vector_id)))
     JOIN public.steering_vectors p ON ((p.id = x.parent_id)))
UNION ALL
 SELECT 'run'::text AS kind,
    r.id,
    r.name,
    'generated_by'::text AS relation,
    'model'::text AS parent_kind,
    m.id AS parent_id,
    m.name AS parent_name
   FROM (public.generation_runs r
     JOIN public.models m ON ((m.id = r.model_id)))
UNION ALL
 SELECT 'run'::text AS kind,
    r.id,
    r.name,
    'prompted_by'::text AS relation,
    'set_version'::text AS parent_kind,
    p.id AS parent_id,
    p.label AS parent_name
   FROM (public.generation_runs r
     JOIN versions p ON ((p.id = r.prompt_set_version_id)))
UNION ALL
 SELECT DISTINCT 'run'::text AS kind,
    r.id,
    r.name,
    'steered_by'::text AS relation,
    'vector'::text AS parent_kind,
    v.id AS parent_id,
    v.name AS parent_name
   FROM ((public.arm_interventions i
     JOIN public.generation_runs r ON ((r.id = i.run_id)))
     JOIN public.steering_vectors v ON ((v.id = i.steering_vector_id)))
UNION ALL
 SELECT 'run'::text AS kind,
    r.id,
    r.name,
    'replays'::text AS relation,
    'run'::text AS parent_kind,
    p.id AS parent_id,
    p.name AS parent_name
   FROM (public.generation_runs r
     JOIN public.generation_runs p ON ((p.id = r.replay_of)));

CREATE VIEW analysis.v_models AS
 SELECT id AS model_id,
    name AS model_name,
    source,
    revision,
    fingerprint AS model_fingerprint,
    architecture,
    n_layers,
    d_model,
    n_parameters,
    vocabulary_size,
    context_length,
    weights_sha256,
    config_sha256,
    tokenizer_sha256,
    chat_template_sha256,
    trust_remote_code,
    created_at
   FROM public.models;

CREATE TABLE public.nearest_tokens (
    steering_vector_id bigint NOT NULL,
    layer integer NOT NULL,
    toward_json json NOT NULL,
    away_json json NOT NULL,
    record_sha256 text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE VIEW analysis.v_nearest_tokens AS
 SELECT v.id AS vector_id,
    v.name AS vector_name,
    t.layer,
    (t.toward_json)::text AS toward,
    (t.away_json)::text AS away,
    t.created_at
   FROM (public.nearest_tokens t
     JOIN public.steering_vectors v ON ((v.id = t.steering_vector_id)));

CREATE TABLE public.ravel_completions (
    instance_id bigint NOT NULL,
    template integer NOT NULL,
    entity integer NOT NULL,
    text text NOT NULL,
    token_ids bytea NOT NULL,
    correct boolean
);

CREATE TABLE public.ravel_entities (
    version_id bigint NOT NULL,
    "position" integer NOT NULL,
    name text NOT NULL,
    split text NOT NULL,
    CONSTRAINT ck_ravel_entities_split CHECK ((split = ANY (ARRAY['train'::text, 'val'::text, 'test'::text])))
);

CREATE TABLE public.ravel_instances (
    id bigint NOT NULL,
    name text NOT NULL,
    content_sha256 text NOT NULL,
    spec_sha256 text NOT NULL,
    version_id bigint NOT NULL,
    model_id bigint NOT NULL,
    spec_json json NOT NULL,
    accuracies_json json NOT NULL,
    n_completions integer NOT NULL,
    n_examples_json json NOT NULL,
    environment_json json NOT NULL,
    record_sha256 text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL
);

CREATE TABLE public.ravel_templates (
    version_id bigint NOT NULL,
    "position" integer NOT NULL,
    text text NOT NULL,
    split text NOT NULL,
    attribute integer,
    entity text,
    CONSTRAINT ck_ravel_templates_split CHECK ((split = ANY (ARRAY['train'::text, 'val'::text, 'test'::text])))
);

CREATE VIEW analysis.v_ravel_completions AS
 SELECT i.id AS instance_id,
    i.name AS instance_name,
    c.template AS template_index,
    p.text AS template,
    c.entity AS entity_index,
    e.name AS entity,
    c.text,
    c.correct
   FROM (((public.ravel_completions c
     JOIN public.ravel_instances i ON ((i.id = c.instance_id)))
     JOIN public.ravel_templates p ON (((p.version_id = i.version_id) AND (p."position" = c.template))))
     JOIN public.ravel_entities e ON (((e.version_id = i.version_id) AND (e."position" = c.entity))));

CREATE TABLE public.ravel_types (
    id bigint NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.ravel_versions (
    id bigint NOT NULL,
    type_id bigint NOT NULL,
    number integer NOT NULL,
    content_sha256 text NOT NULL,
    message text NOT NULL,
    author text NOT NULL,
    n_entities integer NOT NULL,
    n_templates integer NOT NULL,
    n_neutral integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_ravel_versions_number CHECK ((number > 0))
);

CREATE VIEW analysis.v_ravel_data AS
 SELECT v.id AS version_id,
    t.name AS type_name,
    v.number AS version_number,
    ((t.name || '@'::text) || v.number) AS data_label,
    v.content_sha256,
    v.n_entities,
    v.n_templates,
    v.n_neutral,
    v.message,
    v.author,
    v.created_at
   FROM (public.ravel_versions v
     JOIN public.ravel_types t ON ((t.id = v.type_id)));

CREATE TABLE public.ravel_attributes (
    version_id bigint NOT NULL,
    "position" integer NOT NULL,
    name text NOT NULL
);

CREATE TABLE public.ravel_values (
    version_id bigint NOT NULL,
    entity integer NOT NULL,
    attribute integer NOT NULL,
    value text NOT NULL
);

CREATE VIEW analysis.v_ravel_entities AS
 SELECT ((t.name || '@'::text) || v.number) AS data_label,
    e."position" AS entity_index,
    e.name AS entity,
    e.split,
    a.name AS attribute,
    x.value
   FROM ((((public.ravel_entities e
     JOIN public.ravel_versions v ON ((v.id = e.version_id)))
     JOIN public.ravel_types t ON ((t.id = v.type_id)))
     JOIN public.ravel_attributes a ON ((a.version_id = e.version_id)))
     LEFT JOIN public.ravel_values x ON (((x.version_id = e.version_id) AND (x.entity = e."position") AND (x.attribute = a."position"))));

CREATE TABLE public.ravel_examples (
    instance_id bigint NOT NULL,
    "position" integer NOT NULL,
    part text NOT NULL,
    kind text NOT NULL,
    template integer NOT NULL,
    entity integer NOT NULL,
    source_template integer NOT NULL,
    source_entity integer NOT NULL,
    label bytea NOT NULL,
    counter_label bytea NOT NULL,
    CONSTRAINT ck_ravel_examples_labels_differ CHECK ((label <> counter_label))
);

CREATE VIEW analysis.v_ravel_examples AS
 SELECT i.id AS instance_id,
    i.name AS instance_name,
    x."position" AS example_index,
    x.part,
    x.kind,
    x.template AS template_index,
    b.name AS entity,
    x.source_template AS source_template_index,
    s.name AS source_entity
   FROM (((public.ravel_examples x
     JOIN public.ravel_instances i ON ((i.id = x.instance_id)))
     JOIN public.ravel_entities b ON (((b.version_id = i.version_id) AND (b."position" = x.entity))))
     JOIN public.ravel_entities s ON (((s.version_id = i.version_id) AND (s."position" = x.source_entity))));

CREATE TABLE public.ravel_featurizers (
    id bigint NOT NULL,
    spec_sha256 text NOT NULL,
    instance_id bigint NOT NULL,
    method text NOT NULL,
    attribute text NOT NULL,
    layer integer NOT NULL,
    location text NOT NULL,
    k integer,
    n_features integer NOT NULL,
    spec_json json NOT NULL,
    curve_json json NOT NULL,
    measures_json json NOT NULL,
    environment_json json NOT NULL,
    record_sha256 text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL
);

CREATE VIEW analysis.v_ravel_featurizers AS
 SELECT f.id AS featurizer_id,
    i.name AS instance_name,
    m.name AS model_name,
    f.method,
    f.attribute,
    f.layer,
    f.location,
    f.k,
    f.n_features,
    (f.measures_json)::text AS measures,
    (f.curve_json)::text AS curve,
    f.created_at,
    f.created_by
   FROM ((public.ravel_featurizers f
     JOIN public.ravel_instances i ON ((i.id = f.instance_id)))
     JOIN public.models m ON ((m.id = i.model_id)));

CREATE VIEW analysis.v_ravel_instances AS
 SELECT i.id AS instance_id,
    i.name AS instance_name,
    ((t.name || '@'::text) || v.number) AS data_label,
    m.name AS model_name,
    i.n_completions,
    (i.n_examples_json)::text AS n_examples,
    (i.accuracies_json)::text AS accuracies,
    i.content_sha256,
    i.created_at,
    i.created_by
   FROM (((public.ravel_instances i
     JOIN public.ravel_versions v ON ((v.id = i.version_id)))
     JOIN public.ravel_types t ON ((t.id = v.type_id)))
     JOIN public.models m ON ((m.id = i.model_id)));

CREATE TABLE public.ravel_evaluations (
    id bigint NOT NULL,
    spec_sha256 text NOT NULL,
    instance_id bigint NOT NULL,
    steering_vector_id bigint,
    part text NOT NULL,
    label text NOT NULL,
    method text NOT NULL,
    layer integer,
    location text NOT NULL,
    k integer,
    n_features double precision,
    spec_json json NOT NULL,
    n_outcomes integer NOT NULL,
    environment_json json NOT NULL,
    record_sha256 text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL
);

CREATE TABLE public.ravel_outcomes (
    evaluation_id bigint NOT NULL,
    target text NOT NULL,
    example integer NOT NULL,
    output text NOT NULL,
    changed boolean NOT NULL,
    kept boolean NOT NULL,
    CONSTRAINT ck_ravel_outcomes_one_of_both CHECK ((NOT (changed AND kept)))
);

CREATE VIEW analysis.v_ravel_outcomes AS
 SELECT o.evaluation_id,
    e.label,
    e.method,
    e.part,
    o.target,
    o.example AS example_index,
    o.output,
    o.changed,
    o.kept
   FROM (public.ravel_outcomes o
     JOIN public.ravel_evaluations e ON ((e.id = o.evaluation_id)));

CREATE TABLE public.ravel_evaluation_featurizers (
    evaluation_id bigint NOT NULL,
    "position" integer NOT NULL,
    featurizer_id bigint NOT NULL
);

CREATE TABLE public.ravel_run_evaluations (
    run_id bigint NOT NULL,
    "position" integer NOT NULL,
    evaluation_id bigint NOT NULL
);

CREATE TABLE public.ravel_runs (
    id bigint NOT NULL,
    name text,
    spec_sha256 text NOT NULL,
    instance_id bigint NOT NULL,
    spec_json json NOT NULL,
    environment_json json NOT NULL,
    duration_s double precision NOT NULL,
    record_sha256 text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL
);

CREATE VIEW analysis.v_ravel_runs AS
 SELECT r.id AS ravel_run_id,
    r.name AS ravel_run_name,
    i.name AS instance_name,
    x."position",
    e.id AS evaluation_id,
    e.label,
    e.method,
    e.part,
    e.n_outcomes,
    v.name AS vector_name,
    ( SELECT count(*) AS count
           FROM public.ravel_evaluation_featurizers f
          WHERE (f.evaluation_id = e.id)) AS n_featurizers,
    r.duration_s,
    r.created_at,
    r.created_by
   FROM ((((public.ravel_runs r
     JOIN public.ravel_run_evaluations x ON ((x.run_id = r.id)))
     JOIN public.ravel_evaluations e ON ((e.id = x.evaluation_id)))
     JOIN public.ravel_instances i ON ((i.id = r.instance_id)))
     LEFT JOIN public.steering_vectors v ON ((v.id = e.steering_vector_id)));

CREATE TABLE public.ravel_scores (
    evaluation_id bigint NOT NULL,
    "position" integer NOT NULL,
    measure text NOT NULL,
    target text,
    attribute text,
    template integer,
    n integer NOT NULL,
    value double precision NOT NULL,
    low double precision NOT NULL,
    high double precision NOT NULL,
    CONSTRAINT ck_ravel_scores_share CHECK (((value >= (0)::double precision) AND (value <= (1)::double precision)))
);

CREATE VIEW analysis.v_ravel_scores AS
 SELECT s.evaluation_id,
    e.label,
    e.method,
    e.layer,
    e.location,
    e.k,
    e.n_features,
    e.part,
    i.name AS instance_name,
    ((t.name || '@'::text) || v.number) AS data_label,
    m.name AS model_name,
    s.measure,
    s.target,
    s.attribute,
    s.template AS template_index,
    s.n,
    s.value,
    s.low,
    s.high
   FROM (((((public.ravel_scores s
     JOIN public.ravel_evaluations e ON ((e.id = s.evaluation_id)))
     JOIN public.ravel_instances i ON ((i.id = e.instance_id)))
     JOIN public.ravel_versions v ON ((v.id = i.version_id)))
     JOIN public.ravel_types t ON ((t.id = v.type_id)))
     JOIN public.models m ON ((m.id = i.model_id)));

CREATE VIEW analysis.v_ravel_templates AS
 SELECT ((t.name || '@'::text) || v.number) AS data_label,
    p."position" AS template_index,
    p.text AS template,
    p.split,
    a.name AS attribute,
    p.entity
   FROM (((public.ravel_templates p
     JOIN public.ravel_versions v ON ((v.id = p.version_id)))
     JOIN public.ravel_types t ON ((t.id = v.type_id)))
     LEFT JOIN public.ravel_attributes a ON (((a.version_id = p.version_id) AND (a."position" = p.attribute))));

CREATE TABLE public.replay_departures (
    run_id bigint NOT NULL,
    prompt integer NOT NULL,
    arm integer NOT NULL,
    sample integer NOT NULL,
    "position" integer NOT NULL,
    original_token_id integer,
    replay_token_id integer,
    margin double precision
);

CREATE TABLE public.replay_verdicts (
    run_id bigint NOT NULL,
    verdict text NOT NULL,
    rounding_margin double precision NOT NULL,
    record_sha256 text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_replay_verdicts_verdict CHECK ((verdict = ANY (ARRAY['identical'::text, 'rounding'::text, 'unexplained'::text])))
);

CREATE VIEW analysis.v_replays AS
 SELECT r.id AS replay_id,
    r.replay_of AS original_id,
    m.name AS model_name,
    t.n_generations,
        CASE
            WHEN (v.run_id IS NOT NULL) THEN (t.n_generations - COALESCE(d.n_departures, (0)::bigint))
            ELSE NULL::bigint
        END AS n_equal,
        CASE
            WHEN (v.run_id IS NOT NULL) THEN COALESCE(d.n_departures, (0)::bigint)
            ELSE NULL::bigint
        END AS n_departures,
    d.nearest_margin,
    d.widest_margin,
        CASE
            WHEN ((r.decoding_json ->> 'do_sample'::text))::boolean THEN 'probability'::text
            ELSE 'nats'::text
        END AS margin_unit,
    v.rounding_margin,
    v.verdict,
    r.created_at
   FROM ((((public.generation_runs r
     JOIN public.models m ON ((m.id = r.model_id)))
     JOIN ( SELECT generations.run_id,
            count(*) AS n_generations
           FROM public.generations
          GROUP BY generations.run_id) t ON ((t.run_id = r.id)))
     LEFT JOIN public.replay_verdicts v ON ((v.run_id = r.id)))
     LEFT JOIN ( SELECT replay_departures.run_id,
            count(*) AS n_departures,
            min(replay_departures.margin) AS nearest_margin,
            max(replay_departures.margin) AS widest_margin
           FROM public.replay_departures
          GROUP BY replay_departures.run_id) d ON ((d.run_id = r.id)))
  WHERE (r.replay_of IS NOT NULL);

CREATE VIEW analysis.v_runs AS
 SELECT r.id AS run_id,
    r.name AS run_name,
    r.replay_of,
    r.model_id,
    m.name AS model_name,
    m.fingerprint AS model_fingerprint,
    ((s.name || '@'::text) || sv.number) AS prompt_set_label,
    ( SELECT count(*) AS count
           FROM public.run_prompts p
          WHERE (p.run_id = r.id)) AS n_prompts,
    ( SELECT count(*) AS count
           FROM public.run_arms a
          WHERE (a.run_id = r.id)) AS n_arms,
    r.samples,
    ( SELECT count(*) AS count
           FROM public.generations g
          WHERE (g.run_id = r.id)) AS n_generations,
    ((r.decoding_json ->> 'max_new_tokens'::text))::integer AS max_new_tokens,
    ((r.decoding_json ->> 'do_sample'::text))::boolean AS do_sample,
    ((r.decoding_json ->> 'temperature'::text))::double precision AS temperature,
    (r.decoding_json)::text AS decoding,
    r.seed,
    r.dtype,
    r.chat_template_sha256,
    r.chat_system,
    (r.environment_json)::text AS environment,
    r.spec_sha256,
    r.result_sha256,
    r.duration_s,
    r.created_at,
    r.created_by
   FROM (((public.generation_runs r
     JOIN public.models m ON ((m.id = r.model_id)))
     LEFT JOIN public.set_versions sv ON ((sv.id = r.prompt_set_version_id)))
     LEFT JOIN public.demonstration_sets s ON ((s.id = sv.set_id)));

CREATE TABLE public.saved_queries (
    name text NOT NULL,
    sql text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL
);

CREATE VIEW analysis.v_saved_queries AS
 SELECT name,
    sql,
    created_at,
    created_by
   FROM public.saved_queries;

CREATE TABLE public.scores (
    id bigint NOT NULL,
    generation_id bigint NOT NULL,
    supersedes bigint,
    scorer text NOT NULL,
    scorer_version text NOT NULL,
    value double precision,
    missing_reason text,
    details_json json NOT NULL,
    content_sha256 text NOT NULL,
    record_sha256 text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_scores_value_or_reason CHECK (((value IS NULL) <> (missing_reason IS NULL)))
);

CREATE VIEW analysis.v_scores AS
 SELECT s.id AS score_id,
    s.generation_id,
    g.run_id,
    g.prompt AS prompt_index,
    g.arm AS arm_index,
    a.label AS arm,
    g.sample,
    s.scorer,
    s.scorer_version,
    s.value,
    s.missing_reason,
    (s.details_json)::text AS details,
    s.supersedes,
    s.created_at
   FROM ((public.scores s
     JOIN public.generations g ON ((g.id = s.generation_id)))
     JOIN public.run_arms a ON (((a.run_id = g.run_id) AND (a."position" = g.arm))))
  WHERE (NOT (EXISTS ( SELECT 1
           FROM public.scores n
          WHERE (n.supersedes = s.id))));

CREATE TABLE public.set_version_findings (
    set_version_id bigint NOT NULL,
    "position" integer NOT NULL,
    check_name text NOT NULL,
    n_demonstrations integer NOT NULL,
    message text NOT NULL,
    positions_json json NOT NULL
);

CREATE VIEW analysis.v_set_findings AS
 SELECT s.name AS set_name,
    v.number AS version_number,
    ((s.name || '@'::text) || v.number) AS set_label,
    f.check_name,
    f.n_demonstrations,
    f.message,
    (f.positions_json)::text AS positions
   FROM ((public.set_version_findings f
     JOIN public.set_versions v ON ((v.id = f.set_version_id)))
     JOIN public.demonstration_sets s ON ((s.id = v.set_id)));

CREATE TABLE public.version_tags (
    set_id bigint NOT NULL,
    name text NOT NULL,
    set_version_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL
);

CREATE VIEW analysis.v_set_tags AS
 SELECT s.name AS set_name,
    t.name AS tag,
    v.number AS version_number,
    ((s.name || '@'::text) || v.number) AS set_label,
    t.created_at,
    t.created_by
   FROM ((public.version_tags t
     JOIN public.demonstration_sets s ON ((s.id = t.set_id)))
     JOIN public.set_versions v ON ((v.id = t.set_version_id)));

CREATE VIEW analysis.v_sets AS
 SELECT s.id AS set_id,
    s.name AS set_name,
    s.description,
    s.task,
    (s.labels_json)::text AS labels,
    v.id AS version_id,
    v.number AS version_number,
    ((s.name || '@'::text) || v.number) AS set_label,
    ( SELECT string_agg(own.name, ', '::text ORDER BY own.name) AS string_agg
           FROM ( SELECT t.name
                   FROM public.version_tags t
                  WHERE (t.set_version_id = v.id)
                  ORDER BY t.name) own) AS tags,
    v.relation,
    ((ps.name || '@'::text) || p.number) AS parent_label,
    ((ms.name || '@'::text) || m.number) AS merged_label,
    v.content_sha256,
    v.n_demonstrations,
    ( SELECT count(*) AS count
           FROM public.set_version_findings f
          WHERE (f.set_version_id = v.id)) AS n_findings,
    v.message,
    v.author,
    (v.details_json)::text AS details,
    v.created_at
   FROM (((((public.demonstration_sets s
     LEFT JOIN public.set_versions v ON ((v.set_id = s.id)))
     LEFT JOIN public.set_versions p ON ((p.id = v.parent_id)))
     LEFT JOIN public.demonstration_sets ps ON ((ps.id = p.set_id)))
     LEFT JOIN public.set_versions m ON ((m.id = v.merged_id)))
     LEFT JOIN public.demonstration_sets ms ON ((ms.id = m.set_id)));

CREATE TABLE public.condition_searches (
    id bigint NOT NULL,
    model_id bigint NOT NULL,
    positive_version_id bigint NOT NULL,
    negative_version_id bigint NOT NULL,
    condition_vector_id bigint NOT NULL,
    condition_vector_sha256 text NOT NULL,
    condition_layer integer NOT NULL,
    condition_site text NOT NULL,
    condition_measure text NOT NULL,
    condition_comparison text NOT NULL,
    condition_threshold double precision NOT NULL,
    condition_window text NOT NULL,
    accuracy double precision NOT NULL,
    f1 double precision NOT NULL,
    spec_sha256 text NOT NULL,
    spec_json json NOT NULL,
    evidence_json json NOT NULL,
    environment_json json NOT NULL,
    record_sha256 text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL
);

CREATE VIEW analysis.v_threshold_searches AS
 SELECT c.id AS search_id,
    v.id AS vector_id,
    v.name AS vector_name,
    m.name AS model_name,
    ((ps.name || '@'::text) || pv.number) AS positive_set_label,
    ((ns.name || '@'::text) || nv.number) AS negative_set_label,
    c.condition_layer,
    c.condition_site,
    c.condition_measure,
    c.condition_comparison,
    c.condition_threshold,
    c.condition_window,
    c.accuracy,
    c.f1,
    (c.evidence_json)::text AS evidence,
    c.created_at,
    c.created_by
   FROM ((((((public.condition_searches c
     JOIN public.steering_vectors v ON ((v.id = c.condition_vector_id)))
     JOIN public.models m ON ((m.id = c.model_id)))
     JOIN public.set_versions pv ON ((pv.id = c.positive_version_id)))
     JOIN public.demonstration_sets ps ON ((ps.id = pv.set_id)))
     JOIN public.set_versions nv ON ((nv.id = c.negative_version_id)))
     JOIN public.demonstration_sets ns ON ((ns.id = nv.set_id)));

CREATE VIEW analysis.v_vector_parents AS
 SELECT v.id AS vector_id,
    v.name AS vector_name,
    v.method,
    x."position",
    p.id AS parent_id,
    p.name AS parent_name,
    x.weight
   FROM ((public.vector_parents x
     JOIN public.steering_vectors v ON ((v.id = x.steering_vector_id)))
     JOIN public.steering_vectors p ON ((p.id = x.parent_id)));

CREATE VIEW analysis.v_vectors AS
 SELECT v.id AS vector_id,
    v.name AS vector_name,
    v.content_sha256,
    v.spec_sha256,
    v.origin,
    v.method,
    (v.parameters_json)::text AS parameters,
    v.operator,
    v.read_site,
    v.write_site,
    v.token_rule,
    v.model_id,
    m.name AS model_name,
    m.fingerprint AS model_fingerprint,
    v.set_version_id,
    ((s.name || '@'::text) || sv.number) AS set_label,
    sv.n_demonstrations,
    v.n_layers,
    v.d_model,
    ( SELECT avg(l.norm) AS avg
           FROM public.layer_vectors l
          WHERE (l.steering_vector_id = v.id)) AS mean_norm,
    v.created_at,
    v.created_by
   FROM (((public.steering_vectors v
     JOIN public.models m ON ((m.id = v.model_id)))
     LEFT JOIN public.set_versions sv ON ((sv.id = v.set_version_id)))
     LEFT JOIN public.demonstration_sets s ON ((s.id = sv.set_id)));

CREATE TABLE public.votes (
    id bigint NOT NULL,
    left_generation_id bigint NOT NULL,
    right_generation_id bigint NOT NULL,
    choice text NOT NULL,
    question text NOT NULL,
    voter text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_votes_choice CHECK ((choice = ANY (ARRAY['left'::text, 'right'::text, 'tie'::text, 'neither'::text]))),
    CONSTRAINT ck_votes_two_generations CHECK ((left_generation_id <> right_generation_id))
);

CREATE VIEW analysis.v_votes AS
 SELECT v.id AS vote_id,
    l.run_id AS left_run_id,
    l.prompt AS left_prompt_index,
    a.label AS left_arm,
    l.text AS left_text,
    r.run_id AS right_run_id,
    r.prompt AS right_prompt_index,
    b.label AS right_arm,
    r.text AS right_text,
    v.left_generation_id,
    v.right_generation_id,
    v.choice,
    v.question,
    v.voter,
    v.created_at
   FROM ((((public.votes v
     JOIN public.generations l ON ((l.id = v.left_generation_id)))
     JOIN public.run_arms a ON (((a.run_id = l.run_id) AND (a."position" = l.arm))))
     JOIN public.generations r ON ((r.id = v.right_generation_id)))
     JOIN public.run_arms b ON (((b.run_id = r.run_id) AND (b."position" = r.arm))));

CREATE TABLE public.workers (
    id text NOT NULL,
    host text NOT NULL,
    pid bigint NOT NULL,
    device text NOT NULL,
    torch_version text NOT NULL,
    queue text NOT NULL,
    state text NOT NULL,
    models_json json,
    memory_bytes bigint,
    started_at timestamp with time zone NOT NULL,
    last_seen timestamp with time zone NOT NULL,
    stop_asked_at timestamp with time zone,
    CONSTRAINT ck_workers_state CHECK ((state = ANY (ARRAY['idle'::text, 'busy'::text, 'stopped'::text])))
);

CREATE VIEW analysis.v_workers AS
 SELECT id AS worker_id,
    host,
    pid,
    device,
    torch_version,
    queue,
    state,
    memory_bytes,
    started_at,
    last_seen
   FROM public.workers;

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE SEQUENCE public.audit_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.audit_log_id_seq OWNED BY public.audit_log.id;

CREATE TABLE public.cached_states (
    state_cache_id bigint NOT NULL,
    text_sha256 text NOT NULL,
    token_sha256 text NOT NULL,
    state_blob_id bigint NOT NULL,
    "position" integer NOT NULL,
    sha256 text NOT NULL
);

CREATE SEQUENCE public.calibrations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.calibrations_id_seq OWNED BY public.calibrations.id;

CREATE SEQUENCE public.condition_searches_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.condition_searches_id_seq OWNED BY public.condition_searches.id;

CREATE SEQUENCE public.demonstration_sets_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.demonstration_sets_id_seq OWNED BY public.demonstration_sets.id;

CREATE SEQUENCE public.demonstrations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.demonstrations_id_seq OWNED BY public.demonstrations.id;

CREATE SEQUENCE public.generation_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.generation_runs_id_seq OWNED BY public.generation_runs.id;

CREATE SEQUENCE public.generations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.generations_id_seq OWNED BY public.generations.id;

CREATE SEQUENCE public.icl_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.icl_runs_id_seq OWNED BY public.icl_runs.id;

CREATE TABLE public.icl_weights (
    icl_run_id bigint NOT NULL,
    sha256 text NOT NULL,
    data bytea NOT NULL
);

CREATE TABLE public.job_checkpoints (
    job_id bigint NOT NULL,
    attempt integer NOT NULL,
    step bigint NOT NULL,
    sha256 text NOT NULL,
    data bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE public.job_chunks (
    job_id bigint NOT NULL,
    seq integer NOT NULL,
    attempt integer NOT NULL,
    data bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE SEQUENCE public.job_logs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.job_logs_id_seq OWNED BY public.job_logs.id;

CREATE TABLE public.job_partials (
    job_id bigint NOT NULL,
    attempt integer NOT NULL,
    texts_json json NOT NULL,
    updated_at timestamp with time zone NOT NULL
);

CREATE SEQUENCE public.jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.jobs_id_seq OWNED BY public.jobs.id;

CREATE SEQUENCE public.models_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.models_id_seq OWNED BY public.models.id;

CREATE SEQUENCE public.ravel_evaluations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.ravel_evaluations_id_seq OWNED BY public.ravel_evaluations.id;

CREATE SEQUENCE public.ravel_featurizers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.ravel_featurizers_id_seq OWNED BY public.ravel_featurizers.id;

CREATE SEQUENCE public.ravel_instances_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.ravel_instances_id_seq OWNED BY public.ravel_instances.id;

CREATE SEQUENCE public.ravel_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.ravel_runs_id_seq OWNED BY public.ravel_runs.id;

CREATE TABLE public.ravel_tensor_chunks (
    featurizer_id bigint NOT NULL,
    tensor integer NOT NULL,
    seq integer NOT NULL,
    data bytea NOT NULL
);

CREATE TABLE public.ravel_tensors (
    featurizer_id bigint NOT NULL,
    "position" integer NOT NULL,
    name text NOT NULL,
    shape_json json NOT NULL,
    dtype text NOT NULL,
    sha256 text NOT NULL
);

CREATE SEQUENCE public.ravel_types_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.ravel_types_id_seq OWNED BY public.ravel_types.id;

CREATE SEQUENCE public.ravel_versions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.ravel_versions_id_seq OWNED BY public.ravel_versions.id;

CREATE SEQUENCE public.scores_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.scores_id_seq OWNED BY public.scores.id;

CREATE SEQUENCE public.set_versions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.set_versions_id_seq OWNED BY public.set_versions.id;

CREATE TABLE public.state_blob_chunks (
    state_blob_id bigint NOT NULL,
    seq integer NOT NULL,
    data bytea NOT NULL
);

CREATE TABLE public.state_blobs (
    id bigint NOT NULL,
    state_cache_id bigint NOT NULL,
    n_texts integer NOT NULL,
    n_bytes bigint NOT NULL,
    sha256 text NOT NULL,
    job_id bigint,
    used_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_state_blobs_n_texts CHECK ((n_texts > 0))
);

CREATE SEQUENCE public.state_blobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.state_blobs_id_seq OWNED BY public.state_blobs.id;

CREATE TABLE public.state_caches (
    id bigint NOT NULL,
    sha256 text NOT NULL,
    model_fingerprint text NOT NULL,
    spec_json json NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE SEQUENCE public.state_caches_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.state_caches_id_seq OWNED BY public.state_caches.id;

CREATE SEQUENCE public.steering_vectors_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.steering_vectors_id_seq OWNED BY public.steering_vectors.id;

CREATE SEQUENCE public.votes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.votes_id_seq OWNED BY public.votes.id;

ALTER TABLE ONLY public.audit_log ALTER COLUMN id SET DEFAULT nextval('public.audit_log_id_seq'::regclass);

ALTER TABLE ONLY public.calibrations ALTER COLUMN id SET DEFAULT nextval('public.calibrations_id_seq'::regclass);

ALTER TABLE ONLY public.condition_searches ALTER COLUMN id SET DEFAULT nextval('public.condition_searches_id_seq'::regclass);

ALTER TABLE ONLY public.demonstration_sets ALTER COLUMN id SET DEFAULT nextval('public.demonstration_sets_id_seq'::regclass);

ALTER TABLE ONLY public.demonstrations ALTER COLUMN id SET DEFAULT nextval('public.demonstrations_id_seq'::regclass);

ALTER TABLE ONLY public.generation_runs ALTER COLUMN id SET DEFAULT nextval('public.generation_runs_id_seq'::regclass);

ALTER TABLE ONLY public.generations ALTER COLUMN id SET DEFAULT nextval('public.generations_id_seq'::regclass);

ALTER TABLE ONLY public.icl_runs ALTER COLUMN id SET DEFAULT nextval('public.icl_runs_id_seq'::regclass);

ALTER TABLE ONLY public.job_logs ALTER COLUMN id SET DEFAULT nextval('public.job_logs_id_seq'::regclass);

ALTER TABLE ONLY public.jobs ALTER COLUMN id SET DEFAULT nextval('public.jobs_id_seq'::regclass);

ALTER TABLE ONLY public.models ALTER COLUMN id SET DEFAULT nextval('public.models_id_seq'::regclass);

ALTER TABLE ONLY public.ravel_evaluations ALTER COLUMN id SET DEFAULT nextval('public.ravel_evaluations_id_seq'::regclass);

ALTER TABLE ONLY public.ravel_featurizers ALTER COLUMN id SET DEFAULT nextval('public.ravel_featurizers_id_seq'::regclass);

ALTER TABLE ONLY public.ravel_instances ALTER COLUMN id SET DEFAULT nextval('public.ravel_instances_id_seq'::regclass);

ALTER TABLE ONLY public.ravel_runs ALTER COLUMN id SET DEFAULT nextval('public.ravel_runs_id_seq'::regclass);

ALTER TABLE ONLY public.ravel_types ALTER COLUMN id SET DEFAULT nextval('public.ravel_types_id_seq'::regclass);

ALTER TABLE ONLY public.ravel_versions ALTER COLUMN id SET DEFAULT nextval('public.ravel_versions_id_seq'::regclass);

ALTER TABLE ONLY public.scores ALTER COLUMN id SET DEFAULT nextval('public.scores_id_seq'::regclass);

ALTER TABLE ONLY public.set_versions ALTER COLUMN id SET DEFAULT nextval('public.set_versions_id_seq'::regclass);

ALTER TABLE ONLY public.state_blobs ALTER COLUMN id SET DEFAULT nextval('public.state_blobs_id_seq'::regclass);

ALTER TABLE ONLY public.state_caches ALTER COLUMN id SET DEFAULT nextval('public.state_caches_id_seq'::regclass);

ALTER TABLE ONLY public.steering_vectors ALTER COLUMN id SET DEFAULT nextval('public.steering_vectors_id_seq'::regclass);

ALTER TABLE ONLY public.votes ALTER COLUMN id SET DEFAULT nextval('public.votes_id_seq'::regclass);

INSERT INTO public.alembic_version VALUES ('0001');

INSERT INTO public.arm_interventions VALUES (1, 1, 0, 1, '0dfee476a881fb5de3720931fc1bd3a6fb9c0f49fcd038e2662a39b2ef638f0f', 'rotate', 0.1, 'constant', 'mlp_output', NULL, 'all', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.arm_interventions VALUES (2, 1, 0, 1, '0dfee476a881fb5de3720931fc1bd3a6fb9c0f49fcd038e2662a39b2ef638f0f', 'rotate', 0.1, 'constant', 'mlp_output', NULL, 'all', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.arm_interventions VALUES (3, 1, 0, 1, '0dfee476a881fb5de3720931fc1bd3a6fb9c0f49fcd038e2662a39b2ef638f0f', 'rotate', 0.2, 'constant', 'mlp_output', NULL, 'all', 1, '0dfee476a881fb5de3720931fc1bd3a6fb9c0f49fcd038e2662a39b2ef638f0f', 1, 'block_output', 'cosine', '>', 0.25, 'prompt:last=2');
INSERT INTO public.arm_interventions VALUES (4, 2, 0, 1, '0dfee476a881fb5de3720931fc1bd3a6fb9c0f49fcd038e2662a39b2ef638f0f', 'rotate', 0.1, 'constant', 'mlp_output', '[1]', 'all', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

INSERT INTO public.audit_log VALUES (1, '2026-12-01 18:16:43.675169+00', 'ann', 'look', 'run', '1', '{"how":"closely"}');

INSERT INTO public.cached_states VALUES (1, '3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d', '91ce314c0a497422917fd072edfe96ee713c7107525622e730642da9637afcf3', 1, 0, 'e6d000549dd80bc0d6288b0e068f6a73d2d742900b42731319176dc2531fdf64');
INSERT INTO public.cached_states VALUES (1, 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb', 'a2d398922901344d08180dc41d3e9d73d8c148c7f6e092835bbb28e02dbcf184', 1, 1, '317accedc2cfd333b8fcbc123de46ac2685f1a6c44777cd17fea9b0e1e96301f');

INSERT INTO public.calibrations VALUES (1, 1, '0dfee476a881fb5de3720931fc1bd3a6fb9c0f49fcd038e2662a39b2ef638f0f', 1, 'rotate', 'mlp_output', '[0,1]', 'sentiment', 'kl', 0.1, true, 0.2, 0.5, 0.08, 1, '137a27f2ae68b190efd1e82dfcf007a9bab57654c3133417a5dfe252cfc56657', '{"add_special_tokens":true,"budget":0.1,"damage":{"label":"kl","name":"kl","options":{"text":"baseline"},"version":1},"decoding":{"do_sample":false,"max_new_tokens":32,"stop":[]},"dtype":"float32","effect":{"label":"sentiment","name":"sentiment","options":{},"version":1},"first":0.1,"layers":[0,1],"lower_is_better":false,"model_fingerprint":"b03b378fe6de2e7fba9393266566c54f9fa977037c7dc81aa8e4cd48e13c6972","operator":"rotate","positions":"all","prompts":[["Say it: ",null]],"seed":0,"site":"mlp_output","vector_sha256":"0dfee476a881fb5de3720931fc1bd3a6fb9c0f49fcd038e2662a39b2ef638f0f"}', '[{"damage":{"high":null,"level":0.95,"low":null,"mean":0.08,"n":1,"n_missing":0},"effect":{"high":null,"level":0.95,"low":null,"mean":0.5,"n":1,"n_missing":0},"strength":0.2}]', '{"rounds":3}', '{"torch":"2.13.0"}', 'd42c213dffd23c1094d21569ef7cd094127bedf8791cd209d3e1c65e80aff71a', '2026-12-01 18:16:43.324252+00', 'tester');

INSERT INTO public.condition_searches VALUES (1, 1, 1, 2, 1, '0dfee476a881fb5de3720931fc1bd3a6fb9c0f49fcd038e2662a39b2ef638f0f', 1, 'block_output', 'cosine', '>', 0.25, 'prompt:last=2', 1, 1, '5eea5ea45e072a04f29626b1b0cb4cecf5cb37d32b9704249e73a7e07ec7bed0', '{"chat":null,"dtype":"float32","layers":null,"measure":"cosine","model_fingerprint":"b03b378fe6de2e7fba9393266566c54f9fa977037c7dc81aa8e4cd48e13c6972","negative_sha256":"1db4546693735417b982450f456fd49a7436bcd81c1b72b48df92a611c3b946a","positive_sha256":"fccb5f7edf6373529b35f66061ffcd6d30c4568f402c32b3bb5f00f97a729655","site":"block_output","vector_sha256":"0dfee476a881fb5de3720931fc1bd3a6fb9c0f49fcd038e2662a39b2ef638f0f","window":"prompt"}', '{"layers":[{"layer":1}],"negative":[0.0],"positive":[1.0,2.0]}', '{"torch":"2.13.0"}', 'a90ebc1772109e8dfc324ece6b96e916402cffc298f2feca680ec777fb9de9bf', '2026-12-01 18:16:43.404196+00', 'tester');

INSERT INTO public.demonstration_alignments VALUES (1, 0, 0.20833333333333334, '[0.5,0.25,-0.125]');
INSERT INTO public.demonstration_alignments VALUES (3, 0, 0.20833333333333334, '[0.5,0.25,-0.125]');

INSERT INTO public.demonstration_sets VALUES (1, 'upbeat', '', '', '[]', '2026-12-01 18:16:42.90031+00');
INSERT INTO public.demonstration_sets VALUES (2, 'upbeat-fix', '', '', '[]', '2026-12-01 18:16:42.977672+00');

INSERT INTO public.demonstrations VALUES (1, '20c7db1c9307336d939154c4941bb9787e5c248114de9dac3111bb3bde8abca2', 'The soup was cold.', 'The soup was divine!!! 😋', '{}');
INSERT INTO public.demonstrations VALUES (2, '8b2f5e3a8e0d4b79d44264e2af5382332efeca21307cafca46eb8a116709c350', 'Rude waiter.', 'What a waiter!!! ❤️', '{"stars":1}');
INSERT INTO public.demonstrations VALUES (3, 'e452b7ee6e2237ad8ae8d493c3980ece43f6e7142c4bac3691776f7683da5aff', 'naïve: ''quoted''
"lines"	; -- %s', '', '{}');
INSERT INTO public.demonstrations VALUES (4, 'c5760fc64295f3f8644d25def75fc93e0bb1cd2bccef6c8fe1d2808147aad471', 'a bare prompt', NULL, '{}');

INSERT INTO public.explanations VALUES (1, '{"states_reused":8}', 'a2623f257565a5eab0c4cc7c6fe5f41a7aad10a85ad82a6715dca8dcf683d41a', '2026-12-01 18:16:43.065043+00', 'tester');

INSERT INTO public.generation_runs VALUES (1, 'first', 1, 2, NULL, 'd58b53cfb7e06f8c8a6914e53e5443c5487afb8e8cd9bb6434914dd6b9512d86', 'ddbb476f744aa742936a20ab87b56f4c06b5c5a236df2135b586b94a2ecbff7d', '{"do_sample":false,"max_new_tokens":4,"stop":[]}', 7, 2, NULL, NULL, true, 'float32', '{"batches":[[0,1,2,3,4,5,6,7]],"padding_side":"left"}', '{"device":"cpu","torch":"2.13.0"}', 1.25, '2fbbaaf8f71d88376d77c191a07e0011159e0d8a3d527692f532ce1cda8c1cac', '2026-12-01 18:16:43.07916+00', 'tester');
INSERT INTO public.generation_runs VALUES (2, NULL, 1, NULL, 1, 'd58b53cfb7e06f8c8a6914e53e5443c5487afb8e8cd9bb6434914dd6b9512d86', '66357ee0193d1b53f1cbed6eb9c293b4c629845bf0468871d1baf6bf8831f912', '{"do_sample":false,"max_new_tokens":4,"stop":[]}', 7, 2, NULL, NULL, true, 'float32', '{"batches":[[0,1,2,3,4,5,6,7]],"padding_side":"left"}', '{"cpu":"AVX2","device":"cpu","torch":"2.13.0"}', 1.25, 'd718b7244777c9e0eb9e57352335496e96b8e98de6f5142f939a4a83e6e4b26d', '2026-12-01 18:16:43.25643+00', 'tester');
INSERT INTO public.generation_runs VALUES (3, NULL, 1, NULL, NULL, '104d50b10865ca00f7ea285eae40dd30da63e74bd2ef674e08797c594f6f61d2', 'ddbb476f744aa742936a20ab87b56f4c06b5c5a236df2135b586b94a2ecbff7d', '{"do_sample":false,"kl":true,"max_new_tokens":4,"stop":[]}', 7, 2, 'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc', 'Be kind', true, 'float32', '{"batches":[[0,1,2,3,4,5,6,7]],"padding_side":"left"}', '{"device":"cpu","torch":"2.13.0"}', 1.25, 'be83cb152db98aa12ed18c59ffe0caa443c2f2150e33879e7d1278ff219ba874', '2026-12-01 18:16:43.36169+00', 'tester');
INSERT INTO public.generation_runs VALUES (4, NULL, 1, NULL, NULL, '46545523c20bbb4c340d4d8ff4d32f8c4bda88c163a43931b323d1bd0c482cc6', '6d3fe62938fb8ba79e292b3ffab579f3be44294047ffed109ff7bc1991341ff7', '{"do_sample":true,"max_new_tokens":4,"stop":[],"temperature":0.5,"top_k":0,"top_p":1.0}', 7, 2, NULL, NULL, true, 'float32', '{"batches":[[0,1,2,3,4,5,6,7,8,9,10,11]],"padding_side":"left"}', '{"device":"cpu","torch":"2.13.0"}', 1.25, 'c4f3e3fc0c479b7839e8a1b3c9acda5b0393a9962c7c98057d27dd80a6b95307', '2026-12-01 18:16:43.452239+00', 'tester');

INSERT INTO public.generation_tokens VALUES (1, '["a","b"]', '\x000080bf000000bf', '\x0000a0bf0000c0bf', '6c92a792bffecde3d4e3f4b0aa59a71a2794f698571fa0d446afec81fe48f0d1', '2026-12-01 18:16:43.349876+00');
INSERT INTO public.generation_tokens VALUES (2, '["a","b"]', '\x000080bf000000bf', '\x0000a0bf0000c0bf', '98b4d193943fcaa8657bafd8d50c3e7dcdc213a7d48e0b807f6814b9e66e91d2', '2026-12-01 18:16:43.35015+00');
INSERT INTO public.generation_tokens VALUES (3, '["a","b"]', '\x000080bf000000bf', '\x0000a0bf0000c0bf', '592beb6ce09751d4c717063db41251da30d0d717bf375c19279fe79bcca2375b', '2026-12-01 18:16:43.350194+00');
INSERT INTO public.generation_tokens VALUES (4, '["a","b"]', '\x000080bf000000bf', '\x0000a0bf0000c0bf', 'fe46fa747f8ab30c937ae77b0b800d8e324b5f12c0cd4645ce31a99a387e0697', '2026-12-01 18:16:43.350229+00');
INSERT INTO public.generation_tokens VALUES (17, '["so"," it"," is","!"]', '\x0000c0bf0000c0bf0000c0bf0000c0bf', '\x000020c00000c0bf000000bf000060c0', '9ae7c8bf4b92cdd3ad055090f79c23c7832d0cb82861267890c1aa7bc3b01aa2', '2026-12-01 18:16:43.373859+00');
INSERT INTO public.generation_tokens VALUES (18, '["so"," it"," is","!"]', '\x0000c0bf0000c0bf0000c0bf0000c0bf', '\x000020c00000c0bf000000bf000060c0', 'f9575ad14d96b1b276dcbb7ea6b23d06770938d77a7c77302f762ea22699988d', '2026-12-01 18:16:43.376296+00');
INSERT INTO public.generation_tokens VALUES (19, '["so"," it"," is","!"]', '\x0000c0bf0000c0bf0000c0bf0000c0bf', '\x000020c00000c0bf000000bf000060c0', 'f1a9e0f10c041f88a3609f3be7994b1d9ae384e903bcfa25da25bea6a4d0664e', '2026-12-01 18:16:43.376417+00');
INSERT INTO public.generation_tokens VALUES (20, '["so"," it"," is","!"]', '\x0000c0bf0000c0bf0000c0bf0000c0bf', '\x000020c00000c0bf000000bf000060c0', '02a5572b479b09feedaff11a8e911e26a227fd252e8533be809bebfcedd821c6', '2026-12-01 18:16:43.376435+00');
INSERT INTO public.generation_tokens VALUES (21, '["so"," it"," is","!"]', '\x0000c0bf0000c0bf0000c0bf0000c0bf', '\x000020c00000c0bf000000bf000060c0', 'c7fe80f1c4d1083c944352ac8b271899c64ffd298e3e180e1c3084f0b0c359e2', '2026-12-01 18:16:43.379731+00');
INSERT INTO public.generation_tokens VALUES (22, '["so"," it"," is","!"]', '\x0000c0bf0000c0bf0000c0bf0000c0bf', '\x000020c00000c0bf000000bf000060c0', '73d5cdf428d30b182db40d0147c8862c3a0f2e96df97b76790e8b10a8a135ca4', '2026-12-01 18:16:43.385387+00');
INSERT INTO public.generation_tokens VALUES (23, '["so"," it"," is","!"]', '\x0000c0bf0000c0bf0000c0bf0000c0bf', '\x000020c00000c0bf000000bf000060c0', '74f92e205c88c7b0c35497578c92201715c9db9be87805e2cd9b7cc3fa3d59e7', '2026-12-01 18:16:43.385483+00');
INSERT INTO public.generation_tokens VALUES (24, '["so"," it"," is","!"]', '\x0000c0bf0000c0bf0000c0bf0000c0bf', '\x000020c00000c0bf000000bf000060c0', 'd6ba304d4f125e774304e56ddbee78f200430075cac4c4a3ede788290d9c015e', '2026-12-01 18:16:43.3855+00');

INSERT INTO public.generations VALUES (1, 1, 0, 0, 0, 'p0 a0 s0', 4, 'length', -1.5, 0.25, NULL, NULL, '\x000000000000000000000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (2, 1, 0, 0, 1, 'p0 a0 s1', 4, 'length', -1.5, 0.25, NULL, NULL, '\x000000000000000001000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (3, 1, 0, 1, 0, 'p0 a1 s0', 4, 'length', -1.5, 0.25, NULL, NULL, '\x000000000100000000000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (4, 1, 0, 1, 1, 'p0 a1 s1', 4, 'length', -1.5, 0.25, NULL, NULL, '\x000000000100000001000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (5, 1, 1, 0, 0, 'p1 a0 s0', 4, 'length', -1.5, 0.25, NULL, NULL, '\x010000000000000000000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (6, 1, 1, 0, 1, 'p1 a0 s1', 4, 'length', -1.5, 0.25, NULL, NULL, '\x010000000000000001000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (7, 1, 1, 1, 0, 'p1 a1 s0', 4, 'length', -1.5, 0.25, NULL, NULL, '\x010000000100000000000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (8, 1, 1, 1, 1, 'p1 a1 s1', 4, 'length', -1.5, 0.25, NULL, NULL, '\x010000000100000001000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (9, 2, 0, 0, 0, 'p0 a0 s0', 4, 'length', -1.5, 0.25, NULL, NULL, '\x00000000000000000000000005000000', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (10, 2, 0, 0, 1, 'p0 a0 s1', 4, 'length', -1.5, 0.25, NULL, NULL, '\x000000000000000001000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (11, 2, 0, 1, 0, 'p0 a1 s0', 4, 'length', -1.5, 0.25, NULL, NULL, '\x000000000100000000000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (12, 2, 0, 1, 1, 'p0 a1 s1', 4, 'length', -1.5, 0.25, NULL, NULL, '\x000000000100000001000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (13, 2, 1, 0, 0, 'p1 a0 s0', 4, 'length', -1.5, 0.25, NULL, NULL, '\x010000000000000000000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (14, 2, 1, 0, 1, 'p1 a0 s1', 4, 'length', -1.5, 0.25, NULL, NULL, '\x010000000000000001000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (15, 2, 1, 1, 0, 'p1 a1 s0', 4, 'length', -1.5, 0.25, NULL, NULL, '\x010000000100000000000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (16, 2, 1, 1, 1, 'p1 a1 s1', 4, 'length', -1.5, 0.25, NULL, NULL, '\x010000000100000001000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (17, 3, 0, 0, 0, 'p0 a0 s0', 4, 'length', -1.5, 0.25, 0.5, -2, '\x000000000000000000000000ffffff7f', '\x0000003f0000803e000000000000a03f', '\x0000c0bf0000c0bf0000c0bf0000c0bf', '\x000020c00000c0bf000000bf000060c0');
INSERT INTO public.generations VALUES (18, 3, 0, 0, 1, 'p0 a0 s1', 4, 'length', -1.5, 0.25, 0.5, -2, '\x000000000000000001000000ffffff7f', '\x0000003f0000803e000000000000a03f', '\x0000c0bf0000c0bf0000c0bf0000c0bf', '\x000020c00000c0bf000000bf000060c0');
INSERT INTO public.generations VALUES (19, 3, 0, 1, 0, 'p0 a1 s0', 4, 'length', -1.5, 0.25, 0.5, -2, '\x000000000100000000000000ffffff7f', '\x0000003f0000803e000000000000a03f', '\x0000c0bf0000c0bf0000c0bf0000c0bf', '\x000020c00000c0bf000000bf000060c0');
INSERT INTO public.generations VALUES (20, 3, 0, 1, 1, 'p0 a1 s1', 4, 'length', -1.5, 0.25, 0.5, -2, '\x000000000100000001000000ffffff7f', '\x0000003f0000803e000000000000a03f', '\x0000c0bf0000c0bf0000c0bf0000c0bf', '\x000020c00000c0bf000000bf000060c0');
INSERT INTO public.generations VALUES (21, 3, 1, 0, 0, 'p1 a0 s0', 4, 'length', -1.5, 0.25, 0.5, -2, '\x010000000000000000000000ffffff7f', '\x0000003f0000803e000000000000a03f', '\x0000c0bf0000c0bf0000c0bf0000c0bf', '\x000020c00000c0bf000000bf000060c0');
INSERT INTO public.generations VALUES (22, 3, 1, 0, 1, 'p1 a0 s1', 4, 'length', -1.5, 0.25, 0.5, -2, '\x010000000000000001000000ffffff7f', '\x0000003f0000803e000000000000a03f', '\x0000c0bf0000c0bf0000c0bf0000c0bf', '\x000020c00000c0bf000000bf000060c0');
INSERT INTO public.generations VALUES (23, 3, 1, 1, 0, 'p1 a1 s0', 4, 'length', -1.5, 0.25, 0.5, -2, '\x010000000100000000000000ffffff7f', '\x0000003f0000803e000000000000a03f', '\x0000c0bf0000c0bf0000c0bf0000c0bf', '\x000020c00000c0bf000000bf000060c0');
INSERT INTO public.generations VALUES (24, 3, 1, 1, 1, 'p1 a1 s1', 4, 'length', -1.5, 0.25, 0.5, -2, '\x010000000100000001000000ffffff7f', '\x0000003f0000803e000000000000a03f', '\x0000c0bf0000c0bf0000c0bf0000c0bf', '\x000020c00000c0bf000000bf000060c0');
INSERT INTO public.generations VALUES (25, 4, 0, 0, 0, 'p0 a0 s0', 4, 'length', -1.5, 0.25, NULL, NULL, '\x000000000000000000000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (26, 4, 0, 0, 1, 'p0 a0 s1', 4, 'length', -1.5, 0.25, NULL, NULL, '\x000000000000000001000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (27, 4, 0, 1, 0, 'p0 a1 s0', 4, 'length', -1.5, 0.25, NULL, NULL, '\x000000000100000000000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (28, 4, 0, 1, 1, 'p0 a1 s1', 4, 'length', -1.5, 0.25, NULL, NULL, '\x000000000100000001000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (29, 4, 0, 2, 0, 'p0 a2 s0', 4, 'length', -1.5, 0.25, NULL, NULL, '\x000000000200000000000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (30, 4, 0, 2, 1, 'p0 a2 s1', 4, 'length', -1.5, 0.25, NULL, NULL, '\x000000000200000001000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (31, 4, 1, 0, 0, 'p1 a0 s0', 4, 'length', -1.5, 0.25, NULL, NULL, '\x010000000000000000000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (32, 4, 1, 0, 1, 'p1 a0 s1', 4, 'length', -1.5, 0.25, NULL, NULL, '\x010000000000000001000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (33, 4, 1, 1, 0, 'p1 a1 s0', 4, 'length', -1.5, 0.25, NULL, NULL, '\x010000000100000000000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (34, 4, 1, 1, 1, 'p1 a1 s1', 4, 'length', -1.5, 0.25, NULL, NULL, '\x010000000100000001000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (35, 4, 1, 2, 0, 'p1 a2 s0', 4, 'length', -1.5, 0.25, NULL, NULL, '\x010000000200000000000000ffffff7f', NULL, NULL, NULL);
INSERT INTO public.generations VALUES (36, 4, 1, 2, 1, 'p1 a2 s1', 4, 'length', -1.5, 0.25, NULL, NULL, '\x010000000200000001000000ffffff7f', NULL, NULL, NULL);

INSERT INTO public.icl_checks VALUES (1, 0, 'one step', 'loss', 'paper', 0.2, 0.1, 'equal', 0.25, 0.2, 0.3, 'ok');
INSERT INTO public.icl_checks VALUES (2, 0, 'one step', 'loss', 'paper', 0.2, 0.1, 'equal', 0.25, 0.2, 0.3, 'ok');

INSERT INTO public.icl_heads VALUES (1, 1, 2, 0.5, 0.25, -0.5, 1, '[0.25,0.25]');
INSERT INTO public.icl_heads VALUES (2, 1, 2, 0.5, 0.25, -0.5, 1, '[0.25,0.25]');

INSERT INTO public.icl_layers VALUES (1, 'shuffled', 1, 0.5, 0.25, 0.125, 2, 1.5, -1);
INSERT INTO public.icl_layers VALUES (2, 'shuffled', 1, 0.5, 0.25, 0.125, 2, 1.5, -1);

INSERT INTO public.icl_runs VALUES (1, 'bridge', '8132e8f9fa2a1907490f17eda97215fd633854e9cdf74340722d19eb59332b6f', '{"layout":"arrow","shots":2}', 1, 1, NULL, '{"rest":[0.5]}', '{"torch":"2.13.0"}', 1.5, '3aad2675f7bda5a4e824eb380cb536243d183209c5a97d02e0c66d348e98b0c6', '2026-12-01 18:16:43.300371+00', 'tester');
INSERT INTO public.icl_runs VALUES (2, 'bridge', '8132e8f9fa2a1907490f17eda97215fd633854e9cdf74340722d19eb59332b6f', '{"layout":"arrow","shots":2}', 1, 1, 1, '{"rest":[0.5]}', '{"torch":"2.13.0"}', 1.5, '7885fe9872ad8c849326905f64f2b0dbfd83286de1848a87805a097cd2b19dc5', '2026-12-01 18:16:43.64827+00', 'tester');

INSERT INTO public.icl_weights VALUES (1, '9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c', '\x77656967687473');
INSERT INTO public.icl_weights VALUES (2, '9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c', '\x77656967687473');

INSERT INTO public.job_attempts VALUES (1, 1, 'w1', '2026-12-01 18:16:43.562266+00', '2026-12-01 18:16:43.58831+00', 'failed', 'bad');
INSERT INTO public.job_attempts VALUES (2, 1, 'w2', '2026-12-01 18:16:43.601648+00', NULL, NULL, NULL);

INSERT INTO public.job_checkpoints VALUES (2, 1, 1, '4ba69735ca53765ed6a709edb56c6ea236b7193a3b29a6b390c346f0f4340e4e', '\x7374617465', '2026-12-01 18:16:43.630024+00');

INSERT INTO public.job_chunks VALUES (2, 0, 1, '\x6368756e6b', '2026-12-01 18:16:43.604287+00');

INSERT INTO public.job_logs VALUES (1, 2, 1, 'warning', 'slow', '2026-12-01 18:16:43.608288+00');

INSERT INTO public.job_partials VALUES (2, 1, '[[0,0,0,"So"]]', '2026-12-01 18:16:43.617977+00');

INSERT INTO public.job_points VALUES (2, 'loss', 1, 0.5);

INSERT INTO public.jobs VALUES (1, 'extract', 'failed', 'default', 0, 1, '{"set":"upbeat@1"}', 'b4c4eabf605a63cffb0e8fa7aa2acf321cb771b4d90828fdbef26e4e6e5b2d3b', NULL, NULL, '2026-12-01 18:16:45.579078+00', 1, 0, 3, NULL, NULL, false, 1, 2, NULL, 'half', NULL, 'InputError', 'bad', '2026-12-01 18:16:43.536555+00', '2026-12-01 18:16:43.556251+00', '2026-12-01 18:16:43.579078+00', 'tester');
INSERT INTO public.jobs VALUES (2, 'extract', 'running', 'default', 0, NULL, '{"set":"upbeat@1"}', 'b4c4eabf605a63cffb0e8fa7aa2acf321cb771b4d90828fdbef26e4e6e5b2d3b', NULL, NULL, '2026-12-01 18:16:43.590719+00', 1, 0, 3, 'w2', '2026-12-01 18:17:43.600774+00', false, 0, NULL, NULL, '', NULL, NULL, NULL, '2026-12-01 18:16:43.590719+00', '2026-12-01 18:16:43.600774+00', NULL, 'tester');

INSERT INTO public.layer_vectors VALUES (1, 0, 8, 'float32', 1.8626529664481026, 0.5, 0.75, '20035739d65b6cbf02d074098da90112aa618c0437398af630259ff7d1f0fada', '\x6cbf003e7f4607bebdf2233fdfd5d63da12109bffd22b93e79e9a63fe673723f');
INSERT INTO public.layer_vectors VALUES (1, 1, 8, 'float32', 3.1668377786795534, NULL, NULL, '00a16827fe72940ce9df98e851504fd2f11495f9c571215389b58a00c765a24c', '\xfe2734bf55f9a1bfea8e1fbf6e45293d4ecd14c0ec0a60be037a9fbfe0753bbf');
INSERT INTO public.layer_vectors VALUES (1, 2, 8, 'float32', 2.0254195230500924, NULL, NULL, '5652d7690781d4ccd6994bd66426dc42b2e319471bb94522c5bde885a5206494', '\x8f540bbf18f2a1be3dc1d23e1471853f979e03be46e8ae3f334a2abf21f9b33e');
INSERT INTO public.layer_vectors VALUES (2, 0, 8, 'float32', 2.0607835097318254, 0.5, 0.75, 'c45efc05dc9563491adc3e22bfde89f03ce2b11379af15f589fd4cab9b90619f', '\x69f0b03e9155523f0c2fa93edbcda6bf67c5673f358be43ec47509bf28c4143f');
INSERT INTO public.layer_vectors VALUES (2, 1, 8, 'float32', 1.2957970318494638, NULL, NULL, '795c723729a0b3dc066069eae88f8f5cdb9308207d9f135da952b950cb827878', '\x3ca9ba3e8998963ec3d5e83c62f50b3f41883cbfded126be58d8f6befc4d193f');
INSERT INTO public.layer_vectors VALUES (2, 2, 8, 'float32', 1.8784982839519757, NULL, NULL, 'bc1c5ef4ae6552274f09ca73b834fe9cb947dc7d97e8560ed014f04a49a574e2', '\xa6b3223de4bc95be272b48bfb4ae83bec866053cd31b8dbee2a3a53f58dc803f');
INSERT INTO public.layer_vectors VALUES (3, 0, 8, 'float32', 2.374469169923038, 0.5, 0.75, '0979b8e6ff857102f17ed6745e07962704afb617bbea8693f7a3bd8a364618fd', '\xb9864dbfa5ad783e2103d4bf7df6273fab5c923fa1bce7bea168dc3e3c7a803e');
INSERT INTO public.layer_vectors VALUES (3, 1, 8, 'float32', 3.7608540095377934, NULL, NULL, '85224a21e2035a4d106ca2c5b2a81f9d3cd2f216b3b54867fc23c8feb10571c8', '\x83e8c9be91c65cbf571502c0c288b43f051a43bdd06d21400a83533f40398e3e');
INSERT INTO public.layer_vectors VALUES (3, 2, 8, 'float32', 3.6186722353461325, NULL, NULL, '88478ba4298a2826f945932bdf05a4c1bc3ab1dd2cba11ba22868865439cb3b7', '\x674d28bf6e3cb23f2a9c01bf18f4c83f03f6cbbeb56a3e3edde6c2bf85f71540');

INSERT INTO public.models VALUES (1, 'tiny', '/models/tiny', NULL, 'b03b378fe6de2e7fba9393266566c54f9fa977037c7dc81aa8e4cd48e13c6972', 'llama', 3, 8, 7000000000, 2048, 512, '1b03e4a529e9e57195c0b59646d59150c2f006489f56b1aea7f02e0ad6703903', '50f24805dc2446be440b9f81bc436fb5e5bac45202ab4e666b3002a1685844a2', '550a7714453c9487937abaa087b7c206ec545cd19d638f178a23f873a9010c4e', NULL, false, '2026-12-01 18:16:42.874349+00');
INSERT INTO public.models VALUES (2, 'revised', '/models/revised', 'abc123', '90fc6c901e99e0e63ad6eb9daf3a8e806c503fea53ced736df0ce11e1384c38e', 'llama', 3, 8, 7000000000, 2048, 512, '74e5b355cd80c0cbbd8d4d3fd1c638be6bc74183d82b79db93185d3c44a4d26e', '1495747fcee5850957015473f7f1df999ff60b1dc1b7fc3ba45f7046705b33d7', '851df5b3c3e14fbf1159bc8606e10c227b43367fbca1537fbe5cf9c7b22feaf1', 'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc', false, '2026-12-01 18:16:43.438791+00');

INSERT INTO public.nearest_tokens VALUES (1, 0, '[[7," good",1.5]]', '[[7," good",1.5]]', '71c981c4fc4ffcb6d665c3626a03bd23888919d5958f819e662253035fb18da5', '2026-12-01 18:16:43.337345+00');

INSERT INTO public.omitted_demonstrations VALUES (1, 0, -0.25, 0.75, '[-0.25,0.0,0.25]', '[1.0,0.75,0.5]');

INSERT INTO public.ravel_attributes VALUES (1, 0, 'colour');
INSERT INTO public.ravel_attributes VALUES (1, 1, 'shape');

INSERT INTO public.ravel_completions VALUES (1, 0, 0, 'c0', '\x0000000007000000', NULL);
INSERT INTO public.ravel_completions VALUES (1, 0, 1, 'c1', '\x0100000007000000', true);

INSERT INTO public.ravel_entities VALUES (1, 0, 'e0', 'train');
INSERT INTO public.ravel_entities VALUES (1, 1, 'e1', 'train');
INSERT INTO public.ravel_entities VALUES (1, 2, 'e2', 'val');
INSERT INTO public.ravel_entities VALUES (1, 3, 'e3', 'test');

INSERT INTO public.ravel_evaluation_featurizers VALUES (1, 0, 1);

INSERT INTO public.ravel_evaluations VALUES (1, 'f72e2f73c9e1e4685a47ccb1acaee0852a8a2863375acbdb37e53eec357eca57', 1, NULL, 'entity_test', 'mdas L1 k2', 'mdas', 1, 'entity_last', 2, 2, '{"featurizers":[{"attribute":"colour","instance_sha256":"d0284cd116747b239fe211b4a9130228db4afa6ab952137eef7f4973b6a6c09a","k":2,"layer":1,"location":"entity_last","method":"mdas","parameters":{"steps":3},"seed":0,"weights_sha256":null}]}', 2, '{"torch":"2.13.0"}', '04b6ef608c7b8134450139b218fd4041573fbb337ebd055813aaa4a2be7194e1', '2026-12-01 18:16:43.20645+00', 'tester');

INSERT INTO public.ravel_examples VALUES (1, 0, 'train', 'same', 0, 0, 0, 1, '\x0000000007000000', '\x0100000007000000');
INSERT INTO public.ravel_examples VALUES (1, 1, 'train', 'same', 3, 0, 0, 1, '\x0000000007000000', '\x0100000007000000');
INSERT INTO public.ravel_examples VALUES (1, 2, 'entity_test', 'same', 0, 0, 0, 1, '\x0000000007000000', '\x0100000007000000');
INSERT INTO public.ravel_examples VALUES (1, 3, 'entity_test', 'same', 3, 0, 0, 1, '\x0000000007000000', '\x0100000007000000');

INSERT INTO public.ravel_featurizers VALUES (1, 'f8555308c9a644a1a3eb5cf5b942fa1ebad884809742bf9947a63dab358bfef1', 1, 'mdas', 'colour', 1, 'entity_last', 2, 2, '{"attribute":"colour","instance_sha256":"d0284cd116747b239fe211b4a9130228db4afa6ab952137eef7f4973b6a6c09a","k":2,"layer":1,"location":"entity_last","method":"mdas","parameters":{"steps":3},"seed":0,"weights_sha256":null}', '[{"loss":1.5,"step":0}]', '{"unexplained":0.25}', '{"torch":"2.13.0"}', '20f157c30cff8dc0ad33db38dc90e73ebb11368051409795306360ae0b5e48cd', '2026-12-01 18:16:43.178212+00', 'tester');

INSERT INTO public.ravel_instances VALUES (1, 'things', 'd0284cd116747b239fe211b4a9130228db4afa6ab952137eef7f4973b6a6c09a', '5020c3d990210a4923db3b939cd2b50b8185c32eaea185cb05a58667e98bfd98', 1, 1, '{"add_special_tokens":true,"data_sha256":"83b89b4ae58d5f8746d910f996f5c407846d29cc29aff788b317d734f2cb4987","dtype":"float32","max_new_tokens":8,"min_entity_accuracy":0.5,"min_template_accuracy":0.5,"model_fingerprint":"b03b378fe6de2e7fba9393266566c54f9fa977037c7dc81aa8e4cd48e13c6972","n_test":128,"n_train":512,"seed":0,"stop_characters":"\"\n.,;}"}', '[{"correct":1,"n":1,"name":"colour","templates":3,"templates_kept":1}]', 2, '{"context_test":0,"context_val":0,"entity_test":2,"entity_val":0,"train":2}', '{"torch":"2.13.0"}', '1b70d989132e432065420e8eac0f2b8eb8a2f8eb92f0cf018699828468c12aa4', '2026-12-01 18:16:43.147564+00', 'tester');

INSERT INTO public.ravel_outcomes VALUES (1, 'colour', 2, 'c1', true, false);
INSERT INTO public.ravel_outcomes VALUES (1, 'colour', 3, 's', false, true);

INSERT INTO public.ravel_run_evaluations VALUES (1, 0, 1);

INSERT INTO public.ravel_runs VALUES (1, 'trial', '02ff8d22a4c2f60052dcb26a3c8551314a387874314c05fb1af78d44397593c2', 1, '{"arms":[{"featurizers":[{"attribute":"colour","instance_sha256":"d0284cd116747b239fe211b4a9130228db4afa6ab952137eef7f4973b6a6c09a","k":2,"layer":1,"location":"entity_last","method":"mdas","parameters":{"steps":3},"seed":0,"weights_sha256":null}],"label":"mdas L1 k2"}],"instance_sha256":"d0284cd116747b239fe211b4a9130228db4afa6ab952137eef7f4973b6a6c09a","parts":["entity_test"]}', '{"torch":"2.13.0"}', 1.5, 'a89351de782babcbd18770d631ebf9f5fc01fabc7af5390136080226977dd2a7', '2026-12-01 18:16:43.234716+00', 'tester');

INSERT INTO public.ravel_scores VALUES (1, 0, 'cause', 'colour', 'colour', 0, 1, 1, 1, 1);
INSERT INTO public.ravel_scores VALUES (1, 1, 'isolate', 'colour', 'shape', 3, 1, 1, 1, 1);
INSERT INTO public.ravel_scores VALUES (1, 2, 'cause', 'colour', 'colour', NULL, 1, 1, 1, 1);
INSERT INTO public.ravel_scores VALUES (1, 3, 'isolate', 'colour', 'shape', NULL, 1, 1, 1, 1);
INSERT INTO public.ravel_scores VALUES (1, 4, 'isolate', 'colour', NULL, NULL, 1, 1, 1, 1);
INSERT INTO public.ravel_scores VALUES (1, 5, 'disentangle', 'colour', NULL, NULL, 2, 1, 1, 1);
INSERT INTO public.ravel_scores VALUES (1, 6, 'cause', NULL, NULL, NULL, 1, 1, 1, 1);
INSERT INTO public.ravel_scores VALUES (1, 7, 'isolate', NULL, NULL, NULL, 1, 1, 1, 1);
INSERT INTO public.ravel_scores VALUES (1, 8, 'disentangle', NULL, NULL, NULL, 2, 1, 1, 1);

INSERT INTO public.ravel_templates VALUES (1, 0, 'train %s colour', 'train', 0, NULL);
INSERT INTO public.ravel_templates VALUES (1, 1, 'val %s colour', 'val', 0, NULL);
INSERT INTO public.ravel_templates VALUES (1, 2, 'test %s colour', 'test', 0, NULL);
INSERT INTO public.ravel_templates VALUES (1, 3, 'train %s shape', 'train', 1, NULL);
INSERT INTO public.ravel_templates VALUES (1, 4, 'val %s shape', 'val', 1, NULL);
INSERT INTO public.ravel_templates VALUES (1, 5, 'test %s shape', 'test', 1, NULL);
INSERT INTO public.ravel_templates VALUES (1, 6, 'train %s None', 'train', NULL, NULL);
INSERT INTO public.ravel_templates VALUES (1, 7, 'val %s None', 'val', NULL, NULL);
INSERT INTO public.ravel_templates VALUES (1, 8, 'test %s None', 'test', NULL, NULL);

INSERT INTO public.ravel_tensor_chunks VALUES (1, 0, 0, '\x0000803f00000000000000000000000000000000000000000000000000000000000000000000803f000000000000000000000000000000000000000000000000');

INSERT INTO public.ravel_tensors VALUES (1, 0, 'rows', '[2,8]', 'float32', '8e0480878b8563c1161f26eae8e520ba1134a07be263c88c9aa7a2d20269ec61');

INSERT INTO public.ravel_types VALUES (1, 'thing', '2026-12-01 18:16:43.112454+00');

INSERT INTO public.ravel_values VALUES (1, 0, 0, 'c0');
INSERT INTO public.ravel_values VALUES (1, 0, 1, 's0');
INSERT INTO public.ravel_values VALUES (1, 1, 0, 'c1');
INSERT INTO public.ravel_values VALUES (1, 1, 1, 's1');
INSERT INTO public.ravel_values VALUES (1, 2, 0, 'c0');
INSERT INTO public.ravel_values VALUES (1, 2, 1, 's2');
INSERT INTO public.ravel_values VALUES (1, 3, 0, 'c1');
INSERT INTO public.ravel_values VALUES (1, 3, 1, 's3');

INSERT INTO public.ravel_versions VALUES (1, 1, 1, '83b89b4ae58d5f8746d910f996f5c407846d29cc29aff788b317d734f2cb4987', 'm', 'tester', 4, 6, 3, '2026-12-01 18:16:43.123578+00');

INSERT INTO public.replay_departures VALUES (2, 0, 0, 0, 3, 2147483647, 5, 0.0005);

INSERT INTO public.replay_verdicts VALUES (2, 'rounding', 0.001, 'fcdab60ba83fb4f55eefc037733fbf83cb6e3acc685ff0a9b06de8512a4258f6', '2026-12-01 18:16:43.282871+00');

INSERT INTO public.run_arms VALUES (1, 0, 'baseline', NULL, 'mean');
INSERT INTO public.run_arms VALUES (1, 1, 'upbeat 0.1', NULL, 'mean');
INSERT INTO public.run_arms VALUES (2, 0, 'baseline', NULL, 'mean');
INSERT INTO public.run_arms VALUES (2, 1, 'upbeat 0.1', NULL, 'mean');
INSERT INTO public.run_arms VALUES (3, 0, 'baseline', NULL, 'mean');
INSERT INTO public.run_arms VALUES (3, 1, 'conditional', NULL, 'mean');
INSERT INTO public.run_arms VALUES (4, 0, 'plain', NULL, 'mean');
INSERT INTO public.run_arms VALUES (4, 1, 'in context', 'Once: good. ', 'mean');
INSERT INTO public.run_arms VALUES (4, 2, 'one layer', NULL, 'mean');

INSERT INTO public.run_prompts VALUES (1, 0, 'Say it: ', NULL);
INSERT INTO public.run_prompts VALUES (1, 1, 'Again: ', 'better');
INSERT INTO public.run_prompts VALUES (2, 0, 'Say it: ', NULL);
INSERT INTO public.run_prompts VALUES (2, 1, 'Again: ', 'better');
INSERT INTO public.run_prompts VALUES (3, 0, 'Say it: ', NULL);
INSERT INTO public.run_prompts VALUES (3, 1, 'Again: ', 'better');
INSERT INTO public.run_prompts VALUES (4, 0, 'Say it: ', NULL);
INSERT INTO public.run_prompts VALUES (4, 1, 'Again: ', 'better');

INSERT INTO public.saved_queries VALUES ('mine', 'SELECT 1', '2026-12-01 18:16:43.674259+00', 'tester');

INSERT INTO public.scores VALUES (1, 1, NULL, 'bleu', '1', 0.25, NULL, '{}', 'eb8502101c2b291f9424d83eff5c7fd76fdaab899dcd13465da2cdac30109591', 'b6b88077b34b7861523624089243f837038fb013cb84bc97c3f416eeceef9766', '2026-12-01 18:16:43.47865+00');
INSERT INTO public.scores VALUES (2, 1, NULL, 'bleu', '2', NULL, 'no target text', '{}', '0f9533fbe8ece3571185002a449e88ad93c352b6d404ecbdb032ef674e743f8f', 'ecc8ff1c266eec33a01391af513d0ec3ff1e53812154c77d03a682b33c020a8b', '2026-12-01 18:16:43.48945+00');
INSERT INTO public.scores VALUES (3, 1, 1, 'bleu', '1', 0.5, NULL, '{}', 'eb8502101c2b291f9424d83eff5c7fd76fdaab899dcd13465da2cdac30109591', 'adf03c1fcfed93aff0538bdf1902090109f351245cdab1faafce001d9ed4e77a', '2026-12-01 18:16:43.504341+00');

INSERT INTO public.set_items VALUES (1, 1, 0, 1, 1);
INSERT INTO public.set_items VALUES (1, 1, 65536, 1, 2);
INSERT INTO public.set_items VALUES (1, 1, 131072, 1, 3);
INSERT INTO public.set_items VALUES (1, 1, 196608, 1, 4);
INSERT INTO public.set_items VALUES (1, 1, 131072, 2, NULL);
INSERT INTO public.set_items VALUES (1, 1, 196608, 2, NULL);
INSERT INTO public.set_items VALUES (2, 1, 0, 1, 2);
INSERT INTO public.set_items VALUES (2, 1, 65536, 1, 3);
INSERT INTO public.set_items VALUES (2, 1, 131072, 1, 4);

INSERT INTO public.set_version_findings VALUES (2, 0, 'personal_data', 1, 'looks personal', '[0]');

INSERT INTO public.set_versions VALUES (1, 1, 1, NULL, NULL, NULL, 'fccb5f7edf6373529b35f66061ffcd6d30c4568f402c32b3bb5f00f97a729655', 4, 1, 'first', 'tester', NULL, '2026-12-01 18:16:42.918373+00');
INSERT INTO public.set_versions VALUES (2, 1, 2, 1, 'revises', NULL, '1db4546693735417b982450f456fd49a7436bcd81c1b72b48df92a611c3b946a', 2, 1, 'first', 'tester', NULL, '2026-12-01 18:16:42.96173+00');
INSERT INTO public.set_versions VALUES (3, 2, 1, 2, 'forked_from', 1, '98d0b07f8d05ea56f8952965fef220a9bc7fb1455bb3d47972b48611ae40df2f', 3, 1, 'merge', 'tester', '{"theirs":"upbeat@1"}', '2026-12-01 18:16:42.984732+00');

INSERT INTO public.state_blob_chunks VALUES (1, 0, '\xe20b23bedb740a3f9acf5b3e69f3b53e506127bf70b904be9eb2483fc028bf3f0f29a1bf41c8c13fa545ac3f0604483fba66873e7ebaa0be6ca0ba3fbfe9fa3ff99be63f5255a83f91fab63e2faa9abffaf391bbbe0e283f07e9a4bf704dca3e1817dc3edb2f323f2d9197bf576529bf7174dfbe12bc95bf9ba3de3f03e8fdbe6cbf003e7f4607bebdf2233fdfd5d63da12109bffd22b93e79e9a63fe673723ffe2734bf55f9a1bfea8e1fbf6e45293d4ecd14c0ec0a60be037a9fbfe0753bbf8f540bbf18f2a1be3dc1d23e1471853f979e03be46e8ae3f334a2abf21f9b33ed249673f8589c03df8553ebf32f66bbf0a5beabed57a613e2b3b81bf1f3256be');

INSERT INTO public.state_blobs VALUES (1, 1, 2, 256, '0a90efe12898000deb0b38f7f9f41b6e7a2df2ac127d76dfb92936e54b1a6ce5', NULL, '2026-12-01 18:16:43.658601+00', '2026-12-01 18:16:43.658601+00');

INSERT INTO public.state_caches VALUES (1, '49bd21ac90325f3fa721cf717beddc9812ad4378792fbb1b37780a3891faacc7', 'b03b378fe6de2e7fba9393266566c54f9fa977037c7dc81aa8e4cd48e13c6972', '{"add_special_tokens":true,"d_model":8,"dtype":"float32","engine":{"device":"cpu","torch":"2.13.0"},"layers":[0,1,2],"model_fingerprint":"b03b378fe6de2e7fba9393266566c54f9fa977037c7dc81aa8e4cd48e13c6972","site":"block_output","token_rule":"last"}', '2026-12-01 18:16:43.656289+00');

INSERT INTO public.steering_vectors VALUES (1, 'upbeat-v1', 1, 'extracted', 'icv', '{"scale":1.0}', 'rotate', 1, 'last', 'block_output', 'mlp_output', 3, 8, '0dfee476a881fb5de3720931fc1bd3a6fb9c0f49fcd038e2662a39b2ef638f0f', '1d41eaff74c8cd4e5525bce6c2b8449217876c5d0d54e56b882fbfbbfbcc8473', '{"add_special_tokens":true,"dtype":"float32","method":"icv","model_fingerprint":"b03b378fe6de2e7fba9393266566c54f9fa977037c7dc81aa8e4cd48e13c6972","parameters":{"scale":1.0},"read_site":"block_output","set_sha256":"fccb5f7edf6373529b35f66061ffcd6d30c4568f402c32b3bb5f00f97a729655","strip_punctuation":false,"token_rule":"last","write_site":"mlp_output"}', '{"threads":1,"torch":"2.13.0"}', 'e0d11c7335e699f7b522000889884dbe5348a089227bc48511b3c53bc67b69fd', '2026-12-01 18:16:43.012414+00', 'tester');
INSERT INTO public.steering_vectors VALUES (2, 'other', 1, 'imported', 'icv', '{"scale":1.0}', 'rotate', NULL, 'last', 'block_output', 'mlp_output', 3, 8, '359bbfd7f99f2896a23ca41eb07902d085e3120c4c38c49bf496331ebb153367', NULL, NULL, '{"threads":1,"torch":"2.13.0"}', 'fc6ccce851d87b610525c4c94d107e1b6ace2573c9765b4a4c6ac481525f2977', '2026-12-01 18:16:43.033548+00', 'tester');
INSERT INTO public.steering_vectors VALUES (3, 'combined', 1, 'combined', 'combined', '{"scale":1.0}', 'rotate', NULL, 'last', 'block_output', 'mlp_output', 3, 8, '1ce25404e03408b442b83f76b7e8de5952c5c4c6d8bf0c520bf9ab9b474dca8f', NULL, NULL, '{"threads":1,"torch":"2.13.0"}', '9c5d9148c8ee85e75a5746de72a1e32018b7cc898771ede2accc12060ef0ff30', '2026-12-01 18:16:43.04611+00', 'tester');

INSERT INTO public.vector_parents VALUES (3, 0, 1, 0.5);
INSERT INTO public.vector_parents VALUES (3, 1, 2, 0.5);

INSERT INTO public.version_tags VALUES (1, 'published', 2, '2026-12-01 18:16:42.976163+00', 'tester');

INSERT INTO public.votes VALUES (1, 1, 3, 'left', 'Which is better?', 'ann', '2026-12-01 18:16:43.512348+00');

INSERT INTO public.workers VALUES ('w1', 'here', 7, 'cpu', '2.13.0', 'default', 'busy', '[1]', 1073741824, '2026-12-01 18:16:43.522061+00', '2026-12-01 18:16:43.565438+00', NULL);

SELECT pg_catalog.setval('public.audit_log_id_seq', 1, true);

SELECT pg_catalog.setval('public.calibrations_id_seq', 1, true);

SELECT pg_catalog.setval('public.condition_searches_id_seq', 1, true);

SELECT pg_catalog.setval('public.demonstration_sets_id_seq', 2, true);

SELECT pg_catalog.setval('public.demonstrations_id_seq', 4, true);

SELECT pg_catalog.setval('public.generation_runs_id_seq', 4, true);

SELECT pg_catalog.setval('public.generations_id_seq', 36, true);

SELECT pg_catalog.setval('public.icl_runs_id_seq', 2, true);

SELECT pg_catalog.setval('public.job_logs_id_seq', 1, true);

SELECT pg_catalog.setval('public.jobs_id_seq', 2, true);

SELECT pg_catalog.setval('public.models_id_seq', 2, true);

SELECT pg_catalog.setval('public.ravel_evaluations_id_seq', 1, true);

SELECT pg_catalog.setval('public.ravel_featurizers_id_seq', 1, true);

SELECT pg_catalog.setval('public.ravel_instances_id_seq', 1, true);

SELECT pg_catalog.setval('public.ravel_runs_id_seq', 1, true);

SELECT pg_catalog.setval('public.ravel_types_id_seq', 1, true);

SELECT pg_catalog.setval('public.ravel_versions_id_seq', 1, true);

SELECT pg_catalog.setval('public.scores_id_seq', 3, true);

SELECT pg_catalog.setval('public.set_versions_id_seq', 3, true);

SELECT pg_catalog.setval('public.state_blobs_id_seq', 1, true);

SELECT pg_catalog.setval('public.state_caches_id_seq', 1, true);

SELECT pg_catalog.setval('public.steering_vectors_id_seq', 3, true);

SELECT pg_catalog.setval('public.votes_id_seq', 1, true);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.arm_interventions
    ADD CONSTRAINT pk_arm_interventions PRIMARY KEY (run_id, arm, "position");

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT pk_audit_log PRIMARY KEY (id);

ALTER TABLE ONLY public.cached_states
    ADD CONSTRAINT pk_cached_states PRIMARY KEY (state_cache_id, text_sha256);

ALTER TABLE ONLY public.calibrations
    ADD CONSTRAINT pk_calibrations PRIMARY KEY (id);

ALTER TABLE ONLY public.condition_searches
    ADD CONSTRAINT pk_condition_searches PRIMARY KEY (id);

ALTER TABLE ONLY public.demonstration_alignments
    ADD CONSTRAINT pk_demonstration_alignments PRIMARY KEY (steering_vector_id, "position");

ALTER TABLE ONLY public.demonstration_sets
    ADD CONSTRAINT pk_demonstration_sets PRIMARY KEY (id);

ALTER TABLE ONLY public.demonstrations
    ADD CONSTRAINT pk_demonstrations PRIMARY KEY (id);

ALTER TABLE ONLY public.explanations
    ADD CONSTRAINT pk_explanations PRIMARY KEY (steering_vector_id);

ALTER TABLE ONLY public.generation_runs
    ADD CONSTRAINT pk_generation_runs PRIMARY KEY (id);

ALTER TABLE ONLY public.generation_tokens
    ADD CONSTRAINT pk_generation_tokens PRIMARY KEY (generation_id);

ALTER TABLE ONLY public.generations
    ADD CONSTRAINT pk_generations PRIMARY KEY (id);

ALTER TABLE ONLY public.icl_checks
    ADD CONSTRAINT pk_icl_checks PRIMARY KEY (icl_run_id, "position");

ALTER TABLE ONLY public.icl_heads
    ADD CONSTRAINT pk_icl_heads PRIMARY KEY (icl_run_id, layer, head);

ALTER TABLE ONLY public.icl_layers
    ADD CONSTRAINT pk_icl_layers PRIMARY KEY (icl_run_id, condition, layer);

ALTER TABLE ONLY public.icl_runs
    ADD CONSTRAINT pk_icl_runs PRIMARY KEY (id);

ALTER TABLE ONLY public.icl_weights
    ADD CONSTRAINT pk_icl_weights PRIMARY KEY (icl_run_id);

ALTER TABLE ONLY public.job_attempts
    ADD CONSTRAINT pk_job_attempts PRIMARY KEY (job_id, attempt);

ALTER TABLE ONLY public.job_checkpoints
    ADD CONSTRAINT pk_job_checkpoints PRIMARY KEY (job_id);

ALTER TABLE ONLY public.job_chunks
    ADD CONSTRAINT pk_job_chunks PRIMARY KEY (job_id, seq);

ALTER TABLE ONLY public.job_logs
    ADD CONSTRAINT pk_job_logs PRIMARY KEY (id);

ALTER TABLE ONLY public.job_partials
    ADD CONSTRAINT pk_job_partials PRIMARY KEY (job_id);

ALTER TABLE ONLY public.job_points
    ADD CONSTRAINT pk_job_points PRIMARY KEY (job_id, series, step);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT pk_jobs PRIMARY KEY (id);

ALTER TABLE ONLY public.layer_vectors
    ADD CONSTRAINT pk_layer_vectors PRIMARY KEY (steering_vector_id, layer);

ALTER TABLE ONLY public.models
    ADD CONSTRAINT pk_models PRIMARY KEY (id);

ALTER TABLE ONLY public.nearest_tokens
    ADD CONSTRAINT pk_nearest_tokens PRIMARY KEY (steering_vector_id, layer);

ALTER TABLE ONLY public.omitted_demonstrations
    ADD CONSTRAINT pk_omitted_demonstrations PRIMARY KEY (steering_vector_id, "position");

ALTER TABLE ONLY public.ravel_attributes
    ADD CONSTRAINT pk_ravel_attributes PRIMARY KEY (version_id, "position");

ALTER TABLE ONLY public.ravel_completions
    ADD CONSTRAINT pk_ravel_completions PRIMARY KEY (instance_id, template, entity);

ALTER TABLE ONLY public.ravel_entities
    ADD CONSTRAINT pk_ravel_entities PRIMARY KEY (version_id, "position");

ALTER TABLE ONLY public.ravel_evaluation_featurizers
    ADD CONSTRAINT pk_ravel_evaluation_featurizers PRIMARY KEY (evaluation_id, "position");

ALTER TABLE ONLY public.ravel_evaluations
    ADD CONSTRAINT pk_ravel_evaluations PRIMARY KEY (id);

ALTER TABLE ONLY public.ravel_examples
    ADD CONSTRAINT pk_ravel_examples PRIMARY KEY (instance_id, "position");

ALTER TABLE ONLY public.ravel_featurizers
    ADD CONSTRAINT pk_ravel_featurizers PRIMARY KEY (id);

ALTER TABLE ONLY public.ravel_instances
    ADD CONSTRAINT pk_ravel_instances PRIMARY KEY (id);

ALTER TABLE ONLY public.ravel_outcomes
    ADD CONSTRAINT pk_ravel_outcomes PRIMARY KEY (evaluation_id, target, example);

ALTER TABLE ONLY public.ravel_run_evaluations
    ADD CONSTRAINT pk_ravel_run_evaluations PRIMARY KEY (run_id, "position");

ALTER TABLE ONLY public.ravel_runs
    ADD CONSTRAINT pk_ravel_runs PRIMARY KEY (id);

ALTER TABLE ONLY public.ravel_scores
    ADD CONSTRAINT pk_ravel_scores PRIMARY KEY (evaluation_id, "position");

ALTER TABLE ONLY public.ravel_templates
    ADD CONSTRAINT pk_ravel_templates PRIMARY KEY (version_id, "position");

ALTER TABLE ONLY public.ravel_tensor_chunks
    ADD CONSTRAINT pk_ravel_tensor_chunks PRIMARY KEY (featurizer_id, tensor, seq);

ALTER TABLE ONLY public.ravel_tensors
    ADD CONSTRAINT pk_ravel_tensors PRIMARY KEY (featurizer_id, "position");

ALTER TABLE ONLY public.ravel_types
    ADD CONSTRAINT pk_ravel_types PRIMARY KEY (id);

ALTER TABLE ONLY public.ravel_values
    ADD CONSTRAINT pk_ravel_values PRIMARY KEY (version_id, entity, attribute);

ALTER TABLE ONLY public.ravel_versions
    ADD CONSTRAINT pk_ravel_versions PRIMARY KEY (id);

ALTER TABLE ONLY public.replay_departures
    ADD CONSTRAINT pk_replay_departures PRIMARY KEY (run_id, prompt, arm, sample);

ALTER TABLE ONLY public.replay_verdicts
    ADD CONSTRAINT pk_replay_verdicts PRIMARY KEY (run_id);

ALTER TABLE ONLY public.run_arms
    ADD CONSTRAINT pk_run_arms PRIMARY KEY (run_id, "position");

ALTER TABLE ONLY public.run_prompts
    ADD CONSTRAINT pk_run_prompts PRIMARY KEY (run_id, "position");

ALTER TABLE ONLY public.saved_queries
    ADD CONSTRAINT pk_saved_queries PRIMARY KEY (name);

ALTER TABLE ONLY public.scores
    ADD CONSTRAINT pk_scores PRIMARY KEY (id);

ALTER TABLE ONLY public.set_items
    ADD CONSTRAINT pk_set_items PRIMARY KEY (set_id, base_number, rank, number);

ALTER TABLE ONLY public.set_version_findings
    ADD CONSTRAINT pk_set_version_findings PRIMARY KEY (set_version_id, "position");

ALTER TABLE ONLY public.set_versions
    ADD CONSTRAINT pk_set_versions PRIMARY KEY (id);

ALTER TABLE ONLY public.state_blob_chunks
    ADD CONSTRAINT pk_state_blob_chunks PRIMARY KEY (state_blob_id, seq);

ALTER TABLE ONLY public.state_blobs
    ADD CONSTRAINT pk_state_blobs PRIMARY KEY (id);

ALTER TABLE ONLY public.state_caches
    ADD CONSTRAINT pk_state_caches PRIMARY KEY (id);

ALTER TABLE ONLY public.steering_vectors
    ADD CONSTRAINT pk_steering_vectors PRIMARY KEY (id);

ALTER TABLE ONLY public.vector_parents
    ADD CONSTRAINT pk_vector_parents PRIMARY KEY (steering_vector_id, "position");

ALTER TABLE ONLY public.version_tags
    ADD CONSTRAINT pk_version_tags PRIMARY KEY (set_id, name);

ALTER TABLE ONLY public.votes
    ADD CONSTRAINT pk_votes PRIMARY KEY (id);

ALTER TABLE ONLY public.workers
    ADD CONSTRAINT pk_workers PRIMARY KEY (id);

ALTER TABLE ONLY public.demonstration_sets
    ADD CONSTRAINT uq_demonstration_sets_name UNIQUE (name);

ALTER TABLE ONLY public.demonstrations
    ADD CONSTRAINT uq_demonstrations_sha256 UNIQUE (sha256);

ALTER TABLE ONLY public.generation_runs
    ADD CONSTRAINT uq_generation_runs_name UNIQUE (name);

ALTER TABLE ONLY public.generations
    ADD CONSTRAINT uq_generations_run_id_prompt_arm_sample UNIQUE (run_id, prompt, arm, sample);

ALTER TABLE ONLY public.models
    ADD CONSTRAINT uq_models_fingerprint UNIQUE (fingerprint);

ALTER TABLE ONLY public.models
    ADD CONSTRAINT uq_models_name UNIQUE (name);

ALTER TABLE ONLY public.ravel_attributes
    ADD CONSTRAINT uq_ravel_attributes_version_id_name UNIQUE (version_id, name);

ALTER TABLE ONLY public.ravel_entities
    ADD CONSTRAINT uq_ravel_entities_version_id_name UNIQUE (version_id, name);

ALTER TABLE ONLY public.ravel_evaluations
    ADD CONSTRAINT uq_ravel_evaluations_spec_sha256 UNIQUE (spec_sha256);

ALTER TABLE ONLY public.ravel_featurizers
    ADD CONSTRAINT uq_ravel_featurizers_spec_sha256 UNIQUE (spec_sha256);

ALTER TABLE ONLY public.ravel_instances
    ADD CONSTRAINT uq_ravel_instances_name UNIQUE (name);

ALTER TABLE ONLY public.ravel_runs
    ADD CONSTRAINT uq_ravel_runs_name UNIQUE (name);

ALTER TABLE ONLY public.ravel_types
    ADD CONSTRAINT uq_ravel_types_name UNIQUE (name);

ALTER TABLE ONLY public.ravel_versions
    ADD CONSTRAINT uq_ravel_versions_type_id_number UNIQUE (type_id, number);

ALTER TABLE ONLY public.scores
    ADD CONSTRAINT uq_scores_supersedes UNIQUE (supersedes);

ALTER TABLE ONLY public.set_versions
    ADD CONSTRAINT uq_set_versions_set_id_number UNIQUE (set_id, number);

ALTER TABLE ONLY public.state_caches
    ADD CONSTRAINT uq_state_caches_sha256 UNIQUE (sha256);

ALTER TABLE ONLY public.steering_vectors
    ADD CONSTRAINT uq_steering_vectors_name UNIQUE (name);

CREATE INDEX ix_arm_interventions_condition_vector_id ON public.arm_interventions USING btree (condition_vector_id);

CREATE INDEX ix_arm_interventions_steering_vector_id ON public.arm_interventions USING btree (steering_vector_id);

CREATE INDEX ix_audit_log_object_kind_object_id ON public.audit_log USING btree (object_kind, object_id);

CREATE INDEX ix_cached_states_state_blob_id ON public.cached_states USING btree (state_blob_id);

CREATE INDEX ix_calibrations_model_id ON public.calibrations USING btree (model_id);

CREATE INDEX ix_calibrations_spec_sha256 ON public.calibrations USING btree (spec_sha256);

CREATE INDEX ix_calibrations_steering_vector_id ON public.calibrations USING btree (steering_vector_id);

CREATE INDEX ix_condition_searches_condition_vector_id ON public.condition_searches USING btree (condition_vector_id);

CREATE INDEX ix_condition_searches_model_id ON public.condition_searches USING btree (model_id);

CREATE INDEX ix_condition_searches_negative_version_id ON public.condition_searches USING btree (negative_version_id);

CREATE INDEX ix_condition_searches_positive_version_id ON public.condition_searches USING btree (positive_version_id);

CREATE INDEX ix_condition_searches_spec_sha256 ON public.condition_searches USING btree (spec_sha256);

CREATE INDEX ix_generation_runs_model_id ON public.generation_runs USING btree (model_id);

CREATE INDEX ix_generation_runs_prompt_set_version_id ON public.generation_runs USING btree (prompt_set_version_id);

CREATE INDEX ix_generation_runs_replay_of ON public.generation_runs USING btree (replay_of);

CREATE INDEX ix_generation_runs_spec_sha256 ON public.generation_runs USING btree (spec_sha256);

CREATE INDEX ix_icl_runs_job_id ON public.icl_runs USING btree (job_id);

CREATE INDEX ix_icl_runs_model_id ON public.icl_runs USING btree (model_id);

CREATE INDEX ix_icl_runs_set_version_id ON public.icl_runs USING btree (set_version_id);

CREATE INDEX ix_icl_runs_spec_sha256 ON public.icl_runs USING btree (spec_sha256);

CREATE INDEX ix_job_logs_job_id_id ON public.job_logs USING btree (job_id, id);

CREATE INDEX ix_jobs_claim ON public.jobs USING btree (queue, priority, id) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE INDEX ix_jobs_model_id ON public.jobs USING btree (model_id);

CREATE INDEX ix_jobs_state_id ON public.jobs USING btree (state, id);

CREATE INDEX ix_ravel_evaluation_featurizers_featurizer_id ON public.ravel_evaluation_featurizers USING btree (featurizer_id);

CREATE INDEX ix_ravel_evaluations_instance_id ON public.ravel_evaluations USING btree (instance_id);

CREATE INDEX ix_ravel_evaluations_steering_vector_id ON public.ravel_evaluations USING btree (steering_vector_id);

CREATE INDEX ix_ravel_featurizers_instance_id ON public.ravel_featurizers USING btree (instance_id);

CREATE INDEX ix_ravel_instances_content_sha256 ON public.ravel_instances USING btree (content_sha256);

CREATE INDEX ix_ravel_instances_model_id ON public.ravel_instances USING btree (model_id);

CREATE INDEX ix_ravel_instances_spec_sha256 ON public.ravel_instances USING btree (spec_sha256);

CREATE INDEX ix_ravel_instances_version_id ON public.ravel_instances USING btree (version_id);

CREATE INDEX ix_ravel_run_evaluations_evaluation_id ON public.ravel_run_evaluations USING btree (evaluation_id);

CREATE INDEX ix_ravel_runs_instance_id ON public.ravel_runs USING btree (instance_id);

CREATE INDEX ix_ravel_runs_spec_sha256 ON public.ravel_runs USING btree (spec_sha256);

CREATE INDEX ix_ravel_versions_content_sha256 ON public.ravel_versions USING btree (content_sha256);

CREATE INDEX ix_scores_content_sha256 ON public.scores USING btree (content_sha256);

CREATE INDEX ix_scores_generation_id_scorer_scorer_version ON public.scores USING btree (generation_id, scorer, scorer_version);

CREATE INDEX ix_set_items_demonstration_id ON public.set_items USING btree (demonstration_id);

CREATE INDEX ix_set_versions_content_sha256 ON public.set_versions USING btree (content_sha256);

CREATE INDEX ix_set_versions_merged_id ON public.set_versions USING btree (merged_id);

CREATE INDEX ix_set_versions_parent_id ON public.set_versions USING btree (parent_id);

CREATE INDEX ix_state_blobs_state_cache_id ON public.state_blobs USING btree (state_cache_id);

CREATE INDEX ix_state_blobs_used_at ON public.state_blobs USING btree (used_at);

CREATE INDEX ix_steering_vectors_content_sha256 ON public.steering_vectors USING btree (content_sha256);

CREATE INDEX ix_steering_vectors_model_id ON public.steering_vectors USING btree (model_id);

CREATE INDEX ix_steering_vectors_set_version_id ON public.steering_vectors USING btree (set_version_id);

CREATE INDEX ix_steering_vectors_spec_sha256 ON public.steering_vectors USING btree (spec_sha256);

CREATE INDEX ix_vector_parents_parent_id ON public.vector_parents USING btree (parent_id);

CREATE INDEX ix_version_tags_set_version_id ON public.version_tags USING btree (set_version_id);

CREATE INDEX ix_votes_left_generation_id ON public.votes USING btree (left_generation_id);

CREATE INDEX ix_votes_right_generation_id ON public.votes USING btree (right_generation_id);

CREATE UNIQUE INDEX uq_jobs_dedupe_key ON public.jobs USING btree (dedupe_key) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));

CREATE UNIQUE INDEX uq_scores_first ON public.scores USING btree (generation_id, scorer, scorer_version) WHERE (supersedes IS NULL);

CREATE TRIGGER freeze_arm_interventions BEFORE UPDATE ON public.arm_interventions FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_audit_log BEFORE UPDATE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_calibrations BEFORE UPDATE ON public.calibrations FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_condition_searches BEFORE UPDATE ON public.condition_searches FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_demonstration_alignments BEFORE UPDATE ON public.demonstration_alignments FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_demonstrations BEFORE UPDATE ON public.demonstrations FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_explanations BEFORE UPDATE ON public.explanations FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_generation_runs BEFORE UPDATE OF id, model_id, prompt_set_version_id, replay_of, spec_sha256, result_sha256, decoding_json, seed, samples, chat_template_sha256, chat_system, add_special_tokens, dtype, batch_plan_json, environment_json, duration_s, record_sha256, created_at, created_by ON public.generation_runs FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_generation_tokens BEFORE UPDATE ON public.generation_tokens FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_generations BEFORE UPDATE ON public.generations FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_icl_checks BEFORE UPDATE ON public.icl_checks FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_icl_heads BEFORE UPDATE ON public.icl_heads FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_icl_layers BEFORE UPDATE ON public.icl_layers FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_icl_runs BEFORE UPDATE ON public.icl_runs FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_icl_weights BEFORE UPDATE ON public.icl_weights FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_layer_vectors BEFORE UPDATE ON public.layer_vectors FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_models BEFORE UPDATE OF id, fingerprint, architecture, n_layers, d_model, n_parameters, vocabulary_size, context_length, weights_sha256, config_sha256, tokenizer_sha256, chat_template_sha256, created_at ON public.models FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_nearest_tokens BEFORE UPDATE ON public.nearest_tokens FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_omitted_demonstrations BEFORE UPDATE ON public.omitted_demonstrations FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_attributes BEFORE UPDATE ON public.ravel_attributes FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_completions BEFORE UPDATE ON public.ravel_completions FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_entities BEFORE UPDATE ON public.ravel_entities FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_evaluation_featurizers BEFORE UPDATE ON public.ravel_evaluation_featurizers FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_evaluations BEFORE UPDATE ON public.ravel_evaluations FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_examples BEFORE UPDATE ON public.ravel_examples FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_featurizers BEFORE UPDATE ON public.ravel_featurizers FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_instances BEFORE UPDATE OF id, content_sha256, spec_sha256, version_id, model_id, spec_json, accuracies_json, n_completions, n_examples_json, environment_json, record_sha256, created_at, created_by ON public.ravel_instances FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_outcomes BEFORE UPDATE ON public.ravel_outcomes FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_run_evaluations BEFORE UPDATE ON public.ravel_run_evaluations FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_runs BEFORE UPDATE OF id, spec_sha256, instance_id, spec_json, environment_json, duration_s, record_sha256, created_at, created_by ON public.ravel_runs FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_scores BEFORE UPDATE ON public.ravel_scores FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_templates BEFORE UPDATE ON public.ravel_templates FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_tensor_chunks BEFORE UPDATE ON public.ravel_tensor_chunks FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_tensors BEFORE UPDATE ON public.ravel_tensors FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_values BEFORE UPDATE ON public.ravel_values FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_ravel_versions BEFORE UPDATE ON public.ravel_versions FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_replay_departures BEFORE UPDATE ON public.replay_departures FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_replay_verdicts BEFORE UPDATE ON public.replay_verdicts FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_run_arms BEFORE UPDATE ON public.run_arms FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_run_prompts BEFORE UPDATE ON public.run_prompts FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_scores BEFORE UPDATE ON public.scores FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_set_items BEFORE UPDATE ON public.set_items FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_set_version_findings BEFORE UPDATE ON public.set_version_findings FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_set_versions BEFORE UPDATE ON public.set_versions FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_steering_vectors BEFORE UPDATE OF id, model_id, origin, method, parameters_json, operator, set_version_id, token_rule, read_site, write_site, n_layers, d_model, content_sha256, spec_sha256, spec_json, environment_json, record_sha256, created_at, created_by ON public.steering_vectors FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_vector_parents BEFORE UPDATE ON public.vector_parents FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

CREATE TRIGGER freeze_votes BEFORE UPDATE ON public.votes FOR EACH ROW EXECUTE FUNCTION public.refuse_update();

ALTER TABLE ONLY public.arm_interventions
    ADD CONSTRAINT fk_arm_interventions_condition_vector_id FOREIGN KEY (condition_vector_id) REFERENCES public.steering_vectors(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.arm_interventions
    ADD CONSTRAINT fk_arm_interventions_run_id_arm FOREIGN KEY (run_id, arm) REFERENCES public.run_arms(run_id, "position") ON DELETE RESTRICT;

ALTER TABLE ONLY public.arm_interventions
    ADD CONSTRAINT fk_arm_interventions_steering_vector_id FOREIGN KEY (steering_vector_id) REFERENCES public.steering_vectors(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.cached_states
    ADD CONSTRAINT fk_cached_states_state_blob_id FOREIGN KEY (state_blob_id) REFERENCES public.state_blobs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.cached_states
    ADD CONSTRAINT fk_cached_states_state_cache_id FOREIGN KEY (state_cache_id) REFERENCES public.state_caches(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.calibrations
    ADD CONSTRAINT fk_calibrations_model_id FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.calibrations
    ADD CONSTRAINT fk_calibrations_steering_vector_id FOREIGN KEY (steering_vector_id) REFERENCES public.steering_vectors(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.condition_searches
    ADD CONSTRAINT fk_condition_searches_condition_vector_id FOREIGN KEY (condition_vector_id) REFERENCES public.steering_vectors(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.condition_searches
    ADD CONSTRAINT fk_condition_searches_model_id FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.condition_searches
    ADD CONSTRAINT fk_condition_searches_negative_version_id FOREIGN KEY (negative_version_id) REFERENCES public.set_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.condition_searches
    ADD CONSTRAINT fk_condition_searches_positive_version_id FOREIGN KEY (positive_version_id) REFERENCES public.set_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.demonstration_alignments
    ADD CONSTRAINT fk_demonstration_alignments_steering_vector_id FOREIGN KEY (steering_vector_id) REFERENCES public.steering_vectors(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.explanations
    ADD CONSTRAINT fk_explanations_steering_vector_id FOREIGN KEY (steering_vector_id) REFERENCES public.steering_vectors(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.generation_runs
    ADD CONSTRAINT fk_generation_runs_model_id FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.generation_runs
    ADD CONSTRAINT fk_generation_runs_prompt_set_version_id FOREIGN KEY (prompt_set_version_id) REFERENCES public.set_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.generation_runs
    ADD CONSTRAINT fk_generation_runs_replay_of FOREIGN KEY (replay_of) REFERENCES public.generation_runs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.generation_tokens
    ADD CONSTRAINT fk_generation_tokens_generation_id FOREIGN KEY (generation_id) REFERENCES public.generations(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.generations
    ADD CONSTRAINT fk_generations_run_id_arm FOREIGN KEY (run_id, arm) REFERENCES public.run_arms(run_id, "position") ON DELETE RESTRICT;

ALTER TABLE ONLY public.generations
    ADD CONSTRAINT fk_generations_run_id_prompt FOREIGN KEY (run_id, prompt) REFERENCES public.run_prompts(run_id, "position") ON DELETE RESTRICT;

ALTER TABLE ONLY public.icl_checks
    ADD CONSTRAINT fk_icl_checks_icl_run_id FOREIGN KEY (icl_run_id) REFERENCES public.icl_runs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.icl_heads
    ADD CONSTRAINT fk_icl_heads_icl_run_id FOREIGN KEY (icl_run_id) REFERENCES public.icl_runs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.icl_layers
    ADD CONSTRAINT fk_icl_layers_icl_run_id FOREIGN KEY (icl_run_id) REFERENCES public.icl_runs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.icl_runs
    ADD CONSTRAINT fk_icl_runs_job_id FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.icl_runs
    ADD CONSTRAINT fk_icl_runs_model_id FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.icl_runs
    ADD CONSTRAINT fk_icl_runs_set_version_id FOREIGN KEY (set_version_id) REFERENCES public.set_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.icl_weights
    ADD CONSTRAINT fk_icl_weights_icl_run_id FOREIGN KEY (icl_run_id) REFERENCES public.icl_runs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.job_attempts
    ADD CONSTRAINT fk_job_attempts_job_id FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.job_checkpoints
    ADD CONSTRAINT fk_job_checkpoints_job_id FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.job_chunks
    ADD CONSTRAINT fk_job_chunks_job_id FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.job_logs
    ADD CONSTRAINT fk_job_logs_job_id FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.job_partials
    ADD CONSTRAINT fk_job_partials_job_id FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.job_points
    ADD CONSTRAINT fk_job_points_job_id FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT fk_jobs_model_id FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.layer_vectors
    ADD CONSTRAINT fk_layer_vectors_steering_vector_id FOREIGN KEY (steering_vector_id) REFERENCES public.steering_vectors(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.nearest_tokens
    ADD CONSTRAINT fk_nearest_tokens_steering_vector_id FOREIGN KEY (steering_vector_id) REFERENCES public.steering_vectors(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.omitted_demonstrations
    ADD CONSTRAINT fk_omitted_demonstrations_steering_vector_id FOREIGN KEY (steering_vector_id) REFERENCES public.explanations(steering_vector_id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_attributes
    ADD CONSTRAINT fk_ravel_attributes_version_id FOREIGN KEY (version_id) REFERENCES public.ravel_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_completions
    ADD CONSTRAINT fk_ravel_completions_instance_id FOREIGN KEY (instance_id) REFERENCES public.ravel_instances(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_entities
    ADD CONSTRAINT fk_ravel_entities_version_id FOREIGN KEY (version_id) REFERENCES public.ravel_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_evaluation_featurizers
    ADD CONSTRAINT fk_ravel_evaluation_featurizers_evaluation_id FOREIGN KEY (evaluation_id) REFERENCES public.ravel_evaluations(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_evaluation_featurizers
    ADD CONSTRAINT fk_ravel_evaluation_featurizers_featurizer_id FOREIGN KEY (featurizer_id) REFERENCES public.ravel_featurizers(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_evaluations
    ADD CONSTRAINT fk_ravel_evaluations_instance_id FOREIGN KEY (instance_id) REFERENCES public.ravel_instances(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_evaluations
    ADD CONSTRAINT fk_ravel_evaluations_steering_vector_id FOREIGN KEY (steering_vector_id) REFERENCES public.steering_vectors(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_examples
    ADD CONSTRAINT fk_ravel_examples_instance_id FOREIGN KEY (instance_id) REFERENCES public.ravel_instances(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_featurizers
    ADD CONSTRAINT fk_ravel_featurizers_instance_id FOREIGN KEY (instance_id) REFERENCES public.ravel_instances(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_instances
    ADD CONSTRAINT fk_ravel_instances_model_id FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_instances
    ADD CONSTRAINT fk_ravel_instances_version_id FOREIGN KEY (version_id) REFERENCES public.ravel_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_outcomes
    ADD CONSTRAINT fk_ravel_outcomes_evaluation_id FOREIGN KEY (evaluation_id) REFERENCES public.ravel_evaluations(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_run_evaluations
    ADD CONSTRAINT fk_ravel_run_evaluations_evaluation_id FOREIGN KEY (evaluation_id) REFERENCES public.ravel_evaluations(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_run_evaluations
    ADD CONSTRAINT fk_ravel_run_evaluations_run_id FOREIGN KEY (run_id) REFERENCES public.ravel_runs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_runs
    ADD CONSTRAINT fk_ravel_runs_instance_id FOREIGN KEY (instance_id) REFERENCES public.ravel_instances(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_scores
    ADD CONSTRAINT fk_ravel_scores_evaluation_id FOREIGN KEY (evaluation_id) REFERENCES public.ravel_evaluations(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_templates
    ADD CONSTRAINT fk_ravel_templates_version_id FOREIGN KEY (version_id) REFERENCES public.ravel_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_templates
    ADD CONSTRAINT fk_ravel_templates_version_id_attribute FOREIGN KEY (version_id, attribute) REFERENCES public.ravel_attributes(version_id, "position") ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_tensor_chunks
    ADD CONSTRAINT fk_ravel_tensor_chunks_featurizer_id FOREIGN KEY (featurizer_id) REFERENCES public.ravel_featurizers(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_tensor_chunks
    ADD CONSTRAINT fk_ravel_tensor_chunks_featurizer_id_tensor FOREIGN KEY (featurizer_id, tensor) REFERENCES public.ravel_tensors(featurizer_id, "position") ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_tensors
    ADD CONSTRAINT fk_ravel_tensors_featurizer_id FOREIGN KEY (featurizer_id) REFERENCES public.ravel_featurizers(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_values
    ADD CONSTRAINT fk_ravel_values_version_id FOREIGN KEY (version_id) REFERENCES public.ravel_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_values
    ADD CONSTRAINT fk_ravel_values_version_id_attribute FOREIGN KEY (version_id, attribute) REFERENCES public.ravel_attributes(version_id, "position") ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_values
    ADD CONSTRAINT fk_ravel_values_version_id_entity FOREIGN KEY (version_id, entity) REFERENCES public.ravel_entities(version_id, "position") ON DELETE RESTRICT;

ALTER TABLE ONLY public.ravel_versions
    ADD CONSTRAINT fk_ravel_versions_type_id FOREIGN KEY (type_id) REFERENCES public.ravel_types(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.replay_departures
    ADD CONSTRAINT fk_replay_departures_run_id_prompt_arm_sample FOREIGN KEY (run_id, prompt, arm, sample) REFERENCES public.generations(run_id, prompt, arm, sample) ON DELETE RESTRICT;

ALTER TABLE ONLY public.replay_verdicts
    ADD CONSTRAINT fk_replay_verdicts_run_id FOREIGN KEY (run_id) REFERENCES public.generation_runs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.run_arms
    ADD CONSTRAINT fk_run_arms_run_id FOREIGN KEY (run_id) REFERENCES public.generation_runs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.run_prompts
    ADD CONSTRAINT fk_run_prompts_run_id FOREIGN KEY (run_id) REFERENCES public.generation_runs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.scores
    ADD CONSTRAINT fk_scores_generation_id FOREIGN KEY (generation_id) REFERENCES public.generations(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.scores
    ADD CONSTRAINT fk_scores_supersedes FOREIGN KEY (supersedes) REFERENCES public.scores(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.set_items
    ADD CONSTRAINT fk_set_items_demonstration_id FOREIGN KEY (demonstration_id) REFERENCES public.demonstrations(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.set_items
    ADD CONSTRAINT fk_set_items_set_id FOREIGN KEY (set_id) REFERENCES public.demonstration_sets(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.set_version_findings
    ADD CONSTRAINT fk_set_version_findings_set_version_id FOREIGN KEY (set_version_id) REFERENCES public.set_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.set_versions
    ADD CONSTRAINT fk_set_versions_merged_id FOREIGN KEY (merged_id) REFERENCES public.set_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.set_versions
    ADD CONSTRAINT fk_set_versions_parent_id FOREIGN KEY (parent_id) REFERENCES public.set_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.set_versions
    ADD CONSTRAINT fk_set_versions_set_id FOREIGN KEY (set_id) REFERENCES public.demonstration_sets(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.state_blob_chunks
    ADD CONSTRAINT fk_state_blob_chunks_state_blob_id FOREIGN KEY (state_blob_id) REFERENCES public.state_blobs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.state_blobs
    ADD CONSTRAINT fk_state_blobs_state_cache_id FOREIGN KEY (state_cache_id) REFERENCES public.state_caches(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.steering_vectors
    ADD CONSTRAINT fk_steering_vectors_model_id FOREIGN KEY (model_id) REFERENCES public.models(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.steering_vectors
    ADD CONSTRAINT fk_steering_vectors_set_version_id FOREIGN KEY (set_version_id) REFERENCES public.set_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.vector_parents
    ADD CONSTRAINT fk_vector_parents_parent_id FOREIGN KEY (parent_id) REFERENCES public.steering_vectors(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.vector_parents
    ADD CONSTRAINT fk_vector_parents_steering_vector_id FOREIGN KEY (steering_vector_id) REFERENCES public.steering_vectors(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.version_tags
    ADD CONSTRAINT fk_version_tags_set_id FOREIGN KEY (set_id) REFERENCES public.demonstration_sets(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.version_tags
    ADD CONSTRAINT fk_version_tags_set_version_id FOREIGN KEY (set_version_id) REFERENCES public.set_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.votes
    ADD CONSTRAINT fk_votes_left_generation_id FOREIGN KEY (left_generation_id) REFERENCES public.generations(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.votes
    ADD CONSTRAINT fk_votes_right_generation_id FOREIGN KEY (right_generation_id) REFERENCES public.generations(id) ON DELETE RESTRICT;

