SELECT s.id AS set_id,
       s.name AS set_name,
       s.description,
       s.task,
       CAST(s.labels_json AS text) AS tags,
       v.id AS version_id,
       v.number AS version_number,
       s.name || '@' || v.number AS set_label,
       ps.name || '@' || p.number AS parent_label,
       v.content_sha256,
       v.message,
       v.author,
       v.n_demonstrations,
       v.created_at,
       CAST(s.labels_json AS text) AS labels,
       (SELECT string_agg(name, ', ' ORDER BY name)
        FROM (SELECT t.name FROM version_tags t WHERE t.set_version_id = v.id ORDER BY t.name) own)
           AS version_tags,
       v.relation,
       ms.name || '@' || m.number AS merged_label,
       CAST(v.details_json AS text) AS details,
       (SELECT count(*) FROM set_version_findings f WHERE f.set_version_id = v.id)
           AS n_findings
FROM demonstration_sets s
LEFT JOIN set_versions v ON v.set_id = s.id
LEFT JOIN set_versions p ON p.id = v.parent_id
LEFT JOIN demonstration_sets ps ON ps.id = p.set_id
LEFT JOIN set_versions m ON m.id = v.merged_id
LEFT JOIN demonstration_sets ms ON ms.id = m.set_id
