"""``lab.vectors``: steering vectors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vectorlab.domain.interventions.calibration import Calibration
from vectorlab.domain.interventions.conditions import ConditionSearch
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.jobs.jobs import DEFAULT_QUEUE, PRIORITY_INTERACTIVE
from vectorlab.domain.runs.runs import Prompt
from vectorlab.domain.vectors.explanations import Explanation
from vectorlab.domain.vectors.vectors import LayerVector, SteeringVector
from vectorlab.lab.arguments import prompts_of, several
from vectorlab.lab.models import ModelVerbs
from vectorlab.lab.session import Session
from vectorlab.services.asking import Asked
from vectorlab.services.vectors import algebra, calibrations, explanations, thresholds, vectors
from vectorlab.services.vectors import files as vector_files
from vectorlab.services.vectors.belonging import BUNDLED_MODEL
from vectorlab.services.vectors.calibrations import CalibrationOptions
from vectorlab.services.vectors.vectors import ExtractionOptions


class VectorVerbs:
    """Steering vectors: the verbs of ``lab.vectors``."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._models = ModelVerbs(session)

    def request(
        self,
        *,
        set: str,
        model: str = BUNDLED_MODEL,
        name: str | None = None,
        force: bool = False,
        priority: int = PRIORITY_INTERACTIVE,
        queue: str = DEFAULT_QUEUE,
        **options: Any,
    ) -> Asked[SteeringVector]:
        """Find an equal earlier extraction or enqueue a job; options as ``ExtractionOptions``.

        Args:
            set: ``name``, ``name@latest`` or ``name@3``.
            model: Name, id or fingerprint prefix of the model that reads the demonstrations.
            name: Of the new vector; None makes one of set and version.
            force: Compute even where an equal request was answered before.
            priority: Of the job.
            queue: Only workers of this queue take the job.
            options: Fields of ``ExtractionOptions``.
        """
        return vectors.request_extraction(
            self._session.db,
            set_reference=set,
            model=self._models.get(model),
            options=ExtractionOptions(**options),
            actor=self._session.settings.user,
            name=name,
            force=force,
            priority=priority,
            queue=queue,
        )

    def extract(self, **request: Any) -> SteeringVector:
        """As ``request``, and wait for the vector."""
        return self._session.result(self.request(**request))

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

    def equalise(
        self, reference: str, *, kl: float, texts: str, name: str, **more: Any
    ) -> SteeringVector:
        """Store a vector scaled so that it does a given damage, and wait for it.

        Args:
            reference: The vector.
            kl: Wanted mean KL per token at strength 1, nats.
            texts: Set version whose texts are read.
            name: Of the new vector.
            more: ``operator`` and ``dtype`` of ``services.vectors.algebra.request_equalisation``.
        """
        options = {"operator": Operator.ADD, "priority": PRIORITY_INTERACTIVE, **more}
        return self._session.result(
            algebra.request_equalisation(
                self._session.db,
                reference,
                kl=kl,
                texts=texts,
                name=name,
                actor=self._session.settings.user,
                **options,
            )
        )

    def threshold(
        self,
        vector: str,
        *,
        positive: str,
        negative: str,
        model: str | None = None,
        other_model: bool = False,
        **more: Any,
    ) -> ConditionSearch:
        """Search the threshold of a condition that tells two sets of prompts apart.

        Args:
            vector: What prompts are measured along.
            positive: Set version whose sources should meet it.
            negative: Set version whose sources should not.
            model: Reads the prompts; None for the vector's own.
            other_model: It may be another than the vector's own.
            more: Further arguments of ``services.vectors.thresholds.request_search``.
        """
        request = thresholds.request_search(
            self._session.db,
            vector=vector,
            positive=positive,
            negative=negative,
            model=self._models.of([vector], model, other_model=other_model),
            other_model=other_model,
            actor=self._session.settings.user,
            **({"priority": PRIORITY_INTERACTIVE} | more),
        )
        return self._session.result(request)

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

    def request_calibration(
        self,
        reference: str,
        *,
        effect: str,
        prompts: str | Sequence[str | Prompt] = (),
        prompt_set: str | None = None,
        model: str | None = None,
        force: bool = False,
        priority: int = PRIORITY_INTERACTIVE,
        queue: str = DEFAULT_QUEUE,
        **options: Any,
    ) -> Asked[Calibration]:
        """Find an equal earlier calibration or enqueue it; options as ``CalibrationOptions``.

        The model is the vector's own, or with ``other_model`` another of its depth and width.

        Args:
            reference: Name, id or hash prefix of the vector.
            effect: The scorer whose mean is to be as high as possible.
            prompts: Texts to try strengths on.
            prompt_set: A set version whose sources are further prompts.
            model: Name, id or fingerprint prefix; None takes the vector's own.
            force: Compute even where an equal request was answered before.
            priority: Of the job.
            queue: Only workers of this queue take the job.
            options: Fields of ``CalibrationOptions``.
        """
        calibration_options = CalibrationOptions(effect=effect, **options)
        named = calibrations.vectors_named(self._session.db, reference, calibration_options)
        texts, _ = prompts_of(self._session.db, prompts, prompt_set)
        return calibrations.request_calibration(
            self._session.db,
            reference,
            model=self._models.of(named, model, other_model=calibration_options.other_model),
            prompts=texts,
            options=calibration_options,
            actor=self._session.settings.user,
            force=force,
            priority=priority,
            queue=queue,
        )

    def calibrate(self, reference: str, **request: Any) -> Calibration:
        """As ``request_calibration``, and wait for the choice."""
        return self._session.result(self.request_calibration(reference, **request))

    def export(self, reference: str, path: str | Path, *, format: str | None = None) -> None:
        """Write a vector to a file with its provenance; the format is told by its ending."""
        vector = self.get(reference)
        vector_files.export_vector(self._session.db, vector, Path(path), format=format)

    def list(self, **filters: Any) -> Sequence[SteeringVector]:
        """Vectors, newest first; filter by ``model``, ``set_name``, ``method``."""
        return vectors.list_vectors(self._session.db, **filters)
