"""Demonstrations from and to pandas data frames."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.services.sets.files.table import ImportProgress, Records, RecordTable, check_columns

_NAME = "the data frame"


def open_frame(frame: pd.DataFrame) -> RecordTable:
    """Rows of a frame; missing values (None, NaN, NaT, NA) are missing.

    Raises:
        InputError: If a column name comes twice.
    """
    columns = check_columns(_NAME, tuple(str(name) for name in frame.columns))

    def read(names: tuple[str, ...]) -> Records:
        present = [name for name in names if name in columns]
        series = [frame.iloc[:, columns.index(name)] for name in present]
        for number, row in enumerate(zip(*series, strict=True), start=1):
            yield number, dict(zip(present, map(_plain, row), strict=True))

    return RecordTable(
        name=_NAME,
        format="frame",
        columns=columns,
        read=read,
        where=lambda number: f"{_NAME}, row {number}",
        progress=ImportProgress(unit="rows", total=len(frame)),
    )


def make_frame(items: Iterable[Demonstration]) -> pd.DataFrame:
    """Columns source, target and, where there is any, metadata; importing it gives the same."""
    rows = [
        (demonstration.source, demonstration.target, dict(demonstration.metadata) or None)
        for demonstration in items
    ]
    frame = pd.DataFrame(rows, columns=["source", "target", "metadata"], dtype=object)
    return frame if any(row[2] for row in rows) else frame.drop(columns="metadata")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    return value.tolist() if isinstance(value, np.ndarray) else value
