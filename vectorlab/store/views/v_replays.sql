-- One row per replay: how many of its texts equal the original's, how near the choices were at which the
-- others parted (in `margin_unit`), and the verdict: `identical`, `rounding` or `unexplained`.
SELECT r.id AS replay_id,
       r.replay_of AS original_id,
       m.name AS model_name,
       r.n_generations,
       CASE WHEN v.run_id IS NOT NULL THEN r.n_generations - coalesce(d.n_departures, 0) END
           AS n_equal,
       CASE WHEN v.run_id IS NOT NULL THEN coalesce(d.n_departures, 0) END AS n_departures,
       d.nearest_margin,
       d.widest_margin,
       CASE WHEN CAST(r.decoding_json ->> 'do_sample' AS boolean) THEN 'probability' ELSE 'nats' END
           AS margin_unit,
       v.rounding_margin,
       v.verdict,
       r.created_at
FROM (
    SELECT id,
           replay_of,
           model_id,
           decoding_json,
           created_at,
           (SELECT count(*) FROM generations g WHERE g.run_id = runs.id) AS n_generations
    FROM generation_runs runs
    WHERE replay_of IS NOT NULL
) r
JOIN models m ON m.id = r.model_id
LEFT JOIN replay_verdicts v ON v.run_id = r.id
LEFT JOIN (
    SELECT run_id,
           count(*) AS n_departures,
           min(margin) AS nearest_margin,
           max(margin) AS widest_margin
    FROM replay_departures
    GROUP BY run_id
) d ON d.run_id = r.id
