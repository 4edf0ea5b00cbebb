"""What the arms come to: means, changes against the baseline with intervals, strength curves."""

import pandas as pd
import streamlit as st

from ui import cached, charts, colours, markup, tables
from ui.frame import notes
from ui.runs import choices
from ui.runs.choices import Sides
from vectorlab.domain.runs.comparison import Criterion, strength_of
from vectorlab.domain.scores.statistics import FEWEST_PAIRS, Estimate, Verdict
from vectorlab.services.runs import comparison
from vectorlab.services.runs.comparison import ColumnFigures


def show(sides: Sides) -> None:
    """A line per column, and a curve per vector."""
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
    columns = comparison.figures(
        cached.store(), sides.columns, measure, baseline, smallest=smallest or None
    )
    if not any(figures.count for figures in columns):
        notes.note("Nothing to measure", f"No text of these runs has a {measure.key}.")
        return
    _show_table(sides, columns, measure)
    curves = _curves(sides, columns)
    if curves["strength"].nunique() > 1:
        notes.heading(f"{measure.key} against strength")
        names = cached.vector_ids()
        st.altair_chart(
            charts.strength_curves(
                curves,
                colours.of_vectors(
                    {name: names.get(name, 0) for name in curves["vector"].unique()}
                ),
                title=measure.key,
            )
        )
        st.caption("Bands are 95 % intervals of the mean over the prompts.")


def _show_table(sides: Sides, columns: list[ColumnFigures], measure: Criterion) -> None:
    rows = []
    for figures in columns:
        change = figures.change
        rows.append(
            (
                markup.dot(sides.colour_of(figures.column))
                + markup.escape(sides.name_of(figures.column)),
                str(figures.count),
                _number(figures.level.mean),
                "–" if change is None else _number(change.difference.mean, signed=True),
                "–" if change is None else _interval(change.difference),
                "–" if change is None else f"{change.p:.3g}",
                "–" if change is None else f"{change.wins} / {change.ties} / {change.losses}",
                "–" if change is None else f"{change.sign_p:.3g}",
                _verdict(figures, measure),
            )
        )
    head = ["column", "texts", f"mean {measure.key}", "change", "interval", "p"]
    head += ["up / same / down", "sign test p", ""]
    tables.show(head, rows, name="figures", frame=lambda: _frame(sides, columns))
    st.caption(
        "Changes are paired by prompt; samples and copies of a prompt count as their mean. The "
        "mean change is tested by sign flips, corrected for the number of columns (Holm); its "
        "interval leaves out zero exactly where p is at most 0.05. Of fewer than "
        f"{FEWEST_PAIRS} prompts that changed nothing is claimed."
    )


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


def _frame(sides: Sides, columns: list[ColumnFigures]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "column": sides.name_of(figures.column),
                "texts": figures.count,
                "mean": figures.level.mean,
                "low": figures.level.low,
                "high": figures.level.high,
                "change": None if figures.change is None else figures.change.difference.mean,
                "change_low": None if figures.change is None else figures.change.difference.low,
                "change_high": None if figures.change is None else figures.change.difference.high,
                "p": None if figures.change is None else figures.change.p,
                "sign_p": None if figures.change is None else figures.change.sign_p,
            }
            for figures in columns
        ]
    )


def _curves(sides: Sides, columns: list[ColumnFigures]) -> pd.DataFrame:
    """Points of every vector that acts alone in an arm; the baseline begins each curve."""
    arms = {(run.id, place): arm for run in sides.runs for place, arm in enumerate(run.spec.arms)}
    names = {number: name for name, number in cached.vector_ids().items()}
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
            rows.append({"vector": names.get(arm.interventions[0].vector_id, "purged"), **point})
    vectors = dict.fromkeys(row["vector"] for row in rows)
    rows += [{"vector": name, **start} for name in vectors for start in starts[:1]]
    return pd.DataFrame(rows, columns=["vector", "strength", "mean", "low", "high", "arm"])
