"""Figures of scores: the Cause-Isolate plane, layers, effects and curves."""

import altair as alt
import pandas as pd

from ui import colours
from ui.charts import legible

_SHARE = alt.Scale(domain=[0, 1])


@legible
def plane(scores: pd.DataFrame) -> alt.LayerChart:
    """Cause against Isolate with both intervals, one mark per arm; policies are the corners.

    Args:
        scores: As ``ravel.services.frames.scores_frame`` gives them.
    """
    methods = [name for name in dict.fromkeys(scores["method"]) if name != "policy"]
    known = dict(zip(methods, colours.palette(), strict=False))
    colour = alt.Color(
        "method:N",
        scale=alt.Scale(
            domain=[*methods, "policy"],
            range=[*(known.get(name, colours.baseline()) for name in methods), colours.baseline()],
        ),
    )
    tips = [
        alt.Tooltip("arm:N"),
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("cause", "isolate", "disentangle")),
        alt.Tooltip("features:Q", format=".0f"),
    ]
    base = alt.Chart(scores)
    x = alt.X("isolate:Q", title="Isolate: the others stay", scale=_SHARE)
    y = alt.Y("cause:Q", title="Cause: the target changes", scale=_SHARE)
    half = alt.Chart(pd.DataFrame({"isolate": [0.0, 1.0], "cause": [1.0, 0.0]})).mark_line(
        strokeDash=[4, 4], color=colours.baseline()
    )
    across = base.mark_rule().encode(x="isolate low:Q", x2="isolate high:Q", y=y, color=colour)
    along = base.mark_rule().encode(x=x, y="cause low:Q", y2="cause high:Q", color=colour)
    dots = base.mark_point(filled=True, size=90).encode(x=x, y=y, color=colour, tooltip=tips)
    chart: alt.LayerChart = (half.encode(x=x, y=y) + across + along + dots).properties(height=380)
    return chart


@legible
def by_layer(scores: pd.DataFrame) -> alt.Chart:
    """Cause, Isolate and Disentangle over the layers, a line per method and k."""
    rows = scores.assign(
        line=[
            f"{method} k{int(k)}" if pd.notna(k) else method
            for method, k in zip(scores["method"], scores["k"], strict=True)
        ]
    ).melt(
        ["layer", "line"],
        value_vars=["cause", "isolate", "disentangle"],
        var_name="measure",
        value_name="share",
    )
    lines = list(dict.fromkeys(rows["line"]))
    chart: alt.Chart = (
        alt.Chart(rows)
        .mark_line(point=True)
        .encode(
            x=alt.X("layer:O", title="layer", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("share:Q", title=None, scale=_SHARE),
            color=alt.Color(
                "line:N",
                title="featurizer",
                scale=alt.Scale(domain=lines, range=list(colours.palette())),
            ),
            column=alt.Column("measure:N", title=None, sort=["cause", "isolate", "disentangle"]),
            tooltip=["line:N", "layer:O", alt.Tooltip("share:Q", format=".3f")],
        )
        .properties(width=210, height=230)
    )
    return chart


@legible
def effect_map(effects: pd.DataFrame) -> alt.LayerChart:
    """What moved when each target was moved: targets down, attributes asked across."""
    order = list(dict.fromkeys(effects["target"]))
    axis = alt.Axis(labelAngle=-30, labelOverlap=False)
    x = alt.X("attribute:N", title="prompts ask for", sort=order, axis=axis)
    y = alt.Y("target:N", title="target", sort=order)
    tips = [
        "target:N",
        "attribute:N",
        "examples:Q",
        *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("changed", "kept", "neither")),
    ]
    base = alt.Chart(effects)
    # Half of the colour, so that the words on it can be read in both themes.
    cells = base.mark_rect(opacity=0.5).encode(
        x=x,
        y=y,
        color=alt.Color(
            "changed:Q",
            title="says the source's value",
            scale=alt.Scale(domain=[0, 1], range=list(colours.diverging()[1:]), interpolate="lab"),
            legend=alt.Legend(gradientOpacity=0.5),
        ),
        tooltip=tips,
    )
    words = base.mark_text(color=colours.words()).encode(
        x=x, y=y, text=alt.Text("changed:Q", format=".2f")
    )
    chart: alt.LayerChart = (cells + words).properties(height=60 + 55 * len(order))
    return chart


@legible
def curves(points: pd.DataFrame, *, colour: str = "featurizer") -> alt.Chart:
    """A line per series over the steps of a training, the loss on a logarithmic axis."""
    chart: alt.Chart = (
        alt.Chart(points[points["loss"] > 0])
        .mark_line()
        .encode(
            x=alt.X("step:Q", title="step"),
            y=alt.Y("loss:Q", title="loss", scale=alt.Scale(type="log")),
            color=alt.Color(
                f"{colour}:N",
                scale=alt.Scale(
                    domain=list(dict.fromkeys(points[colour])), range=list(colours.palette())
                ),
            ),
            tooltip=[f"{colour}:N", "step:Q", alt.Tooltip("loss:Q", format=".4g")],
        )
        .properties(height=260)
    )
    return chart
