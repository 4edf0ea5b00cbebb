-- One row per tag, the name that points at a version of its set.
SELECT s.name AS set_name,
       t.name AS tag,
       v.number AS version_number,
       s.name || '@' || v.number AS set_label,
       t.created_at,
       t.created_by
FROM version_tags t
JOIN demonstration_sets s ON s.id = t.set_id
JOIN set_versions v ON v.id = t.set_version_id
