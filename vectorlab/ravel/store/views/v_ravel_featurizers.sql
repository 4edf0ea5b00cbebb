-- One row per trained featurizer, without its numbers.
SELECT f.id AS featurizer_id,
       i.name AS instance_name,
       m.name AS model_name,
       f.method,
       f.attribute,
       f.layer,
       f.location,
       f.k,
       f.n_features,
       CAST(f.measures_json AS text) AS measures,
       CAST(f.curve_json AS text) AS curve,
       f.created_at,
       f.created_by
FROM ravel_featurizers f
JOIN ravel_instances i ON i.id = f.instance_id
JOIN models m ON m.id = i.model_id
