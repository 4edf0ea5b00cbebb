-- One row per run, with its counts. `temperature` is null for greedy decoding; `chat_template_sha256` is
-- null where prompts are texts as they are; `chat_earlier` is null where they begin the conversation.
SELECT r.id AS run_id,
       r.name AS run_name,
       r.replay_of,
       r.model_id,
       m.name AS model_name,
       m.fingerprint AS model_fingerprint,
       s.name || '@' || sv.number AS prompt_set_label,
       (SELECT count(*) FROM run_prompts p WHERE p.run_id = r.id) AS n_prompts,
       (SELECT count(*) FROM run_arms a WHERE a.run_id = r.id) AS n_arms,
       r.samples,
       (SELECT count(*) FROM generations g WHERE g.run_id = r.id) AS n_generations,
       CAST(r.decoding_json ->> 'max_new_tokens' AS integer) AS max_new_tokens,
       CAST(r.decoding_json ->> 'do_sample' AS boolean) AS do_sample,
       CAST(r.decoding_json ->> 'temperature' AS double precision) AS temperature,
       CAST(r.decoding_json AS text) AS decoding,
       r.seed,
       r.dtype,
       r.chat_template_sha256,
       r.chat_system,
       CAST(r.chat_earlier_json AS text) AS chat_earlier,
       CAST(r.environment_json AS text) AS environment,
       r.spec_sha256,
       r.result_sha256,
       r.duration_s,
       r.created_at,
       r.created_by
FROM generation_runs r
JOIN models m ON m.id = r.model_id
LEFT JOIN set_versions sv ON sv.id = r.prompt_set_version_id
LEFT JOIN demonstration_sets s ON s.id = sv.set_id
