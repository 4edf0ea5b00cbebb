"""Recorded states of texts, kept so that they are not computed twice.

Many texts share a blob, a blob is cut into rows of at most ``CHUNK_BYTES``, and an index row per
text says where its state lies. All of it is a cache: nothing refers to it, so it may be evicted
at any time, and a blob that does not have its hash is as good as absent.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
import sqlalchemy as sa

from vectorlab.domain.hashing import bytes_sha256
from vectorlab.domain.vectors.states import StateBlock, StateCacheInfo, StateSpec, place_sha256
from vectorlab.store import schema
from vectorlab.store.columns import utc_now
from vectorlab.store.database import Transaction
from vectorlab.store.references import batches
from vectorlab.store.upserts import insert_into

_caches = schema.state_caches
_blobs = schema.state_blobs
_chunks = schema.state_blob_chunks
_states = schema.cached_states
_models = schema.models

CHUNK_BYTES = 4 * 2**20  # of one row
_ROWS_AT_ONCE = 8  # of chunks that are read, to bound memory
_FLOAT = np.dtype("<f4")


@dataclass(frozen=True, kw_only=True)
class FoundBlob:
    """What one blob has of the texts that were asked for."""

    blob_id: int
    block: StateBlock | None  # None: the bytes are not those on record


@dataclass(frozen=True, kw_only=True)
class Evicted:
    """What an eviction took away, and what is left."""

    n_texts: int
    n_bytes: int
    bytes_left: int


def find_states(
    tx: Transaction, spec: StateSpec, text_sha256s: Sequence[str], *, job_id: int | None = None
) -> Iterator[FoundBlob]:
    """The kept states of those texts, blob by blob.

    Args:
        tx: An open transaction.
        spec: What the states depend on beside the text.
        text_sha256s: Of different texts.
        job_id: Only states that this job computed.
    """
    cache_id = tx.scalar(sa.select(_caches.c.id).where(_caches.c.sha256 == spec.sha256))
    if cache_id is None:
        return
    by_blob: dict[int, list[_Place]] = defaultdict(list)
    query = _select_places().where(
        _states.c.state_cache_id == cache_id, _among(tx, _states.c.text_sha256, text_sha256s)
    )
    if job_id is not None:
        query = query.where(_blobs.c.job_id == job_id)
    for row in tx.execute(query).all():
        by_blob[row.state_blob_id].append(row)
    for blob_id, data in _bytes(tx, list(by_blob)):
        yield FoundBlob(blob_id=blob_id, block=_block(data, by_blob[blob_id], spec))


def add_states(
    tx: Transaction, spec: StateSpec, block: StateBlock, *, job_id: int | None = None
) -> None:
    """Keep states; those of texts that have one already take its place."""
    cache_id = _cache_id(tx, spec)
    per_blob = max(1, CHUNK_BYTES // (int(np.prod(spec.shape)) * _FLOAT.itemsize))
    # In one order for everybody: two transactions that wait for each other's rows would deadlock.
    order = sorted(range(len(block.text_sha256s)), key=block.text_sha256s.__getitem__)
    for start in range(0, len(order), per_blob):
        part = order[start : start + per_blob]
        data = np.ascontiguousarray(block.values[part], dtype=_FLOAT).tobytes()
        blob_id = _add_blob(tx, cache_id, data, len(part), job_id)
        names = [(block.text_sha256s[row], block.token_sha256s[row]) for row in part]
        _point(tx, cache_id, blob_id, _places(spec, bytes_sha256(data), names))


def touch(tx: Transaction, blob_ids: Sequence[int]) -> None:
    """Note that blobs were used, which puts off their eviction."""
    for part in batches(sorted(blob_ids)):
        tx.execute(_blobs.update().where(_blobs.c.id.in_(part)).values(used_at=utc_now()))


def evict(tx: Transaction, *, keep_bytes: int, model_fingerprint: str | None = None) -> Evicted:
    """Delete the blobs that were used least recently, until no more than so many bytes stay.

    Args:
        tx: An open transaction that writes.
        keep_bytes: Of states; 0 deletes all.
        model_fingerprint: Count and delete those of one model only.
    """
    scope: sa.ColumnElement[bool] = sa.true()
    if model_fingerprint is not None:
        own = sa.select(_caches.c.id).where(_caches.c.model_fingerprint == model_fingerprint)
        scope = _blobs.c.state_cache_id.in_(own)
    held = tx.scalar(sa.select(sa.func.coalesce(sa.func.sum(_blobs.c.n_bytes), 0)).where(scope))
    left = int(held or 0)
    if left <= keep_bytes:
        return Evicted(n_texts=0, n_bytes=0, bytes_left=left)
    # What another eviction is deleting right now is skipped, not waited for.
    oldest = (
        sa.select(_blobs.c.id, _blobs.c.n_bytes)
        .where(scope)
        .order_by(_blobs.c.used_at, _blobs.c.id)
        .with_for_update(skip_locked=True)
    )
    gone, freed = [], 0
    for row in tx.execute(oldest):
        if left - freed <= keep_bytes:
            break
        gone.append(row.id)
        freed += row.n_bytes
    return Evicted(n_texts=drop_blobs(tx, gone), n_bytes=freed, bytes_left=left - freed)


def drop_blobs(tx: Transaction, blob_ids: Sequence[int]) -> int:
    """Delete blobs with all that points at them; returns how many texts lost their state."""
    texts = 0
    for part in batches(sorted(blob_ids)):
        texts += tx.execute(_states.delete().where(_states.c.state_blob_id.in_(part))).rowcount
        tx.execute(_chunks.delete().where(_chunks.c.state_blob_id.in_(part)))
        tx.execute(_blobs.delete().where(_blobs.c.id.in_(part)))
    return texts


def get_spec(tx: Transaction, sha256: str) -> StateSpec | None:
    """The specification of that hash, if states were ever kept for it."""
    spec_json = tx.scalar(sa.select(_caches.c.spec_json).where(_caches.c.sha256 == sha256))
    return None if spec_json is None else StateSpec.from_json(spec_json)


def list_caches(tx: Transaction) -> list[StateCacheInfo]:
    """What is kept for each specification that has states, largest first."""
    texts = sa.select(sa.func.count()).where(_states.c.state_cache_id == _caches.c.id)
    size = sa.func.sum(_blobs.c.n_bytes).label("n_bytes")
    query = (
        sa.select(
            _caches.c.sha256,
            _caches.c.model_fingerprint,
            _caches.c.spec_json,
            _models.c.name,
            texts.scalar_subquery().label("n_texts"),
            size,
        )
        .join(_blobs)
        .outerjoin(_models, _models.c.fingerprint == _caches.c.model_fingerprint)
        .group_by(_caches.c.id, _models.c.name)
        .order_by(size.desc(), _caches.c.id)
    )
    return [
        StateCacheInfo(
            sha256=row.sha256,
            model_fingerprint=row.model_fingerprint,
            model_name=row.name,
            site=row.spec_json["site"],
            dtype=row.spec_json["dtype"],
            device=row.spec_json["engine"].get("device"),
            n_texts=row.n_texts,
            n_bytes=int(row.n_bytes),
        )
        for row in tx.execute(query)
    ]


def damaged_blobs(tx: Transaction) -> list[int]:
    """Ids of blobs whose bytes, or whose texts' places, do not have the hash on record."""
    ids = tx.scalars(sa.select(_blobs.c.id).order_by(_blobs.c.id)).all()
    damaged = {blob_id for blob_id, data in _bytes(tx, ids) if data is None}
    for row in tx.execute(_select_places().add_columns(_caches.c.spec_json).join(_caches)):
        if row.sha256 != _place_sha256(StateSpec.from_json(row.spec_json), row):
            damaged.add(row.state_blob_id)
    return sorted(damaged)


