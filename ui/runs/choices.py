"""What the views of runs share: columns by their names in the address, colours, the question."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from ui import cached, colours, markup
from ui.frame import navigation
from vectorlab.domain.runs.arm_kinds import ArmInfo, ArmKind, first_judged, first_shown
from vectorlab.domain.runs.comparable import baselines_of, reasons_apart
from vectorlab.domain.runs.comparison import (
    LOG_PROBABILITY,
    Column,
    Criterion,
    columns_of,
    short_names,
)
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.services.runs import arm_kinds, comparison

NOTHING = "nothing"
CALIBRATED = "◎"  # stands behind the name of a calibrated arm, wherever arms are named


@dataclass(frozen=True)
class Sides:
    """The columns of a page by name, and what they are held against."""

    runs: tuple[GenerationRun, ...]
    names: dict[str, Column]
    colours: dict[str, str]
    infos: dict[Column, ArmInfo]

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns, in their order."""
        return tuple(self.names.values())

    def name_of(self, column: Column) -> str:
        """How a page names a column."""
        return next(name for name, named in self.names.items() if named == column)

    def colour_of(self, column: Column) -> str:
        """The colour of the arm that a column shows."""
        return self.colours[self.name_of(column)]

    def headed(self, column: Column) -> str:
        """HTML of a column's name in its colour, with what the arm is there for."""
        info = self.infos[column]
        shown = markup.dot(self.colour_of(column)) + markup.escape(self.name_of(column))
        if info.is_calibrated:
            shown += f' <span title="calibrated strength">{CALIBRATED}</span>'
        if info.kind.is_control:
            shown += markup.note(f"control: {info.kind.value}")
        return shown


def sides_of(runs: Sequence[GenerationRun]) -> Sides:
    """Columns named ``arm``, or ``run/arm`` where there are several runs."""
    several = len(runs) > 1
    names = {
        f"{column.run_id}/{column.label}" if several else column.label: column
        for column in columns_of(runs)
    }
    by_arm = colours.of_runs(runs)
    return Sides(
        runs=tuple(runs),
        names=names,
        colours={name: by_arm[column.label] for name, column in names.items()},
        infos=arm_kinds.infos(cached.store(), runs),
    )


def choose_baseline(sides: Sides) -> Column | None:
    """The column that others are held against; it lives in the address."""
    names = list(sides.names)
    usual = next((place for place, column in enumerate(sides.columns) if column.is_baseline), None)
    chosen = st.selectbox(
        "Baseline column",
        [*names, NOTHING],
        index=len(names) if usual is None else usual,
        key="against",
        bind="query-params",
    )
    return sides.names.get(chosen)


def choose_shown(sides: Sides) -> tuple[Column, ...]:
    """The columns of the table, a few that tell most at first; they live in the address."""
    if len(sides.names) == 1:
        return sides.columns
    navigation.say_unknown("show", sides.names, what="column")
    usual = first_shown(sides.columns, sides.infos)
    chosen = st.multiselect(
        f"Columns, of {len(sides.names)}",
        list(sides.names),
        default=[sides.name_of(column) for column in usual],
        key="show",
        bind="query-params",
        placeholder="All columns",
    )
    return tuple(sides.names[name] for name in sides.names if name in chosen) or sides.columns


def choose_judged(sides: Sides, shown: Sequence[Column]) -> Column | None:
    """The column that filters and sorting look at, one of those that are shown."""
    others = [column for column in shown if sides.infos[column].kind is not ArmKind.BASELINE]
    others = others or list(shown)
    usual = first_judged(others, sides.infos)
    names = [sides.name_of(column) for column in others]
    chosen = st.selectbox(
        "Judged column",
        names,
        index=0 if usual is None else others.index(usual),
        key="judged",
        bind="query-params",
    )
    return sides.names.get(chosen)


def known_measures(sides: Sides) -> dict[str, Criterion]:
    """All that the texts of the runs can be judged by, as pages call it."""
    return short_names(comparison.measures(cached.store(), [run.id for run in sides.runs]))


def choose_measure(
    sides: Sides, *, label: str = "Figure", key: str = "figure", usual: str | None = None
) -> Criterion:
    """The figure that better and worse go by."""
    known = known_measures(sides)
    in_address = st.query_params.get(key)
    for name, measure in known.items():
        if in_address == measure.key != name and key not in st.session_state:
            st.session_state[key] = name  # as addresses were before
    chosen = st.selectbox(
        label,
        list(known),
        index=list(known).index(usual) if usual in known else 0,
        key=key,
        bind="query-params",
    )
    return known.get(chosen, LOG_PROBABILITY)


def baselines(sides: Sides, chosen: Column | None) -> dict[int, Column | None]:
    """By run, the column that its arms are held against."""
    return baselines_of(sides.runs, chosen)


def say_what_does_not_compare(sides: Sides, chosen: Column | None) -> None:
    """Say of every run that is not held against the chosen baseline against what it is, and why."""
    if chosen is None:
        return
    by_id = {run.id: run for run in sides.runs}
    against = baselines(sides, chosen)
    for run in sides.runs:
        reasons = reasons_apart(run, by_id[chosen.run_id])
        if not reasons:
            continue
        own = against[run.id]
        held = (
            "is held against nothing: nothing unsteered compares with it"
            if own is None
            else f"is held against {sides.name_of(own)}"
        )
        st.html(
            markup.note(
                f"Run {run.id} does not compare with run {chosen.run_id} and {held}. "
                f"It has {'; '.join(reasons)}."
            )
        )
