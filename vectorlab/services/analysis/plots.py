"""Charts as files and as SVG, without a browser and without the network."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from vectorlab.errors import InputError

if TYPE_CHECKING:
    import altair as alt

WIDTH, HEIGHT = 480, 260
ENDINGS = (".svg", ".png", ".html")
# Told apart by people who do not see all colours (Okabe and Ito, 2008).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#999999")


# The colours that things have on every chart, for those of the names that are such things.
Known = Callable[[Sequence[str]], Mapping[str, str]]


def query_chart(
    frame: pd.DataFrame, *, palette: Sequence[str] = COLOURS, known: Known = lambda _: {}
) -> "alt.Chart":
    """A chart of any result: the first column across, the numbers of the others up.

    Lines over numbers and times, bars over names. A further column of texts names the lines.

    Args:
        frame: The result.
        palette: Colours of lines that have none of their own.
        known: Asked for the colours of lines, or of bars where they are all that differs.

    Raises:
        InputError: If there are no rows, or no column of numbers beside the first.
    """
    import altair as alt  # takes half a second

    if frame.empty:
        raise InputError("There are no rows to plot.")
    across, *others = frame.columns
    numbers = [name for name in others if _is_number(frame[name])]
    if not numbers:
        raise InputError(
            f"Nothing to plot over {across!r}: no other column holds numbers. Select the column "
            "for the axis first, then the numbers."
        )
    texts = [name for name in others if name not in numbers]
    long = frame.melt(
        id_vars=[across, *texts[:1]], value_vars=numbers, var_name="column", value_name="value"
    )
    if texts and len(numbers) == 1:
        long["column"] = long[texts[0]].astype(str)
    continuous = _is_number(frame[across]) or pd.api.types.is_datetime64_any_dtype(frame[across])
    kind: Literal["quantitative", "temporal", "nominal"] = "nominal"
    if continuous:
        kind = "quantitative" if _is_number(frame[across]) else "temporal"
    long = long.rename(columns={across: "across"})
    named = "column"
    if not continuous and len(numbers) == 1 and not texts:
        bars = long["across"].astype(str)
        named = "across" if set(bars) <= set(known(list(dict.fromkeys(bars)))) else named
    colour = _colours(list(dict.fromkeys(long[named].astype(str))), palette, known)
    base = alt.Chart(long).encode(
        x=alt.X("across", type=kind, title=str(across), sort=None),
        y=alt.Y("value", type="quantitative", title=numbers[0] if len(numbers) == 1 else "value"),
        color=alt.Color(
            named,
            type="nominal",
            title=None,
            scale=alt.Scale(domain=list(colour), range=list(colour.values())),
        ),
    )
    chart: alt.Chart = base.mark_line(point=True) if continuous else base.mark_bar()
    if not continuous and long["column"].nunique() > 1:
        chart = chart.encode(xOffset="column:N")
    sized: alt.Chart = chart.properties(width=WIDTH, height=HEIGHT)
    return sized


def _colours(names: Sequence[str], palette: Sequence[str], known: Known) -> dict[str, str]:
    own = known(names)
    free = cycle([colour for colour in palette if colour not in own.values()] or palette)
    return {name: own.get(name) or next(free) for name in names}


def interval_chart(
    points: pd.DataFrame,
    *,
    x: str,
    y: str,
    colour: str,
    title_x: str | None = None,
    title_y: str | None = None,
    line: float | None = None,
) -> "alt.LayerChart":
    """Points with intervals (columns ``low`` and ``high``), joined for each colour.

    Args:
        points: One row per point.
        x: Column across.
        y: Column up.
        colour: Column that tells the lines apart.
        title_x: Of the axis; default: the column.
        title_y: Of the axis; default: the column.
        line: A level to be marked.
    """
    import altair as alt

    shown = points[[x, y, "low", "high", colour]].dropna(subset=[x, y]).sort_values(x)
    base = alt.Chart(shown).encode(
        x=alt.X(x, type="quantitative", title=title_x or x),
        color=alt.Color(
            colour, type="nominal", title=None, sort=None, scale=alt.Scale(range=list(COLOURS))
        ),
    )
    up = alt.Y(y, type="quantitative", title=title_y or y, scale=alt.Scale(zero=False))
    bars = base.transform_filter("isValid(datum.low)").mark_rule(opacity=0.5)
    layers = [
        bars.encode(y=alt.Y("low:Q", title=title_y or y), y2="high:Q"),
        base.mark_line(point=True).encode(y=up),
    ]
    if line is not None:
        level = alt.Chart(pd.DataFrame({"level": [line]})).mark_rule(strokeDash=[4, 4])
        layers.append(level.encode(y="level:Q"))
    chart: alt.LayerChart = alt.LayerChart(layer=layers, width=WIDTH, height=HEIGHT)
    return chart


def write_chart(chart: Any, path: Path) -> Path:
    """Write a chart to .svg, .png, or .html that needs no other file and no network.

    Raises:
        InputError: If the ending is another.
    """
    if path.suffix == ".svg":
        path.write_text(svg(chart), encoding="utf-8")
    elif path.suffix == ".png":
        import vl_convert

        path.write_bytes(vl_convert.vegalite_to_png(chart.to_json(), scale=2))
    elif path.suffix == ".html":
        path.write_text(f"<!doctype html><meta charset=utf-8>{svg(chart)}", encoding="utf-8")
    else:
        raise InputError(
            f"A chart cannot be written to {path.name!r}. Use an ending of {', '.join(ENDINGS)}."
        )
    return path


def svg(chart: Any) -> str:
    """A chart as one ``<svg>`` element."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(chart.to_json()))


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
