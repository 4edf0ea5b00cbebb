"""The recorded states that the store keeps: what they take, and how to be rid of them."""

import pandas as pd

from vectorlab.domain.vectors.states import StateCacheInfo
from vectorlab.errors import InputError
from vectorlab.store import audit, models
from vectorlab.store.database import Database
from vectorlab.store.vectors import states
from vectorlab.store.vectors.states import Evicted

__all__ = ["Evicted", "evict", "frame", "list_caches"]


def list_caches(db: Database) -> list[StateCacheInfo]:
    """What is kept for each model, dtype, site and so on, largest first."""
    with db.read() as tx:
        return states.list_caches(tx)


def evict(db: Database, *, keep_bytes: int = 0, model: str | None = None, actor: str) -> Evicted:
    """Delete kept states, those used least recently first; they are computed anew when needed.

    Args:
        db: The store.
        keep_bytes: How many bytes of states may stay.
        model: Only those of this model.
        actor: Recorded as the one who asked.

    Raises:
        NotFoundError: If there is no such model.
        InputError: If the size is negative.
    """
    if keep_bytes < 0:
        raise InputError(f"{keep_bytes} bytes cannot stay. Give 0 or more with --keep.")
    with db.write() as tx:
        of = None if model is None else models.get_model(tx, model)
        gone = states.evict(
            tx, keep_bytes=keep_bytes, model_fingerprint=None if of is None else of.fingerprint
        )
        audit.record(
            tx,
            actor=actor,
            action="evict",
            object_kind="states",
            object_id="all" if of is None else of.name,
            details={"n_texts": gone.n_texts, "n_bytes": gone.n_bytes, "kept": gone.bytes_left},
        )
    return gone


def frame(caches: list[StateCacheInfo]) -> pd.DataFrame:
    """One row per model, dtype, site and device."""
    return pd.DataFrame(
        {
            "model": [cache.model_name or cache.model_fingerprint[:12] for cache in caches],
            "site": [cache.site for cache in caches],
            "dtype": [cache.dtype for cache in caches],
            "device": [cache.device for cache in caches],
            "texts": [cache.n_texts for cache in caches],
            "MiB": [cache.n_bytes / 2**20 for cache in caches],
            "sha256": [cache.sha256 for cache in caches],
        }
    )
