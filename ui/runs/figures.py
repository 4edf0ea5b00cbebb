"""What the arms come to: means, changes against the baseline with intervals, strength curves."""

from collections import Counter

import pandas as pd
import streamlit as st

from ui import cached, charts, colours, markup, tables
from ui.frame import notes
from ui.runs import choices, trade_off
from ui.runs.choices import Sides
from vectorlab.domain.runs.comparable import comparable_runs
from vectorlab.domain.runs.comparison import Column, Criterion, strength_of
from vectorlab.domain.scores.catalogue import chance_of
from vectorlab.domain.scores.statistics import (
    FEWEST_PAIRS,
    Estimate,
    PairedComparison,
    Verdict,
)
from vectorlab.services.runs import comparison
from vectorlab.services.runs.comparison import ColumnFigures

PURGED = "purged"  # stands for the names of vectors that are gone


def show(sides: Sides) -> None:
    """A line per column, a curve per vector, and effect against damage."""
    left, right = st.columns(2)
    with left:
        baseline = choices.choose_baseline(sides)
    with right:
        measure = choices.choose_measure(sides)
    smallest = st.number_input(
        "Smallest change of interest",
        min_value=0.0,
        value=0.0,
        key="smallest",
        bind="query-params",
        format="%g",
        help="In the unit of the figure; 0 for none. Where an interval shows less, it is said.",
    )
    choices.say_what_does_not_compare(sides, baseline)
    columns = comparison.figures(
        cached.store(), sides.columns, measure, baseline, smallest=smallest or None
    )
    if any(figures.count for figures in columns):
        _show_table(sides, columns, measure)
        _show_curves(sides, columns, measure)
    else:
        notes.note("Nothing to measure", f"No text of these runs has a {measure.name}.")
    trade_off.show(sides)


def _show_curves(sides: Sides, columns: list[ColumnFigures], measure: Criterion) -> None:
    """Curves of runs that compare in one picture, of others in another."""
    groups = comparable_runs(sides.runs)
    is_drawn = False
    for group in groups:
        own = {run.id for run in group}
        curves = _curves(sides, [item for item in columns if item.column.run_id in own])
        if curves["strength"].nunique() < 2:
            continue
        of = "" if len(groups) == 1 else f", run {', '.join(map(str, sorted(own)))}"
        notes.heading(f"{measure.name} against strength{of}")
        st.altair_chart(charts.strength_curves(curves, _colours(sides, curves), title=measure.name))
        is_drawn = True
    if is_drawn:
        more = " Runs that do not compare are drawn apart." if len(groups) > 1 else ""
        st.caption(f"Bands are 95 % intervals of the mean over the prompts.{more}")


def _colours(sides: Sides, curves: pd.DataFrame) -> dict[str, str]:
    """Of every vector that is drawn: that of its first arm."""
    names = cached.vector_names()
    by_name = {
        names.get(vector, PURGED): colour
        for vector, colour in colours.of_vectors_in(sides.runs).items()
    }
    return {name: by_name[name] for name in curves["vector"].unique()}


def _show_table(sides: Sides, columns: list[ColumnFigures], measure: Criterion) -> None:
    degenerate = {
        column: counts
        for run in sides.runs
        for column, counts in cached.degenerate_texts(run).items()
    }
    has_random = any(figures.against_random is not None for figures in columns)
    rows = [
        (
            sides.headed(figures.column) + _degenerate_note(degenerate[figures.column]),
            str(figures.count),
            _number(figures.level.mean) + _chance_note(figures, measure),
            *_verdict_cells(sides, figures, measure),
            *([_random_cell(figures, measure)] if has_random else []),
            *_change_cells(figures),
        )
        for figures in columns
    ]
    head = ["column", "texts", f"mean {measure.name}", "change", ""]
    head += ["against random"] if has_random else []
    head += ["interval", "p", "up / same / down", "sign test p"]
    tables.show(head, rows, name="figures", frame=lambda: _frame(sides, columns, degenerate))
    random = (
        " Against random: the same arm with the vector's norms and directions drawn by "
        "lot, by the same rule, as a family of its own; several count as their mean."
    )
    st.caption(
        "Changes are paired by prompt; samples and copies of a prompt count as their mean. The "
        "mean change is tested by sign flips, corrected for the number of columns (Holm); its "
        "interval leaves out zero exactly where p is at most 0.05. Of fewer than "
        f"{FEWEST_PAIRS} prompts that changed nothing is claimed." + (random if has_random else "")
    )


def _degenerate_note(counts: Counter[str]) -> str:
    if not counts.total():
        return ""
    hows = ", ".join(f"{how} {number}" for how, number in counts.most_common())
    return markup.note(f"degenerate texts: {counts.total()} ({hows})")


