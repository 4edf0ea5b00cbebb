-- One row per score, the newest where a text was scored again; either a value, or the reason why there
-- is none.
SELECT s.id AS score_id,
       s.generation_id,
       g.run_id,
       g.prompt AS prompt_index,
       g.arm AS arm_index,
       a.label AS arm,
       g.sample,
       s.scorer,
       s.scorer_version,
       s.value,
       s.missing_reason,
       CAST(s.details_json AS text) AS details,
       s.supersedes,
       s.created_at
FROM scores s
JOIN generations g ON g.id = s.generation_id
JOIN run_arms a ON a.run_id = g.run_id AND a.position = g.arm
WHERE NOT EXISTS (SELECT 1 FROM scores n WHERE n.supersedes = s.id)
