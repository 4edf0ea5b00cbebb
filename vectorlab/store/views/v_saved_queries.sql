-- One row per query that somebody keeps.
SELECT name,
       sql,
       created_at,
       created_by
FROM saved_queries
