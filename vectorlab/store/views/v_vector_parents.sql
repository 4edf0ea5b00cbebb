-- One row per vector that another was made of, with its weight.
SELECT v.id AS vector_id,
       v.name AS vector_name,
       v.method,
       x.position,
       p.id AS parent_id,
       p.name AS parent_name,
       x.weight
FROM vector_parents x
JOIN steering_vectors v ON v.id = x.steering_vector_id
JOIN steering_vectors p ON p.id = x.parent_id
