"""What is trained and scored: featurizers, steering vectors, and runs over several of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from vectorlab.domain.codec import NO_IDS, Coded, Ids, Request, Stored
from vectorlab.domain.description import About, Fact, Names, describe, signed
from vectorlab.domain.fields import Layers, Seed, VectorId, VectorSha256
from vectorlab.domain.hashing import bytes_sha256, content_sha256
from vectorlab.domain.interventions.operators import Operator
from vectorlab.errors import InputError, ShapeError
from vectorlab.ravel.domain.instances import TESTS, ExamplePart
from vectorlab.ravel.domain.measures import AttributeScore, Outcome

if TYPE_CHECKING:
    import numpy as np


Measures = Mapping[str, float]  # of the making of one featurizer, by name


class Location(StrEnum):
    """Which tokens of a prompt are swapped; where a fact sits differs between models."""

    ENTITY_LAST = "entity_last"  # last token of the entity mention
    ENTITY_ALL = "entity_all"  # all of its tokens, aligned at their ends
    PROMPT_LAST = "prompt_last"  # last token of the prompt


@dataclass(frozen=True, kw_only=True)
class FeaturizerMethod:
    """What there is to know of a featurizer before torch is loaded."""

    name: str
    summary: str
    takes_k: bool  # features of an attribute: can be asked for
    needs_k: bool  # and have to be
    parameters: Mapping[str, float]  # with their defaults
    judged_by: str = ""  # measure of its making that says whether it did its work


_TRAINED = {"steps": 300, "batch": 24, "learning_rate": 0.02}
FEATURIZERS: dict[str, FeaturizerMethod] = {
    item.name: item
    for item in (
        FeaturizerMethod(
            name="full",
            summary="the whole state is copied: the reference point for Cause",
            takes_k=False,
            needs_k=False,
            parameters={},
        ),
        FeaturizerMethod(
            name="pca",
            summary="principal components that an L1 classifier of the attribute picks",
            takes_k=True,
            needs_k=False,
            parameters={"inverse_penalty": 10.0},
        ),
        FeaturizerMethod(
            name="rlap",
            summary="the subspace without which no linear classifier finds the attribute",
            takes_k=True,
            needs_k=True,
            parameters={"steps": 2000, "batch": 256, "learning_rate": 0.02, "weight_decay": 1e-4},
            judged_by="accuracy_after_removal",
        ),
        FeaturizerMethod(
            name="dbm",
            summary="a binary mask over the state's dimensions, trained to change the attribute",
            takes_k=False,
            needs_k=False,
            parameters={**_TRAINED, "learning_rate": 0.05, "l1": 0.0, "temperature": 1.0},
        ),
        FeaturizerMethod(
            name="mdbm",
            summary="the same, trained to leave the other attributes alone as well",
            takes_k=False,
            needs_k=False,
            parameters={
                **_TRAINED,
                "learning_rate": 0.05,
                "l1": 0.0,
                "temperature": 1.0,
                "isolate": 1.0,
            },
        ),
        FeaturizerMethod(
            name="das",
            summary="a rotated subspace, trained to change the attribute",
            takes_k=True,
            needs_k=True,
            parameters=_TRAINED,
        ),
        FeaturizerMethod(
            name="mdas",
            summary="the same, trained to leave the other attributes alone as well",
            takes_k=True,
            needs_k=True,
            parameters={**_TRAINED, "isolate": 1.0},
        ),
        FeaturizerMethod(
            name="sae",
            summary="latents of a sparse autoencoder that an L1 classifier picks; keeps no error",
            takes_k=True,
            needs_k=False,
            parameters={
                "width": 4,
                "sparsity": 3.0,
                "steps": 1000,
                "batch": 128,
                "learning_rate": 1e-3,
                "inverse_penalty": 10.0,
            },
            judged_by="latents",
        ),
    )
}
VECTOR = "vector"  # an arm that applies a steering vector instead of a featurizer


Instance256 = Annotated[str, About(name="instance")]
Label = Annotated[str, About(name="label", is_label=True), Stored(aside=True)]


@dataclass(frozen=True, kw_only=True)
class FeaturizerSpec(Request):
    """A complete request for a featurizer of one attribute; equal requests have equal hashes."""

    TAG: ClassVar[str] = "ravel-featurizer"

    instance_sha256: Instance256
    method: Annotated[str, About(name="method")]
    attribute: Annotated[str, About(name="attribute")]  # that it is to change
    layer: Annotated[int, About(name="layer")]
    location: Annotated[Location, About(name="location")] = Location.ENTITY_LAST
    # None where the method finds their number.
    k: Annotated[int | None, About(name="features", none="as many as the method finds")] = None
    # All of the method's.
    parameters: Annotated[Mapping[str, float], About(name="parameters")] = field(
        default_factory=dict
    )
    # Of an autoencoder, given by file.
    weights_sha256: Annotated[str | None, About(name="weights", none="trained here")] = None
    seed: Seed = 0


@dataclass(frozen=True, kw_only=True)
class FeaturizerArm(Coded):
    """Featurizers of one kind for several attributes, scored together."""

    label: Label
    # One per target attribute.
    featurizers: Annotated[tuple[FeaturizerSpec, ...], About(name="featurizers")]

    @property
    def first(self) -> FeaturizerSpec:
        """One of them; they agree in all but the attribute."""
        return self.featurizers[0]

    @property
    def targets(self) -> tuple[str, ...]:
        """Attributes that are to be changed."""
        return tuple(featurizer.attribute for featurizer in self.featurizers)


@dataclass(frozen=True, kw_only=True)
class VectorArm(Coded):
    """An ordinary steering vector that is to turn one value of an attribute into another."""

    label: Label
    vector_id: VectorId
    vector_sha256: VectorSha256
    attribute: Annotated[str, About(name="attribute")]
    # Gold value of the base entities that are tried.
    before: Annotated[str, About(name="from")]
    # Gold value that the vector is to bring, which the source entities have.
    after: Annotated[str, About(name="to")]
    operator: Annotated[str, About(name="operator")]
    strength: Annotated[
        float,
        About(
            name="strength",
            unit=lambda owner: Operator(owner.operator).info.unit,
            words=signed,
        ),
    ]
    site: Annotated[str, About(name="write site")]
    positions: Annotated[str, About(name="positions")] = "all"
    layers: Layers = None

    @property
    def targets(self) -> tuple[str, ...]:
        """Attributes that are to be changed."""
        return (self.attribute,)

    def to_json(self) -> dict[str, Any]:
        """The stored form, told from that of featurizers by its one name."""
        return {"vector": super().to_json()}

    @classmethod
    def from_json(cls, data: Any, ids: Ids = NO_IDS) -> "VectorArm":
        """Inverse of ``to_json``; label and row id may stand beside the form."""
        beside = {name: value for name, value in data.items() if name != "vector"}
        return super().from_json({**data["vector"], **beside}, ids)


AttributeArm = FeaturizerArm | VectorArm


@dataclass(frozen=True, kw_only=True)
class RavelRunSpec(Request):
    """Arms that are trained where they are not yet, and scored on parts of an instance."""

    TAG: ClassVar[str] = "ravel-run"

    instance_sha256: Instance256
    arms: Annotated[tuple[AttributeArm, ...], About(name="arm", each=True)]
    parts: Annotated[tuple[ExamplePart, ...], About(name="parts")] = TESTS  # none: only train

    @cached_property
    def sha256(self) -> str:
        """Identity of the request; the labels of its arms are only names."""
        return content_sha256(self.TAG, super().to_json())

    def to_json(self) -> dict[str, Any]:
        """The request as JSON types, the form that is put into a job: with labels and row ids."""
        beside = [
            {"label": arm.label}
            | ({"vector_id": arm.vector_id} if isinstance(arm, VectorArm) else {})
            for arm in self.arms
        ]
        data = super().to_json()
        arms = [form | names for form, names in zip(data["arms"], beside, strict=True)]
        return {**data, "arms": arms}


@dataclass(frozen=True, kw_only=True)
class NamedTensor:
    """One array of a featurizer: raw little-endian float32."""

    name: str
    values: "np.ndarray[Any, np.dtype[np.float32]]"

    @cached_property
    def data(self) -> bytes:
        """The bytes that are stored."""
        import numpy as np

        return np.ascontiguousarray(self.values, dtype="<f4").tobytes()

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of ``data``, hex digits."""
        return bytes_sha256(self.data)


