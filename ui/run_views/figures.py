"""What the arms come to: means, changes against the baseline with intervals, strength curves."""

import pandas as pd
import streamlit as st

from ui import cached, charts, colours, markup, tables
from ui.frame import notes
from ui.run_views import choices
from ui.run_views.choices import Sides
from vectorlab.domain.comparison import Measure, strength_of
from vectorlab.domain.statistics import FEWEST_PAIRS, Estimate, Verdict
from vectorlab.services import comparison
from vectorlab.services.comparison import ColumnFigures


def show(sides: Sides) -> None:
    """A line per column, and a curve per vector."""
    left, right = st.columns(2)
    with left:
        baseline = choices.choose_baseline(sides)
    with right:
        measure = choices.choose_measure(sides)
    found = comparison.figures(cached.store(), sides.columns, measure, baseline)
    if not any(item.count for item in found):
        notes.note("Nothing to measure", f"No text of these runs has a {measure.key}.")
        return
    _show_table(sides, found, measure)
    curves = _curves(sides, found)
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


def _show_table(sides: Sides, found: list[ColumnFigures], measure: Measure) -> None:
    rows = []
    for item in found:
        change = item.change
        rows.append(
            (
                markup.dot(sides.colour_of(item.column))
                + markup.escape(sides.name_of(item.column)),
                str(item.count),
                _number(item.level.mean),
                "–" if change is None else _number(change.difference.mean, signed=True),
                "–" if change is None else _interval(change.difference),
                "–" if change is None else f"{change.wins} / {change.ties} / {change.losses}",
                "–" if change is None else f"{change.sign_p:.3g}",
                _verdict(item, measure),
            )
        )
    head = ["column", "texts", f"mean {measure.key}", "change", "95 % interval"]
    head += ["up / same / down", "sign test p", ""]
    tables.show(head, rows, name="figures", frame=lambda: _frame(sides, found))
    st.caption(
        "Changes are paired by prompt; samples of a prompt count as their mean. Intervals "
        "(bootstrap) and tests are corrected for the number of columns. Where an interval holds "
        f"zero, or of fewer than {FEWEST_PAIRS} prompts, nothing is claimed."
    )


def _number(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "–"
    return f"{value:+.4g}" if signed else f"{value:.4g}"


def _interval(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return "too few"
    return f"{found.low:+.4g} to {found.high:+.4g}"


def _verdict(item: ColumnFigures, measure: Measure) -> str:
    if item.change is None:
        return ""
    if item.change.verdict is Verdict.NOT_TOLD_APART:
        return markup.badge("not told apart")
    if measure.version is None:  # more of it is neither good nor bad
        return markup.badge(item.change.verdict.value)
    is_better = (item.change.verdict is Verdict.HIGHER) != measure.lower_is_better
    return markup.badge("better" if is_better else "worse", "good" if is_better else "bad")


def _frame(sides: Sides, found: list[ColumnFigures]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "column": sides.name_of(item.column),
                "texts": item.count,
                "mean": item.level.mean,
                "low": item.level.low,
                "high": item.level.high,
                "change": None if item.change is None else item.change.difference.mean,
                "change_low": None if item.change is None else item.change.difference.low,
                "change_high": None if item.change is None else item.change.difference.high,
                "sign_p": None if item.change is None else item.change.sign_p,
            }
            for item in found
        ]
    )


def _curves(sides: Sides, found: list[ColumnFigures]) -> pd.DataFrame:
    """Points of every vector that acts alone in an arm; the baseline begins each curve."""
    arms = {(run.id, place): arm for run in sides.runs for place, arm in enumerate(run.spec.arms)}
    names = {number: name for name, number in cached.vector_ids().items()}
    rows, starts = [], []
    for item in found:
        arm = arms[item.column.run_id, item.column.arm]
        strength = strength_of(arm)
        point = {
            "strength": strength,
            "mean": item.level.mean,
            "low": item.level.low,
            "high": item.level.high,
            "arm": sides.name_of(item.column),
        }
        if strength is None or item.level.mean is None:
            continue
        if arm.is_baseline:
            starts.append(point)
        elif len(arm.interventions) == 1:
            rows.append({"vector": names.get(arm.interventions[0].vector_id, "purged"), **point})
    vectors = dict.fromkeys(row["vector"] for row in rows)
    rows += [{"vector": name, **start} for name in vectors for start in starts[:1]]
    return pd.DataFrame(rows, columns=["vector", "strength", "mean", "low", "high", "arm"])
