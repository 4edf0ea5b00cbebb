"""A single pair, added to a set from wherever it was found."""

from vectorlab.domain.sets.drafts import Edit
from vectorlab.domain.sets.versions import Demonstration, check_name
from vectorlab.errors import ConflictError, InputError
from vectorlab.services.sets import sets
from vectorlab.services.sets.sets import Committed
from vectorlab.store.database import Database
from vectorlab.store.sets import sets as set_store


def add_pair(
    db: Database,
    *,
    name: str,
    base: str | None,
    pair: Demonstration,
    message: str,
    actor: str,
    strict: bool = False,
) -> Committed:
    """Freeze a set with one more pair at its end, or begin the set with it.

    Args:
        db: The store.
        name: Of the set.
        base: The version that the pair is added to, its latest; None begins the set.
        pair: Source and target.
        message: Why.
        actor: Recorded as the author.
        strict: Refuse what the checks warn about.

    Raises:
        InputError: If a side is missing, the version is not the latest any more, or the checks
            found something in ``strict``.
        ConflictError: If a set that is to begin is there already.
    """
    if not pair.source.strip() or not (pair.target or "").strip():
        raise InputError("A demonstration needs a source and a target. Fill in both fields.")
    if base is None:
        check_name("set", name)
        with db.write() as tx:
            set_store.ensure_set(tx, name=name)
            if set_store.list_versions(tx, name):
                raise ConflictError(
                    f"Set {name!r} is there by now. Choose it, and add the pair again."
                )
            return sets.freeze(
                tx, name=name, items=[pair], message=message, actor=actor, strict=strict
            )
    edit = Edit(replaced={}, removed=frozenset(), added=(pair,))
    return sets.commit_edit(
        db, reference=base, edit=edit, message=message, actor=actor, strict=strict
    )