# A row of the index: text, tokens, blob and position, with the hashes that bind them.
_Place: TypeAlias = sa.Row[Any]


def _select_places() -> sa.Select[Any]:
    return sa.select(_states, _blobs.c.sha256.label("blob_sha256")).join(
        _blobs, _blobs.c.id == _states.c.state_blob_id
    )


def _place_sha256(spec: StateSpec, place: _Place) -> str:
    return place_sha256(
        spec, place.text_sha256, place.token_sha256, place.blob_sha256, place.position
    )


def _block(data: bytes | None, places: list[_Place], spec: StateSpec) -> StateBlock | None:
    """Those states of a blob; None if its bytes or their places are not those on record."""
    size = int(np.prod(spec.shape)) * _FLOAT.itemsize
    if data is None or len(data) % size:
        return None
    places.sort(key=lambda place: place.position)
    if any(place.sha256 != _place_sha256(spec, place) for place in places):
        return None
    values = np.frombuffer(data, dtype=_FLOAT).reshape(-1, *spec.shape)
    if len(places) < len(values):
        values = values[[place.position for place in places]]
    return StateBlock(
        text_sha256s=tuple(place.text_sha256 for place in places),
        token_sha256s=tuple(place.token_sha256 for place in places),
        values=values,
    )


def _bytes(tx: Transaction, blob_ids: Sequence[int]) -> Iterator[tuple[int, bytes | None]]:
    """The bytes of blobs, one after the other; None if they are not those on record."""
    for part in batches(sorted(blob_ids)):
        known = tx.execute(
            sa.select(_blobs.c.id, _blobs.c.n_bytes, _blobs.c.sha256)
            .where(_blobs.c.id.in_(part))
            .order_by(_blobs.c.id)
        ).all()
        # A statement for every blob would cost more than its bytes.
        by_blob = groupby(_read_chunks(tx, part), key=lambda row: row[0])
        waiting = next(by_blob, None)
        for blob in known:
            data = b""
            if waiting is not None and waiting[0] == blob.id:
                first = next(waiting[1])[1]
                others = [row[1] for row in waiting[1]]
                data = b"".join([first, *others]) if others else first  # not copied for nothing
                waiting = next(by_blob, None)
            sound = len(data) == blob.n_bytes and bytes_sha256(data) == blob.sha256
            yield blob.id, data if sound else None