@dataclass(frozen=True, kw_only=True)
class NewFeaturizer:
    """A featurizer that is about to be stored."""

    spec: FeaturizerSpec
    instance_id: int
    n_features: int  # that it swaps
    tensors: Sequence[NamedTensor]
    curve: Sequence[Mapping[str, float]]  # what training showed, step by step
    measures: Measures  # ``remarks.MEASURES`` says what they mean
    environment: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class StoredFeaturizer:
    """A stored featurizer without its arrays."""

    id: int
    spec: FeaturizerSpec
    instance_id: int
    instance_name: str
    n_features: int
    curve: tuple[Mapping[str, float], ...]
    measures: Measures
    environment: Mapping[str, Any]
    created_at: datetime  # UTC
    created_by: str


@dataclass(frozen=True, kw_only=True)
class NewEvaluation:
    """The outcomes of one arm on one part, about to be stored."""

    arm: AttributeArm
    part: ExamplePart
    instance_id: int
    featurizer_ids: Sequence[int]
    outcomes: Sequence[Outcome]
    scores: Sequence[AttributeScore]
    environment: Mapping[str, Any]

    @cached_property
    def sha256(self) -> str:
        """Hash of arm and part, which equal evaluations share."""
        return evaluation_sha256(self.arm, self.part)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A stored evaluation with its scores."""

    id: int
    arm: AttributeArm
    label: str
    method: str
    layer: int | None  # None: several, as a steering vector has
    location: str
    k: int | None  # as it was asked for
    n_features: float | None  # swapped, mean over targets
    part: ExamplePart
    instance_id: int
    n_outcomes: int
    scores: tuple[AttributeScore, ...]
    measures: Mapping[str, Measures]  # of its featurizers, by target
    created_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class RavelRun:
    """A stored run: its evaluations stand in the order of its arms and parts."""

    id: int
    name: str | None
    spec_sha256: str
    instance_id: int
    instance_name: str
    n_evaluations: int
    duration_s: float
    created_at: datetime  # UTC
    created_by: str


def facts_of_arm(arm: AttributeArm, names: Names | None = None) -> tuple[Fact, ...]:
    """What an arm does, but its label; featurizers of several attributes are told as one."""
    if isinstance(arm, FeaturizerArm):
        targets = ", ".join(arm.targets)
        return tuple(
            replace(fact, value=targets) if fact.field == "attribute" else fact
            for fact in describe(arm.first)
        )
    return tuple(fact for fact in describe(arm, names) if fact.field != "label")


def evaluation_sha256(arm: AttributeArm, part: ExamplePart) -> str:
    """Identity of an arm's outcomes on a part."""
    return content_sha256("ravel-evaluation", {"arm": arm.to_json(), "part": part.value})


