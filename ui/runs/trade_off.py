"""Effect against damage: a point per arm, for runs whose texts have two scores."""

import pandas as pd
import streamlit as st

from ui import cached, charts, tables
from ui.frame import notes
from ui.runs import choices
from ui.runs.choices import CALIBRATED, Sides
from vectorlab.domain.runs.comparable import comparable_runs
from vectorlab.domain.runs.comparison import Criterion, columns_of, short_names
from vectorlab.services.runs import comparison
from vectorlab.services.runs.comparison import TradeOff

NAME_WIDTH, NAME_HEIGHT = 0.3, 0.06  # of a name beside a point, in shares of the picture


def show(sides: Sides) -> None:
    """Choose two scores, and see what each arm does for what it costs."""
    known = choices.known_measures(sides)
    usual = comparison.usual_trade_off(list(known.values()))
    if usual is None:
        return
    notes.heading("Effect against damage")
    names = {measure: name for name, measure in short_names(list(known.values())).items()}
    left, right = st.columns(2)
    with left:
        effect = choices.choose_measure(sides, label="Effect", key="effect", usual=names[usual[0]])
    with right:
        damage = choices.choose_measure(sides, label="Damage", key="damage", usual=names[usual[1]])
    groups = comparable_runs(sides.runs)
    for group in groups:
        columns = [column for run in group for column in columns_of([run])]
        points = comparison.trade_offs(cached.store(), columns, effect, damage)
        if points:
            if len(groups) > 1:
                st.caption(f"run {', '.join(str(run.id) for run in group)}")
            _draw(sides, points, across=names[damage], up=names[effect])
    st.caption(
        "A point per arm: means over the prompts with 95 % intervals. "
        + " ".join(filter(None, (_sense(effect, "Effect"), _sense(damage, "Damage"))))
        + f" {CALIBRATED} is a calibrated strength. "
        "The pointer names points that lie close to others."
    )


def _draw(sides: Sides, points: list[TradeOff], *, across: str, up: str) -> None:
    frame = _frame(sides, points)
    frame["is_named"] &= pd.Series(_apart(frame), index=frame.index)
    colour = {_named(sides, point): sides.colour_of(point.column) for point in points}
    st.altair_chart(charts.trade_off(frame, colour, x=across, y=up))
    words = {"x": across, "y": up}
    words |= {f"{axis}{part}": words[axis] + part for axis in "xy" for part in ("_low", "_high")}
    tables.csv_button(
        lambda: frame.drop(columns="is_named").rename(columns=words),
        name=f"effect-damage-run-{points[0].column.run_id}",
    )


def _apart(frame: pd.DataFrame) -> list[bool]:
    """Whether a name beside each point leaves those before it legible; those of controls none."""
    kept: list[tuple[float, float]] = []
    shares = [
        (frame[axis] - frame[axis].min()) / (frame[axis].max() - frame[axis].min() or 1.0)
        for axis in "xy"
    ]
    found = []
    for x, y, is_named in zip(*shares, frame["is_named"], strict=True):
        is_free = all(abs(x - left) > NAME_WIDTH or abs(y - up) > NAME_HEIGHT for left, up in kept)
        found.append(is_free)
        if is_free and is_named:
            kept.append((x, y))
    return found


def _sense(measure: Criterion, name: str) -> str:
    if measure.version is None:  # more of it is neither good nor bad
        return ""
    return f"{name}: {'less' if measure.lower_is_better else 'more'} is better."


def _named(sides: Sides, point: TradeOff) -> str:
    name = sides.name_of(point.column)
    return f"{name} {CALIBRATED}" if point.info.is_calibrated else name


def _frame(sides: Sides, points: list[TradeOff]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "arm": _named(sides, point),
                "kind": point.info.kind.value,
                "is_named": not point.info.kind.is_control,
                "x": point.damage.mean,
                "x_low": point.damage.low,
                "x_high": point.damage.high,
                "y": point.effect.mean,
                "y_low": point.effect.low,
                "y_high": point.effect.high,
            }
            for point in points
        ]
    )
