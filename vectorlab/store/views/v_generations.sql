-- One row per text, with its prompt, arm, vector, strength and `baseline_text`: the text of the run's first
-- baseline arm for the same prompt and sample. An arm with several vectors lists their names, and gives
-- strength, operator, positions, write site and schedule when they agree. `mean_kl` and
-- `baseline_mean_logprob` (nats) are there for runs with `--kl`. `choice_margin` is how near another token
-- was where that was nearest, in `choice_margin_unit`.
WITH named AS (
    SELECT ai.run_id,
           ai.arm,
           ai.position,
           ai.strength,
           ai.operator,
           ai.positions,
           ai.site,
           ai.schedule,
           v.name AS vector_name,
           s.name || '@' || sv.number AS set_label
    FROM arm_interventions ai
    JOIN steering_vectors v ON v.id = ai.steering_vector_id
    LEFT JOIN set_versions sv ON sv.id = v.set_version_id
    LEFT JOIN demonstration_sets s ON s.id = sv.set_id
),
applied AS (
    SELECT run_id,
           arm,
           count(*) AS n_interventions,
           string_agg(vector_name, ' + ' ORDER BY position) AS vector_name,
           string_agg(set_label, ' + ' ORDER BY position) AS set_label,
           CASE WHEN min(strength) = max(strength) THEN min(strength) END AS strength,
           CASE WHEN min(operator) = max(operator) THEN min(operator) END AS operator,
           CASE WHEN min(positions) = max(positions) THEN min(positions) END AS positions,
           CASE WHEN min(site) = max(site) THEN min(site) END AS write_site,
           CASE WHEN min(schedule) = max(schedule) THEN min(schedule) END AS schedule,
           min(CASE WHEN strength = 0 THEN 1 ELSE 0 END) AS without_effect
    FROM (SELECT * FROM named ORDER BY run_id, arm, position) ordered
    GROUP BY run_id, arm
),
arms AS (
    SELECT a.run_id,
           a.position,
           a.label,
           a.prefix,
           coalesce(x.n_interventions, 0) AS n_interventions,
           x.vector_name,
           x.set_label,
           CASE WHEN x.run_id IS NULL THEN 0.0 ELSE x.strength END AS strength,
           x.operator,
           x.positions,
           x.write_site,
           x.schedule,
           CASE WHEN a.prefix IS NULL THEN coalesce(x.without_effect, 1) ELSE 0 END AS without_effect
    FROM run_arms a
    LEFT JOIN applied x ON x.run_id = a.run_id AND x.arm = a.position
),
baselines AS (
    SELECT run_id, min(position) AS arm FROM arms WHERE without_effect = 1 GROUP BY run_id
)
SELECT g.id AS generation_id,
       g.run_id,
       r.name AS run_name,
       r.replay_of,
       m.name AS model_name,
       g.prompt AS prompt_index,
       p.text AS prompt,
       p.reference,
       g.arm AS arm_index,
       a.label AS arm,
       CASE WHEN a.without_effect = 1 THEN true ELSE false END AS is_baseline,
       a.prefix,
       a.n_interventions,
       a.vector_name,
       a.set_label,
       a.operator,
       a.strength,
       a.schedule,
       a.write_site,
       a.positions,
       g.sample,
       r.seed,
       g.text,
       b.text AS baseline_text,
       g.n_tokens,
       g.finish_reason,
       g.mean_logprob,
       g.choice_margin,
       CASE WHEN CAST(r.decoding_json ->> 'do_sample' AS boolean) THEN 'probability' ELSE 'nats' END
           AS choice_margin_unit,
       g.baseline_mean_logprob,
       g.mean_kl,
       r.created_at
FROM generations g
JOIN generation_runs r ON r.id = g.run_id
JOIN models m ON m.id = r.model_id
JOIN run_prompts p ON p.run_id = g.run_id AND p.position = g.prompt
JOIN arms a ON a.run_id = g.run_id AND a.position = g.arm
LEFT JOIN baselines z ON z.run_id = g.run_id
LEFT JOIN generations b
    ON b.run_id = g.run_id AND b.prompt = g.prompt AND b.arm = z.arm
    AND b.sample = g.sample
