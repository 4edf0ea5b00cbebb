-- One row per job, with the seconds that it waited and ran.
SELECT j.id AS job_id,
       j.kind,
       j.state,
       j.queue,
       j.priority,
       m.name AS model_name,
       j.attempt,
       j.max_attempts,
       j.lease_owner AS worker_id,
       j.cancel_requested,
       j.progress_done,
       j.progress_total,
       j.progress_note,
       j.error_class,
       j.error,
       j.created_at,
       j.started_at,
       j.finished_at,
       CAST(extract(epoch FROM j.started_at) - extract(epoch FROM j.created_at) AS double precision)
           AS waited_s,
       CAST(extract(epoch FROM j.finished_at) - extract(epoch FROM j.started_at) AS double precision)
           AS ran_s,
       j.created_by
FROM jobs j
LEFT JOIN models m ON m.id = j.model_id
