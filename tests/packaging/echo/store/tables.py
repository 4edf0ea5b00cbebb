"""The table of echoes."""

from sqlalchemy import Table

from vectorlab.store.columns import created_at, metadata, row_id, text

echoes = Table(
    "echoes",
    metadata,
    row_id(),
    text("called"),
    text("heard"),
    text("record_sha256"),
    created_at(),
    text("created_by"),
    sqlite_autoincrement=True,
)
