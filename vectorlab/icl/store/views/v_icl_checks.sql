-- One row per reference point of a reproduction (`vectorlab icl reproduce`): the published value, ours
-- with its 99 % interval, a verdict.
SELECT r.id AS icl_run_id,
       r.created_at,
       c.name,
       c.about,
       c.source,
       c.reference,
       c.tolerance,
       c.comparison,
       c.value,
       c.low,
       c.high,
       c.verdict
FROM icl_checks c
JOIN icl_runs r ON r.id = c.icl_run_id