def _chance_note(figures: ColumnFigures, measure: Criterion) -> str:
    if figures.is_at_chance is None:
        return ""
    chance = chance_of(measure.name)
    return markup.note(
        f"{'not told from chance' if figures.is_at_chance else 'chance'}, {chance:g}"
    )


def _verdict_cells(sides: Sides, figures: ColumnFigures, measure: Criterion) -> tuple[str, str]:
    change = figures.change
    if change is None:
        return "–", ""
    other = ""
    if figures.apart and figures.baseline is not None:
        other = markup.note(f"against {sides.name_of(figures.baseline)}")
    return _number(change.difference.mean, signed=True) + other, _verdict(figures, measure)


def _change_cells(figures: ColumnFigures) -> tuple[str, ...]:
    change = figures.change
    if change is None:
        return ("–",) * 4
    return (
        _interval(change.difference),
        f"{change.p:.3g}",
        f"{change.wins} / {change.ties} / {change.losses}",
        f"{change.sign_p:.3g}",
    )


def _random_cell(figures: ColumnFigures, measure: Criterion) -> str:
    against, beats = figures.against_random, figures.beats_random(measure)
    if against is None or beats is None:
        return "–"
    if not beats:
        said = markup.badge("not better than random", "bad")
    else:
        word = "better" if measure.version is not None else "told apart"
        said = markup.badge(word, "good" if measure.version is not None else "")
    difference = _number(against.difference.mean, signed=True)
    return f"{said}{markup.note(f'{difference}, {_interval(against.difference)}')}"


def _number(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "–"
    return f"{value:+.4g}" if signed else f"{value:.4g}"


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "too few moved"
    return f"{estimate.low:+.4g} to {estimate.high:+.4g}"


def _verdict(figures: ColumnFigures, measure: Criterion) -> str:
    if figures.change is None:
        return ""
    if figures.change.verdict is Verdict.NOT_TOLD_APART:
        return markup.badge("not told apart")
    if figures.change.verdict is Verdict.NO_DIFFERENCE:
        return markup.badge(figures.change.said)
    if measure.version is None:  # more of it is neither good nor bad
        return markup.badge(figures.change.verdict.value)
    is_better = (figures.change.verdict is Verdict.HIGHER) != measure.lower_is_better
    return markup.badge("better" if is_better else "worse", "good" if is_better else "bad")


def _frame(
    sides: Sides, columns: list[ColumnFigures], degenerate: dict[Column, Counter[str]]
) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "column": sides.name_of(figures.column),
                "kind": figures.info.kind.value,
                "texts": figures.count,
                "degenerate": degenerate[figures.column].total(),
                **_estimated("", figures.level, mean="mean"),
                "against": "" if figures.baseline is None else sides.name_of(figures.baseline),
                **_compared("change", figures.change),
                **_compared("against_random", figures.against_random),
            }
            for figures in columns
        ]
    )


def _compared(name: str, found: PairedComparison | None) -> dict[str, float | None]:
    estimate = None if found is None else found.difference
    return _estimated(f"{name}_", estimate, mean=name) | {
        f"{name}_p": None if found is None else found.p,
        f"{name}_sign_p": None if found is None else found.sign_p,
    }


def _estimated(prefix: str, found: Estimate | None, *, mean: str) -> dict[str, float | None]:
    return {
        mean: None if found is None else found.mean,
        f"{prefix}low": None if found is None else found.low,
        f"{prefix}high": None if found is None else found.high,
    }


def _curves(sides: Sides, columns: list[ColumnFigures]) -> pd.DataFrame:
    """Points of every vector that acts alone in an arm; the baseline begins each curve."""
    arms = {(run.id, place): arm for run in sides.runs for place, arm in enumerate(run.spec.arms)}
    names = cached.vector_names()
    rows, starts = [], []
    for figures in columns:
        arm = arms[figures.column.run_id, figures.column.arm]
        strength = strength_of(arm)
        point = {
            "strength": strength,
            "mean": figures.level.mean,
            "low": figures.level.low,
            "high": figures.level.high,
            "arm": sides.name_of(figures.column),
        }
        if strength is None or figures.level.mean is None:
            continue
        if arm.is_baseline:
            starts.append(point)
        elif len(arm.interventions) == 1:
            rows.append({"vector": names.get(arm.interventions[0].vector_id, PURGED), **point})
    vectors = dict.fromkeys(row["vector"] for row in rows)
    rows += [{"vector": name, **start} for name in vectors for start in starts[:1]]
    return pd.DataFrame(rows, columns=["vector", "strength", "mean", "low", "high", "arm"])
