"""Who did what to which object, when; rows are only ever added."""

from collections.abc import Mapping
from typing import Any

from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction

_ADD = schema.audit_log.insert().values(created_at=utc_now())


def record(
    tx: Transaction,
    *,
    actor: str,
    action: str,
    object_kind: str,
    object_id: int | str,
    details: Mapping[str, Any],
) -> None:
    """Note an action in the transaction that carries it out.

    Args:
        tx: An open transaction that writes.
        actor: Who did it.
        action: What was done, a word.
        object_kind: What it was done to.
        object_id: Id of the object.
        details: What else there is to know, JSON types.
    """
    tx.execute(
        _ADD,
        {
            "actor": actor,
            "action": action,
            "object_kind": object_kind,
            "object_id": str(object_id),
            "details_json": dict(details),
        },
    )
