-- One row per version of entity data.
SELECT v.id AS version_id,
       t.name AS type_name,
       v.number AS version_number,
       t.name || '@' || v.number AS data_label,
       v.content_sha256,
       v.n_entities,
       v.n_templates,
       v.n_neutral,
       v.message,
       v.author,
       v.created_at
FROM ravel_versions v
JOIN ravel_types t ON t.id = v.type_id
