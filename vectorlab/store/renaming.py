"""Another name for what the store holds; what it is, and what depends on it, stays as it is."""

import sqlalchemy as sa

from vectorlab.domain.sets.versions import check_name
from vectorlab.errors import ConflictError
from vectorlab.store import audit, schema
from vectorlab.store.database import Transaction
from vectorlab.store.jobs import names

NAMED = {
    "set": schema.demonstration_sets,
    "model": schema.models,
    "vector": schema.steering_vectors,
    "run": schema.generation_runs,
}


def rename(tx: Transaction, noun: str, row_id: int, name: str, *, actor: str) -> None:
    """Give something another name, and say so in the audit log; its own name changes nothing.

    Args:
        tx: An open transaction.
        noun: One of ``NAMED``.
        row_id: Of the one that gets the name.
        name: The new one.
        actor: Recorded as the one who renamed it.

    Raises:
        InputError: If the name is unusable.
        ConflictError: If another one has it, or a job is to give it.
    """
    table, name = NAMED[noun], check_name(noun, name)
    before = tx.scalar(sa.select(table.c.name).where(table.c.id == row_id))
    if name == before:
        return
    taken = tx.scalar(sa.select(table.c.id).where(table.c.name == name))
    if taken is not None:
        raise ConflictError(
            f"{noun.capitalize()} name {name!r} is taken by {noun} {taken}. Choose another."
        )
    names.check_promised(tx, noun, name)
    tx.execute(table.update().where(table.c.id == row_id).values(name=name))
    audit.record(
        tx,
        actor=actor,
        action="rename",
        object_kind=noun,
        object_id=row_id,
        details={"name": name, "before": before},
    )
