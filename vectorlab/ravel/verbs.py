"""``lab.ravel``: attributes of entities, featurizers, and what they change and leave alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.lab.models import ModelVerbs
from vectorlab.lab.session import Session
from vectorlab.ravel.domain.entities import EntityData, EntityVersion
from vectorlab.ravel.domain.instances import Instance
from vectorlab.ravel.domain.specs import RavelRun
from vectorlab.ravel.services import entities, frames, instances, runs
from vectorlab.ravel.services.runs import Grid, VectorTrial
from vectorlab.services.asking import Asked
from vectorlab.services.sets.sets import Committed


class RavelVerbs:
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
        **how: Any,
    ) -> Sequence[tuple[EntityVersion, bool]]:
        """Store entity data: a folder, a file, what is built in, or data by entity type.

        Args:
            source: As ``ravel.services.entities.read`` takes it.
            name: Of the entity type, where there is one.
            message: Why.
            **how: Further arguments of ``ravel.services.entities.read``.

        Returns:
            Every version, and whether it is new.
        """
        data_by_type = source if isinstance(source, Mapping) else entities.read(str(source), **how)
        entities.check_one_name(data_by_type, name)
        return [
            entities.add(
                self._session.db,
                name=name or kind,
                data=data,
                actor=self._session.settings.user,
                message=message,
            )
            for kind, data in data_by_type.items()
        ]

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

    def request_build(
        self,
        reference: str,
        *,
        model: str = "tiny",
        priority: int = PRIORITY_INTERACTIVE,
        **more: Any,
    ) -> Asked[Instance]:
        """Find an equal instance or enqueue a job; ``more`` as ``ravel.services.instances``."""
        return instances.request_instance(
            self._session.db,
            reference=reference,
            model=self._models.get(model),
            actor=self._session.settings.user,
            priority=priority,
            **more,
        )

    def build(self, reference: str, **request: Any) -> Instance:
        """As ``request_build``, and wait for the instance."""
        return self._session.result(self.request_build(reference, **request))

    def request_run(
        self,
        instance: str,
        *,
        grid: Grid | None = None,
        vector: VectorTrial | None = None,
        priority: int = PRIORITY_INTERACTIVE,
        **more: Any,
    ) -> Asked[RavelRun]:
        """Find an equal run or enqueue a job; ``more`` as ``ravel.services.runs.request_run``."""
        return runs.request_run(
            self._session.db,
            instance=instance,
            grid=grid,
            vector=vector,
            actor=self._session.settings.user,
            priority=priority,
            **more,
        )

    def run(self, instance: str, **request: Any) -> RavelRun:
        """As ``request_run``, and wait for the run."""
        return self._session.result(self.request_run(instance, **request))

    def scores(self, run: str) -> pd.DataFrame:
        """Cause, Isolate and Disentangle of every arm of a run, with the trivial policies."""
        stored_run = runs.get_run(self._session.db, run)
        return frames.scores_frame(runs.evaluations(self._session.db, run=stored_run))


VERBS = RavelVerbs
