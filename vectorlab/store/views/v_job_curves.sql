-- One row per point of a curve that a training drew.
SELECT p.job_id,
       j.kind,
       p.series,
       p.step,
       p.value
FROM job_points p
JOIN jobs j ON j.id = p.job_id
