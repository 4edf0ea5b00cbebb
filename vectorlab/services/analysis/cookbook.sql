-- # Runs, newest first
-- What was generated lately, with which model and how much.
SELECT run_id, run_name, model_name, prompt_set_label, n_prompts, n_arms, n_generations, duration_s, created_at
FROM v_runs
ORDER BY run_id DESC

-- # Steered texts beside their baseline
-- Every steered text of the newest run with what the unsteered model says to the same prompt.
SELECT prompt, vector_name, strength, text, baseline_text
FROM v_generations
WHERE NOT is_baseline AND run_id = (SELECT max(run_id) FROM v_runs WHERE replay_of IS NULL)
ORDER BY prompt_index, strength, sample

-- # How often steering changed the text
-- Share of texts that differ from the baseline, by run and arm. 1 means that all do.
SELECT run_id, arm, vector_name, strength, count(*) AS n_texts,
       avg(CASE WHEN text <> baseline_text THEN 1.0 ELSE 0.0 END) AS share_changed
FROM v_generations
WHERE NOT is_baseline AND baseline_text IS NOT NULL
GROUP BY run_id, arm_index, arm, vector_name, strength
ORDER BY run_id, arm_index

-- # Confidence over strength
-- Mean log-probability per token, in nats: how sure the steered model is of what it writes. A line per run and vector. For a chart.
SELECT strength, 'run ' || run_id || ', ' || vector_name AS line, avg(mean_logprob) AS mean_logprob
FROM v_generations
WHERE strength IS NOT NULL AND vector_name IS NOT NULL AND prefix IS NULL
GROUP BY run_id, vector_name, arm_index, strength
ORDER BY run_id, vector_name, strength, arm_index

-- # Length over strength
-- Tokens per text by run and strength; texts that fill the limit often mean that the model no longer ends.
SELECT run_id, strength, vector_name, avg(n_tokens) AS mean_tokens,
       avg(CASE WHEN finish_reason = 'length' THEN 1.0 ELSE 0.0 END) AS share_cut
FROM v_generations
WHERE strength IS NOT NULL AND prefix IS NULL
GROUP BY run_id, vector_name, arm_index, strength
ORDER BY run_id, coalesce(vector_name, ''), strength, arm_index

-- # Scores of every arm
-- Mean, count and missing values of every scorer for each arm. No mean without its count.
SELECT run_id, scorer, arm_index, arm, count(value) AS n, count(*) - count(value) AS n_missing,
       avg(value) AS mean, min(value) AS least, max(value) AS most
FROM v_scores
GROUP BY run_id, scorer, arm_index, arm
ORDER BY run_id, scorer, arm_index

-- # Each arm against the baseline, prompt by prompt
-- Mean paired difference to the unsteered text of the same prompt and sample, with wins and losses.
SELECT s.run_id, s.scorer, s.arm, count(*) AS n_pairs,
       avg(s.value - b.value) AS mean_difference,
       sum(CASE WHEN s.value > b.value THEN 1 ELSE 0 END) AS higher,
       sum(CASE WHEN s.value = b.value THEN 1 ELSE 0 END) AS equal,
       sum(CASE WHEN s.value < b.value THEN 1 ELSE 0 END) AS lower
FROM v_scores s
JOIN v_generations g ON g.generation_id = s.generation_id AND NOT g.is_baseline
JOIN v_generations h ON h.run_id = s.run_id AND h.prompt_index = s.prompt_index AND h.sample = s.sample
                    AND h.is_baseline
JOIN v_scores b ON b.generation_id = h.generation_id AND b.scorer = s.scorer
               AND b.scorer_version = s.scorer_version
WHERE s.value IS NOT NULL AND b.value IS NOT NULL
GROUP BY s.run_id, s.scorer, s.arm
ORDER BY s.run_id, s.scorer, mean_difference DESC, s.arm

-- # Effect over strength
-- Mean of every scorer by strength: a line per run, vector and scorer, begun by the run's own unsteered texts. Nothing is averaged over runs, over vectors and their controls, or over arms. For a chart.
WITH scored AS (
    SELECT g.run_id, g.arm_index, g.is_baseline, g.strength, g.vector_name, s.scorer, s.scorer_version, s.value
    FROM v_scores s
    JOIN v_generations g ON g.generation_id = s.generation_id
    WHERE g.strength IS NOT NULL AND g.prefix IS NULL AND s.value IS NOT NULL
),
lines AS (
    SELECT DISTINCT run_id, vector_name, scorer, scorer_version FROM scored WHERE NOT is_baseline
)
SELECT CASE WHEN x.is_baseline THEN 0.0 ELSE x.strength END AS strength,
       'run ' || l.run_id || ', ' || l.vector_name || ', ' || l.scorer AS line, avg(x.value) AS mean
