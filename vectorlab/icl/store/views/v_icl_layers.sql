-- One row per layer and condition of a bridge (`vectorlab icl bridge`): the context's effect next to the
-- in-context vector.
SELECT r.id AS icl_run_id,
       r.created_at,
       m.name AS model_name,
       s.name || '@' || sv.number AS set_label,
       l.condition,
       l.layer,
       l.cosine,
       l.query_cosine,
       l.query_cosine_sd,
       l.norm,
       l.relative_norm,
       l.agreement
FROM icl_layers l
JOIN icl_runs r ON r.id = l.icl_run_id
LEFT JOIN models m ON m.id = r.model_id
LEFT JOIN set_versions sv ON sv.id = r.set_version_id
LEFT JOIN demonstration_sets s ON s.id = sv.set_id
