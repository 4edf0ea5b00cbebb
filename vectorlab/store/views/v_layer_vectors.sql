-- One row per layer of a vector, without the numbers.
SELECT v.id AS vector_id,
       v.name AS vector_name,
       l.layer,
       l.d_model,
       l.dtype,
       l.norm,
       l.explained_variance,
       l.separability,
       l.sha256
FROM layer_vectors l
JOIN steering_vectors v ON v.id = l.steering_vector_id
