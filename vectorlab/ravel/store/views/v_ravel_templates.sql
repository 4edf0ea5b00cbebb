-- One row per template; one that asks for nothing has no attribute.
SELECT t.name || '@' || v.number AS data_label,
       p.position AS template_index,
       p.text AS template,
       p.split,
       a.name AS attribute,
       p.entity
FROM ravel_templates p
JOIN ravel_versions v ON v.id = p.version_id
JOIN ravel_types t ON t.id = v.type_id
LEFT JOIN ravel_attributes a ON a.version_id = p.version_id AND a.position = p.attribute
