"""Runs side by side: a page of texts, what arms change on average, and their settings."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TypeVar

from vectorlab.domain.runs.arm_kinds import ArmInfo
from vectorlab.domain.runs.comparable import baselines_of, reasons_apart
from vectorlab.domain.runs.comparison import Column, ComparedRow, Criterion, Question
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.scores.catalogue import chance_of, lower_is_better, scale_of
from vectorlab.domain.scores.divergence import KL
from vectorlab.domain.scores.statistics import (
    Estimate,
    PairedComparison,
    Verdict,
    compare_sides,
    estimate,
)
from vectorlab.domain.text.degenerate import degeneracy
from vectorlab.services.runs import arm_kinds
from vectorlab.store.database import Database
from vectorlab.store.runs import comparison, runs

K = TypeVar("K")


@dataclass(frozen=True, kw_only=True)
class ColumnFigures:
    """What one column of a comparison comes to in one figure."""

    column: Column
    info: ArmInfo
    count: int  # texts with a value
    level: Estimate  # over prompts; several samples of a prompt count as their mean
    baseline: Column | None  # what it is held against
    # Why that is not the chosen baseline; empty where it is.
    apart: tuple[str, ...]
    change: PairedComparison | None  # against the baseline, paired by prompt
    against_random: PairedComparison | None  # against the same in random directions
    is_at_chance: bool | None  # the interval holds chance level; None where there is no such level

    def beats_random(self, measure: Criterion) -> bool | None:
        """Whether it is shown to be better than a random direction; None without such a control."""
        if self.against_random is None:
            return None
        verdict = self.against_random.verdict
        if measure.version is None:  # more of it is neither good nor bad
            return verdict in (Verdict.HIGHER, Verdict.LOWER)
        return verdict is (Verdict.LOWER if measure.lower_is_better else Verdict.HIGHER)


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


def runs_of(db: Database, columns: Sequence[Column]) -> list[GenerationRun]:
    """The runs of some columns, in their order."""
    with db.read() as tx:
        return [
            runs.get_run(tx, str(run_id))
            for run_id in dict.fromkeys(column.run_id for column in columns)
        ]


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
    either side is left out. Verdicts hold together, however many columns there are. A column whose
    run does not compare with the baseline's is held against an unsteered arm of its own, and one
    that has a random direction beside it against that too; these are a family of their own.

    Args:
        db: The store.
        columns: Arms of runs.
        measure: What they are judged by.
        baseline: The column that the others are held against.
        smallest: Difference of interest, in the unit of the measure.
    """
    found = {run.id: run for run in runs_of(db, columns)}
    against = baselines_of(list(found.values()), baseline)
    infos = arm_kinds.infos(db, list(found.values()))
    beside = [other for other in against.values() if other is not None]
    beside += [other for column in columns for other in infos[column].randoms]
    values, counts = _by_place(db, tuple(dict.fromkeys((*columns, *beside))), measure)
    changes = _compared(
        {
            column: (values[column], values[other])
            for column in columns
            if (other := against[column.run_id]) is not None and other != column
        },
        measure,
        smallest,
    )
    above = _compared(
        {
            column: (values[column], _mean_by_place([values[one] for one in randoms]))
            for column in columns
            if (randoms := infos[column].randoms)
        },
        measure,
        smallest,
    )
    levels = {column: _level(values[column], measure) for column in columns}
    return [
        ColumnFigures(
            column=column,
            info=infos[column],
            count=counts[column],
            level=levels[column],
            baseline=against[column.run_id],
            apart=()
            if baseline is None
            else reasons_apart(found[column.run_id], found[baseline.run_id]),
            change=changes.get(column),
            against_random=above.get(column),
            is_at_chance=_is_at_chance(levels[column], measure),
        )
        for column in columns
    ]


def levels(db: Database, columns: Sequence[Column], measure: Criterion) -> dict[Column, Estimate]:
    """The mean of every column over prompts, as ``figures`` has it."""
    values, _ = _by_place(db, columns, measure)
    return {column: _level(values[column], measure) for column in columns}


@dataclass(frozen=True, kw_only=True)
class TradeOff:
    """What one column does, and what it costs."""

    column: Column
    info: ArmInfo
    effect: Estimate
    damage: Estimate


