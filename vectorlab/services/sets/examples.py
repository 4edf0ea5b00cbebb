"""The example sets that the package carries: demonstrations and prompts of its experiments."""

from contextlib import AbstractContextManager
from functools import cache
from importlib import resources
from pathlib import Path

from vectorlab.domain.published import EXPERIMENTS, Experiment
from vectorlab.domain.sets.versions import SetVersion, set_content_sha256
from vectorlab.services.sets import files, sets
from vectorlab.store.database import Database


def load(db: Database, *, actor: str) -> list[SetVersion]:
    """Freeze the example sets and their prompts; what is there already is found.

    Args:
        db: The store.
        actor: Recorded as the author.
    """
    versions = []
    for experiment in EXPERIMENTS:
        for set_name, file in experiment.files.items():
            with open_file(file) as path, files.open_import([path]) as found_set:
                done = sets.commit(
                    db,
                    name=set_name,
                    demonstrations=found_set.demonstrations(),
                    message="An example that comes with VectorLab",
                    actor=actor,
                    description=experiment.description,
                    task=experiment.task,
                    labels=("example",),
                )
            versions.append(done.version)
    return versions


def open_file(file: str) -> AbstractContextManager[Path]:
    """A file that comes with the package, as a path while the context is open."""
    return resources.as_file(resources.files("vectorlab") / "demo_data" / file)


def of_content(sha256: str) -> Experiment | None:
    """The experiment whose demonstrations have that hash, whatever their set is called."""
    return by_content().get(sha256)


@cache
def by_content() -> dict[str, Experiment]:
    """The experiments by the hash of their demonstrations."""
    found = {}
    for experiment in EXPERIMENTS:
        with (
            open_file(experiment.files[experiment.name]) as path,
            files.open_import([path]) as found_set,
        ):
            found[set_content_sha256(found_set.demonstrations())] = experiment
    return found