FROM lines l
JOIN scored x ON x.run_id = l.run_id AND x.scorer = l.scorer AND x.scorer_version = l.scorer_version
             AND (x.is_baseline OR x.vector_name = l.vector_name)
GROUP BY l.run_id, l.vector_name, l.scorer, l.scorer_version, x.arm_index, x.is_baseline, x.strength
ORDER BY l.run_id, l.vector_name, l.scorer, l.scorer_version, strength, x.arm_index

-- # What could not be scored, and why
-- Missing scores by their reason.
SELECT scorer, missing_reason, count(*) AS n
FROM v_scores
WHERE value IS NULL
GROUP BY scorer, missing_reason
ORDER BY n DESC, scorer, missing_reason

-- # Best and worst texts of a scorer
-- The texts with the highest and the lowest values, to read what the number rewards.
SELECT scorer, value, arm, prompt, text
FROM (
    SELECT s.scorer, s.value, s.score_id, g.arm, g.prompt, g.text,
           row_number() OVER (PARTITION BY s.scorer ORDER BY s.value DESC, s.score_id) AS from_top,
           row_number() OVER (PARTITION BY s.scorer ORDER BY s.value, s.score_id) AS from_bottom
    FROM v_scores s
    JOIN v_generations g ON g.generation_id = s.generation_id
    WHERE s.value IS NOT NULL
) ranked
WHERE from_top <= 5 OR from_bottom <= 5
ORDER BY scorer, value DESC, score_id

-- # Vectors and where they came from
-- Every vector with how it was made and how it acts, its model, set version and mean norm.
SELECT vector_name, method, operator, model_name, set_label, n_demonstrations, read_site, write_site,
       mean_norm, created_at
FROM v_vectors
ORDER BY vector_id DESC

-- # Norm of a vector layer by layer
-- How the length of each vector grows with depth. For a chart.
SELECT layer, vector_name, norm
FROM v_layer_vectors
ORDER BY vector_name, layer

-- # Strongest layer of each vector
-- The layer of each vector whose differences vary most along it (share of their variance).
SELECT vector_name, layer, norm, explained_variance
FROM (
    SELECT vector_name, layer, norm, explained_variance,
           row_number() OVER (PARTITION BY vector_id ORDER BY explained_variance DESC, layer) AS place
    FROM v_layer_vectors
    WHERE explained_variance IS NOT NULL
) ranked
WHERE place = 1
ORDER BY vector_name

-- # Demonstrations that pull against their vector
-- A negative alignment means that the demonstration points away from the vector made of it.
SELECT a.vector_name, a.position, a.alignment, d.source, d.target
FROM v_alignments a
JOIN v_demonstrations d ON d.version_id = a.version_id AND d.position = a.position
WHERE a.alignment < 0
ORDER BY a.alignment, a.vector_name, a.position

-- # Demonstrations that pull hardest
-- The five of each vector with the highest alignment.
SELECT vector_name, position, alignment, source, target
FROM (
    SELECT a.vector_name, a.position, a.alignment, d.source, d.target,
           row_number() OVER (PARTITION BY a.vector_id ORDER BY a.alignment DESC, a.position) AS place
    FROM v_alignments a
    JOIN v_demonstrations d ON d.version_id = a.version_id AND d.position = a.position
) ranked
WHERE place <= 5
ORDER BY vector_name, place

-- # Lineage of every vector
-- What each vector was made from: set version, model, parents.
SELECT name, relation, parent_kind, parent_name
FROM v_lineage
WHERE kind = 'vector'
ORDER BY id, relation, parent_id

-- # All ancestors of every object
-- The whole way back from runs and vectors to set versions and models, step by step.
WITH RECURSIVE back(kind, id, name, parent_kind, parent_id, parent_name, steps) AS (
    SELECT kind, id, name, parent_kind, parent_id, parent_name, 1 FROM v_lineage
    UNION
    SELECT b.kind, b.id, b.name, l.parent_kind, l.parent_id, l.parent_name, b.steps + 1
    FROM back b
    JOIN v_lineage l ON l.kind = b.parent_kind AND l.id = b.parent_id
    WHERE b.steps < 20
)
SELECT kind, name, steps, parent_kind, parent_name
FROM back
ORDER BY kind, id, steps, parent_kind, parent_id