def trade_offs(
    db: Database, columns: Sequence[Column], effect: Criterion, damage: Criterion
) -> list[TradeOff]:
    """Effect and damage of every column that has both."""
    infos = arm_kinds.infos(db, runs_of(db, columns))
    effects, damages = levels(db, columns, effect), levels(db, columns, damage)
    return [
        TradeOff(column=column, info=infos[column], effect=effects[column], damage=damages[column])
        for column in columns
        if effects[column].n and damages[column].n
    ]


def usual_trade_off(measures: Sequence[Criterion]) -> tuple[Criterion, Criterion] | None:
    """Which of the scores are shown as effect and damage before anybody chooses.

    Damage is a divergence from the unsteered model, else a score of which less is wanted, else the
    last; the effect the first other one. None where fewer than two scores are there.
    """
    scored = [measure for measure in measures if measure.version is not None]
    if len(scored) < 2:
        return None
    known = [measure for measure in scored if measure.name in {kl.value for kl in KL}]
    known += [measure for measure in scored if measure.lower_is_better]
    damage = next(iter(known), scored[-1])
    return next(measure for measure in scored if measure != damage), damage


def degenerate_texts(db: Database, columns: Sequence[Column]) -> dict[Column, Counter[str]]:
    """How many texts of every column are degenerate, by how."""
    with db.read() as tx:
        return {
            column: Counter(filter(None, map(degeneracy, comparison.texts(tx, column))))
            for column in columns
        }


def _by_place(
    db: Database, columns: Sequence[Column], measure: Criterion
) -> tuple[dict[Column, list[float | None]], dict[Column, int]]:
    """Of every column a mean for each prompt of the runs, and how many texts it is made of."""
    with db.read() as tx:
        texts: dict[Column, dict[int, list[float]]] = {column: {} for column in columns}
        first = comparison.copies(tx, columns)
        for column, (place, _), value in comparison.values(tx, columns, measure):
            texts[column].setdefault(first.get(place, place), []).append(value)
    places = sorted({place for of_column in texts.values() for place in of_column})
    means = {
        column: [fmean(of_column[place]) if place in of_column else None for place in places]
        for column, of_column in texts.items()
    }
    return means, {column: sum(map(len, texts[column].values())) for column in columns}


def changes_from(
    by_place: Mapping[K, Sequence[float | None]], baseline: K, measure: Criterion
) -> dict[K, PairedComparison]:
    """The change of every column against one of them, by the one rule of all verdicts.

    Args:
        by_place: Means by column, one for each prompt in the same order; None where it has none.
        baseline: The column that the others are held against.
        measure: What the values are of.
    """
    against = by_place[baseline]
    sides = {key: (values, against) for key, values in by_place.items() if key != baseline}
    return _compared(sides, measure, None)


def _compared(
    sides: Mapping[K, tuple[Sequence[float | None], Sequence[float | None]]],
    measure: Criterion,
    smallest: float | None,
) -> dict[K, PairedComparison]:
    """One family of comparisons; those without a pair are left out."""
    is_yes_no, noise = _scale(measure)
    names = {str(number): column for number, column in enumerate(sides)}
    found = compare_sides(
        {name: sides[column] for name, column in names.items()},
        is_yes_no=is_yes_no,
        noise=noise,
        smallest=smallest,
    )
    return {names[name]: compared for name, compared in found.items() if compared.n}


def _mean_by_place(columns: Sequence[list[float | None]]) -> list[float | None]:
    """Several random directions count as one: the mean of what is known at each prompt."""
    known = [
        [value for value in values if value is not None] for values in zip(*columns, strict=True)
    ]
    return [fmean(values) if values else None for values in known]


def _level(values: list[float | None], measure: Criterion) -> Estimate:
    return estimate(values, is_yes_no=_scale(measure)[0])


def _scale(measure: Criterion) -> tuple[bool, float]:
    return (False, 0.0) if measure.version is None else scale_of(measure.name)


def _is_at_chance(level: Estimate, measure: Criterion) -> bool | None:
    chance = None if measure.version is None else chance_of(measure.name)
    if chance is None or level.low is None or level.high is None:
        return None
    return level.low <= chance <= level.high
