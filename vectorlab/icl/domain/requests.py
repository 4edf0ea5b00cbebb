"""What the jobs of in-context learning are asked to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from vectorlab.domain.codec import Stored
from vectorlab.domain.jobs.jobs import JobRequest
from vectorlab.icl.domain.features import FeatureOptions
from vectorlab.icl.domain.laws import BridgeSpec, ConstructOptions, ReproductionSpec
from vectorlab.icl.domain.training_spec import TrainingSpec


@dataclass(frozen=True, kw_only=True)
class IclRequest(JobRequest):
    """A run of in-context learning."""

    WORDS: ClassVar[str]  # what is asked for, as a line of a list

    spec: Any
    spec_sha256: str  # identity of the run
    model_id: Annotated[int | None, Stored(if_given=True)] = None

    @property
    def dedupe_key(self) -> str:
        """Key that equal requests share: the run that is asked for."""
        return f"icl:{self.spec_sha256}"

    def in_words(self, vectors: Mapping[int, str]) -> str:
        """What is asked for, as a line of a list."""
        del vectors
        return self.WORDS


@dataclass(frozen=True, kw_only=True)
class IclConstructRequest(IclRequest, kind="icl_construct"):
    """Gradient steps by explicit attention."""

    WORDS: ClassVar[str] = "gradient descent by constructed attention"

    spec: ConstructOptions


@dataclass(frozen=True, kw_only=True)
class IclTrainRequest(IclRequest, kind="icl_train"):
    """A model of in-context regression, from scratch."""

    WORDS: ClassVar[str] = "in-context regression, trained from scratch"

    spec: TrainingSpec


@dataclass(frozen=True, kw_only=True)
class IclFeaturesRequest(IclRequest, kind="icl_features"):
    """Gradient steps on m(x): by the layer, by the kernel, with m given and learned."""

    WORDS: ClassVar[str] = "gradient steps on m(x)"

    spec: FeatureOptions


@dataclass(frozen=True, kw_only=True)
class IclReproduceRequest(IclRequest, kind="icl_reproduce"):
    """Measure the published reference points of in-context learning."""

    WORDS: ClassVar[str] = "reference points of in-context learning"

    spec: ReproductionSpec


@dataclass(frozen=True, kw_only=True)
class IclBridgeRequest(IclRequest, kind="icl_bridge"):
    """What demonstrations do in a language model's prompt."""

    WORDS: ClassVar[str] = "bridge to a language model"

    spec: BridgeSpec
    set_version_id: int
    random_version_id: int | None = None  # pairs of the random control

    def in_words(self, vectors: Mapping[int, str]) -> str:
        """What is asked for, as a line of a list."""
        return f"{super().in_words(vectors)}, {self.spec.set_reference}"
