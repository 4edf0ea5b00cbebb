"""The kept states of the store, as one attempt at a job reads and writes them."""

import logging
import time
from collections.abc import Iterator, Sequence

import numpy as np

from vectorlab.domain.vectors.states import StateBlock, StateSpec
from vectorlab.steering.recording.state_cache import OpenCache
from vectorlab.store.database import Transaction
from vectorlab.store.vectors import states
from vectorlab.worker.context import JobContext

log = logging.getLogger(__name__)

# States are written when so many bytes or seconds of work would else be lost with the worker.
WRITE_BYTES = states.CHUNK_BYTES
WRITE_EVERY_S = 2.0


class JobStates:
    """A ``StateCache`` whose every write is fenced by the attempt at its job.

    Args:
        context: The job that reads and writes.
        spec: What the states depend on beside the text.
        fresh: Compute anew: find only what earlier attempts at this very job left.
    """

    def __init__(self, context: JobContext, spec: StateSpec, *, fresh: bool = False) -> None:
        self._context = context
        self._spec = spec
        self._fresh = fresh
        self._used: list[int] = []
        self._damaged: list[int] = []
        self._pending: list[StateBlock] = []
        self._written_at = time.monotonic()

    def find(self, text_sha256s: Sequence[str]) -> Iterator[StateBlock]:
        """What the store has of those texts; a damaged blob is as good as absent."""
        only = self._context.job.id if self._fresh else None
        with self._context.db.read() as tx:
            for blob in states.find_states(tx, self._spec, text_sha256s, job_id=only):
                if blob.block is None:
                    log.warning("blob %d of kept states is damaged: computed anew", blob.blob_id)
                    self._damaged.append(blob.blob_id)
                else:
                    self._used.append(blob.blob_id)
                    yield blob.block

    def keep(self, block: StateBlock) -> None:
        """Take a finished batch, and write when enough has come together."""
        self._pending.append(block)
        late = time.monotonic() - self._written_at > WRITE_EVERY_S
        if late or sum(block.values.nbytes for block in self._pending) >= WRITE_BYTES:
            self._write()

    def flush(self) -> None:
        """Write what is left, and note what was used."""
        if self._pending or self._used or self._damaged:
            self._write()

    def _write(self) -> None:
        self._context.lease.check()
        self._context.write(self._change)
        self._used, self._damaged, self._pending = [], [], []
        self._written_at = time.monotonic()

    def _change(self, tx: Transaction) -> None:
        states.drop_blobs(tx, self._damaged)
        states.touch(tx, self._used)
        if self._pending:
            states.add_states(tx, self._spec, _joined(self._pending), job_id=self._context.job.id)
        states.evict(tx, keep_bytes=self._context.state_cache_bytes)


def cache_of(context: JobContext, *, fresh: bool = False) -> OpenCache | None:
    """How a job opens the store's kept states; None where none are kept."""
    if context.state_cache_bytes == 0:
        return None
    return lambda spec: JobStates(context, spec, fresh=fresh)


def _joined(blocks: Sequence[StateBlock]) -> StateBlock:
    return StateBlock(
        text_sha256s=tuple(name for block in blocks for name in block.text_sha256s),
        token_sha256s=tuple(name for block in blocks for name in block.token_sha256s),
        values=np.concatenate([block.values for block in blocks]),
    )
