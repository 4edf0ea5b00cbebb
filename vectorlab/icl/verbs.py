"""``lab.icl``: in-context learning as gradient descent."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.icl.domain.laws import ConstructOptions
from vectorlab.icl.domain.runs import IclRun
from vectorlab.icl.domain.training_spec import TrainingSpec
from vectorlab.icl.services import runs
from vectorlab.icl.services.runs import BridgeRequest
from vectorlab.lab.models import ModelVerbs
from vectorlab.lab.session import Session


class IclVerbs:
    """``lab.icl``: what ``vectorlab icl`` does, for notebooks; equal runs are found again."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._models = ModelVerbs(session)

    def construct(self, *, force: bool = False, **options: Any) -> IclRun:
        """Gradient descent beside the layer that carries it out.

        Args:
            force: Compute an equal run again.
            **options: Of ``icl.domain.laws.ConstructOptions``.
        """
        return self._session.result(
            runs.request_construction(
                self._session.db, ConstructOptions(**options), **self._how(force=force)
            )
        )

    def train(self, spec: TrainingSpec, *, force: bool = False) -> IclRun:
        """A model from scratch, beside gradient descent; see ``TrainingSpec.published``."""
        return self._session.result(
            runs.request_training(self._session.db, spec, **self._how(force=force))
        )

    def reproduce(self, scope: str = "full", *, seed: int = 0, force: bool = False) -> pd.DataFrame:
        """The published reference points with ours and a verdict, as rows."""
        run = self._session.result(
            runs.request_reproduction(self._session.db, scope, seed=seed, **self._how(force=force))
        )
        return runs.checks_frame(runs.checks(self._session.db, run.id))

    def bridge(
        self, set: str, *, model: str = "tiny", force: bool = False, **options: Any
    ) -> IclRun:
        """What a set does in the prompt of a model.

        Args:
            set: ``name@version``.
            model: A registered model.
            force: Compute an equal run again.
            **options: Of ``icl.services.runs.BridgeRequest``.
        """
        return self._session.result(
            runs.request_bridge(
                self._session.db,
                BridgeRequest(set_reference=set, **options),
                model=self._models.get(model),
                **self._how(force=force),
            )
        )

    def layers(self, run: IclRun) -> pd.DataFrame:
        """Layers of a bridge, by condition."""
        return runs.layers_frame(self._session.db, run.id)

    def heads(self, run: IclRun) -> pd.DataFrame:
        """Attention heads of a bridge."""
        return runs.heads_frame(self._session.db, run.id)

    def curves(self, run: IclRun) -> dict[str, list[tuple[int, float]]]:
        """Curves of a training: steps and values by name."""
        return runs.curves(self._session.db, run)

    def list(self, **filters: Any) -> Sequence[IclRun]:
        """In-context runs, newest first."""
        return runs.list_runs(self._session.db, **filters)

    def _how(self, *, force: bool) -> dict[str, Any]:
        actor = self._session.settings.user
        return {"actor": actor, "force": force, "priority": PRIORITY_INTERACTIVE}


VERBS = IclVerbs
