"""Drafts of versions: one per version and person, changed until they are frozen or thrown away."""

from typing import Any

import sqlalchemy as sa

from vectorlab.domain.sets.drafts import Draft, Edit
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.references import must_exist, storable_text
from vectorlab.store.sets import sets
from vectorlab.store.upserts import insert_into

_drafts = schema.set_drafts
_sets = schema.demonstration_sets


def find(
    tx: Transaction, set_name: str, base_number: int, author: str, *, hold: bool = False
) -> Draft | None:
    """Somebody's draft of a version, None if there is none.

    Args:
        tx: An open transaction.
        set_name: The set.
        base_number: Of the version, 0 where the set has none.
        author: Whose draft.
        hold: Let nobody change it until the transaction ends.
    """
    query = _select().where(
        _sets.c.name == set_name, _drafts.c.base_number == base_number, _drafts.c.author == author
    )
    row = tx.execute(query.with_for_update(of=_drafts) if hold else query).one_or_none()
    return None if row is None else _draft(row)


def get(tx: Transaction, draft_id: int) -> Draft:
    """The draft with that number.

    Raises:
        NotFoundError: If there is none.
    """
    row = tx.execute(_select().where(_drafts.c.id == draft_id)).one_or_none()
    return _draft(must_exist(row, "draft", draft_id, listed_by="sets drafts"))


def list_drafts(tx: Transaction, *, author: str | None = None) -> list[Draft]:
    """All drafts, or those of one person, what was changed last first."""
    query = _select().order_by(_drafts.c.changed_at.desc(), _drafts.c.id.desc())
    if author is not None:
        query = query.where(_drafts.c.author == author)
    return [_draft(row) for row in tx.execute(query)]


def open_draft(tx: Transaction, set_name: str, base_number: int, author: str) -> Draft:
    """Somebody's draft of a version, begun empty if there is none, held until the transaction ends.

    Args:
        tx: An open transaction that writes.
        set_name: The set, which must be there.
        base_number: Of the version, 0 where the set has none.
        author: Whose draft.

    Raises:
        NotFoundError: If there is no such set.
    """
    values = {
        "set_id": sets.get_set(tx, set_name).id,
        "base_number": base_number,
        "author": author,
        "edit_json": Edit().plain(),
        "created_at": utc_now(),
        "changed_at": utc_now(),
    }
    # Whoever comes second waits for the first here, on either database.
    unique = [_drafts.c.set_id, _drafts.c.base_number, _drafts.c.author]
    insert = insert_into(tx, _drafts).values(values)
    tx.execute(
        insert.on_conflict_do_update(index_elements=unique, set_={"author": _drafts.c.author})
    )
    found = find(tx, set_name, base_number, author)
    assert found is not None
    return found


def change(tx: Transaction, draft: Draft, edit: Edit) -> Draft:
    """Keep an edit in the place of what the draft held.

    Args:
        tx: An open transaction that writes.
        draft: As it was opened.
        edit: What it holds from now on.

    Raises:
        InputError: If a text cannot be stored.
    """
    for item in (*edit.replaced.values(), *edit.added):
        storable_text("Source", item.source)
        storable_text("Target", item.target or "")
    values = {"edit_json": edit.plain(), "changed_at": utc_now()}
    tx.execute(_drafts.update().where(_drafts.c.id == draft.id).values(values))
    return get(tx, draft.id)


def remove(tx: Transaction, draft: Draft) -> bool:
    """Delete a draft; whether it was there."""
    return tx.execute(_drafts.delete().where(_drafts.c.id == draft.id)).rowcount > 0


def _select() -> sa.Select[Any]:
    return sa.select(_drafts, _sets.c.name.label("set_name")).join(_sets)


def _draft(row: sa.Row[Any]) -> Draft:
    return Draft(
        id=row.id,
        set_name=row.set_name,
        base_number=row.base_number,
        author=row.author,
        edit=Edit.of_plain(row.edit_json),
        created_at=row.created_at,
        changed_at=row.changed_at,
    )
