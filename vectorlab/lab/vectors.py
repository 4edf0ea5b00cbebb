"""``lab.vectors``: steering vectors."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vectorlab.domain.interventions.calibration import Calibration
from vectorlab.domain.interventions.conditions import ConditionSearch
from vectorlab.domain.jobs.jobs import PRIORITY_INTERACTIVE
from vectorlab.domain.vectors.explanations import Explanation
from vectorlab.domain.vectors.vectors import LayerVector, SteeringVector
from vectorlab.lab.arguments import Verbs, takes
from vectorlab.lab.models import ModelVerbs
from vectorlab.lab.session import Session
from vectorlab.services.asking import Asked
from vectorlab.services.given import several, with_prompts_of
from vectorlab.services.vectors import algebra, calibrations, explanations, thresholds, vectors
from vectorlab.services.vectors import files as vector_files
from vectorlab.services.vectors.requests import (
    WantedCalibration,
    WantedEqual,
    WantedThreshold,
    WantedVector,
)
from vectorlab.services.vectors.vectors import VectorDetails


class VectorVerbs(Verbs):
    """Steering vectors: the verbs of ``lab.vectors``."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._models = ModelVerbs(session)

    @takes(WantedVector)
    def request(self, wanted: WantedVector) -> Asked[SteeringVector]:
        """Find the vector of an equal earlier request, or enqueue its extraction."""
        return self._ask(wanted)

    @takes(WantedVector)
    def extract(self, wanted: WantedVector) -> SteeringVector:
        """As ``request``, and wait for the vector."""
        return self._session.result(self._ask(wanted))

    def _ask(self, wanted: WantedVector) -> Asked[SteeringVector]:
        return vectors.request_extraction(
            self._session.db,
            set_reference=wanted.set,
            model=self._models.get(wanted.model),
            options=wanted,
            actor=self._session.settings.user,
            name=wanted.name,
            **wanted.how(),
        )

    def get(self, reference: str) -> SteeringVector:
        """A vector by name, id or hash prefix."""
        return vectors.get(self._session.db, reference)

    def layers(self, reference: str) -> Sequence[LayerVector]:
        """The numbers of a vector, layer by layer, checked against their hashes."""
        return vectors.layer_vectors(self._session.db, self.get(reference))

    def combine(self, expression: str, *, name: str) -> SteeringVector:
        """Store a weighted sum such as ``"0.5*a + b - c"``, with its parents."""
        return vectors.combine(
            self._session.db,
            name=name,
            terms=vectors.parse_terms(expression),
            actor=self._session.settings.user,
        )

    def project_out(
        self, reference: str, removed: str | Sequence[str], *, name: str
    ) -> SteeringVector:
        """Store what is left of a vector outside the span of others, layer by layer."""
        actor = self._session.settings.user
        return algebra.project_out(
            self._session.db, reference, several(removed), name=name, actor=actor
        )

    def orthogonalise(
        self, references: Sequence[str], *, suffix: str = "-orthogonal"
    ) -> Sequence[SteeringVector]:
        """Store every vector but the first without the directions of those before it."""
        actor = self._session.settings.user
        return algebra.orthogonalise(self._session.db, references, suffix=suffix, actor=actor)

    def normalise(self, reference: str, *, name: str) -> SteeringVector:
        """Store a vector with unit length at every layer; its natural norms are kept with it."""
        actor = self._session.settings.user
        return algebra.normalise(self._session.db, reference, name=name, actor=actor)

    @takes(WantedEqual)
    def request_equal(self, wanted: WantedEqual) -> Asked[SteeringVector]:
        """Find a vector scaled so that it does a given damage, or enqueue its job."""
        return self._ask_equal(wanted)

    @takes(WantedEqual)
    def equalise(self, wanted: WantedEqual) -> SteeringVector:
        """As ``request_equal``, and wait for the vector."""
        return self._session.result(self._ask_equal(wanted))

    def _ask_equal(self, wanted: WantedEqual) -> Asked[SteeringVector]:
        return algebra.request_equalisation(
            self._session.db,
            wanted.reference,
            kl=wanted.kl,
            texts=wanted.texts,
            operator=wanted.operator,
            name=wanted.name,
            dtype=wanted.dtype,
            direction=wanted.direction,
            actor=self._session.settings.user,
            **wanted.how(),
        )

    @takes(WantedThreshold)
    def request_threshold(self, wanted: WantedThreshold) -> Asked[ConditionSearch]:
        """Find an equal earlier search for a threshold, or enqueue it."""
        return self._ask_threshold(wanted)

    @takes(WantedThreshold)
    def threshold(self, wanted: WantedThreshold) -> ConditionSearch:
        """As ``request_threshold``, and wait for the threshold."""
        return self._session.result(self._ask_threshold(wanted))

    def _ask_threshold(self, wanted: WantedThreshold) -> Asked[ConditionSearch]:
        model = self._models.of([wanted.vector], wanted.model, other_model=wanted.other_model)
        return thresholds.request_search(
            self._session.db,
            vector=wanted.vector,
            positive=wanted.positive,
            negative=wanted.negative,
            model=model,
            other_model=wanted.other_model,
            measure=wanted.measure,
            window=wanted.window,
            site=wanted.site,
            layers=wanted.layers,
            dtype=wanted.dtype,
            chat=wanted.turns(self._session.db, model),
            actor=self._session.settings.user,
            **wanted.how(),
        )

    def thresholds(self, vector: str | None = None) -> Sequence[ConditionSearch]:
        """Searches for thresholds, newest first, perhaps along one vector alone."""
        return thresholds.list_searches(self._session.db, vector=vector)

    def request_leave_one_out(
        self, reference: str, *, priority: int = PRIORITY_INTERACTIVE
    ) -> Asked[Explanation]:
        """Find the leave-one-out study of a vector or enqueue a job."""
        return explanations.request_leave_one_out(
            self._session.db, reference, actor=self._session.settings.user, priority=priority
        )

    def explain(
        self, reference: str, *, leave_one_out: bool = False, layers: bool = False
    ) -> pd.DataFrame:
        """How each demonstration pulls along the vector; see ``explanations.frame``.

        Args:
            reference: Name, id or content hash prefix.
            leave_one_out: Also how the vector changes without it, computed once and stored.
            layers: Every figure per layer too.
        """
        if leave_one_out:
            self._session.result(self.request_leave_one_out(reference))
        return explanations.frame(self._session.db, reference, layers=layers)

    @takes(WantedCalibration)
    def request_calibration(self, wanted: WantedCalibration) -> Asked[Calibration]:
        """Find an equal earlier calibration of a vector, or enqueue it."""
        return self._ask_calibration(wanted)

    @takes(WantedCalibration)
    def calibrate(self, wanted: WantedCalibration) -> Calibration:
        """As ``request_calibration``, and wait for the choice."""
        return self._session.result(self._ask_calibration(wanted))

    def _ask_calibration(self, wanted: WantedCalibration) -> Asked[Calibration]:
        db = self._session.db
        named = calibrations.vectors_named(db, wanted.reference, wanted)
        prompts, _ = with_prompts_of(db, wanted.prompts, wanted.prompt_set)
        return calibrations.request_calibration(
            db,
            wanted.reference,
            model=self._models.of(named, wanted.model, other_model=wanted.other_model),
            prompts=prompts,
            options=wanted,
            actor=self._session.settings.user,
            **wanted.how(),
        )

    def calibrations(self, reference: str | None = None) -> Sequence[Calibration]:
        """Calibrations of a vector, or of all, newest first."""
        return calibrations.of_vector(self._session.db, reference)

    def details(self, reference: str) -> VectorDetails:
        """One vector with all that is stored about it except its numbers."""
        return vectors.details(self._session.db, reference)

    def similar(self, reference: str) -> Sequence[tuple[SteeringVector, float]]:
        """The other vectors of the model by mean cosine over the layers, largest size first."""
        return vectors.similarities(self._session.db, reference)

    def import_file(
        self,
        path: str | Path,
        *,
        format: str | None = None,
        name: str | None = None,
        model: str | None = None,
    ) -> SteeringVector:
        """Store a vector from a file.

        Args:
            path: Of a file that ``export`` wrote.
            format: Of the file; None goes by its ending.
            name: Of the new vector; None takes the name in the file.
            model: That it belongs to; None goes by the fingerprint in the file.

        Raises:
            InputError: If the file cannot be read or no model fits.
        """
        return vector_files.import_vector(
            self._session.db,
            Path(path),
            format=format,
            model=None if model is None else self._models.get(model),
            name=name,
            actor=self._session.settings.user,
        )

    def rename(self, reference: str, name: str) -> SteeringVector:
        """Give a vector another name; runs that used it keep the labels they were made with.

        Raises:
            ConflictError: If the name belongs to another vector.
        """
        actor = self._session.settings.user
        return vectors.rename(self._session.db, reference, name, actor=actor)

    def purge(self, reference: str, *, cascade: bool = False) -> Sequence[str]:
        """Delete a vector for good.

        Args:
            reference: Name, id or hash prefix.
            cascade: Also delete whatever depends on it.

        Returns:
            A line per thing that went.

        Raises:
            ConflictError: If something depends on it and nothing of that is to go.
        """
        actor = self._session.settings.user
        return vectors.remove(self._session.db, reference, cascade=cascade, actor=actor)

    def export(self, reference: str, path: str | Path, *, format: str | None = None) -> None:
        """Write a vector to a file with its provenance; the format is told by its ending."""
        vector = self.get(reference)
        vector_files.export_vector(self._session.db, vector, Path(path), format=format)

    def list(
        self,
        *,
        model: str | None = None,
        set_name: str | None = None,
        method: str | None = None,
    ) -> Sequence[SteeringVector]:
        """Vectors, newest first.

        Args:
            model: Only those of this model.
            set_name: Only those extracted from this set.
            method: Only those made by this method.
        """
        return vectors.list_vectors(self._session.db, model=model, set_name=set_name, method=method)
