"""Requests for versions of sets, as notebooks make them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vectorlab.domain.sets.checks import TokenLimit
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.services.sets.files import ColumnChoice, ReadOptions

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class VersionOptions:
    """The next version of a set, which is created if there is none.

    Attributes:
        set: That gets the version.
        message: Why it exists.
        description: Of a set that is made.
        task: Of a set that is made.
        labels: Of a set that is made: words to find it by.
        strict: Refuse what the checks find.
        limit: Also check that texts fit into a model; see ``lab.models.token_limit``.
    """

    set: str
    message: str | None = None
    description: str = ""
    task: str = ""
    labels: Sequence[str] = ()
    strict: bool = False
    limit: TokenLimit | None = None


@dataclass(frozen=True, kw_only=True)
class WantedVersion(VersionOptions):
    """Demonstrations as the next version of a set.

    Attributes:
        demonstrations: In their order.
        details: How the version was made, as JSON.
    """

    set: str = field(kw_only=False)
    demonstrations: Iterable[Demonstration] = field(kw_only=False)
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class ColumnOptions:
    """The columns that make a demonstration.

    Attributes:
        source_column: Column of the sources, several are joined; None guesses by the names and
            logs the guess.
        target_column: Same for the targets.
        metadata_column: Columns to keep as metadata; None keeps ``metadata``, ``()`` none.
        join: Between joined columns; None puts a space where there is no white space.
        bare_prompts: There are no targets.
    """

    source_column: str | Sequence[str] | None = None
    target_column: str | Sequence[str] | None = None
    metadata_column: str | Sequence[str] | None = None
    join: str | None = None
    bare_prompts: bool = False

    def choice(self) -> ColumnChoice:
        """What is said about columns, as readers take it."""
        return ColumnChoice.of(
            self.source_column,
            self.target_column,
            self.metadata_column,
            self.join,
            self.bare_prompts,
        )


@dataclass(frozen=True, kw_only=True)
class WantedImport(ColumnOptions, ReadOptions, VersionOptions):
    """Files as the next version of a set.

    Attributes:
        path: A file, a datasets directory, ``hub:OWNER/NAME``, or two text files.
    """

    path: str | Path | Sequence[str | Path] = field(kw_only=False)

    @property
    def paths(self) -> Sequence[str | Path]:
        """What is read; a single one is a list of one."""
        return [self.path] if isinstance(self.path, str | Path) else self.path


@dataclass(frozen=True, kw_only=True)
class WantedFrame(ColumnOptions, VersionOptions):
    """The rows of a data frame as the next version of a set.

    Attributes:
        frame: A row per demonstration.
    """

    frame: "pd.DataFrame" = field(kw_only=False)
