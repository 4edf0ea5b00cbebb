-- One row per vector, no numbers. `method` says how they were made, `operator` how the vector acts
-- unless somebody says otherwise.
SELECT v.id AS vector_id,
       v.name AS vector_name,
       v.content_sha256,
       v.spec_sha256,
       v.origin,
       v.method,
       CAST(v.parameters_json AS text) AS parameters,
       v.operator,
       v.read_site,
       v.write_site,
       v.token_rule,
       v.model_id,
       m.name AS model_name,
       m.fingerprint AS model_fingerprint,
       v.set_version_id,
       s.name || '@' || sv.number AS set_label,
       sv.n_demonstrations,
       v.n_layers,
       v.d_model,
       (SELECT avg(l.norm) FROM layer_vectors l WHERE l.steering_vector_id = v.id)
           AS mean_norm,
       v.created_at,
       v.created_by
FROM steering_vectors v
JOIN models m ON m.id = v.model_id
LEFT JOIN set_versions sv ON sv.id = v.set_version_id
LEFT JOIN demonstration_sets s ON s.id = sv.set_id
