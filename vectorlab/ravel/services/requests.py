"""Requests for instances and runs, as commands and notebooks make them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from vectorlab.domain.models import BUNDLED_MODEL
from vectorlab.ravel.domain.instances import TESTS, ExamplePart, InstanceOptions
from vectorlab.ravel.services.runs import Grid, VectorTrial
from vectorlab.services.asking import JobOptions


@dataclass(frozen=True, kw_only=True)
class WantedInstance(InstanceOptions, JobOptions):
    """What a model says of every entity, and the pairs to swap: found, or built.

    Attributes:
        reference: Entity data, ``name@3``.
        model: Name, id or fingerprint prefix of the model that completes the prompts.
        name: Of the instance; None makes one of the data and the model.
    """

    reference: str = field(kw_only=False)
    model: str = BUNDLED_MODEL
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class WantedRavelRun(JobOptions):
    """Featurizers that are trained and scored, or a steering vector that is scored.

    Attributes:
        instance: Its name, id or hash prefix.
        grid: Featurizers to train where they are not yet, and to score.
        vector: A steering vector to score.
        parts: Of the instance; none only trains.
        name: Of the run.
    """

    instance: str = field(kw_only=False)
    grid: Grid | None = None
    vector: VectorTrial | None = None
    parts: Sequence[ExamplePart] = TESTS
    name: str | None = None
