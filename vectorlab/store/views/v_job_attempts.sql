-- One row per try at a job.
SELECT a.job_id,
       j.kind,
       a.attempt,
       a.worker_id,
       a.outcome,
       a.error,
       a.started_at,
       a.ended_at
FROM job_attempts a
JOIN jobs j ON j.id = a.job_id
