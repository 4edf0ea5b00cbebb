"""What workers do: read from the store, compute, commit result and completion at once.

A function with ``@handles(SomeRequest)`` in any file of this folder is found, and so is one in a
system's folder ``worker``.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from vectorlab.errors import CatalogueError
from vectorlab.systems import systems
from vectorlab.worker.context import JobContext
from vectorlab.worker.registry import HANDLERS, handles

__all__ = ["HANDLERS", "handler_of", "handles"]

for _file in iter_modules(__path__):
    import_module(f"{__name__}.{_file.name}")
for _system in systems():
    _system.load_all("worker")


def handler_of(kind: str) -> Callable[[JobContext], None]:
    """What does the jobs of a kind; where nothing does, a job fails and says so."""
    return HANDLERS.get(kind, _refuse)


def _refuse(context: JobContext) -> None:
    raise CatalogueError(
        f"No file of vectorlab/worker/handlers/ handles jobs of kind {context.job.kind!r}. If a "
        "newer version asked for it, let a worker of that version do it: "
        f"vectorlab jobs retry {context.job.id}"
    )
