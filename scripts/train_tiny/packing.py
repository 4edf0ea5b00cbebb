"""Pack documents into rows of one length, so that every training step has one shape."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_OPEN_ROWS = 24


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Packed documents, all arrays (rows, length)."""

    ids: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]  # of the loss on predicting this token
    document: npt.NDArray[np.int64]  # which document of the row a token is in; -1 is padding
    position: npt.NDArray[np.int64]  # of a token in its document


def pack(encoded: Iterable[tuple[list[int], list[float]]], length: int, pad_id: int) -> Rows:
    """Put every document into the fullest open row that has room; cut those that are too long.

    Args:
        encoded: token ids and loss weights of each document.
        length: tokens per row.
        pad_id: fills the end of a row.
    """
    open_rows: list[_Row] = []
    closed: list[_Row] = []
    for ids, weights in encoded:
        fitting = [row for row in open_rows if row.used + min(len(ids), length) <= length]
        row = max(fitting, key=lambda row: row.used, default=None)
        if row is None:
            if len(open_rows) >= _OPEN_ROWS:
                fullest = max(open_rows, key=lambda row: row.used)
                open_rows.remove(fullest)
                closed.append(fullest)
            row = _Row(length, pad_id)
            open_rows.append(row)
        row.add(ids[:length], weights[:length])
    closed.extend(open_rows)
    return Rows(
        ids=np.stack([row.ids for row in closed]),
        weights=np.stack([row.weights for row in closed]),
        document=np.stack([row.document for row in closed]),
        position=np.stack([row.position for row in closed]),
    )


class _Row:
    def __init__(self, length: int, pad_id: int) -> None:
        self.ids = np.full(length, pad_id, dtype=np.int64)
        self.weights = np.zeros(length, dtype=np.float32)
        self.document = np.full(length, -1, dtype=np.int64)
        self.position = np.zeros(length, dtype=np.int64)
        self.used = 0
        self._documents = 0

    def add(self, ids: list[int], weights: list[float]) -> None:
        place = slice(self.used, self.used + len(ids))
        self.ids[place], self.weights[place] = ids, weights
        self.document[place] = self._documents
        self.position[place] = np.arange(len(ids))
        self.used += len(ids)
        self._documents += 1
