-- One row per demonstration of a version, in its order.
-- An item holds its place until a later row of the same place; a row without demonstration clears it.
-- The partitions name the version in every way that people filter by, so that the databases can look
-- up one version without listing all of them.
SELECT p.set_name,
       p.version_number,
       p.set_label,
       p.version_id,
       CAST(p.place AS integer) AS position,
       d.id AS demonstration_id,
       d.sha256 AS demonstration_sha256,
       d.source,
       d.target,
       CAST(d.metadata_json AS text) AS metadata,
       p.since_version_number
FROM (
    SELECT s.name AS set_name,
           v.number AS version_number,
           s.name || '@' || v.number AS set_label,
           v.id AS version_id,
           row_number() OVER (
               PARTITION BY v.id, v.number, s.name, s.name || '@' || v.number
               ORDER BY i.rank
           ) - 1 AS place,
           i.demonstration_id,
           i.number AS since_version_number
    FROM demonstration_sets s
    JOIN set_versions v ON v.set_id = s.id
    JOIN set_items i
        ON i.set_id = v.set_id AND i.base_number = v.base_number AND i.number <= v.number
    WHERE i.demonstration_id IS NOT NULL
      AND NOT EXISTS (
          SELECT 1
          FROM set_items n
          WHERE n.set_id = i.set_id AND n.base_number = i.base_number AND n.rank = i.rank
            AND n.number > i.number AND n.number <= v.number
      )
) p
JOIN demonstrations d ON d.id = p.demonstration_id
