-- One row per search for the threshold that tells two sets of prompts apart.
SELECT c.id AS search_id,
       v.id AS vector_id,
       v.name AS vector_name,
       m.name AS model_name,
       vm.name AS vector_model_name,
       ps.name || '@' || pv.number AS positive_set_label,
       ns.name || '@' || nv.number AS negative_set_label,
       c.condition_layer,
       c.condition_site,
       c.condition_measure,
       c.condition_comparison,
       c.condition_threshold,
       c.condition_window,
       c.accuracy,
       c.f1,
       CAST(c.evidence_json AS text) AS evidence,
       c.created_at,
       c.created_by
FROM condition_searches c
JOIN steering_vectors v ON v.id = c.condition_vector_id
JOIN models m ON m.id = c.model_id
JOIN models vm ON vm.id = v.model_id
JOIN set_versions pv ON pv.id = c.positive_version_id
JOIN demonstration_sets ps ON ps.id = pv.set_id
JOIN set_versions nv ON nv.id = c.negative_version_id
JOIN demonstration_sets ns ON ns.id = nv.set_id
