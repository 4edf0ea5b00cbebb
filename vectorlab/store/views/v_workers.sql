-- One row per process that claims jobs; forgotten a week after it was last seen.
SELECT id AS worker_id,
       host,
       pid,
       device,
       torch_version,
       queue,
       state,
       memory_bytes,
       started_at,
       last_seen
FROM workers
