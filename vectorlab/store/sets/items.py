"""The demonstrations of a version: written as a stream, read whole, in pages or by position."""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from vectorlab.domain.hashing import canonical_json
from vectorlab.domain.sets.versions import (
    Demonstration,
    SetVersion,
    StoredDemonstration,
    set_hasher,
)
from vectorlab.errors import IntegrityError
from vectorlab.store import schema
from vectorlab.store.database import Transaction
from vectorlab.store.references import batches, storable_text
from vectorlab.store.sets import item_ranks

_versions = schema.set_versions
_items = schema.set_items
_texts = schema.demonstrations
_CONTENT = (_texts.c.source, _texts.c.target, _texts.c.metadata_json)
_BATCH = 1000  # demonstrations per look-up of their hashes
_BATCH_CHARACTERS = 2**22  # of text in a batch; a few very long texts are enough of one
_WRITE = 10_000  # item rows per statement
# A list is written whole once its changes outgrow it by this factor (and this many rows), so
# that reading a version passes over a bounded number of rows whatever its history.
_MOST_CHANGES = (2, 1000)

Item = Demonstration | StoredDemonstration
AnyItem = TypeVar("AnyItem", bound=Item)


class ItemList:
    """The ordered demonstrations of a version that is about to be frozen."""

    def __init__(self) -> None:
        self.ids = array("q")  # demonstration ids in order; eight bytes each
        self._hasher = set_hasher()

    def add(self, demonstration: StoredDemonstration) -> None:
        """Take the next demonstration into the list."""
        self.ids.append(demonstration.id)
        self._hasher.add(demonstration.sha256)

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
    for batch in in_batches(items):
        ids = _store_batch(
            tx,
            [demonstration for demonstration in batch if isinstance(demonstration, Demonstration)],
        )
        for demonstration in batch:
            if isinstance(demonstration, Demonstration):
                demonstration = StoredDemonstration(
                    id=ids[demonstration.sha256], sha256=demonstration.sha256
                )
            listed.add(demonstration)
    return listed


def plan_items(
    tx: Transaction, listed: ItemList, latest: SetVersion | None, number: int
) -> tuple[int, Iterable[item_ranks.RankRow]]:
    """How the item list of the next version of a set is written.

    Returns:
        The number of the version that the list builds on, and the rows to write: what changed
        since the latest version, or the whole list where that is shorter in the long run.
    """
    if latest is not None:
        held, before = array("q"), array("q")
        placed = _placed(latest.id)
        query = sa.select(placed.c.rank, placed.c.demonstration_id).order_by(placed.c.rank)
        for row in tx.execute(query.execution_options(yield_per=_WRITE)):
            held.append(row.rank)
            before.append(row.demonstration_id)
        rows = item_ranks.changes(held, before, listed.ids)
        base, written = _written(tx, latest)
        factor, least = _MOST_CHANGES
        if rows is not None and written + len(rows) <= factor * len(listed) + least:
            return base, rows
    return number, item_ranks.whole(listed.ids)


def write_items(
    tx: Transaction, set_id: int, number: int, base_number: int, rows: Iterable[item_ranks.RankRow]
) -> None:
    """Write the rows that were planned for a version.

    Args:
        tx: An open transaction that writes.
        set_id: Of the set.
        number: Of the version.
        base_number: Of the version at which the list was last written whole.
        rows: Rank and demonstration of each.
    """
    waiting = iter(rows)
    while batch := list(islice(waiting, _WRITE)):
        values = [
            {
                "set_id": set_id,
                "base_number": base_number,
                "rank": rank,
                "number": number,
                "demonstration_id": demonstration_id,
            }
            for rank, demonstration_id in batch
        ]
        tx.execute(_items.insert(), values)


def in_batches(items: Iterable[AnyItem]) -> Iterator[list[AnyItem]]:
    """A stream in lists that are bounded in number and in text, whatever comes."""
    batch: list[AnyItem] = []
    size = 0
    for demonstration in items:
        batch.append(demonstration)
        if isinstance(demonstration, Demonstration):
            size += len(demonstration.source) + len(demonstration.target or "")
        if len(batch) == _BATCH or size > _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def stored_items(tx: Transaction, version_id: int) -> list[StoredDemonstration]:
    """References to the demonstrations of a version in their order, without their texts."""
    query, position = _select(version_id, _texts.c.id, _texts.c.sha256)
    query = query.order_by(position)
    return [StoredDemonstration(id=row.id, sha256=row.sha256) for row in tx.execute(query)]


def read_items(tx: Transaction, version: SetVersion) -> Iterator[Demonstration]:
    """The demonstrations of a version in their order, a batch in memory at a time.

    Raises:
        IntegrityError: After the last one, if the texts do not have the hash on record.
    """
    hasher = set_hasher()
    query, position = _select(version.id, *_CONTENT)
    for row in tx.execute(query.order_by(position).execution_options(yield_per=_BATCH)):
        demonstration = _demonstration(row)
        hasher.add(demonstration.sha256)
        yield demonstration
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
    condition: sa.ColumnElement[bool] = sa.true()
    if contains:
        condition = sa.or_(
            _texts.c.source.icontains(contains, autoescape=True),
            _texts.c.target.icontains(contains, autoescape=True),
        )
    query, position = _select(version_id, *_CONTENT)
    query = query.add_columns(position).where(condition)
    total = tx.scalar(sa.select(sa.func.count()).select_from(query.subquery()))
    page = query.order_by(position).offset(offset).limit(limit)
    return [(row.position, _demonstration(row)) for row in tx.execute(page)], total or 0


