-- One row per entity and attribute; `value` is null where it is not known.
SELECT t.name || '@' || v.number AS data_label,
       e.position AS entity_index,
       e.name AS entity,
       e.split,
       a.name AS attribute,
       x.value
FROM ravel_entities e
JOIN ravel_versions v ON v.id = e.version_id
JOIN ravel_types t ON t.id = v.type_id
JOIN ravel_attributes a ON a.version_id = e.version_id
LEFT JOIN ravel_values x
    ON x.version_id = e.version_id AND x.entity = e.position AND x.attribute = a.position
