-- One row per attention head of a bridge.
SELECT r.id AS icl_run_id,
       r.created_at,
       m.name AS model_name,
       s.name || '@' || sv.number AS set_label,
       h.layer,
       h.head,
       h.share,
       h.effect_cosine,
       h.linear_cosine,
       h.attention,
       CAST(h.by_demonstration_json AS text) AS by_demonstration
FROM icl_heads h
JOIN icl_runs r ON r.id = h.icl_run_id
LEFT JOIN models m ON m.id = r.model_id
LEFT JOIN set_versions sv ON sv.id = r.set_version_id
LEFT JOIN demonstration_sets s ON s.id = sv.set_id
