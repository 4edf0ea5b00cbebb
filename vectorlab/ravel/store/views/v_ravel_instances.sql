-- One row per instance: what one model answers about entity data.
SELECT i.id AS instance_id,
       i.name AS instance_name,
       t.name || '@' || v.number AS data_label,
       m.name AS model_name,
       i.n_completions,
       CAST(i.n_examples_json AS text) AS n_examples,
       CAST(i.accuracies_json AS text) AS accuracies,
       i.content_sha256,
       i.created_at,
       i.created_by
FROM ravel_instances i
JOIN ravel_versions v ON v.id = i.version_id
JOIN ravel_types t ON t.id = v.type_id
JOIN models m ON m.id = i.model_id
