-- One row per answer of an instance: what the model says behind a template about an entity.
SELECT i.id AS instance_id,
       i.name AS instance_name,
       c.template AS template_index,
       p.text AS template,
       c.entity AS entity_index,
       e.name AS entity,
       c.text,
       c.correct
FROM ravel_completions c
JOIN ravel_instances i ON i.id = c.instance_id
JOIN ravel_templates p ON p.version_id = i.version_id AND p.position = c.template
JOIN ravel_entities e ON e.version_id = i.version_id AND e.position = c.entity
