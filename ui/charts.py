"""Frames to figures."""

import altair as alt
import pandas as pd

from ui import colours


def layer_bars(frame: pd.DataFrame, column: str, *, title: str, share: bool = False) -> alt.Chart:
    """One bar per layer; ``share`` fixes the axis to 0..1."""
    domain = alt.Scale(domain=[0, 1]) if share else alt.Scale(zero=True)
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(color=colours.palette()[0], size=_bar_width(len(frame)))
        .encode(
            x=alt.X("layer:O", title="layer", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y(f"{column}:Q", title=title, scale=domain),
            tooltip=[alt.Tooltip("layer:O"), alt.Tooltip(f"{column}:Q", format=".4g")],
        )
        .properties(height=230)
    )
    return chart


def cosine_map(cosines: pd.DataFrame) -> alt.Chart:
    """Heat map of a square frame of cosines, -1 to 1."""
    cells = cosines.rename_axis("layer").reset_index().melt("layer", var_name="other")
    axis = alt.Axis(labelAngle=0, labelOverlap=True)
    chart: alt.Chart = (
        alt.Chart(cells)
        .mark_rect()
        .encode(
            x=alt.X("other:O", title="layer", axis=axis),
            y=alt.Y("layer:O", title="layer"),
            color=alt.Color(
                "value:Q",
                title="cosine",
                scale=alt.Scale(
                    domain=[-1, 0, 1], range=list(colours.diverging()), interpolate="lab"
                ),
            ),
            tooltip=[
                alt.Tooltip("layer:O"),
                alt.Tooltip("other:O", title="and layer"),
                alt.Tooltip("value:Q", title="cosine", format=".3f"),
            ],
        )
        .properties(height=300)
    )
    return chart


def strength_curves(frame: pd.DataFrame, colour: dict[str, str], *, title: str) -> alt.LayerChart:
    """A line with its interval per vector.

    Args:
        frame: Columns ``vector``, ``strength``, ``mean``, ``low``, ``high``, ``arm``.
        colour: Of every vector.
        title: Of the figure.
    """
    base = alt.Chart(frame).encode(
        x=alt.X("strength:Q", title="strength"),
        color=alt.Color(
            "vector:N",
            title=None,
            scale=alt.Scale(domain=list(colour), range=list(colour.values())),
            legend=alt.Legend(orient="top") if len(colour) > 1 else None,
        ),
    )
    band = base.mark_errorband(opacity=0.22).encode(
        y=alt.Y("low:Q", title=title, scale=alt.Scale(zero=False)), y2="high:Q"
    )
    line = base.mark_line(point=alt.OverlayMarkDef(size=45)).encode(
        y=alt.Y("mean:Q", title=title, scale=alt.Scale(zero=False)),
        strokeDash=alt.StrokeDash("vector:N", legend=None),
        shape=alt.Shape("vector:N", legend=None),
        tooltip=[
            alt.Tooltip("arm:N"),
            alt.Tooltip("strength:Q"),
            alt.Tooltip("mean:Q", title=title, format=".4g"),
            alt.Tooltip("low:Q", format=".4g"),
            alt.Tooltip("high:Q", format=".4g"),
        ],
    )
    chart: alt.LayerChart = (band + line).properties(height=300)
    return chart


def _bar_width(bars: int) -> int:
    return max(4, min(36, 420 // max(bars, 1)))
