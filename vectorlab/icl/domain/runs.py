"""Runs of in-context learning as gradient descent: what was asked, and what came out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from vectorlab.domain.codec import Coded
from vectorlab.icl.domain.features import FeatureOptions
from vectorlab.icl.domain.laws import BridgeSpec, ConstructOptions, ReproductionSpec
from vectorlab.icl.domain.reference_points import ReferenceCheck
from vectorlab.icl.domain.training_spec import TrainingSpec


class IclKind(StrEnum):
    """What an in-context run did."""

    CONSTRUCT = "construct"  # the explicit layer beside gradient descent, step by step
    FEATURES = "features"  # gradient steps on m(x), given and learned
    TRAIN = "train"  # one model from scratch, compared with gradient descent
    REPRODUCE = "reproduce"  # the published reference points
    BRIDGE = "bridge"  # what demonstrations do in the prompt of a language model


REQUESTS: dict[IclKind, type[Coded]] = {
    IclKind.CONSTRUCT: ConstructOptions,
    IclKind.FEATURES: FeatureOptions,
    IclKind.TRAIN: TrainingSpec,
    IclKind.REPRODUCE: ReproductionSpec,
    IclKind.BRIDGE: BridgeSpec,
}


@dataclass(frozen=True, kw_only=True)
class LayerEffect:
    """One layer of a language model under one condition; means over the queries."""

    layer: int
    condition: str  # demonstrations, shuffled or random
    cosine: float  # of the mean effect with the in-context vector
    query_cosine: float  # mean of the cosines of single effects
    query_cosine_sd: float
    norm: float  # of the mean effect, activation units
    relative_norm: float  # mean of |effect| / |state of the query alone|
    agreement: float  # cosine of the mean effect with that of the demonstrations as they are


@dataclass(frozen=True, kw_only=True)
class HeadUpdate:
    """What demonstrations move through one attention head; means over queries."""

    layer: int
    head: int
    share: float  # of the change of the block's attention output
    effect_cosine: float  # of dW x with the context's effect at the layer
    linear_cosine: float  # of dW x without softmax with that with softmax
    attention: float  # softmax weight on demonstration tokens, 0..1
    by_demonstration: tuple[float, ...]  # shares, in the order of the prompt


@dataclass(frozen=True, kw_only=True)
class NewIclRun:
    """A run that is about to be stored."""

    kind: IclKind
    spec: Mapping[str, Any]
    spec_sha256: str
    model_id: int | None = None
    set_version_id: int | None = None
    job_id: int | None
    result: Mapping[str, Any]
    environment: Mapping[str, Any]
    duration_s: float
    checks: Sequence[ReferenceCheck] = ()
    layers: Sequence[LayerEffect] = ()
    heads: Sequence[HeadUpdate] = ()
    weights: bytes | None = field(default=None, repr=False)  # safetensors, of a trained model


@dataclass(frozen=True, kw_only=True)
class IclRun:
    """An in-context run as the store has it."""

    id: int
    kind: IclKind
    spec: Mapping[str, Any]
    spec_sha256: str
    model_name: str | None
    set_label: str | None
    job_id: int | None  # whose curves belong to the run
    result: Mapping[str, Any]
    environment: Mapping[str, Any]
    duration_s: float
    created_at: datetime
    created_by: str

    @property
    def request(self) -> Coded:
        """What was asked for.

        Raises:
            IntegrityError: If the stored form is not that of its kind.
        """
        return REQUESTS[self.kind].from_json(self.spec)
