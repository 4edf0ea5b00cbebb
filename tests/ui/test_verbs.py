"""Every verb of the command line that makes or changes something has a place in the dashboard.

A verb that is new has to be given its place here, or the reason why it has none; a place is looked
for on its page, by the words that are on its button.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import typer

from tests.ui.everything import fill_all
from tests.ui.filled_store import fill
from vectorlab.cli.main import app as command_line
from vectorlab.domain.jobs.jobs import NewJob
from vectorlab.domain.sets.drafts import DraftStep
from vectorlab.services.database import Database
from vectorlab.services.sets import drafts, sets
from vectorlab.store.jobs import queue

# What only says or writes down what the store holds.
READS = {
    *("list", "show", "log", "diff", "blame", "overlap", "similar", "compare", "export", "report"),
    *("scorers", "calibrations", "thresholds", "status", "path", "verify", "states", "doctor"),
    *("sql", "wait", "drafts"),
}


@dataclass(frozen=True)
class Place:
    """Where a verb is in the dashboard, and what it is called there."""

    page: str
    called: str
    selection: dict[str, object] = field(default_factory=dict)
    fill: Callable[[Database], None] = fill_all  # what the store holds


def on(page, called, *, fill=fill_all, **selection):
    return Place(page=page, called=called, selection=selection, fill=fill)


def nothing(db):
    del db


def apart(db):
    fill(db)
    sets.fork(db, reference="upbeat@1", name="apart", actor="ada")


def drafted(db):
    fill(db)
    drafts.take_step(db, "upbeat", 2, DraftStep(removed={0: True}), author="tester")


VECTOR = {"vector": "upbeat-icv"}
TWO = {"vector": ["upbeat-icv", "twice"]}
PLACES = {
    "sets import": on("sets", "A file with one pair per row"),
    "sets create": on("sets", "Begin"),
    "sets fork": on("sets", "Fork upbeat@2", set="upbeat"),
    "sets split": on("sets", "Split upbeat@2", set="upbeat"),
    "sets folds": on("sets", "Make the folds", set="upbeat"),
    "sets tag": on("sets", "Keep these tags", set="upbeat"),
    "sets purge": on("sets", "Purge", set="upbeat"),
    "sets describe": on("sets", "Keep this description", set="upbeat"),
    "sets rename": on("sets", "Keep this name", set="upbeat"),
    "sets merge": on("sets", "Bring in", fill=apart, set="upbeat", view="merge"),
    "sets discard": on("sets", "Throw the draft away", fill=drafted, set="upbeat", view="edit"),
    "experiment run": on("experiment", "Run the experiment"),
    "models add": on("settings", "Register"),
    "models rename": on("settings", "Rename tiny"),
    "vectors extract": on("new_vector", "Extract"),
    "vectors import": on("vectors", "Import a file"),
    "vectors explain": on(
        "vectors", "Compute the vector without each demonstration", fill=fill, **VECTOR
    ),
    "vectors rename": on("vectors", "Rename", **VECTOR),
    "vectors purge": on("vectors", "Purge", **VECTOR),
    "vectors calibrate": on("vectors", "Calibrate", **VECTOR),
    "vectors threshold": on("vectors", "Search", **VECTOR),
    "vectors normalise": on("vectors", "Store it", **VECTOR),
    "vectors equalise": on("vectors", "Measure and store it", **VECTOR, make="equal damage"),
    "vectors combine": on("vectors", "Store the sum", **TWO),
    "vectors project-out": on("vectors", "Store what is left", **TWO, make="project out"),
    "vectors orthogonalise": on("vectors", "Store them", **TWO, make="make orthogonal"),
    "runs generate": on("new_run", "Generate"),
    "runs sweep": on("new_run", "Add controls", **VECTOR, strength="0.1 0.2"),
    "runs score": on("compare", "Score the texts", run="1"),
    "runs replay": on("replay", "Replay now", run="1"),
    "runs rename": on("compare", "Rename", run="1"),
    "runs purge": on("compare", "Purge", run="1"),
    "ravel train": on("attributes", "Train and score", instance="things", part="entity_test"),
    "ravel score": on("attributes", "Train and score", instance="things", part="entity_test"),
    "ravel sweep": on("attributes", "Train and score", instance="things", part="entity_test"),
    "ravel import": on("attributes", "Import the built-in cities"),
    "ravel build": on("attributes", "Build"),
    "ravel demonstrations": on("attributes", "Demonstrations from data"),
    "ravel purge": on("attributes", "Purge data, instances, runs or featurizers"),
    "icl reproduce": on("in_context_learning", "Measure them", view="Reference points"),
    "icl purge": on("in_context_learning", "Purge", view="Reference points"),
    "icl construct": on("in_context_learning", "Construct", view="Constructions"),
    "icl features": on("in_context_learning", "Compare", view="Features"),
    "icl train": on("in_context_learning", "Train", view="Trained models"),
    "icl bridge": on("in_context_learning", "Measure", view="Bridge to language models"),
    "jobs cancel": on("jobs", "Cancel", job="waiting"),
    "jobs retry": on("jobs", "Retry", job="cancelled"),
    "jobs prune": on("jobs", "Delete …"),
    "worker": on("jobs", "Start a worker here"),
    "db backup": on("settings", "Make and download a backup"),
    "demo": on("overview", "Load the examples", fill=nothing),
}
REASONS = {
    "ui": "it serves the dashboard itself",
    "db upgrade": "pages open no store of another revision; the launcher says the command",
    "db restore": "it replaces the store that the dashboard has open",
    "db evict": "it frees space of the machine that holds the store, for whoever runs it",
    "db reader": "it makes a login of the database and prints its password once",
    "worker stop": "workers belong to those who started them, on their machines",
}


def verbs(name, command):
    """A command and those under it; what is called without one counts as its own."""
    under = getattr(command, "commands", {})
    if not under or command.invoke_without_command:
        yield name
    for word, verb in under.items():
        yield from verbs(f"{name} {word}", verb)


def all_verbs():
    root = typer.main.get_group(command_line)
    return [verb for name, command in root.whole.items() for verb in verbs(name, command)]


def changes_something(verb):
    return verb.rpartition(" ")[2] not in READS


def test_every_verb_that_makes_or_changes_something_has_a_place_or_a_reason():
    known = {verb for verb in all_verbs() if changes_something(verb)}
    assert not PLACES.keys() & REASONS.keys()
    assert known == PLACES.keys() | REASONS.keys()
    assert all(len(reason) > 15 for reason in REASONS.values())


def labels(block):
    """Words of everything on a page that can be pressed, opened or filled in."""
    for child in block.children.values():
        proto = child.proto
        for part in (proto, getattr(proto, "popover", None), getattr(proto, "expandable", None)):
            if getattr(part, "label", ""):
                yield part.label
        if hasattr(child, "children"):
            yield from labels(child)


@pytest.fixture
def jobs_by_state(db):
    """Numbers of a job that waits and of one that was cancelled."""

    def add():
        with db.write() as tx:
            made = [
                queue.enqueue(
                    tx, NewJob(kind="generate", spec={}, dedupe_key=None, created_by="ada")
                )[0].id
                for _ in range(2)
            ]
            queue.cancel(tx, made[1])
        return dict(zip(("waiting", "cancelled"), map(str, made), strict=True))

    return add


def by_visit():
    """The places that one visit finds: where, and what is to be read there, by verb."""
    visits = {}
    for verb, place in PLACES.items():
        where = (place.page, str(place.selection), place.fill)
        visits.setdefault(where, (place, {}))[1][verb] = place.called
    return list(visits.values())


@pytest.mark.parametrize(
    ("place", "called"), by_visit(), ids=lambda each: getattr(each, "page", "")
)
def test_verbs_are_where_they_are_said_to_be(db, visit, jobs_by_state, monkeypatch, place, called):
    place.fill(db)
    named = jobs_by_state()
    monkeypatch.setattr("ui.launching.is_possible", lambda: True)
    selection = {
        key: named.get(value, value) if isinstance(value, str) else value
        for key, value in place.selection.items()
    }
    app = visit(place.page, **selection)
    assert not app.exception
    found = set(labels(app.main))
    assert {verb: word for verb, word in called.items() if word not in found} == {}
