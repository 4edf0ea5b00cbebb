-- One row per draft: what somebody changes of a version and has not frozen; `version_number` is 0 where the set has none yet.
SELECT d.id AS draft_id,
       s.name AS set_name,
       d.base_number AS version_number,
       CASE d.base_number WHEN 0 THEN s.name ELSE s.name || '@' || d.base_number END AS set_label,
       d.author,
       CAST(d.edit_json AS text) AS edit,
       d.created_at,
       d.changed_at
FROM set_drafts d
JOIN demonstration_sets s ON s.id = d.set_id
