"""``lab.icl``: in-context learning as gradient descent."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from vectorlab.icl.domain.features import FeatureOptions
from vectorlab.icl.domain.laws import ConstructOptions
from vectorlab.icl.domain.runs import IclKind, IclRun
from vectorlab.icl.services import frames, runs
from vectorlab.icl.services.requests import (
    WantedBridge,
    WantedConstruction,
    WantedFeatures,
    WantedReproduction,
    WantedTraining,
)
from vectorlab.lab.arguments import Verbs, takes
from vectorlab.lab.models import ModelVerbs
from vectorlab.lab.session import Session
from vectorlab.services.asking import Asked, JobOptions
from vectorlab.services.given import part_of


class IclVerbs(Verbs):
    """``lab.icl``: what ``vectorlab icl`` does, for notebooks; equal runs are found again."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._models = ModelVerbs(session)

    @takes(WantedConstruction)
    def request_construction(self, wanted: WantedConstruction) -> Asked[IclRun]:
        """Find gradient descent beside the layer that carries it out, or enqueue its job."""
        return self._ask_construction(wanted)

    @takes(WantedConstruction)
    def construct(self, wanted: WantedConstruction) -> IclRun:
        """As ``request_construction``, and wait for the run."""
        return self._session.result(self._ask_construction(wanted))

    def _ask_construction(self, wanted: WantedConstruction) -> Asked[IclRun]:
        options = part_of(ConstructOptions, wanted)
        return runs.request_construction(self._session.db, options, **self._how(wanted))

    @takes(WantedFeatures)
    def request_features(self, wanted: WantedFeatures) -> Asked[IclRun]:
        """Find gradient steps on m(x), given and learned, or enqueue their job."""
        return self._ask_features(wanted)

    @takes(WantedFeatures)
    def features(self, wanted: WantedFeatures) -> IclRun:
        """As ``request_features``, and wait for the run."""
        return self._session.result(self._ask_features(wanted))

    def _ask_features(self, wanted: WantedFeatures) -> Asked[IclRun]:
        options = part_of(FeatureOptions, wanted)
        return runs.request_features(self._session.db, options, **self._how(wanted))

    @takes(WantedTraining)
    def request_training(self, wanted: WantedTraining) -> Asked[IclRun]:
        """Find an equal training or enqueue it."""
        return self._ask_training(wanted)

    @takes(WantedTraining)
    def train(self, wanted: WantedTraining) -> IclRun:
        """As ``request_training``, and wait for the run."""
        return self._session.result(self._ask_training(wanted))

    def _ask_training(self, wanted: WantedTraining) -> Asked[IclRun]:
        return runs.request_training(self._session.db, wanted.spec, **self._how(wanted))

    @takes(WantedReproduction)
    def request_reproduction(self, wanted: WantedReproduction) -> Asked[IclRun]:
        """Find the published reference points or enqueue their job."""
        return self._ask_reproduction(wanted)

    @takes(WantedReproduction)
    def reproduce(self, wanted: WantedReproduction) -> pd.DataFrame:
        """The published reference points with ours and a verdict, as rows."""
        run = self._session.result(self._ask_reproduction(wanted))
        return runs.checks_frame(runs.checks(self._session.db, run.id))

    def _ask_reproduction(self, wanted: WantedReproduction) -> Asked[IclRun]:
        return runs.request_reproduction(
            self._session.db, wanted.scope, seed=wanted.seed, **self._how(wanted)
        )

    @takes(WantedBridge)
    def request_bridge(self, wanted: WantedBridge) -> Asked[IclRun]:
        """Find what a set does in the prompt of a model, or enqueue its job."""
        return self._ask_bridge(wanted)

    @takes(WantedBridge)
    def bridge(self, wanted: WantedBridge) -> IclRun:
        """As ``request_bridge``, and wait for the run."""
        return self._session.result(self._ask_bridge(wanted))

    def _ask_bridge(self, wanted: WantedBridge) -> Asked[IclRun]:
        return runs.request_bridge(
            self._session.db,
            wanted,
            model=self._models.get(wanted.model),
            **self._how(wanted),
        )

    def get(self, reference: str) -> IclRun:
        """An in-context run by id or hash prefix."""
        return runs.get(self._session.db, reference)

    def weights(self, run: IclRun) -> bytes | None:
        """A trained model's weights as safetensors; None for other runs."""
        return runs.weights(self._session.db, run.id)

    def purge(self, reference: str) -> Sequence[str]:
        """Delete an in-context run for good; a line per thing that went comes back."""
        return runs.purge(self._session.db, reference, actor=self._session.settings.user)

    def layers(self, run: IclRun) -> pd.DataFrame:
        """Layers of a bridge, by condition."""
        return runs.layers_frame(self._session.db, run.id)

    def heads(self, run: IclRun) -> pd.DataFrame:
        """Attention heads of a bridge."""
        return runs.heads_frame(self._session.db, run.id)

    def steps(self, run: IclRun) -> pd.DataFrame:
        """Losses of a construction, a row per step and a column per route."""
        return frames.steps_frame(run)

    def copying(self, run: IclRun) -> pd.DataFrame:
        """How exactly separate tokens were joined, by temperature; empty for joined tokens."""
        return frames.copying_frame(run)

    def maps(self, run: IclRun) -> pd.DataFrame:
        """Maps m(x) of a comparison: losses by layer, by kernel and of ridge regression."""
        return frames.maps_frame(run)

    def predictions(self, run: IclRun) -> pd.DataFrame:
        """What every map of a comparison says along a line of queries of one task."""
        return frames.predictions_frame(run)

    def curves(self, run: IclRun) -> dict[str, list[tuple[int, float]]]:
        """Curves of what was trained: steps and values by name."""
        return runs.curves(self._session.db, run)

    def list(self, *, kind: IclKind | None = None, limit: int | None = 50) -> Sequence[IclRun]:
        """In-context runs, newest first.

        Args:
            kind: Only those of this kind.
            limit: At most so many; None is all.
        """
        return runs.list_runs(self._session.db, kind=kind, limit=limit)

    def _how(self, wanted: JobOptions) -> dict[str, Any]:
        return {"actor": self._session.settings.user, **wanted.how()}


VERBS = IclVerbs
