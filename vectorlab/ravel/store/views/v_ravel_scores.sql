-- One row per score of an evaluation of featurizers or of a steering vector; rows whose `target`,
-- `attribute` and `template_index` are null are means over all of them.
SELECT s.evaluation_id,
       e.label,
       e.method,
       e.layer,
       e.location,
       e.k,
       e.n_features,
       e.part,
       i.name AS instance_name,
       t.name || '@' || v.number AS data_label,
       m.name AS model_name,
       s.measure,
       s.target,
       s.attribute,
       s.template AS template_index,
       s.n,
       s.value,
       s.low,
       s.high
FROM ravel_scores s
JOIN ravel_evaluations e ON e.id = s.evaluation_id
JOIN ravel_instances i ON i.id = e.instance_id
JOIN ravel_versions v ON v.id = i.version_id
JOIN ravel_types t ON t.id = v.type_id
JOIN models m ON m.id = i.model_id
