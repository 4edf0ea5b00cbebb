"""``lab.icl``: in-context learning as gradient descent."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.icl.domain.laws import ConstructOptions
from vectorlab.icl.domain.runs import IclRun
from vectorlab.icl.domain.training_spec import TrainingSpec
from vectorlab.icl.services import runs
from vectorlab.icl.services.runs import BridgeRequest

if TYPE_CHECKING:
    from vectorlab.lab import Lab


class IclVerbs:
    """``lab.icl``: what ``vectorlab icl`` does, for notebooks; equal runs are found again."""

    def __init__(self, lab: "Lab") -> None:
        self._lab = lab

    def construct(self, *, force: bool = False, **options: Any) -> IclRun:
        """Gradient descent beside the layer that carries it out.

        Args:
            force: Compute an equal run again.
            **options: Of ``domain.icl.ConstructOptions``.
        """
        return self._lab.result(
            runs.request_construction(
                self._lab.db, ConstructOptions(**options), **self._how(force=force)
            )
        )

    def train(self, spec: TrainingSpec, *, force: bool = False) -> IclRun:
        """A model from scratch, beside gradient descent; see ``TrainingSpec.published``."""
        return self._lab.result(runs.request_training(self._lab.db, spec, **self._how(force=force)))

    def reproduce(self, scope: str = "full", *, seed: int = 0, force: bool = False) -> pd.DataFrame:
        """The published reference points with ours and a verdict, as rows."""
        run = self._lab.result(
            runs.request_reproduction(self._lab.db, scope, seed=seed, **self._how(force=force))
        )
        return runs.checks_frame(runs.checks(self._lab.db, run.id))

    def bridge(
        self, set: str, *, model: str = "tiny", force: bool = False, **options: Any
    ) -> IclRun:
        """What a set does in the prompt of a model.

        Args:
            set: ``name@version``.
            model: A registered model.
            force: Compute an equal run again.
            **options: Of ``services.icl.BridgeRequest``.
        """
        return self._lab.result(
            runs.request_bridge(
                self._lab.db,
                BridgeRequest(set_reference=set, **options),
                model=self._lab.models.get(model),
                **self._how(force=force),
            )
        )

    def layers(self, run: IclRun) -> pd.DataFrame:
        """Layers of a bridge, by condition."""
        return runs.layers_frame(self._lab.db, run.id)

    def heads(self, run: IclRun) -> pd.DataFrame:
        """Attention heads of a bridge."""
        return runs.heads_frame(self._lab.db, run.id)

    def curves(self, run: IclRun) -> dict[str, list[tuple[int, float]]]:
        """Curves of a training: steps and values by name."""
        return runs.curves(self._lab.db, run)

    def list(self, **filters: Any) -> Sequence[IclRun]:
        """In-context runs, newest first."""
        return runs.list_runs(self._lab.db, **filters)

    def _how(self, *, force: bool) -> dict[str, Any]:
        actor = self._lab.settings.user
        return {"actor": actor, "force": force, "priority": PRIORITY_INTERACTIVE}
