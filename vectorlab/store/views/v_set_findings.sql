-- One row per finding of the checks at commit.
SELECT s.name AS set_name,
       v.number AS version_number,
       s.name || '@' || v.number AS set_label,
       f.check_name,
       f.n_demonstrations,
       f.message,
       CAST(f.positions_json AS text) AS positions
FROM set_version_findings f
JOIN set_versions v ON v.id = f.set_version_id
JOIN demonstration_sets s ON s.id = v.set_id
