"""``lab.ravel``: attributes of entities, featurizers, and what they change and leave alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vectorlab.lab.arguments import Verbs, takes
from vectorlab.lab.models import ModelVerbs
from vectorlab.lab.session import Session
from vectorlab.ravel.domain.entities import EntityData, EntityVersion
from vectorlab.ravel.domain.instances import ExamplePart, Instance, InstanceOptions
from vectorlab.ravel.domain.measures import DO_NOTHING
from vectorlab.ravel.domain.specs import RavelRun
from vectorlab.ravel.services import comparison, entities, frames, instances, runs
from vectorlab.ravel.services.export import export_object, remove
from vectorlab.ravel.services.requests import WantedInstance, WantedRavelRun
from vectorlab.services.asking import Asked
from vectorlab.services.given import part_of
from vectorlab.services.sets.sets import Committed


class RavelVerbs(Verbs):
    """Attributes of entities: the verbs of ``lab.ravel``."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._models = ModelVerbs(session)

    def add(
        self,
        source: "str | Path | Mapping[str, EntityData]",
        *,
        name: str | None = None,
        message: str = "",
        templates: str | None = None,
        kind: str | None = None,
        seed: int = 0,
    ) -> Sequence[tuple[EntityVersion, bool]]:
        """Store entity data: a folder, a file, what is built in, or data by entity type.

        Args:
            source: A folder of published files, a CSV or JSON file, the name of built-in data
                (``cities``), or data by entity type.
            name: Of the entity type, where there is one.
            message: Why.
            templates: CSV file of templates that belongs to a CSV file of entities.
            kind: Only this entity type of a folder.
            seed: Draws the splits of CSV files without a column for them.

        Returns:
            Every version, and whether it is new.
        """
        data_by_type = (
            source
            if isinstance(source, Mapping)
            else entities.read(str(source), templates=templates, kind=kind, seed=seed)
        )
        return entities.add_all(
            self._session.db,
            data_by_type,
            name=name,
            actor=self._session.settings.user,
            message=message,
        )

    def demonstrations(
        self, reference: str, *, attribute: str, before: str, after: str, set: str
    ) -> Committed:
        """A demonstration set that turns one value of an attribute into another.

        Args:
            reference: Version of entity data, ``name@3``.
            attribute: Whose value changes.
            before: Its value in the sources.
            after: Its value in the targets.
            set: Set that gets the next version; created if there is none.
        """
        return entities.demonstrations(
            self._session.db,
            reference=reference,
            attribute=attribute,
            before=before,
            after=after,
            set_name=set,
            actor=self._session.settings.user,
        )

    @takes(WantedInstance)
    def request_build(self, wanted: WantedInstance) -> Asked[Instance]:
        """Find an equal instance or enqueue a job."""
        return self._ask_instance(wanted)

    @takes(WantedInstance)
    def build(self, wanted: WantedInstance) -> Instance:
        """As ``request_build``, and wait for the instance."""
        return self._session.result(self._ask_instance(wanted))

    def _ask_instance(self, wanted: WantedInstance) -> Asked[Instance]:
        return instances.request_instance(
            self._session.db,
            reference=wanted.reference,
            model=self._models.get(wanted.model),
            options=part_of(InstanceOptions, wanted),
            name=wanted.name,
            actor=self._session.settings.user,
            **wanted.how(),
        )

    @takes(WantedRavelRun)
    def request_run(self, wanted: WantedRavelRun) -> Asked[RavelRun]:
        """Find an equal run or enqueue a job."""
        return self._ask_run(wanted)

    @takes(WantedRavelRun)
    def run(self, wanted: WantedRavelRun) -> RavelRun:
        """As ``request_run``, and wait for the run."""
        return self._session.result(self._ask_run(wanted))

    def _ask_run(self, wanted: WantedRavelRun) -> Asked[RavelRun]:
        return runs.request_run(
            self._session.db,
            instance=wanted.instance,
            grid=wanted.grid,
            vector=wanted.vector,
            parts=wanted.parts,
            name=wanted.name,
            actor=self._session.settings.user,
            **wanted.how(),
        )

    def data(self) -> Sequence[EntityVersion]:
        """Every version of entity data, newest first."""
        return entities.list_versions(self._session.db)

    def instances(self) -> Sequence[Instance]:
        """Every instance, newest first."""
        return instances.list_instances(self._session.db)

    def runs(self) -> Sequence[RavelRun]:
        """Every run, newest first."""
        return runs.list_runs(self._session.db)

    def get_data(self, reference: str) -> EntityVersion:
        """A version of entity data, ``name``, ``name@latest`` or ``name@3``."""
        return entities.get(self._session.db, reference)

    def get_instance(self, reference: str) -> Instance:
        """An instance by name, id or hash prefix."""
        return instances.get(self._session.db, reference)

    def get_run(self, reference: str) -> RavelRun:
        """A run by id, name or hash prefix."""
        return runs.get_run(self._session.db, reference)

    def export(self, reference: str, path: str | Path) -> Mapping[str, Any]:
        """Write entity data, an instance, a run or a featurizer to a file.

        Args:
            reference: Entity data (``cities@1``), instance or run, by name or id, or a featurizer
                by its id.
            path: Of the file.

        Returns:
            What was written.
        """
        return export_object(self._session.db, reference, Path(path))

    def purge(self, reference: str, *, cascade: bool = False) -> Sequence[str]:
        """Delete entity data, an instance or a run for good.

        Args:
            reference: By name or id.
            cascade: Also delete whatever depends on it.

        Returns:
            A line per thing that went.

        Raises:
            ConflictError: If something depends on it and nothing of that is to go.
        """
        actor = self._session.settings.user
        return remove(self._session.db, reference, cascade=cascade, actor=actor)

    def scores(self, run: str) -> pd.DataFrame:
        """Cause, Isolate and Disentangle of every arm of a run, with the trivial policies."""
        stored_run = runs.get_run(self._session.db, run)
        return frames.scores_frame(runs.evaluations(self._session.db, run=stored_run))

    def compare(
        self,
        *references: str,
        baseline: str = DO_NOTHING,
        attribute: str | None = None,
        parts: Sequence[ExamplePart] = (),
    ) -> pd.DataFrame:
        """Which arms can be told from one of them: a row per part, measure and arm.

        Args:
            references: Runs of one instance, by name, id or hash prefix.
            baseline: Label of the arm that the others are held against, or ``do nothing`` or
                ``copy everything``.
            attribute: Only the scores with this attribute as the target.
            parts: Only these parts of the instance; none takes all that were scored.
        """
        return comparison.compare_runs(
            self._session.db, references, baseline=baseline, target=attribute, parts=parts
        )


VERBS = RavelVerbs
