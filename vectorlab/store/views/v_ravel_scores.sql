SELECT s.evaluation_id,
       e.label,
       e.method,
       e.layer,
       e.location,
       e.k,
       e.n_features,
       e.part,
       i.name AS instance,
       t.name || '@' || v.number AS data_label,
       m.name AS model,
       s.measure,
       s.target,
       s.attribute,
       s.template,
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
