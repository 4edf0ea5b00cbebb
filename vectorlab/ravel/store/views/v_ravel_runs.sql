-- One row per evaluation of a run, in its order.
SELECT r.id AS ravel_run_id,
       r.name AS ravel_run_name,
       i.name AS instance_name,
       x.position,
       e.id AS evaluation_id,
       e.label,
       e.method,
       e.part,
       e.n_outcomes,
       v.name AS vector_name,
       (SELECT count(*) FROM ravel_evaluation_featurizers f WHERE f.evaluation_id = e.id)
           AS n_featurizers,
       r.duration_s,
       r.created_at,
       r.created_by
FROM ravel_runs r
JOIN ravel_run_evaluations x ON x.run_id = r.id
JOIN ravel_evaluations e ON e.id = x.evaluation_id
JOIN ravel_instances i ON i.id = r.instance_id
LEFT JOIN steering_vectors v ON v.id = e.steering_vector_id
