"""One colour for every arm and vector, for eyes of every kind, in both themes.

The palettes keep their distances under the common colour vision deficiencies and stand out
against the backgrounds of their theme; ``tests/ui/test_colours.py`` measures both.
"""

from collections.abc import Iterable, Mapping

import streamlit as st

from vectorlab.domain.runs.comparison import Column

# In the order of ``chartCategoricalColors`` of the theme; the same place is the same hue.
LIGHT = (
    "#0a728c",
    "#c86427",
    "#3c42ae",
    "#b22c5d",
    "#655400",
    "#3f8dc1",
    "#701557",
    "#2d108c",
)
DARK = (
    "#45e4a6",
    "#cd8433",
    "#738cff",
    "#cb4a3f",
    "#f1c551",
    "#5cb5ff",
    "#ff7fd3",
    "#8a69ce",
)
LIGHT_BASELINE, DARK_BASELINE = "#75807e", "#97a19f"
LIGHT_INK, DARK_INK = "#4f5b59", "#b4bcba"
LIGHT_WORDS, DARK_WORDS = "#1f2b2a", "#e4e9e8"  # the text colours of the theme
# Negative, zero, positive: of cosines, correlations and changes.
LIGHT_DIVERGING = ("#b22c5d", "#eef0ef", "#0a728c")
DARK_DIVERGING = ("#e0568a", "#232a2b", "#3fb6d3")


def is_dark() -> bool:
    """Whether the visitor looks at the dark theme."""
    return st.context.theme.type == "dark"


def palette() -> tuple[str, ...]:
    """Colours of things in a chart, for the visitor's theme."""
    return DARK if is_dark() else LIGHT


def baseline() -> str:
    """The grey of every baseline."""
    return DARK_BASELINE if is_dark() else LIGHT_BASELINE


def ink() -> str:
    """The colour of words in a chart."""
    return DARK_INK if is_dark() else LIGHT_INK


def words() -> str:
    """The colour of words on a coloured ground."""
    return DARK_WORDS if is_dark() else LIGHT_WORDS


def diverging() -> tuple[str, str, str]:
    """Colours of -1, 0 and 1."""
    return DARK_DIVERGING if is_dark() else LIGHT_DIVERGING


def of_arms(labels: Iterable[str], baselines: Iterable[str]) -> dict[str, str]:
    """A colour for every arm label: grey for baselines, the others in order of appearance."""
    grey, colours = set(baselines), palette()
    steered = [label for label in dict.fromkeys(labels) if label not in grey]
    by_label = {label: colours[place % len(colours)] for place, label in enumerate(steered)}
    return by_label | dict.fromkeys(grey, baseline())


def of_columns(columns: Iterable[Column]) -> dict[str, str]:
    """A colour for the arm of every column, by its label."""
    columns = list(columns)
    return of_arms(
        [column.label for column in columns],
        [column.label for column in columns if column.is_baseline],
    )


def of_vectors(ids: Mapping[str, int]) -> dict[str, str]:
    """A colour for every vector name, by its id, so that it is the same on every page.

    Where two on one page would share a colour, the later takes the next that is free.
    """
    colours, taken = palette(), set[int]()
    by_name: dict[str, str] = {}
    for name, number in sorted(ids.items(), key=lambda pair: pair[1]):
        place = number % len(colours)
        if len(taken) < len(colours):
            while place in taken:
                place = (place + 1) % len(colours)
        taken.add(place)
        by_name[name] = colours[place]
    return by_name
