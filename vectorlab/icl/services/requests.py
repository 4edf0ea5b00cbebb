"""Requests for in-context runs, as commands and notebooks make them."""

from dataclasses import dataclass, field

from vectorlab.domain.models import BUNDLED_MODEL
from vectorlab.icl.domain.features import FeatureOptions
from vectorlab.icl.domain.laws import BridgeRequest, ConstructOptions
from vectorlab.icl.domain.training_spec import TrainingSpec
from vectorlab.services.asking import JobOptions


@dataclass(frozen=True, kw_only=True)
class WantedConstruction(ConstructOptions, JobOptions):
    """Gradient descent beside the layer that carries it out: found, or computed."""


@dataclass(frozen=True, kw_only=True)
class WantedFeatures(FeatureOptions, JobOptions):
    """Gradient steps on m(x), by the layer and by the kernel: found, or computed."""


@dataclass(frozen=True, kw_only=True)
class WantedTraining(JobOptions):
    """A model from scratch, beside gradient descent: found, or trained.

    Attributes:
        spec: What is trained; ``TrainingSpec.published`` has the numbers of the paper.
    """

    spec: TrainingSpec = field(kw_only=False)


@dataclass(frozen=True, kw_only=True)
class WantedReproduction(JobOptions):
    """The published reference points: found, or measured.

    Attributes:
        scope: ``full``, or ``short`` for what takes seconds.
        seed: Of the tasks.
    """

    scope: str = field(default="full", kw_only=False)
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class WantedBridge(BridgeRequest, JobOptions):
    """What demonstrations do in the prompt of a model: found, or measured.

    Attributes:
        model: Name, id or fingerprint prefix.
    """

    set_reference: str = field(kw_only=False)
    model: str = BUNDLED_MODEL
