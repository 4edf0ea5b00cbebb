-- One row per edge from a thing to what it came from. Relations are `revises`, `forked_from`,
-- `split_from`, `merged_from`, `extracted_from`, `belongs_to`, `combined_from`, `derived_from`,
-- `generated_by`, `prompted_by`, `steered_by` and `replays`.
WITH versions AS (
    SELECT v.id, v.parent_id, v.merged_id, v.relation, s.name || '@' || v.number AS label
    FROM set_versions v
    JOIN demonstration_sets s ON s.id = v.set_id
)
SELECT 'set_version' AS kind, c.id, c.label AS name, c.relation AS relation,
       'set_version' AS parent_kind, p.id AS parent_id, p.label AS parent_name
FROM versions c
JOIN versions p ON p.id = c.parent_id
UNION ALL
SELECT 'set_version', c.id, c.label, 'merged_from', 'set_version', p.id, p.label
FROM versions c
JOIN versions p ON p.id = c.merged_id
UNION ALL
SELECT 'vector', v.id, v.name, 'extracted_from', 'set_version', p.id, p.label
FROM steering_vectors v
JOIN versions p ON p.id = v.set_version_id
UNION ALL
SELECT 'vector', v.id, v.name, 'belongs_to', 'model', m.id, m.name
FROM steering_vectors v
JOIN models m ON m.id = v.model_id
UNION ALL
SELECT 'vector', v.id, v.name, v.origin || '_from', 'vector', p.id, p.name
FROM vector_parents x
JOIN steering_vectors v ON v.id = x.steering_vector_id
JOIN steering_vectors p ON p.id = x.parent_id
UNION ALL
SELECT 'run', r.id, r.name, 'generated_by', 'model', m.id, m.name
FROM generation_runs r
JOIN models m ON m.id = r.model_id
UNION ALL
SELECT 'run', r.id, r.name, 'prompted_by', 'set_version', p.id, p.label
FROM generation_runs r
JOIN versions p ON p.id = r.prompt_set_version_id
UNION ALL
SELECT DISTINCT 'run', r.id, r.name, 'steered_by', 'vector', v.id, v.name
FROM arm_interventions i
JOIN generation_runs r ON r.id = i.run_id
JOIN steering_vectors v ON v.id = i.steering_vector_id
UNION ALL
SELECT 'run', r.id, r.name, 'replays', 'run', p.id, p.name
FROM generation_runs r
JOIN generation_runs p ON p.id = r.replay_of
