"""The example sets that the package carries: the demonstrations of two original experiments."""

from importlib import resources

from vectorlab.domain.sets.versions import SetVersion
from vectorlab.services.sets import files, sets
from vectorlab.store.database import Database

# Name of the set -> description, task. Prompts of the same experiment are ``NAME-prompts``.
EXAMPLES = {
    "dialogue-safety": ("Dismissive replies and respectful ones", "dialogue safety"),
    "sentiment-paraphrase": ("Plain reviews and excited ones", "sentiment"),
}


def load(db: Database, *, actor: str) -> list[SetVersion]:
    """Freeze the example sets and their prompts; what is there already is found.

    Args:
        db: The store.
        actor: Recorded as the author.
    """
    versions = []
    for name, (description, task) in EXAMPLES.items():
        stem = name.replace("-", "_")
        for set_name, file in ((name, f"{stem}.csv"), (f"{name}-prompts", f"prompts_{stem}.csv")):
            source = resources.files("vectorlab") / "demo_data" / file
            with resources.as_file(source) as path, files.open_import([path]) as found_set:
                done = sets.commit(
                    db,
                    name=set_name,
                    demonstrations=found_set.demonstrations(),
                    message="An example that comes with VectorLab",
                    actor=actor,
                    description=description,
                    task=task,
                    labels=("example",),
                )
            versions.append(done.version)
    return versions
