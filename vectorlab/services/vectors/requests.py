"""Requests for vectors and for what belongs to them, as commands and notebooks make them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from vectorlab.domain.interventions.conditions import Measure
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.models import BUNDLED_MODEL
from vectorlab.domain.runs.runs import Prompt
from vectorlab.domain.scores.divergence import KL
from vectorlab.domain.vectors.vectors import Site
from vectorlab.services.asking import JobOptions, QueueOptions
from vectorlab.services.runs.text_options import ChatOptions
from vectorlab.services.vectors.calibrations import CalibrationOptions
from vectorlab.services.vectors.vectors import ExtractionOptions


@dataclass(frozen=True, kw_only=True)
class WantedVector(ExtractionOptions, JobOptions):
    """A vector of the pairs of a set version: found where an equal one is stored, or extracted.

    Attributes:
        set: ``name``, ``name@latest`` or ``name@3``.
        model: Name, id or fingerprint prefix of the model that reads the demonstrations.
        name: Of the new vector; None makes one of set and method.
    """

    set: str
    model: str = BUNDLED_MODEL
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class WantedCalibration(CalibrationOptions, JobOptions):
    """The strength with the most effect whose damage stays within a budget.

    Attributes:
        reference: Name, id or hash prefix of the vector.
        prompts: Texts to try strengths on.
        prompt_set: A set version whose sources are further prompts.
        model: Name, id or fingerprint prefix; None takes the vector's own.
    """

    reference: str = field(kw_only=False)
    prompts: Sequence[str | Prompt] = ()
    prompt_set: str | None = None
    model: str | None = None


@dataclass(frozen=True, kw_only=True)
class WantedThreshold(ChatOptions, JobOptions):
    """The layer and threshold of a condition that tells two sets of prompts apart.

    Attributes:
        vector: What prompts are measured along.
        positive: Set version whose sources should meet it.
        negative: Set version whose sources should not.
        model: Reads the prompts; None for the vector's own.
        other_model: It may be another than the vector's own.
        measure: What is compared with the threshold.
        window: Tokens of the prompt whose mean is measured.
        site: Where in a block states are read.
        layers: To choose from; None is all that the vector has.
        dtype: The model computes in this.
    """

    vector: str = field(kw_only=False)
    positive: str
    negative: str
    model: str | None = None
    other_model: bool = False
    measure: Measure = Measure.COSINE
    window: Positions = Positions.PROMPT
    site: Site = Site.BLOCK_OUTPUT
    layers: tuple[int, ...] | None = None
    dtype: str = "float32"


@dataclass(frozen=True, kw_only=True)
class WantedEqual(QueueOptions):
    """A vector scaled so that it does a given damage.

    Attributes:
        reference: The vector.
        kl: Wanted mean divergence per token at strength 1, nats.
        texts: Set version whose texts are read.
        name: Of the new vector.
        operator: How it acts while it is measured.
        dtype: The model computes in this.
        direction: Which of the two divergences.
    """

    reference: str = field(kw_only=False)
    kl: float
    texts: str
    name: str
    operator: Operator = Operator.ADD
    dtype: str = "float32"
    direction: KL = KL.REVERSE
