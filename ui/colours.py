"""One colour for every arm and vector, for eyes of every kind, in both themes.

The palettes keep their distances under the common colour vision deficiencies and stand out
against the backgrounds of their theme; ``tests/ui/test_colours.py`` measures both.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import streamlit as st

from vectorlab.domain.interventions.arms import Arm
from vectorlab.domain.runs.runs import GenerationRun

Name = TypeVar("Name", str, int)

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


def of_arms(labels: Mapping[str, int | None], baselines: Iterable[str] = ()) -> dict[str, str]:
    """A colour for every arm label: its vector's where one acts alone, grey for baselines.

    The second arm of a vector, and any other, has the next colour that is free.

    Args:
        labels: In order of appearance, each with the id of the vector that acts alone in it.
        baselines: Labels of what is not steered, and of whatever else is grey.
    """
    by_label = dict.fromkeys(baselines, baseline())
    by_vector = of_vectors(
        {
            vector: vector
            for label, vector in labels.items()
            if vector is not None and label not in by_label
        }
    )
    free = [colour for colour in palette() if colour not in by_vector.values()] or [*palette()]
    others = 0
    for label, vector in labels.items():
        if label in by_label:
            continue
        if vector in by_vector:
            by_label[label] = by_vector.pop(vector)
        else:
            by_label[label] = free[others % len(free)]
            others += 1
    return by_label


def of_runs(runs: Iterable[GenerationRun]) -> dict[str, str]:
    """A colour for every arm of runs that are on one page, by its label."""
    arms = [arm for run in runs for arm in run.spec.arms]
    return of_arms(_alone(arms), [arm.label for arm in arms if arm.is_baseline])


def of_vectors_in(runs: Iterable[GenerationRun]) -> dict[int, str]:
    """A colour for every vector that acts alone in an arm of runs, by its id, as ``of_runs``."""
    found = [_alone([arm]) for run in runs for arm in run.spec.arms]
    alone = [vector for arm in found for vector in arm.values() if vector is not None]
    return of_vectors({vector: vector for vector in alone})


def of_vectors(ids: Mapping[Name, int]) -> dict[Name, str]:
    """A colour for every vector name, by its id, so that it is the same on every page.

    Where two on one page would share a colour, the later takes the next that is free.
    """
    colours, taken = palette(), set[int]()
    by_name: dict[Name, str] = {}
    for name, number in sorted(ids.items(), key=lambda pair: pair[1]):
        place = number % len(colours)
        if len(taken) < len(colours):
            while place in taken:
                place = (place + 1) % len(colours)
        taken.add(place)
        by_name[name] = colours[place]
    return by_name


def _alone(arms: Iterable[Arm]) -> dict[str, int | None]:
    """The vector that acts alone in an arm, by the arm's label; the first arm of a label counts."""
    found: dict[str, int | None] = {}
    for arm in arms:
        one = len(arm.interventions) == 1 and not arm.is_baseline
        found.setdefault(arm.label, arm.interventions[0].vector_id if one else None)
    return found
