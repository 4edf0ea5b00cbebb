"""Lists and choices a page at a time."""

from collections.abc import Sequence
from dataclasses import replace

from vectorlab.domain.runs.lists import (
    Inventory,
    RunFilter,
    RunKind,
    RunSummary,
    VectorChoice,
    VectorFilter,
)
from vectorlab.domain.runs.runs import GenerationRun
from vectorlab.domain.vectors.vectors import SteeringVector
from vectorlab.store.database import Database
from vectorlab.store.runs import lists, runs

MOST_LABELS = 1000  # set versions that a choice offers; older ones are named in the address

MOST_COUNTED = 1000  # tries


def inventory(db: Database) -> Inventory:
    """How many sets, versions, vectors, runs and models there are."""
    with db.read() as tx:
        return lists.inventory(tx)


def list_runs(
    db: Database, run_filter: RunFilter | None = None, *, limit: int = 50, offset: int = 0
) -> list[RunSummary]:
    """Runs that pass the filter, newest first."""
    with db.read() as tx:
        return lists.list_runs(tx, run_filter or RunFilter(), limit=limit, offset=offset)


def count_tries(db: Database, run_filter: RunFilter) -> int:
    """How many tries pass the rest of a filter; ``MOST_COUNTED`` stands for that many or more."""
    tries = replace(run_filter, kind=RunKind.TRIES)
    with db.read() as tx:
        return lists.count_runs(tx, tries, most=MOST_COUNTED)


def runs_with_arms(db: Database, labels: Sequence[str]) -> list[GenerationRun]:
    """For every arm of those labels the newest run that has it, newest first, each once."""
    with db.read() as tx:
        return [runs.get_run(tx, str(number)) for number in lists.runs_with_arms(tx, labels)]


def list_vectors(
    db: Database, vector_filter: VectorFilter | None = None, *, limit: int = 50, offset: int = 0
) -> list[SteeringVector]:
    """Vectors that pass the filter, newest first."""
    with db.read() as tx:
        return lists.list_vectors(tx, vector_filter or VectorFilter(), limit=limit, offset=offset)


def vector_choices(db: Database) -> list[VectorChoice]:
    """Every vector with what decides whether it fits a model, newest first."""
    with db.read() as tx:
        return lists.choices(tx)


def version_labels(db: Database) -> list[str]:
    """``name@number`` of the newest set versions, by set."""
    with db.read() as tx:
        return lists.version_labels(tx, limit=MOST_LABELS)


def methods(db: Database) -> list[str]:
    """Methods that made the vectors there are."""
    with db.read() as tx:
        return lists.methods(tx)