def _read_chunks(tx: Transaction, blob_ids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """The chunks of blobs, each with the blob's id, in order.

    Out of SQLite by its interface for large values, which reads them without the cache of pages:
    in a third of the time.
    """
    handle = sa.literal_column("rowid") if tx.dialect.name == "sqlite" else _chunks.c.data
    rows = tx.execute(
        sa.select(_chunks.c.state_blob_id, handle)
        .where(_chunks.c.state_blob_id.in_(blob_ids))
        .order_by(_chunks.c.state_blob_id, _chunks.c.seq)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    if tx.dialect.name != "sqlite":
        yield from rows
        return
    driver: Any = tx.connection.driver_connection
    for blob_id, row in rows.all():
        with driver.blobopen(_chunks.name, _chunks.c.data.name, row, readonly=True) as value:
            yield blob_id, value.read()


def _cache_id(tx: Transaction, spec: StateSpec) -> int:
    known = sa.select(_caches.c.id).where(_caches.c.sha256 == spec.sha256)
    cache_id: int | None = tx.scalar(known)
    if cache_id is not None:
        return cache_id
    values = {
        "sha256": spec.sha256,
        "model_fingerprint": spec.model_fingerprint,
        "spec_json": spec.to_json(),
        "created_at": utc_now(),
    }
    insert = insert_into(tx, _caches).values(values)
    tx.execute(insert.on_conflict_do_nothing(index_elements=[_caches.c.sha256]))
    return int(tx.execute(known).scalar_one())


def _add_blob(tx: Transaction, cache_id: int, data: bytes, n_texts: int, job_id: int | None) -> int:
    values = {
        "state_cache_id": cache_id,
        "n_texts": n_texts,
        "n_bytes": len(data),
        "sha256": bytes_sha256(data),
        "job_id": job_id,
        "used_at": utc_now(),
        "created_at": utc_now(),
    }
    insert = _blobs.insert().values(values).returning(_blobs.c.id)
    blob_id = int(tx.execute(insert).scalar_one())
    for seq, start in enumerate(range(0, len(data), CHUNK_BYTES)):
        chunk = data[start : start + CHUNK_BYTES]
        tx.execute(_chunks.insert().values(state_blob_id=blob_id, seq=seq, data=chunk))
    return blob_id


def _places(
    spec: StateSpec, blob_sha256: str, names: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    """Rows of the index for the texts of a blob, named with their tokens, in their order."""
    return [
        {
            "text_sha256": text,
            "token_sha256": token,
            "position": position,
            "sha256": place_sha256(spec, text, token, blob_sha256, position),
        }
        for position, (text, token) in enumerate(names)
    ]


def _point(tx: Transaction, cache_id: int, blob_id: int, places: Sequence[dict[str, Any]]) -> None:
    """Say that the states of those texts lie in this blob now."""
    insert = insert_into(tx, _states)
    statement = insert.on_conflict_do_update(
        index_elements=[_states.c.state_cache_id, _states.c.text_sha256],
        set_={
            name: insert.excluded[name]
            for name in ("token_sha256", "state_blob_id", "position", "sha256")
        },
    )
    owner = {"state_cache_id": cache_id, "state_blob_id": blob_id}
    tx.execute(statement, [owner | place for place in places])


def _among(
    tx: Transaction, column: sa.Column[str], values: Sequence[str]
) -> sa.ColumnElement[bool]:
    """``column IN values`` with one parameter, however many values there are."""
    if tx.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return column == sa.any_(sa.literal(list(values), postgresql.ARRAY(sa.Text)))
    listed = sa.func.json_each(sa.literal(list(values), sa.JSON)).table_valued("value")
    return column.in_(sa.select(listed.c.value))
