-- One row per echo.
SELECT e.id AS echo_id,
       e.called,
       e.heard,
       e.created_at
FROM echoes e
