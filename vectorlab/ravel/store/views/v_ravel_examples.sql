-- One row per pair of runs of an instance: the base that is edited and the source that is copied from.
SELECT i.id AS instance_id,
       i.name AS instance_name,
       x.position AS example_index,
       x.part,
       x.kind,
       x.template AS template_index,
       b.name AS entity,
       x.source_template AS source_template_index,
       s.name AS source_entity
FROM ravel_examples x
JOIN ravel_instances i ON i.id = x.instance_id
JOIN ravel_entities b ON b.version_id = i.version_id AND b.position = x.entity
JOIN ravel_entities s ON s.version_id = i.version_id AND s.position = x.source_entity
