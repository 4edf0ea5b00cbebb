"""The demonstrations of a version: written as a stream, read whole, in pages or by position."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa

from vectorlab.domain.hashing import canonical_json
from vectorlab.domain.sets import Demonstration, SetVersion, StoredDemonstration, set_hasher
from vectorlab.errors import IntegrityError
from vectorlab.store import schema
from vectorlab.store.database import Transaction
from vectorlab.store.references import batches, storable_text

_items = schema.set_version_items
_texts = schema.demonstrations
_BATCH = 1000  # demonstrations per look-up of their hashes
_WRITE = 10_000  # item rows per statement

Item = Demonstration | StoredDemonstration


class ItemList:
    """The ordered demonstrations of a version that is about to be frozen."""

    def __init__(self) -> None:
        self.ids = array("q")  # demonstration ids in order; eight bytes each
        self._hasher = set_hasher()

    def add(self, item: StoredDemonstration) -> None:
        """Take the next demonstration."""
        self.ids.append(item.id)
        self._hasher.add(item.sha256)

    @property
    def content_sha256(self) -> str:
        """Content hash of a version that holds exactly these."""
        return self._hasher.hexdigest()

    def __len__(self) -> int:
        return len(self.ids)


def store_demonstrations(tx: Transaction, items: Iterable[Item]) -> ItemList:
    """Put what is new of a stream of demonstrations into the store.

    Args:
        tx: An open transaction that writes.
        items: New demonstrations, and references to stored ones, mixed in their order. Only a
            batch of them is held at a time.

    Raises:
        InputError: If a text cannot be stored.
    """
    _let_one_write(tx)
    listed = ItemList()
    stream = iter(items)
    while batch := list(islice(stream, _BATCH)):
        ids = _store_batch(tx, [item for item in batch if isinstance(item, Demonstration)])
        for item in batch:
            if isinstance(item, Demonstration):
                item = StoredDemonstration(id=ids[item.sha256], sha256=item.sha256)
            listed.add(item)
    return listed


def write_items(tx: Transaction, version_id: int, listed: ItemList) -> None:
    """Write the item list of a version."""
    for start in range(0, len(listed), _WRITE):
        rows = [
            {"set_version_id": version_id, "position": position, "demonstration_id": item}
            for position, item in enumerate(listed.ids[start : start + _WRITE], start=start)
        ]
        tx.execute(_items.insert(), rows)


def stored_items(tx: Transaction, version_id: int) -> list[StoredDemonstration]:
    """References to the demonstrations of a version in their order, without their texts."""
    query = _select(version_id, _texts.c.id, _texts.c.sha256).order_by(_items.c.position)
    return [StoredDemonstration(id=row.id, sha256=row.sha256) for row in tx.execute(query)]


def read_items(tx: Transaction, version: SetVersion) -> Iterator[Demonstration]:
    """The demonstrations of a version in their order, a batch in memory at a time.

    Raises:
        IntegrityError: After the last one, if the texts do not have the hash on record.
    """
    hasher = set_hasher()
    query = _select(version.id, *_CONTENT).order_by(_items.c.position)
    for row in tx.execute(query.execution_options(yield_per=_BATCH)):
        item = _demonstration(row)
        hasher.add(item.sha256)
        yield item
    if hasher.hexdigest() != version.content_sha256:
        raise IntegrityError(
            f"Set version {version.label} has content hash {hasher.hexdigest()}, on record is "
            f"{version.content_sha256}. Put a backup in place: vectorlab db restore BACKUP"
        )


def read_page(
    tx: Transaction, version_id: int, *, contains: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[tuple[int, Demonstration]], int]:
    """Part of a version: (position, demonstration) rows, and how many there are in all.

    Args:
        tx: An open transaction.
        version_id: The version.
        contains: Only demonstrations whose source or target has this text, in whatever case.
        offset: Rows to leave out at the beginning.
        limit: Most rows.
    """
    found: sa.ColumnElement[bool] = sa.true()
    if contains:
        found = sa.or_(
            _texts.c.source.icontains(contains, autoescape=True),
            _texts.c.target.icontains(contains, autoescape=True),
        )
    query = _select(version_id, _items.c.position, *_CONTENT).where(found)
    page = query.order_by(_items.c.position).offset(offset).limit(limit)
    total = tx.scalar(_select(version_id, sa.func.count()).where(found))
    return [(row.position, _demonstration(row)) for row in tx.execute(page)], total or 0


def by_ids(tx: Transaction, ids: Iterable[int]) -> dict[int, Demonstration]:
    """Demonstrations by their id."""
    found = {}
    for batch in batches(dict.fromkeys(ids)):
        query = sa.select(_texts.c.id, *_CONTENT).where(_texts.c.id.in_(batch))
        found.update({row.id: _demonstration(row) for row in tx.execute(query)})
    return found


_CONTENT = (_texts.c.source, _texts.c.target, _texts.c.metadata_json)


def _select(version_id: int, *columns: Any) -> sa.Select[Any]:
    joined = _items.join(_texts, _items.c.demonstration_id == _texts.c.id)
    return sa.select(*columns).select_from(joined).where(_items.c.set_version_id == version_id)


def _demonstration(row: Any) -> Demonstration:
    return Demonstration(source=row.source, target=row.target, metadata=row.metadata_json)


def _let_one_write(tx: Transaction) -> None:
    """Two streams that hold and want each other's new rows would wait for ever.

    SQLite has one writer anyway; the lock goes with the transaction.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext("demonstrations"))))


def _store_batch(tx: Transaction, items: Sequence[Demonstration]) -> dict[str, int]:
    """Ids by hash; what is not there yet is inserted."""
    wanted = {item.sha256: item for item in items}
    ids = _ids(tx, list(wanted))
    missing = [sha256 for sha256 in wanted if sha256 not in ids]
    if missing:
        tx.execute(_texts.insert(), [_row(sha256, wanted[sha256]) for sha256 in missing])
        ids |= _ids(tx, missing)
    return ids


def _ids(tx: Transaction, hashes: Sequence[str]) -> dict[str, int]:
    if not hashes:
        return {}
    query = sa.select(_texts.c.sha256, _texts.c.id).where(_texts.c.sha256.in_(hashes))
    return {row.sha256: row.id for row in tx.execute(query)}


def _row(sha256: str, item: Demonstration) -> dict[str, Any]:
    storable_text("Metadata", canonical_json(dict(item.metadata)))
    return {
        "sha256": sha256,
        "source": storable_text("Source", item.source),
        "target": None if item.target is None else storable_text("Target", item.target),
        "metadata_json": dict(item.metadata),
    }
