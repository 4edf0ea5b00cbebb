"""Figures of the page on in-context learning."""

import altair as alt
import pandas as pd

from ui import colours
from ui.charts import legible

FEW = 300  # points that are drawn one by one


@legible
def lines(
    frame: pd.DataFrame,
    across: str,
    up: str,
    by: str,
    *,
    rule: float | None = None,
    points: pd.DataFrame | None = None,
) -> alt.LayerChart:
    """A line per name; names differ in dash as well as in colour, since lines may coincide.

    Args:
        frame: With the three columns.
        across: Column of the x axis.
        up: Column of the y axis.
        by: Column that names the lines.
        rule: A horizontal line at this height.
        points: With the same columns, drawn as crosses.
    """
    names = list(dict.fromkeys(frame[by]))
    palette = [colours.palette()[place % len(colours.palette())] for place in range(len(names))]
    base = alt.Chart(frame).encode(
        x=alt.X(f"{across}:Q", axis=alt.Axis(tickMinStep=1)),
        y=alt.Y(f"{up}:Q", title=up.replace("_", " "), scale=alt.Scale(zero=False)),
        color=alt.Color(
            f"{by}:N",
            scale=alt.Scale(domain=names, range=palette),
            legend=alt.Legend(
                title=None, orient="top", columns=2 if len(names) < 5 else 4, symbolType="stroke"
            ),
        ),
        tooltip=[alt.Tooltip(f"{by}:N"), f"{across}:Q", alt.Tooltip(f"{up}:Q", format=".4g")],
    )
    dash = alt.StrokeDash(f"{by}:N", title=None, scale=alt.Scale(domain=names))
    layers: list[alt.Chart] = [base.mark_line().encode(strokeDash=dash)]
    if len(frame) < FEW:
        layers.append(base.mark_point(filled=True, size=30))
    if rule is not None:
        at = pd.DataFrame({up: [rule]})
        layers.append(
            alt.Chart(at).mark_rule(strokeDash=[2, 4], color=colours.ink()).encode(y=f"{up}:Q")
        )
    if points is not None:
        cross = alt.Chart(points).mark_point(shape="cross", size=70, color=colours.ink())
        layers.append(cross.encode(x=f"{across}:Q", y=f"{up}:Q", tooltip=[across, up]))
    chart: alt.LayerChart = alt.LayerChart(layer=layers).properties(height=300)
    return chart


@legible
def head_map(heads: pd.DataFrame, figure: str) -> alt.Chart:
    """Layers across, heads up, a figure as colour, centred on zero."""
    chart: alt.Chart = (
        alt.Chart(heads)
        .mark_rect()
        .encode(
            x=alt.X("layer:O", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("head:O"),
            color=alt.Color(
                f"{figure}:Q",
                title=figure.replace("_", " "),
                scale=alt.Scale(domainMid=0, range=list(colours.diverging()), interpolate="lab"),
            ),
            tooltip=["layer:O", "head:O", alt.Tooltip(f"{figure}:Q", format=".3f")],
        )
        .properties(height=180)
    )
    return chart


@legible
def shares(row: pd.Series) -> alt.Chart:
    """What each demonstration carries of one head's update."""
    carried = row["by_demonstration"]
    frame = pd.DataFrame({"demonstration": range(1, len(carried) + 1), "share": carried})
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(color=colours.palette()[0])
        .encode(
            x=alt.X("demonstration:O", axis=alt.Axis(labelAngle=0)),
            y="share:Q",
            tooltip=["demonstration:O", alt.Tooltip("share:Q", format=".3f")],
        )
        .properties(height=200)
    )
    return chart
