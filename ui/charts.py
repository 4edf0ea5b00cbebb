"""Frames to figures."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import altair as alt
import pandas as pd

from ui import colours

Chart = TypeVar("Chart", alt.Chart, alt.LayerChart)
Arguments = ParamSpec("Arguments")

_LAYERS = alt.Axis(labelAngle=0, labelOverlap=True)


def legible(make: Callable[Arguments, Chart]) -> Callable[Arguments, Chart]:
    """Words of a chart in the contrast that AA asks of text; Streamlit thins them."""

    @wraps(make)
    def drawn(*args: Arguments.args, **more: Arguments.kwargs) -> Chart:
        ink = colours.ink()
        chart: Chart = make(*args, **more)
        axes: Chart = chart.configure_axis(labelColor=ink, titleColor=ink)
        legends: Chart = axes.configure_legend(labelColor=ink, titleColor=ink)
        headers: Chart = legends.configure_header(labelColor=ink, titleColor=ink)
        return headers

    return drawn


@legible
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


@legible
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


@legible
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


@legible
def tried_strengths(
    frame: pd.DataFrame,
    column: str,
    *,
    title: str,
    chosen: float | None = None,
    limit: float | None = None,
) -> alt.LayerChart:
    """What every strength that was tried comes to, with intervals.

    Args:
        frame: As ``services.vectors.calibrations.curve_frame`` has it.
        column: ``effect`` or ``damage``.
        title: Of what was measured.
        chosen: The strength that was chosen, marked by an upright line.
        limit: The most that is wanted, marked by a level line.
    """
    low, high = f"{column} low", f"{column} high"
    measured = frame[["strength", column, low, high]].astype(float).dropna(subset=[column])
    colour = colours.palette()[0 if column == "effect" else 1]
    ends = [0.0, *frame["strength"]]
    scale = alt.Scale(domain=[min(ends), max(ends)], nice=True)  # the same for effect and damage
    base = alt.Chart(measured).encode(x=alt.X("strength:Q", title="strength", scale=scale))
    y = alt.Y(f"{column}:Q", title=title, scale=alt.Scale(zero=False))
    tooltip = [alt.Tooltip("strength:Q", format=".4g")]
    tooltip += [alt.Tooltip(f"{name}:Q", format=".4g") for name in (column, low, high)]
    layers = [
        base.mark_rule(color=colour, opacity=0.5).encode(y=alt.Y(f"{low}:Q", title=title), y2=high),
        base.mark_line(color=colour, opacity=0.6).encode(y=y),
        base.mark_point(color=colour, filled=True, size=60, opacity=1).encode(y=y, tooltip=tooltip),
    ]
    marks = {"x": ("strength", chosen, []), "y": (column, limit, [5, 4])}
    for axis, (name, place, dash) in marks.items():
        if place is not None:
            channel = alt.X(f"{name}:Q") if axis == "x" else alt.Y(f"{name}:Q", title=title)
            rule = alt.Chart(pd.DataFrame({name: [place]})).mark_rule(
                color=colours.ink(), strokeDash=dash
            )
            layers.append(rule.encode(**{axis: channel}))
    chart: alt.LayerChart = alt.LayerChart(layer=layers).properties(height=260)
    return chart


@legible
def neighbour_line(frame: pd.DataFrame) -> alt.Chart:
    """Cosine of every layer with the one before."""
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_line(point=True, color=colours.palette()[0])
        .encode(
            x=alt.X("layer:O", title="layer", axis=_LAYERS),
            y=alt.Y("cosine:Q", scale=alt.Scale(domainMax=1)),
            tooltip=[alt.Tooltip("layer:O"), alt.Tooltip("cosine:Q", format=".3f")],
        )
        .properties(height=230)
    )
    return chart


@legible
def norm_lines(frame: pd.DataFrame, colour: dict[str, str]) -> alt.Chart:
    """Norms of several vectors over the layers; columns ``vector``, ``layer``, ``norm``."""
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_line(point=True)
        .encode(
            x=alt.X("layer:O", title="layer", axis=_LAYERS),
            y=alt.Y("norm:Q", title="norm (activation units)"),
            color=_by("vector", colour),
            shape=alt.Shape("vector:N", legend=None),
            tooltip=["vector:N", "layer:O", alt.Tooltip("norm:Q", format=".4g")],
        )
        .properties(height=280)
    )
    return chart


@legible
def pair_map(frame: pd.DataFrame) -> alt.Chart:
    """Heat map of cosines; columns ``pair``, ``layer``, ``cosine``."""
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_rect()
        .encode(
            x=alt.X("layer:O", title="layer", axis=_LAYERS),
            y=alt.Y("pair:N", title=None, sort=None, axis=alt.Axis(labelLimit=340)),
            color=alt.Color(
                "cosine:Q",
                scale=alt.Scale(
                    domain=[-1, 0, 1], range=list(colours.diverging()), interpolate="lab"
                ),
            ),
            tooltip=["pair:N", "layer:O", alt.Tooltip("cosine:Q", format=".3f")],
        )
        .properties(height=alt.Step(26))
    )
    return chart


@legible
def plane(frame: pd.DataFrame, colour: dict[str, str], shares: tuple[float, float]) -> alt.Chart:
    """Demonstrations as points; columns as in ``services.vectors.projections``."""
    first, second = (f"{share:.0%} of the variance" for share in shares)
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_point(filled=True, size=55, opacity=0.8)
        .encode(
            x=alt.X("x:Q", title=first),
            y=alt.Y("y:Q", title=second),
            color=_by("set", colour),
            shape=alt.Shape("set:N", legend=None),
            tooltip=["set:N", "vector:N", "position:Q", "source:N", "target:N"],
        )
        .properties(height=360)
    )
    return chart


@legible
def timeline(frame: pd.DataFrame) -> alt.Chart:
    """Texts as lines of tokens; columns ``text``, ``from``, ``to``, ``part``."""
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(height=12)
        .encode(
            x=alt.X("from:Q", title="token"),
            x2="to:Q",
            y=alt.Y("text:N", title=None, sort=None, axis=alt.Axis(labelLimit=320)),
            color=alt.Color(
                "part:N",
                title=None,
                scale=alt.Scale(
                    domain=["the same", "after the first"],
                    range=[colours.baseline(), colours.palette()[3]],
                ),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=["text:N", "part:N", "from:Q", "to:Q"],
        )
        .properties(height=alt.Step(20))
    )
    return chart


def _by(column: str, colour: dict[str, str]) -> alt.Color:
    return alt.Color(
        f"{column}:N",
        title=None,
        scale=alt.Scale(domain=list(colour), range=list(colour.values())),
        legend=alt.Legend(orient="top", columns=3, labelLimit=240),
    )


def _bar_width(bars: int) -> int:
    return max(4, min(36, 420 // max(bars, 1)))
