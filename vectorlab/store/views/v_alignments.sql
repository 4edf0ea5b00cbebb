-- One row per demonstration of an extracted vector: how far it pulls along, and, once
-- `vectors explain --leave-one-out` was asked for, how the vector changes without it.
SELECT v.id AS vector_id,
       v.name AS vector_name,
       v.set_version_id AS version_id,
       s.name || '@' || sv.number AS set_label,
       a.position,
       a.mean AS alignment,
       o.norm_change,
       o.cosine,
       e.created_by AS left_out_by
FROM demonstration_alignments a
JOIN steering_vectors v ON v.id = a.steering_vector_id
LEFT JOIN set_versions sv ON sv.id = v.set_version_id
LEFT JOIN demonstration_sets s ON s.id = sv.set_id
LEFT JOIN explanations e ON e.steering_vector_id = v.id
LEFT JOIN omitted_demonstrations o
    ON o.steering_vector_id = v.id AND o.position = a.position
