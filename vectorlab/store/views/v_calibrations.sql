-- One row per calibration: the strength with the most effect within a budget of damage, for a vector on
-- a model.
SELECT c.id AS calibration_id,
       v.id AS vector_id,
       v.name AS vector_name,
       c.model_id,
       m.name AS model_name,
       vm.name AS vector_model_name,
       c.operator,
       c.site AS write_site,
       CAST(c.layers_json AS text) AS layers,
       c.effect,
       c.damage,
       c.budget,
       c.is_met,
       c.strength,
       c.effect_value,
       c.damage_value,
       c.n_prompts,
       CAST(c.curve_json AS text) AS curve,
       c.created_at,
       c.created_by
FROM calibrations c
JOIN steering_vectors v ON v.id = c.steering_vector_id
JOIN models m ON m.id = c.model_id
JOIN models vm ON vm.id = v.model_id
