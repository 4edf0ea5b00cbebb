-- One row per in-context run (`vectorlab icl`): what was asked and what came out, as JSON.
SELECT r.id AS icl_run_id,
       r.kind,
       m.name AS model_name,
       s.name || '@' || sv.number AS set_label,
       r.job_id,
       CAST(r.spec_json AS text) AS spec,
       CAST(r.result_json AS text) AS result,
       r.duration_s,
       r.created_at,
       r.created_by
FROM icl_runs r
LEFT JOIN models m ON m.id = r.model_id
LEFT JOIN set_versions sv ON sv.id = r.set_version_id
LEFT JOIN demonstration_sets s ON s.id = sv.set_id