-- # Runs that used a vector
-- Which runs a vector steered, so that you know what depends on it.
SELECT l.parent_name AS vector_name, r.run_id, r.run_name, r.n_generations, r.created_at
FROM v_lineage l
JOIN v_runs r ON r.run_id = l.id
WHERE l.kind = 'run' AND l.relation = 'steered_by'
ORDER BY vector_name, r.run_id

-- # Sets and their versions
-- Every version with its size, author and message.
SELECT set_label, parent_label, n_demonstrations, author, message, created_at
FROM v_sets
WHERE version_id IS NOT NULL
ORDER BY set_name, version_number DESC

-- # What a version added
-- Demonstrations of each version that stand in no earlier version of its set.
SELECT d.set_label, d.position, d.source, d.target
FROM v_demonstrations d
WHERE NOT EXISTS (
    SELECT 1 FROM v_demonstrations e
    WHERE e.set_name = d.set_name AND e.version_number < d.version_number
      AND e.demonstration_id = d.demonstration_id
)
ORDER BY d.set_name, d.version_number, d.position

-- # The same demonstration in several sets
-- Texts that more than one set contains: beware of testing on what you learned from.
SELECT demonstration_sha256, count(DISTINCT set_name) AS n_sets, min(source) AS source
FROM v_demonstrations
GROUP BY demonstration_sha256
HAVING count(DISTINCT set_name) > 1
ORDER BY n_sets DESC, demonstration_sha256

-- # Replays that differ
-- Texts of a replay that are not those of the original; an empty answer is what you want.
SELECT r.run_id AS replay_id, r.replay_of, b.prompt_index, b.arm, b.sample,
       a.text AS original_text, b.text AS replay_text
FROM v_runs r
JOIN v_generations b ON b.run_id = r.run_id
JOIN v_generations a ON a.run_id = r.replay_of AND a.prompt_index = b.prompt_index
                    AND a.arm_index = b.arm_index AND a.sample = b.sample
WHERE r.replay_of IS NOT NULL AND a.text <> b.text
ORDER BY r.run_id, b.prompt_index, b.arm_index, b.sample

-- # Why replays differ
-- Every replay with its verdict, and how near the choices were at which its texts parted.
SELECT replay_id, original_id, n_equal, n_generations, nearest_margin, widest_margin, margin_unit,
       rounding_margin, verdict
FROM v_replays
ORDER BY replay_id DESC

-- # Texts at a near choice
-- Texts that other kernels or another processor are most likely to change: a token was almost another.
SELECT run_id, prompt_index, arm, sample, choice_margin, choice_margin_unit, text
FROM v_generations
WHERE choice_margin IS NOT NULL
ORDER BY choice_margin_unit, choice_margin, generation_id
LIMIT 20

-- # Jobs that failed
-- What went wrong lately.
SELECT job_id, kind, model_name, attempt, error_class, error, finished_at
FROM v_jobs
WHERE state = 'failed'
ORDER BY job_id DESC

-- # Waiting and working time by kind of job
-- Mean seconds in the queue and at work.
SELECT kind, state, count(*) AS n_jobs, avg(waited_s) AS mean_waited_s, avg(ran_s) AS mean_ran_s
FROM v_jobs
GROUP BY kind, state
ORDER BY kind, state

-- # Tokens generated per day
-- How much was written. For a chart.
SELECT substr(CAST(created_at AS text), 1, 10) AS day, sum(n_tokens) AS tokens
FROM v_generations
GROUP BY substr(CAST(created_at AS text), 1, 10)
ORDER BY day

-- # Vectors by how they were made
-- Extractions, combinations and controls apart: a random direction is no in-context vector.
SELECT method, operator, origin, count(*) AS n_vectors
FROM v_vectors
GROUP BY method, operator, origin
ORDER BY n_vectors DESC, method, operator, origin

-- # When conditional vectors act
-- Every intervention with a condition: along which vector, where, and beyond which threshold.
SELECT run_id, arm, vector_name, strength, condition_vector_name, condition_layer,
       condition_measure, condition_comparison, condition_threshold, condition_window
FROM v_interventions
WHERE condition_vector_name IS NOT NULL
ORDER BY run_id, arm_index, position
