-- One row per set version; a set without versions has one row with nulls. `tags` are the names that
-- point at the version, `labels` the words on the set.
SELECT s.id AS set_id,
       s.name AS set_name,
       s.description,
       s.task,
       CAST(s.labels_json AS text) AS labels,
       v.id AS version_id,
       v.number AS version_number,
       s.name || '@' || v.number AS set_label,
       (SELECT string_agg(name, ', ' ORDER BY name)
        FROM (SELECT t.name FROM version_tags t WHERE t.set_version_id = v.id ORDER BY t.name) own)
           AS tags,
       v.relation,
       ps.name || '@' || p.number AS parent_label,
       ms.name || '@' || m.number AS merged_label,
       v.content_sha256,
       v.n_demonstrations,
       (SELECT count(*) FROM set_version_findings f WHERE f.set_version_id = v.id)
           AS n_findings,
       v.message,
       v.author,
       CAST(v.details_json AS text) AS details,
       v.created_at
FROM demonstration_sets s
LEFT JOIN set_versions v ON v.set_id = s.id
LEFT JOIN set_versions p ON p.id = v.parent_id
LEFT JOIN demonstration_sets ps ON ps.id = p.set_id
LEFT JOIN set_versions m ON m.id = v.merged_id
LEFT JOIN demonstration_sets ms ON ms.id = m.set_id
