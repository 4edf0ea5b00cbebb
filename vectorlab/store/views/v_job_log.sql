-- One row per line of the log of a job.
SELECT l.id AS line_id,
       l.job_id,
       j.kind,
       l.attempt,
       l.level,
       l.message,
       l.created_at
FROM job_logs l
JOIN jobs j ON j.id = l.job_id
