"""Frames to figures."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import altair as alt
import pandas as pd

from ui import colours, tables

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
    return _bars(frame, column, title=title, share=share)


@legible
def accuracy_bars(frame: pd.DataFrame, column: str, *, title: str, guess: float) -> alt.LayerChart:
    """One bar per layer from 0 to 1, and a dashed line at what a guess has."""
    line = alt.Chart(pd.DataFrame({column: [guess]})).mark_rule(
        color=colours.ink(), strokeDash=[5, 4]
    )
    bars = _bars(frame, column, title=title, share=True)
    level = line.encode(y=alt.Y(f"{column}:Q", title=title))
    both: alt.LayerChart = alt.LayerChart(layer=[bars, level])
    return both


def _bars(frame: pd.DataFrame, column: str, *, title: str, share: bool) -> alt.Chart:
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
            legend=alt.Legend(orient="top", columns=3, labelLimit=320, symbolOpacity=1)
            if len(colour) > 1
            else None,
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
def trade_off(frame: pd.DataFrame, colour: dict[str, str], *, x: str, y: str) -> alt.LayerChart:
    """A point per arm with its intervals both ways; what an arm is there for has its own shape.

    Args:
        frame: Columns ``arm``, ``kind``, ``is_named``; ``x`` and ``y``, each with ``_low`` and
            ``_high``.
        colour: Of every arm.
        x: Title of what is across.
        y: Title of what is up.
    """
    kinds = list(dict.fromkeys(frame["kind"]))
    zero = alt.Scale(zero=False)
    base = alt.Chart(frame).encode(
        color=alt.Color(
            "arm:N",
            scale=alt.Scale(domain=list(colour), range=list(colour.values())),
            legend=None,
        )
    )
    across, up = alt.X("x:Q", title=x, scale=zero), alt.Y("y:Q", title=y, scale=zero)
    sideways = base.transform_filter("isValid(datum.x_low)").mark_rule(opacity=0.5)
    upright = base.transform_filter("isValid(datum.y_low)").mark_rule(opacity=0.5)
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        x=across,
        y=up,
        shape=alt.Shape(
            "kind:N",
            title=None,
            sort=kinds,
            legend=alt.Legend(
                orient="top",
                columns=2,
                symbolFillColor=colours.ink(),
                symbolStrokeColor=colours.ink(),
            ),
        ),
        tooltip=[
            alt.Tooltip("arm:N"),
            alt.Tooltip("kind:N"),
            *(
                alt.Tooltip(f"{name}{part}:Q", title=f"{title}{words}", format=".4g")
                for name, title in (("x", x), ("y", y))
                for part, words in (("", ""), ("_low", ", low"), ("_high", ", high"))
            ),
        ],
    )
    # Controls crowd where nothing happens; their shape and the pointer say what they are.
    named = base.transform_filter(alt.datum.is_named)
    names = named.mark_text(align="left", dx=9, dy=-7, limit=150).encode(
        x=across, y=up, text="arm:N"
    )
    chart: alt.LayerChart = (
        sideways.encode(x=alt.X("x_low:Q", title=x, scale=zero), x2="x_high:Q", y=up)
        + upright.encode(x=across, y=alt.Y("y_low:Q", title=y, scale=zero), y2="y_high:Q")
        + points
        + names
    ).properties(height=340)
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
    """Demonstrations as points; columns as in ``services.vectors.projections``, numbered."""
    first, second = (f"{share:.0%} of the variance" for share in shares)
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_point(filled=True, size=55, opacity=0.8)
        .encode(
            x=alt.X("x:Q", title=first),
            y=alt.Y("y:Q", title=second),
            color=_by("set", colour),
            shape=alt.Shape("set:N", legend=None),
            tooltip=["set:N", "vector:N", f"{tables.NUMBER}:Q", "source:N", "target:N"],
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


@legible
def frontier(
    frame: pd.DataFrame,
    colour: dict[str, str],
    *,
    effect: str,
    damage: str,
    budget: float | None = None,
    is_small: bool = False,
) -> alt.LayerChart:
    """Effect against damage, a point per arm with both intervals, a line through a vector's.

    Args:
        frame: Columns ``arm``, ``series``, ``role``, ``strength``, ``chosen``, and ``effect`` and
            ``damage``, each with ``_low`` and ``_high``.
        colour: Of every series.
        effect: Title of what should move.
        damage: Title of what should not.
        budget: Most damage that is wanted, drawn as a line.
        is_small: Without legends, to stand beside others; the pointer says what is what.
    """
    x_scale = alt.Scale(type="sqrt", domainMin=0)  # prompting lies far out
    base = alt.Chart(frame).encode(
        x=alt.X("damage:Q", title=damage, scale=x_scale),
        color=alt.Color(
            "series:N",
            title=None,
            scale=alt.Scale(domain=list(colour), range=list(colour.values())),
            legend=None
            if is_small
            else alt.Legend(orient="bottom", columns=1, labelLimit=320, symbolOpacity=1),
        ),
    )
    y = alt.Y("effect:Q", title=effect)
    across = base.mark_rule(opacity=0.5).encode(
        x=alt.X("damage_low:Q", title=damage, scale=x_scale), x2="damage_high:Q", y=y
    )
    along = base.mark_rule(opacity=0.5).encode(
        y=alt.Y("effect_low:Q", title=effect), y2="effect_high:Q"
    )
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        y=y,
        shape=alt.Shape(
            "role:N",
            title=None,
            legend=None
            if is_small
            else alt.Legend(
                orient="top", symbolFillColor=colours.ink(), symbolStrokeColor=colours.ink()
            ),
        ),
        tooltip=[
            alt.Tooltip("arm:N"),
            alt.Tooltip("role:N"),
            alt.Tooltip("strength:Q", format=".4g"),
            alt.Tooltip("effect:Q", title=effect, format="+.4g"),
            alt.Tooltip("effect_low:Q", title="from", format="+.4g"),
            alt.Tooltip("effect_high:Q", title="to", format="+.4g"),
            alt.Tooltip("damage:Q", title=damage, format=".4g"),
        ],
    )
    steered = base.transform_filter(alt.datum.role == "vector")
    line = steered.mark_line(opacity=0.7).encode(y=y, order="strength:Q")
    ring = (
        base.transform_filter(alt.datum.chosen)
        .mark_point(size=320, filled=False, strokeWidth=2, shape="circle")
        .encode(y=y)
    )
    layers = [across, along, line, points, ring]
    zero = alt.Chart(pd.DataFrame({"effect": [0.0]})).mark_rule(color=colours.baseline())
    layers.insert(0, zero.encode(y=y))
    if budget is not None:
        limit = alt.Chart(pd.DataFrame({"damage": [budget]})).mark_rule(
            color=colours.baseline(), strokeDash=[5, 4]
        )
        layers.insert(1, limit.encode(x=alt.X("damage:Q", title=damage, scale=x_scale)))
    chart: alt.LayerChart = alt.LayerChart(layer=layers).properties(height=190 if is_small else 380)
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
