-- One row per layer of a vector whose nearest tokens were asked for: id, piece and value of the
-- vocabulary tokens at both ends, as JSON.
SELECT v.id AS vector_id,
       v.name AS vector_name,
       t.layer,
       CAST(t.toward_json AS text) AS toward,
       CAST(t.away_json AS text) AS away,
       t.created_at
FROM nearest_tokens t
JOIN steering_vectors v ON v.id = t.steering_vector_id
