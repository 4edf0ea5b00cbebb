"""What each kind of job is asked to do; ``vectorlab.worker.handlers`` does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from vectorlab.domain.codec import Stored
from vectorlab.domain.hashing import content_sha256
from vectorlab.domain.interventions.calibration import CalibrationSpec
from vectorlab.domain.interventions.conditions import SearchSpec
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.jobs.jobs import JobRequest, NamedRequest
from vectorlab.domain.runs.batch_plan import BatchPlan
from vectorlab.domain.runs.experiments import ExperimentSpec
from vectorlab.domain.runs.runs import RunSpec
from vectorlab.domain.scores.divergence import KL
from vectorlab.domain.scores.scores import ScorerSpec
from vectorlab.domain.vectors.vectors import ExtractionSpec

VectorNames = Mapping[int, str]  # by row id
SHARED_ROWS = 64  # texts of a run that may share its batch with others, at most
IF_GIVEN = Stored(if_given=True)


@dataclass(frozen=True, kw_only=True)
class ExtractRequest(NamedRequest, kind="extract"):
    """A steering vector from a set version."""

    NAMES: ClassVar[str] = "vector"

    spec: ExtractionSpec
    set_version_id: int
    set_label: str
    model_id: int
    name: str | None
    fresh_states: bool = False  # kept states are not used

    @property
    def dedupe_key(self) -> str:
        """Key that equal requests share: what is extracted."""
        return f"extract:{self.spec.sha256}" + (":fresh" if self.fresh_states else "")

    def in_words(self, vectors: VectorNames) -> str:
        """What is asked for, as a line of a list."""
        del vectors
        called = f" {self.name}" if self.name else ""
        return f"{self.spec.method} vector{called} from {self.set_label}"


@dataclass(frozen=True, kw_only=True)
class ExplainRequest(JobRequest, kind="explain", one_per="vector_id"):
    """What each demonstration does to a vector."""

    vector_id: int
    model_id: int

    def in_words(self, vectors: VectorNames) -> str:
        """What is asked for, as a line of a list."""
        return f"{_named(self.vector_id, vectors)} without each of its demonstrations"


@dataclass(frozen=True, kw_only=True)
class GenerateRequest(NamedRequest, kind="generate"):
    """A generation run, or the replay of one with the batches and threads it was made with."""

    NAMES: ClassVar[str] = "run"

    spec: RunSpec
    model_id: int
    name: str | None
    prompt_set_version_id: int | None
    compiled: Annotated[bool, IF_GIVEN] = False
    replay_of: Annotated[int | None, IF_GIVEN] = None  # id of the original
    accept_changed_model: Annotated[bool, IF_GIVEN] = False
    batch_plan: Annotated[BatchPlan | None, IF_GIVEN] = None
    threads: Annotated[int | None, IF_GIVEN] = None
    scorers: Annotated[tuple[ScorerSpec, ...], IF_GIVEN] = ()  # asked for once the texts are there

    @property
    def dedupe_key(self) -> str:
        """Of the texts that are asked for, or of the run that is replayed."""
        if self.replay_of is not None:
            return f"replay:{self.replay_of}:{self.accept_changed_model}"
        return f"generate:{self.spec.sha256}"

    @property
    def batch_key(self) -> str | None:
        """Equal for runs that may share a batch; None for one that must stay alone.

        A replay repeats the batches of its original, and a large run fills its batches by itself.
        A compiled graph and a comparison with the baseline are made for the rows of one run.
        """
        alone = self.batch_plan is not None or self.compiled or self.spec.decoding.kl
        if alone or len(self.spec.rows()) > SHARED_ROWS:
            return None
        return content_sha256(
            "batch", [self.model_id, self.spec.dtype, self.spec.decoding.to_json()]
        )

    def in_words(self, vectors: VectorNames) -> str:
        """What is asked for, as a line of a list."""
        scores = ", ".join(scorer.label for scorer in self.scorers)
        return self._texts_in_words(vectors) + (f", then scores by {scores}" if scores else "")

    def _texts_in_words(self, vectors: VectorNames) -> str:
        spec = self.spec
        texts = _count(len(spec.prompts) * len(spec.arms) * spec.samples, "text")
        on = _count(len(spec.prompts), "prompt")
        if self.replay_of is not None:
            return f"replay of run {self.replay_of}, {texts}"
        used = ", ".join(_named(row, vectors) for row in dict.fromkeys(spec.vector_ids().values()))
        strengths = {each.strength for arm in spec.arms for each in arm.interventions} - {0.0}
        if not used:
            return f"{texts} on {on}"
        what = f"sweep of {used}" if len(strengths) > 1 else f"texts with {used}"
        at = f" at {strengths.pop():+g}" if len(strengths) == 1 else ""
        return f"{what}{at} on {on}, {texts}"


@dataclass(frozen=True, kw_only=True)
class ThresholdRequest(JobRequest, kind="condition", one_per="spec"):
    """A threshold that tells two sets of prompts apart."""

    spec: SearchSpec
    model_id: int
    vector_id: int
    positive_version_id: int
    negative_version_id: int

    def in_words(self, vectors: VectorNames) -> str:
        """What is asked for, as a line of a list."""
        return f"threshold of {_named(self.vector_id, vectors)} between two sets"


@dataclass(frozen=True, kw_only=True)
class EqualiseRequest(NamedRequest, kind="equalise"):
    """A vector scaled to do a given damage."""

    NAMES: ClassVar[str] = "vector"

    vector_id: int
    model_id: int
    set_version_id: int  # texts that the damage is measured on
    set_label: str
    kl: float  # mean per token at strength 1, nats
    operator: Operator
    name: str
    dtype: str
    direction: KL = KL.REVERSE

    @property
    def dedupe_key(self) -> str:
        """Key that equal requests share: what is measured, on which texts."""
        measured = [self.vector_id, self.set_version_id, self.kl, self.operator.value, self.dtype]
        measured += [self.direction.value] if self.direction is not KL.REVERSE else []
        return f"equalise:{content_sha256('equalise', measured)}"

    def in_words(self, vectors: VectorNames) -> str:
        """What is asked for, as a line of a list."""
        of = _named(self.vector_id, vectors)
        return f"{self.name}: {of} scaled to {self.kl:g} nats of damage on {self.set_label}"


@dataclass(frozen=True, kw_only=True)
class ScoreRequest(JobRequest, kind="score"):
    """The texts of a run by scorers."""

    run_id: int
    model_id: int
    scorers: tuple[ScorerSpec, ...]
    force: bool = False  # what was scored is scored again

    @property
    def dedupe_key(self) -> str:
        """Key that equal requests share: the run and its scorers."""
        scoring = [[scorer.to_json() for scorer in self.scorers], self.force]
        return f"score:{self.run_id}:{content_sha256('scoring', scoring)}"

    def in_words(self, vectors: VectorNames) -> str:
        """What is asked for, as a line of a list."""
        del vectors
        scorers = ", ".join(scorer.label for scorer in self.scorers)
        return f"scores of run {self.run_id} by {scorers}"


@dataclass(frozen=True, kw_only=True)
class CalibrateRequest(JobRequest, kind="calibrate"):
    """The strength of a vector for a budget of damage, one spec per choice of layers."""

    model_id: int
    specs: tuple[CalibrationSpec, ...]

    @property
    def dedupe_key(self) -> str:
        """Key that equal requests share: the calibrations of all choices of layers."""
        choices = [spec.to_json() for spec in self.specs]
        return f"calibrate:{content_sha256('calibrations', choices)}"

    def in_words(self, vectors: VectorNames) -> str:
        """What is asked for, as a line of a list."""
        spec = self.specs[0]
        return (
            f"calibration of {_named(spec.vector_id, vectors)} for {spec.effect.label} within "
            f"{spec.damage.label} {spec.budget:g} on {_count(len(spec.prompts), 'prompt')}"
        )


@dataclass(frozen=True, kw_only=True)
class ExperimentRequest(JobRequest, kind="experiment"):
    """Vectors, their controls, a calibration, a run and its scores, one after the other.

    Each part is a job of its own, found again where an equal one was made.
    """

    spec: ExperimentSpec
    model_id: int
    name: str | None  # of the run
    prompt_set_version_id: int | None  # whose sources judge, all of them
    extracted_from: int | None = None  # set version of the vector that is extracted first
    vector_name: str | None = None  # of that vector

    @property
    def dedupe_key(self) -> str:
        """Key that equal requests share: what is asked for, whatever the names."""
        return f"experiment:{self.spec.sha256}"

    def in_words(self, vectors: VectorNames) -> str:
        """What is asked for, as a line of a list."""
        used = [_named(subject.vector_id, vectors) for subject in self.spec.subjects]
        if self.spec.extraction is not None:
            used.append(self.vector_name or "a new vector")
        on = _count(len(self.spec.judging), "prompt")
        return f"experiment with {', '.join(used)} on {on}, judged by {self.spec.effect.label}"


@dataclass(frozen=True, kw_only=True)
class NearestRequest(JobRequest, kind="nearest", one_per="vector_id"):
    """The vocabulary tokens nearest to a vector."""

    vector_id: int
    model_id: int
    count: int  # tokens at either end of a layer vector

    def in_words(self, vectors: VectorNames) -> str:
        """What is asked for, as a line of a list."""
        return f"vocabulary nearest to {_named(self.vector_id, vectors)}"


@dataclass(frozen=True, kw_only=True)
class ReadRequest(JobRequest, kind="read"):
    """The tokens of the texts of one prompt of a run, steered and not."""

    run_id: int
    prompt: int  # from 0
    model_id: int

    @property
    def dedupe_key(self) -> str:
        """Key that equal requests share: the prompt of the run."""
        return f"read:{self.run_id}:{self.prompt}"

    def in_words(self, vectors: VectorNames) -> str:
        """What is asked for, as a line of a list."""
        del vectors
        return f"tokens of run {self.run_id}, prompt {self.prompt + 1}"


@dataclass(frozen=True, kw_only=True)
class RegisterRequest(NamedRequest, kind="register", one_per="source"):
    """A model, from its files."""

    NAMES: ClassVar[str] = "model"

    source: str  # directory, hub id or ``bundled:tiny``, as the worker sees it
    name: str | None
    revision: Annotated[str | None, IF_GIVEN] = None
    model_id: Annotated[int | None, IF_GIVEN] = None

    def in_words(self, vectors: VectorNames) -> str:
        """What is asked for, as a line of a list."""
        del vectors
        called = f" as {self.name}" if self.name else ""
        return f"model {self.source}{called}"


def _named(row: int, vectors: VectorNames) -> str:
    """The name of a vector; of one that was purged, what is left."""
    return vectors.get(row, f"vector {row}, which is gone")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
