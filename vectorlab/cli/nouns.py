"""What ``vectorlab`` can be asked for: each by its words, and loaded when it is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from vectorlab.systems import systems


@dataclass(frozen=True, kw_only=True)
class Entry:
    """The commands of a noun, or a command without one."""

    about: str  # what its help says first
    module: str
    name: str = "app"  # in the module, of a Typer or of the function of a command


def _noun(about: str, module: str) -> Entry:
    return Entry(about=about, module=f"vectorlab.cli.{module}")


def _command(about: str, module: str, name: str) -> Entry:
    return Entry(about=about, module=f"vectorlab.cli.{module}", name=name)


ENTRIES: Mapping[str, Entry] = {
    "db": _noun("The database behind the store: its revision, place, backups and checks.", "db"),
    "sets": _noun(
        "Demonstration sets: immutable versions of pairs source -> target.", "sets.commands"
    ),
    "models": _noun("Language models, each known by a fingerprint of its files.", "models"),
    "vectors": _noun(
        "Steering vectors: one vector per layer, with where it came from.", "vectors.commands"
    ),
    "runs": _noun(
        "Generation runs: texts for every prompt and arm, stored with all that made them.",
        "runs.commands",
    ),
    "experiment": _noun(
        "Experiments: a vector beside what it has to beat, up to a verdict in words.",
        "experiment",
    ),
    **{
        system.name: Entry(about=system.about, module=f"vectorlab.{system.name}.cli.commands")
        for system in systems()
    },
    "jobs": _noun(
        "Jobs, which survive a crash: what waits, what runs and what has ended.", "jobs.jobs"
    ),
    "worker": _noun(
        "Work off jobs until Ctrl-C; the unfinished one goes back to the queue.", "jobs.worker"
    ),
    "demo": _command(
        "Migrate, seed, extract, generate, replay and print the comparison; then serve.",
        "root_commands",
        "demo",
    ),
    "ui": _command(
        "Serve the dashboard, with a worker beside it, until Ctrl-C.", "root_commands", "ui"
    ),
    "doctor": _command(
        "Check what VectorLab needs: packages, store, device, bundled model, workers.",
        "root_commands",
        "doctor",
    ),
    "sql": _command(
        "Query the analysis views with SQL; nothing can be changed with it.", "sql", "sql"
    ),
}


@cache  # what is parsed stays out of it, so all calls of a process share it
def _whole(name: str, entry: Entry) -> Any:
    found = getattr(import_module(entry.module), entry.name)
    parent = typer.Typer(rich_markup_mode="rich")
    if isinstance(found, typer.Typer):
        parent.add_typer(found, name=name, help=entry.about)
    else:
        parent.command(name)(found)
    return typer.main.get_group(parent).commands[name]


class Announced(TyperCommand):
    """A noun or command of which the words are known; whoever calls it calls the whole of it."""

    def __init__(self, name: str, entry: Entry) -> None:
        super().__init__(name, help=entry.about)
        self._entry = entry

    @property
    def whole(self) -> Any:
        """With everything that it has, loaded at first use."""
        return _whole(str(self.name), self._entry)

    def make_context(self, *words: Any, **settings: Any) -> Any:
        """The beginning of every call, completion and help."""
        return self.whole.make_context(*words, **settings)


class Root(TyperGroup):
    """The command ``vectorlab`` itself."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, entry in ENTRIES.items():
            self.add_command(Announced(name, entry))

    @property
    def whole(self) -> dict[str, Any]:
        """All that it has, loaded, by name; for those who list everything."""
        return {name: command.whole for name, command in self.commands.items()}  # type: ignore[attr-defined]
