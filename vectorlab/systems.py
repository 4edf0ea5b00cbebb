"""The published systems that work inside VectorLab, each a folder of its own beside the floors.

A system has its own ``domain``, ``store``, ``services``, ``worker``, ``engine`` and ``cli``; its
``system.py`` says what it adds. The core reads that and never imports a system; systems do not know
each other. Another one is a folder and its name in ``NAMES``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from vectorlab.catalogue import in_file_of

NAMES = ("ravel", "icl")


@dataclass(frozen=True, kw_only=True)
class Link:
    """From a job that has ended to the page that shows what it made."""

    page: str  # its address
    label: str
    views: Mapping[str, str] = field(default_factory=dict)  # what of the page, by kind of job


@dataclass(frozen=True, kw_only=True)
class System:
    """What a system adds, in words that load nothing.

    Some of it is code, found by where it is: tables in ``store/tables.py``, views in
    ``store/views/``, ``CHECKS`` of ``db verify`` in ``store/checks.py``, requests in
    ``domain/requests.py``, handlers in any file of ``worker/``, ``VERBS`` of the notebook in
    ``verbs.py``, and the commands, ``app``, in ``cli/commands.py``.
    """

    name: str  # of its folder, of its verbs and of its command
    about: str  # what the help of its command says first
    # Tables whose rows are frozen, with the columns that may change although the rest may not.
    frozen: Mapping[str, tuple[str, ...]]
    # Evidence: a table, and the tables of its parts with the column that refers to it.
    sealed: Mapping[str, tuple[tuple[str, str], ...]]
    # What can be purged as a thing of its own, dependents first: what it is called, and its table.
    purged: Mapping[str, str]
    pages: Mapping[str, str]  # address of a page (and name of its file): its title
    links: Mapping[str, Link] = field(default_factory=dict)  # by key in the result of a job

    def module(self, place: str) -> ModuleType:
        """A module of the system, such as ``"store.tables"``."""
        return import_module(f"vectorlab.{self.name}.{place}")

    def load_all(self, place: str) -> None:
        """Import every module of a folder of the system, for what they register."""
        folder = self.module(place)
        for file in iter_modules(folder.__path__):
            import_module(f"{folder.__name__}.{file.name}")


@cache
def system(name: str) -> System:
    """A system by its name."""
    return in_file_of(f"vectorlab.{name}.system", "SYSTEM", System)


def systems() -> Iterator[System]:
    """All of them, in the order of ``NAMES``."""
    return map(system, NAMES)