def check_featurizer(
    method: str, *, layer: int, k: int | None, n_layers: int, d_model: int
) -> FeaturizerMethod:
    """What is known of a method, if a featurizer of that shape can be made for the model.

    Args:
        method: Name of a featurizer.
        layer: The block whose output is edited, from 0.
        k: Features to swap; None leaves their number to the method.
        n_layers: Blocks of the model.
        d_model: Width of the model.

    Raises:
        InputError: If the method is unknown, or k does not go with it.
        ShapeError: If the layer or k is out of range.
    """
    if method not in FEATURIZERS:
        raise InputError(f"Featurizer {method!r} is unknown. Use one of {', '.join(FEATURIZERS)}.")
    featurizer = FEATURIZERS[method]
    if not 0 <= layer < n_layers:
        raise ShapeError(f"Layer {layer} does not exist; the model has layers 0 to {n_layers - 1}.")
    if k is None and featurizer.needs_k:
        raise InputError(f"Featurizer {method} needs --k, the number of features to swap.")
    if k is not None and not featurizer.takes_k:
        raise InputError(f"Featurizer {method} finds the number of features itself; leave --k out.")
    width = d_model * int(featurizer.parameters["width"]) if method == "sae" else d_model
    if k is not None and not 1 <= k <= width:
        raise ShapeError(
            f"k is {k}, but featurizer {method} of this model has 1 to {width} features."
        )
    return featurizer


def check_parameters(method: FeaturizerMethod, overrides: Mapping[str, float]) -> dict[str, float]:
    """All parameters of a method, the given ones in the place of their defaults.

    Raises:
        InputError: If one is unknown or not above 0 where it has to be.
    """
    unknown = sorted(set(overrides) - set(method.parameters))
    if unknown:
        known = ", ".join(method.parameters) or "none"
        raise InputError(
            f"Featurizer {method.name} has no parameter {unknown[0]!r}. It has: {known}."
        )
    for name, value in overrides.items():
        if not (value > 0 or (value == 0 and name in ("l1", "sparsity", "isolate"))):
            raise InputError(f"Parameter {name} is {value}; it must be above 0.")
    return {**method.parameters, **overrides}


def check_recipe(spec: FeaturizerSpec) -> None:
    """Refuse a request of an earlier recipe: what its numbers meant is no longer made.

    A featurizer that was made by it stays what it is, and is found by its request.

    Raises:
        InputError: If its parameters are not those of the method today.
    """
    today = FEATURIZERS[spec.method].parameters
    if set(spec.parameters) != set(today):
        raise InputError(
            f"The request for {spec.method} of {spec.attribute!r} is of an earlier recipe, with "
            f"the parameters {', '.join(sorted(spec.parameters)) or 'none'}; today's are "
            f"{', '.join(sorted(today)) or 'none'}. Ask for it anew."
        )
