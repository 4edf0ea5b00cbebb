-- One row per edited run of an evaluation: what it said, and whether that is the source's value or still the base's.
SELECT o.evaluation_id,
       e.label,
       e.method,
       e.part,
       o.target,
       o.example AS example_index,
       o.output,
       o.changed,
       o.kept
FROM ravel_outcomes o
JOIN ravel_evaluations e ON e.id = o.evaluation_id
