"""Runs side by side: a page of texts, what arms change on average, and their settings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vectorlab.domain.comparison import (
    Column,
    ComparedRow,
    Measure,
    Question,
)
from vectorlab.domain.intervals import PairedChange, paired_change
from vectorlab.store import comparison
from vectorlab.store.database import Database

# Figures of which less is more; a toggle on the page says otherwise.
LOWER_IS_BETTER = frozenset({"perplexity", "kl", "repetition", "repeated", "damage"})


@dataclass(frozen=True, kw_only=True)
class ColumnFigures:
    """What one column of a comparison comes to in one figure."""

    column: Column
    count: int  # generations with a value
    mean: float | None
    low: float | None  # the mean's 95 % interval
    high: float | None
    change: PairedChange | None  # against the baseline column, paired by prompt and sample


def measures(db: Database, run_ids: Sequence[int]) -> list[Measure]:
    """What the generations of those runs can be judged by."""
    with db.read() as tx:
        found = comparison.measures(tx, run_ids)
    return [
        replace(item, lower_is_better=item.name.casefold() in LOWER_IS_BETTER) for item in found
    ]


def page(db: Database, question: Question) -> tuple[list[ComparedRow], int]:
    """The rows of one page, and how many there are in all.

    Args:
        db: The store.
        question: Columns, filter, order and page.
    """
    with db.read() as tx:
        return comparison.page(tx, question), comparison.count_rows(tx, question)


def figures(
    db: Database, columns: Sequence[Column], measure: Measure, baseline: Column | None
) -> list[ColumnFigures]:
    """Mean of every column, and its change against the baseline with an interval.

    Rows are paired by prompt (by its text across runs) and sample; a row that lacks either side
    is left out.
    """
    with db.read() as tx:
        by_column: dict[Column, dict[tuple[int, int], float]] = {item: {} for item in columns}
        for column, key, value in comparison.values(tx, columns, measure):
            by_column[column][key] = value
    before = {} if baseline is None else by_column.get(baseline, {})
    found = []
    for column, own in by_column.items():
        shared = sorted(own.keys() & before.keys())
        gains = np.array([own[key] - before[key] for key in shared])
        level = paired_change(np.array(list(own.values()))) if own else None
        found.append(
            ColumnFigures(
                column=column,
                count=len(own),
                mean=None if level is None else level.mean,
                low=None if level is None else level.low,
                high=None if level is None else level.high,
                change=paired_change(gains) if len(shared) and column != baseline else None,
            )
        )
    return found
