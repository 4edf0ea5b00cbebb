"""Runs side by side: a page of texts, what arms change on average, and their settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TypeVar

from vectorlab.domain.runs.comparison import Column, ComparedRow, Criterion, Question
from vectorlab.domain.scores.catalogue import lower_is_better, scale_of
from vectorlab.domain.scores.statistics import Estimate, PairedComparison, compare_arms, estimate
from vectorlab.store.database import Database
from vectorlab.store.runs import comparison

K = TypeVar("K")


@dataclass(frozen=True, kw_only=True)
class ColumnFigures:
    """What one column of a comparison comes to in one figure."""

    column: Column
    count: int  # texts with a value
    level: Estimate  # over prompts; several samples of a prompt count as their mean
    change: PairedComparison | None  # against the baseline column, paired by prompt


def measures(db: Database, run_ids: Sequence[int]) -> list[Criterion]:
    """What the generations of those runs can be judged by."""
    with db.read() as tx:
        stored = comparison.measures(tx, run_ids)
    return [replace(measure, lower_is_better=lower_is_better(measure.name)) for measure in stored]


def page(db: Database, question: Question) -> tuple[list[ComparedRow], int]:
    """The rows of one page, and how many there are in all.

    Args:
        db: The store.
        question: Columns, filter, order and page.
    """
    with db.read() as tx:
        return comparison.page(tx, question), comparison.count_rows(tx, question)


def figures(
    db: Database,
    columns: Sequence[Column],
    measure: Criterion,
    baseline: Column | None,
    *,
    smallest: float | None = None,
) -> list[ColumnFigures]:
    """Mean of every column, and its change against the baseline with an interval.

    Rows are paired by prompt, by its text; copies of a prompt count once, and one that lacks
    either side is left out. Verdicts hold together, however many columns there are.

    Args:
        db: The store.
        columns: Arms of runs.
        measure: What they are judged by.
        baseline: The column that the others are held against.
        smallest: Difference of interest, in the unit of the measure.
    """
    with db.read() as tx:
        texts: dict[Column, dict[int, list[float]]] = {column: {} for column in columns}
        first = comparison.copies(tx, columns)
        for column, (place, _), value in comparison.values(tx, columns, measure):
            texts[column].setdefault(first.get(place, place), []).append(value)
    means = {
        column: {place: fmean(values) for place, values in of_column.items()}
        for column, of_column in texts.items()
    }
    places = sorted({place for of_column in means.values() for place in of_column})
    by_place = {
        column: [of_column.get(place) for place in places] for column, of_column in means.items()
    }
    by_column = (
        {} if baseline is None else changes_from(by_place, baseline, measure, smallest=smallest)
    )
    is_yes_no, _ = _scale(measure)
    return [
        ColumnFigures(
            column=column,
            count=sum(map(len, texts[column].values())),
            level=estimate(by_place[column], is_yes_no=is_yes_no),
            change=change if (change := by_column.get(column)) and change.n else None,
        )
        for column in columns
    ]


def changes_from(
    by_place: Mapping[K, Sequence[float | None]],
    baseline: K,
    measure: Criterion,
    *,
    smallest: float | None = None,
) -> dict[K, PairedComparison]:
    """The change of every column against one of them, by the one rule of all verdicts.

    Args:
        by_place: Means by column, one for each prompt in the same order; None where it has none.
        baseline: The column that the others are held against.
        measure: What the values are of.
        smallest: Difference of interest, in the unit of the measure.
    """
    judged = {column: values for column, values in by_place.items() if column != baseline}
    names = {str(number): column for number, column in enumerate(judged)}
    if not judged or not by_place[baseline]:
        return {}
    is_yes_no, noise = _scale(measure)
    found = compare_arms(
        {name: judged[column] for name, column in names.items()},
        by_place[baseline],
        is_yes_no=is_yes_no,
        noise=noise,
        smallest=smallest,
    )
    return {names[name]: change for name, change in found.items()}


def _scale(measure: Criterion) -> tuple[bool, float]:
    """Whether values are 0 and 1, and up to where they are rounding."""
    return (False, 0.0) if measure.version is None else scale_of(measure.name)
