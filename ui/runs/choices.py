"""What the views of runs share: columns by their names in the address, colours, the question."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from ui import cached, colours
from vectorlab.domain.runs.comparison import LOG_PROBABILITY, Column, Criterion, columns_of
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.services.runs import comparison

NOTHING = "nothing"


@dataclass(frozen=True)
class Sides:
    """The columns of a page by name, and what they are held against."""

    runs: tuple[GenerationRun, ...]
    names: dict[str, Column]
    colours: dict[str, str]

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


def sides_of(runs: Sequence[GenerationRun]) -> Sides:
    """Columns named ``arm``, or ``run/arm`` where there are several runs."""
    several = len(runs) > 1
    names = {
        f"{column.run_id}/{column.label}" if several else column.label: column
        for column in columns_of(runs)
    }
    by_arm = colours.of_columns(names.values())
    return Sides(
        runs=tuple(runs),
        names=names,
        colours={name: by_arm[column.label] for name, column in names.items()},
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


def choose_judged(sides: Sides) -> Column | None:
    """The column that filters and sorting look at."""
    names = [name for name, column in sides.names.items() if not column.is_baseline]
    names = names or list(sides.names)
    chosen = st.selectbox(
        "Judged column", names, index=len(names) - 1, key="judged", bind="query-params"
    )
    return sides.names.get(chosen)


def choose_measure(sides: Sides) -> Criterion:
    """The figure that better and worse go by."""
    known = {
        measure.key: measure
        for measure in comparison.measures(cached.store(), [run.id for run in sides.runs])
    }
    chosen = st.selectbox("Figure", list(known), key="figure", bind="query-params")
    return known.get(chosen, LOG_PROBABILITY)
