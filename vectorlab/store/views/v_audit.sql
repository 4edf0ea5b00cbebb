-- One row per act that was noted: who did what to which object, and when.
SELECT id AS entry_id,
       created_at,
       actor,
       action,
       object_kind,
       object_id,
       CAST(details_json AS text) AS details
FROM audit_log
