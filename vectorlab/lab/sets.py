"""``lab.sets``: demonstration sets."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vectorlab.domain.sets.versions import Demonstration, SetVersion
from vectorlab.lab.session import Session
from vectorlab.services import frames
from vectorlab.services.sets import files, history, sets, splits
from vectorlab.services.sets.history import Merged, SetDiff
from vectorlab.services.sets.sets import Committed, Edit
from vectorlab.services.sets.splits import Overlap

_logger = logging.getLogger(__name__)


class SetVerbs:
    """Demonstration sets: the verbs of ``lab.sets``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def commit(
        self, set: str, demonstrations: Iterable[Demonstration], *, message: str = "", **about: Any
    ) -> Committed:
        """Freeze demonstrations as the next version of a set, which is created if need be."""
        return sets.commit(
            self._session.db,
            name=set,
            demonstrations=demonstrations,
            message=message,
            actor=self._session.settings.user,
            **about,
        )

    def import_file(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        set: str,
        source_column: str | Sequence[str] | None = None,
        target_column: str | Sequence[str] | None = None,
        metadata_column: str | Sequence[str] | None = None,
        join: str | None = None,
        bare_prompts: bool = False,
        format: str | None = None,
        encoding: str | None = None,
        delimiter: str | None = None,
        split: str | None = None,
        config: str | None = None,
        revision: str | None = None,
        message: str | None = None,
        **about: Any,
    ) -> Committed:
        """Read files as the next version of a set: all of it, or nothing.

        Args:
            path: A file, a datasets directory, ``hub:OWNER/NAME``, or two text files.
            set: Its next version is made, or the set.
            source_column: Column of the sources, several are joined; None guesses by the names
                and logs the guess.
            target_column: Same for the targets.
            metadata_column: Columns to keep as metadata; None keeps ``metadata``, ``()`` none.
            join: Between joined columns; None puts a space where there is no white space.
            bare_prompts: There are no targets.
            format: One of ``services.sets.files.formats.FORMATS``; None goes by the ending.
            encoding: Of text; None is UTF-8.
            delimiter: Of CSV.
            split: Of a dataset.
            config: Of a dataset of the hub.
            revision: Same.
            message: Why.
            **about: Description, task and tags, for a set that is made.

        Raises:
            InputError: With file, line and column where there are any.
        """
        paths = [path] if isinstance(path, str | Path) else path
        options = files.ReadOptions(
            format=format,
            encoding=encoding,
            delimiter=delimiter,
            split=split,
            config=config,
            revision=revision,
        )
        choice = files.ColumnChoice.of(
            source_column, target_column, metadata_column, join, bare_prompts
        )
        with files.open_import(paths, options, choice) as found_set:
            return self.commit_found(found_set, set=set, message=message, **about)

    def import_frame(
        self,
        frame: pd.DataFrame,
        *,
        set: str,
        source_column: str | Sequence[str] | None = None,
        target_column: str | Sequence[str] | None = None,
        metadata_column: str | Sequence[str] | None = None,
        join: str | None = None,
        bare_prompts: bool = False,
        message: str | None = None,
        **about: Any,
    ) -> Committed:
        """The rows of a data frame as the next version of a set; columns as in ``import_file``.

        Args:
            frame: A row per demonstration.
            set: Set that gets the next version; created if there is none.
            source_column: Column of the sources, several are joined; None guesses by the names.
            target_column: Same for the targets.
            metadata_column: Columns that are kept as metadata.
            join: Stands between joined columns.
            bare_prompts: There are no targets.
            message: Why this version exists; None says where it came from.
            about: As ``commit`` takes it.
        """
        choice = files.ColumnChoice.of(
            source_column, target_column, metadata_column, join, bare_prompts
        )
        with files.open_frame_import(frame, choice) as found_set:
            return self.commit_found(found_set, set=set, message=message, **about)

    def commit_found(
        self, found: files.FoundSet, *, set: str, message: str | None = None, **about: Any
    ) -> Committed:
        """Commit what a file was found to hold, after logging what was guessed."""
        for line in found.sentences():
            _logger.warning("%s", line)
        items = found.demonstrations(self._session.tell_reading)
        return self.commit(set, items, message=message or found.message(), **about)

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

    def fork(self, reference: str, name: str) -> SetVersion:
        """Begin a set from a version of another one."""
        actor = self._session.settings.user
        return sets.fork(self._session.db, reference=reference, name=name, actor=actor)

    def merge(self, ours: str, theirs: str, **how: Any) -> Merged:
        """Bring another line into a set; ``how`` as in ``services.sets.history.merge``."""
        actor = self._session.settings.user
        return history.merge(self._session.db, ours=ours, theirs=theirs, actor=actor, **how)

    def tag(self, reference: str, *tags: str) -> SetVersion:
        """Let tags point at a version."""
        actor = self._session.settings.user
        return sets.tag(self._session.db, reference=reference, tags=tags, actor=actor)

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
