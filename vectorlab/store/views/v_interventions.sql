-- One row per intervention of an arm, with the condition on which it acts; an intervention that always
-- acts has nulls there. `is_other_model` says that the vector belongs to another model than the run's.
SELECT i.run_id,
       r.name AS run_name,
       i.arm AS arm_index,
       a.label AS arm,
       a.combine,
       i.position,
       v.id AS vector_id,
       v.name AS vector_name,
       vm.name AS vector_model_name,
       m.name AS model_name,
       v.model_id <> r.model_id AS is_other_model,
       i.vector_sha256,
       i.operator,
       i.strength,
       i.schedule,
       i.site AS write_site,
       CAST(i.layers_json AS text) AS layers,
       i.positions,
       c.name AS condition_vector_name,
       cm.name AS condition_vector_model_name,
       i.condition_layer,
       i.condition_site,
       i.condition_measure,
       i.condition_comparison,
       i.condition_threshold,
       i.condition_window
FROM arm_interventions i
JOIN generation_runs r ON r.id = i.run_id
JOIN run_arms a ON a.run_id = i.run_id AND a.position = i.arm
JOIN models m ON m.id = r.model_id
JOIN steering_vectors v ON v.id = i.steering_vector_id
JOIN models vm ON vm.id = v.model_id
LEFT JOIN steering_vectors c ON c.id = i.condition_vector_id
LEFT JOIN models cm ON cm.id = c.model_id