def count_without_target(tx: Transaction, version_id: int) -> int:
    """How many demonstrations of a version are bare prompts."""
    query, _ = _select(version_id, _texts.c.id)
    bare = query.where(_texts.c.target.is_(None)).subquery()
    return tx.scalar(sa.select(sa.func.count()).select_from(bare)) or 0


def at_positions(
    tx: Transaction, version_id: int, positions: Sequence[int] | None = None
) -> dict[int, Demonstration]:
    """Demonstrations of a version by their position there; None for all of them."""
    query, position = _select(version_id, *_CONTENT)
    query = query.add_columns(position)
    parts = (
        [sa.true()] if positions is None else [position.in_(part) for part in batches(positions)]
    )
    return {
        row.position: _demonstration(row) for part in parts for row in tx.execute(query.where(part))
    }


def arrivals(tx: Transaction, version: SetVersion) -> set[int]:
    """Ids of the demonstrations that a version holds more often than its parent does."""
    changed = tx.execute(_replacements(version.id)).all()
    if changed:
        came = Counter(row.came for row in changed if row.came is not None)
        left = Counter(row.gone for row in changed if row.gone is not None)
        return set(came - left)
    # Its list was written whole, or is the first of its set.
    came = Counter(stored.id for stored in stored_items(tx, version.id))
    if version.parent_id is not None:
        came -= Counter(stored.id for stored in stored_items(tx, version.parent_id))
    return set(came)


def by_ids(tx: Transaction, ids: Iterable[int]) -> dict[int, Demonstration]:
    """Demonstrations of those ids, by id."""
    demonstrations = {}
    for batch in batches(dict.fromkeys(ids)):
        query = sa.select(_texts.c.id, *_CONTENT).where(_texts.c.id.in_(batch))
        demonstrations.update({row.id: _demonstration(row) for row in tx.execute(query)})
    return demonstrations


def _select(version_id: int, *columns: Any) -> tuple[sa.Select[Any], sa.ColumnElement[int]]:
    """Columns of the demonstrations of a version, and the column to order them by."""
    placed = _placed(version_id)
    joined = placed.join(_texts, placed.c.demonstration_id == _texts.c.id)
    return sa.select(*columns).select_from(joined), placed.c.position


def _placed(version_id: int) -> sa.Subquery:
    """Rank, position and demonstration of every item of a version, in order."""
    until = sa.func.lead(_items.c.number).over(partition_by=_items.c.rank, order_by=_items.c.number)
    history = (
        sa.select(_items.c.rank, _items.c.demonstration_id, until.label("until"))
        .select_from(_items.join(_versions, _is_of(_versions)))
        .where(_versions.c.id == version_id, _items.c.number <= _versions.c.number)
        .subquery("history")
    )
    position = sa.func.row_number().over(order_by=history.c.rank) - 1
    return (
        sa.select(history.c.rank, history.c.demonstration_id, position.label("position"))
        .where(history.c.until.is_(None), history.c.demonstration_id.is_not(None))
        .order_by(history.c.rank)
        .subquery("placed")
    )


def _replacements(version_id: int) -> sa.Select[Any]:
    """For every rank that a version changes: the demonstrations after and before."""
    earlier = sa.func.lag(_items.c.demonstration_id).over(
        partition_by=_items.c.rank, order_by=_items.c.number
    )
    history = (
        sa.select(_items.c.number, _items.c.demonstration_id, earlier.label("gone"))
        .select_from(_items.join(_versions, _is_of(_versions)))
        .where(_versions.c.id == version_id, _items.c.number <= _versions.c.number)
        .subquery()
    )
    version = sa.select(_versions.c.number).where(
        _versions.c.id == version_id, _versions.c.base_number < _versions.c.number
    )
    return sa.select(history.c.demonstration_id.label("came"), history.c.gone).where(
        history.c.number == version.scalar_subquery()
    )


def _is_of(versions: Any) -> sa.ColumnElement[bool]:
    """Whether an item row belongs to the list that a version builds on."""
    return sa.and_(
        _items.c.set_id == versions.c.set_id, _items.c.base_number == versions.c.base_number
    )


def _written(tx: Transaction, version: SetVersion) -> tuple[int, int]:
    """The base of a version's list, and how many rows there are since."""
    query = (
        sa.select(_versions.c.base_number, sa.func.count())
        .select_from(_versions.join(_items, _is_of(_versions)))
        .where(_versions.c.id == version.id)
        .group_by(_versions.c.base_number)
    )
    base, count = tx.execute(query).one()
    return base, count


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
    by_hash = {demonstration.sha256: demonstration for demonstration in items}
    ids = _ids(tx, list(by_hash))
    missing = [sha256 for sha256 in by_hash if sha256 not in ids]
    if missing:
        tx.execute(_texts.insert(), [_row(sha256, by_hash[sha256]) for sha256 in missing])
        ids |= _ids(tx, missing)
    return ids


def _ids(tx: Transaction, hashes: Sequence[str]) -> dict[str, int]:
    if not hashes:
        return {}
    query = sa.select(_texts.c.sha256, _texts.c.id).where(_texts.c.sha256.in_(hashes))
    return {row.sha256: row.id for row in tx.execute(query)}


def _row(sha256: str, demonstration: Demonstration) -> dict[str, Any]:
    storable_text("Metadata", canonical_json(dict(demonstration.metadata)))
    return {
        "sha256": sha256,
        "source": storable_text("Source", demonstration.source),
        "target": None
        if demonstration.target is None
        else storable_text("Target", demonstration.target),
        "metadata_json": dict(demonstration.metadata),
    }
