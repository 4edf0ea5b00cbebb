"""``lab.experiment``: from a vector, or pairs, to a verdict in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vectorlab.domain.scores.verdicts import ExperimentVerdict
from vectorlab.lab.arguments import Verbs, takes
from vectorlab.lab.models import ModelVerbs
from vectorlab.lab.runs import RunVerbs, RunView
from vectorlab.lab.session import Session
from vectorlab.services.asking import Asked
from vectorlab.services.runs import experiments, verdicts
from vectorlab.services.runs.experiments import WantedExperiment
from vectorlab.services.runs.verdicts import Experiment


@dataclass(frozen=True, repr=False)
class ExperimentView(Verbs):
    """What an experiment ended in, with the way to its run."""

    session: Session
    experiment: Experiment

    @property
    def run(self) -> RunView:
        """The run that it ended in: texts, scores, settings, replay."""
        return RunView(self.session, self.experiment.run)

    @property
    def verdicts(self) -> Sequence[ExperimentVerdict]:
        """What was shown, of one vector each."""
        return self.experiment.verdicts

    def __repr__(self) -> str:
        return "\n".join(found.text for found in self.verdicts)

    def to_frame(self) -> pd.DataFrame:
        """One row per arm: change of the effect and damage, each with its interval."""
        return verdicts.frontier_frame(self.experiment)


class ExperimentVerbs(Verbs):
    """Experiments: the verbs of ``lab.experiment``; called itself, it is ``run``."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._models = ModelVerbs(session)
        self._runs = RunVerbs(session)

    @takes(WantedExperiment)
    def request(self, wanted: WantedExperiment) -> Asked[Experiment]:
        """Find an equal earlier experiment or enqueue its job, which carries its parts out."""
        return self._ask(wanted)

    @takes(WantedExperiment)
    def run(self, wanted: WantedExperiment) -> ExperimentView:
        """As ``request``, and wait for the verdict."""
        return self.view(self._session.result(self._ask(wanted)))

    @takes(WantedExperiment)
    def __call__(self, wanted: WantedExperiment) -> ExperimentView:
        """As ``run``."""
        return self.view(self._session.result(self._ask(wanted)))

    def get(self, reference: str) -> ExperimentView:
        """What a run says of the vectors that it tries at their calibrated strength.

        Args:
            reference: Id, name or hash prefix of the run; an experiment may have made it, or a
                sweep and its scores.

        Raises:
            InputError: If it tries none, or has no scores of the effect.
        """
        return self.view(verdicts.get(self._session.db, reference))

    def view(self, experiment: Experiment) -> ExperimentView:
        """The experiment with its verbs."""
        return ExperimentView(self._session, experiment)

    def list(self, *, limit: int = 50) -> Sequence[ExperimentView]:
        """What experiments ended in, newest first.

        Args:
            limit: At most so many.
        """
        found = experiments.list_experiments(self._session.db, limit=limit)
        return [self.view(experiment) for experiment in found]

    def report(
        self,
        reference: str,
        *,
        path: str | Path,
        title: str = "",
        smallest: Mapping[str, float] | None = None,
    ) -> Sequence[Path]:
        """Write a report with the verdict first; see ``lab.runs.report``.

        Args:
            reference: Of the run.
            path: Ends in ``.html`` (one file) or ``.md`` (its charts beside it).
            title: Of the report.
            smallest: By the label of a scorer, the smallest difference that is of interest.

        Returns:
            The files that were written.
        """
        self.get(reference)
        return self._runs.report(reference, path=path, title=title, smallest=smallest)

    def _ask(self, wanted: WantedExperiment) -> Asked[Experiment]:
        return experiments.request_experiment(
            self._session.db,
            wanted,
            look_up=self._models.get,
            actor=self._session.settings.user,
        )
