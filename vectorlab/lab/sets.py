"""``lab.sets``: demonstration sets."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vectorlab.domain.sets.drafts import Draft, Edit
from vectorlab.domain.sets.merge import Take
from vectorlab.domain.sets.versions import Demonstration, DemonstrationSet, SetVersion
from vectorlab.lab.arguments import Verbs, takes
from vectorlab.lab.session import Session
from vectorlab.services import frames
from vectorlab.services.sets import drafts, files, history, sets, splits
from vectorlab.services.sets.history import Merged, SetDiff
from vectorlab.services.sets.lines import ConflictingPair
from vectorlab.services.sets.requests import (
    VersionOptions,
    WantedFrame,
    WantedImport,
    WantedVersion,
)
from vectorlab.services.sets.sets import Committed
from vectorlab.services.sets.splits import Overlap

_logger = logging.getLogger(__name__)


class SetVerbs(Verbs):
    """Demonstration sets: the verbs of ``lab.sets``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @takes(WantedVersion)
    def commit(self, wanted: WantedVersion) -> Committed:
        """Freeze demonstrations as the next version of a set, which is created if need be."""
        return self._commit(
            wanted, wanted.demonstrations, message=wanted.message or "", details=wanted.details
        )

    @takes(WantedImport)
    def import_file(self, wanted: WantedImport) -> Committed:
        """Read files as the next version of a set: all of it, or nothing.

        Raises:
            InputError: With file, line and column where there are any.
        """
        with files.open_import(wanted.paths, wanted, wanted.choice()) as found:
            return self._commit_found(wanted, found)

    @takes(WantedFrame)
    def import_frame(self, wanted: WantedFrame) -> Committed:
        """The rows of a data frame as the next version of a set."""
        with files.open_frame_import(wanted.frame, wanted.choice()) as found:
            return self._commit_found(wanted, found)

    def _commit_found(self, wanted: VersionOptions, found: files.FoundSet) -> Committed:
        """Commit what was found, after logging what was guessed."""
        for line in found.sentences():
            _logger.warning("%s", line)
        items = found.demonstrations(self._session.tell_reading)
        return self._commit(wanted, items, message=wanted.message or found.message())

    def _commit(
        self,
        wanted: VersionOptions,
        items: Iterable[Demonstration],
        *,
        message: str,
        details: Mapping[str, Any] | None = None,
    ) -> Committed:
        return sets.commit(
            self._session.db,
            name=wanted.set,
            demonstrations=items,
            message=message,
            actor=self._session.settings.user,
            description=wanted.description,
            task=wanted.task,
            labels=wanted.labels,
            strict=wanted.strict,
            limit=wanted.limit,
            details=details,
        )

    def edit(
        self,
        reference: str,
        *,
        replaced: Mapping[int, Demonstration] | None = None,
        removed: Collection[int] = (),
        added: Sequence[Demonstration] = (),
        message: str = "",
        strict: bool = False,
    ) -> Committed:
        """Freeze the latest version with some demonstrations changed, by their positions.

        Args:
            reference: The latest version of a set, which was edited.
            replaced: New demonstrations by position.
            removed: Positions that go.
            added: Demonstrations that come behind the others.
            message: Why this version exists.
            strict: Refuse what the checks find.

        Raises:
            InputError: If the version is not the latest any more, or a position is not in it.
        """
        return sets.commit_edit(
            self._session.db,
            reference=reference,
            edit=Edit(
                replaced=dict(replaced or {}), removed=frozenset(removed), added=tuple(added)
            ),
            message=message,
            actor=self._session.settings.user,
            strict=strict,
        )

    def drafts(self) -> pd.DataFrame:
        """What people changed of sets in the dashboard and have not frozen, one row per draft."""
        return frames.drafts_frame(drafts.list_drafts(self._session.db))

    def draft(self, number: int) -> Draft:
        """A draft, by its number.

        Raises:
            NotFoundError: If there is none.
        """
        return drafts.get(self._session.db, number)

    def discard(self, number: int) -> Draft:
        """Throw a draft away, by its number; what it held comes back once more.

        Raises:
            NotFoundError: If there is none.
        """
        return drafts.discard(self._session.db, number)

    def fork(self, reference: str, name: str) -> SetVersion:
        """Begin a set from a version of another one."""
        actor = self._session.settings.user
        return sets.fork(self._session.db, reference=reference, name=name, actor=actor)

    def merge(
        self,
        ours: str,
        theirs: str,
        *,
        message: str | None = None,
        take: Take | None = None,
        settled: Mapping[int, Take | Sequence[Demonstration]] | None = None,
        shown: Sequence[ConflictingPair] = (),
        base: str | None = None,
        unrelated: bool = False,
        strict: bool = False,
    ) -> Merged:
        """Bring another line into a set, three-way by content.

        Args:
            ours: Set that gets the merged version.
            theirs: Set, or version of it, that is merged into it.
            message: Why.
            take: How every open conflict is settled.
            settled: By number of a conflict, how that one is settled.
            shown: The conflicts as they were when they were settled.
            base: Common version to start from, where there are several.
            unrelated: Also merge sets that have no version in common.
            strict: Refuse what the checks find.

        Returns:
            What was committed, or the conflicts that are open; nothing was written then.
        """
        return history.merge(
            self._session.db,
            ours=ours,
            theirs=theirs,
            actor=self._session.settings.user,
            message=message,
            take=take,
            settled=settled,
            shown=shown,
            base=base,
            unrelated=unrelated,
            strict=strict,
        )

    def create(
        self, name: str, *, description: str = "", task: str = "", labels: Sequence[str] = ()
    ) -> DemonstrationSet:
        """Create an empty set.

        Args:
            name: Of the new set.
            description: What it is for.
            task: What its demonstrations are about.
            labels: Words to find it by.
        """
        return sets.create(
            self._session.db,
            name=name,
            description=description,
            task=task,
            labels=labels,
            actor=self._session.settings.user,
        )

    def describe(
        self,
        name: str,
        *,
        description: str | None = None,
        task: str | None = None,
        labels: Sequence[str] | None = None,
    ) -> DemonstrationSet:
        """Change what is said about a set; what is None stays, and so do versions.

        Args:
            name: Of the set.
            description: What it is for.
            task: What its demonstrations are about.
            labels: Words to find it by.
        """
        changes = {"description": description, "task": task, "labels": labels}
        return sets.describe(
            self._session.db,
            name,
            actor=self._session.settings.user,
            **{key: value for key, value in changes.items() if value is not None},
        )

    def get(self, reference: str) -> SetVersion:
        """The version that ``name``, ``name@latest``, ``name@3`` or ``name@tag`` means."""
        return sets.get(self._session.db, reference)

    def tag(self, reference: str, *tags: str) -> SetVersion:
        """Let tags point at a version."""
        actor = self._session.settings.user
        return sets.tag(self._session.db, reference=reference, tags=tags, actor=actor)

    def untag(self, name: str, *tags: str) -> Sequence[str]:
        """Take tags from a set; those that were there come back."""
        actor = self._session.settings.user
        return sets.untag(self._session.db, name=name, tags=tags, actor=actor)

    def split(
        self, reference: str, first: str, second: str, *, share: float = 0.5, seed: int = 0
    ) -> tuple[SetVersion, SetVersion]:
        """Divide a version into two disjoint sets.

        Args:
            reference: The version.
            first: Name of the first new set.
            second: Name of the second new set.
            share: Of the demonstrations that the first gets, between 0 and 1.
            seed: Of the draw.
        """
        return splits.split(
            self._session.db,
            reference=reference,
            names=(first, second),
            share=share,
            seed=seed,
            actor=self._session.settings.user,
        )

    def folds(
        self, reference: str, prefix: str, *, count: int = 5, seed: int = 0
    ) -> Sequence[tuple[SetVersion, SetVersion]]:
        """Divide a version into folds, each with a pool and a test set."""
        return splits.folds(
            self._session.db,
            reference=reference,
            prefix=prefix,
            count=count,
            seed=seed,
            actor=self._session.settings.user,
        )

    def overlap(self, learned: str, tried: str) -> Overlap:
        """Texts that two versions have in common."""
        return splits.overlap(self._session.db, learned, tried)

    def blame(self, reference: str) -> pd.DataFrame:
        """The demonstrations of a version, each with the version in which it came in."""
        return frames.blame_frame(history.blame(self._session.db, reference))

    def rename(self, name: str, new: str) -> DemonstrationSet:
        """Give a set another name; its versions, and what was made of them, stay as they are.

        Raises:
            ConflictError: If the name belongs to another set.
        """
        actor = self._session.settings.user
        return sets.rename(self._session.db, name, new, actor=actor)

    def purge(self, name: str, *, cascade: bool = False) -> Sequence[str]:
        """Delete a set with all its versions for good.

        Args:
            name: Of the set.
            cascade: Also delete whatever depends on it.

        Returns:
            A line per thing that went.

        Raises:
            ConflictError: If something depends on it and nothing of that is to go.
        """
        actor = self._session.settings.user
        return sets.remove(self._session.db, name, cascade=cascade, actor=actor)

    def list(self) -> pd.DataFrame:
        """Every set with its latest version."""
        return frames.sets_frame(self._session.db)

    def log(self, name: str) -> Sequence[SetVersion]:
        """The versions of a set, newest first."""
        return sets.log(self._session.db, name)

    def diff(self, before: str, after: str) -> SetDiff:
        """What changed between two versions."""
        return history.diff(self._session.db, before, after)

    def export(
        self, reference: str, *paths: str | Path, format: str | None = None
    ) -> Sequence[Path]:
        """Write a version to a file, or to two text files, with its manifest.

        Importing it again gives the same content hash, and exporting it again the same bytes.

        Returns:
            The files that were written.
        """
        kind = files.export_format(paths, format)
        version = sets.get(self._session.db, reference)
        items = files.read_version(self._session.db, version)
        about = files.describe_version(version, kind)
        return files.write_files(paths, items, format=kind, about=about)

    def to_frame(self, reference: str) -> pd.DataFrame:
        """The demonstrations of ``name``, ``name@latest`` or ``name@3``, one row each.

        ``import_frame`` makes the same content of it again.
        """
        items = sets.demonstrations(self._session.db, sets.get(self._session.db, reference))
        frame = files.make_frame(items)
        frame.insert(0, "position", range(len(frame)))
        return frame
