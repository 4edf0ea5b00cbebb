"""Steering vectors: sites, operators, the specification of an extraction and its result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from vectorlab.domain.codec import Request, Stored
from vectorlab.domain.description import About, describe
from vectorlab.domain.fields import Dtype, ModelFingerprint, SpecialTokens
from vectorlab.domain.hashing import bytes_sha256, content_sha256
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.sets.versions import Demonstration
from vectorlab.domain.vectors.conventions import Convention
from vectorlab.domain.vectors.passages import (
    ChatForm,
    Passage,
    ThinkingMarkers,
    passage,
    template_slots,
)
from vectorlab.domain.vectors.places import RESPONSE_PARTS as RESPONSE_PARTS
from vectorlab.domain.vectors.places import Site as Site
from vectorlab.domain.vectors.places import TokenRule as TokenRule
from vectorlab.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FloatArray: TypeAlias = "npt.NDArray[np.float32]"


class Origin(StrEnum):
    """How a steering vector came to be."""

    EXTRACTED = "extracted"
    COMBINED = "combined"  # of several vectors, each with its weight
    DERIVED = "derived"  # from a vector: a control of it, or another form
    IMPORTED = "imported"


def departures(spec: "ExtractionSpec") -> str:
    """Where a request differs from its convention: ``, but tokens last``; else nothing."""
    if spec.convention is None:
        return ""
    usual = spec.convention.info
    facts = [
        fact
        for fact in describe(replace(spec, convention=None))
        if getattr(spec, fact.field) != getattr(usual, fact.field, getattr(spec, fact.field))
    ]
    words = ", ".join(f"{fact.name} {fact.value}" for fact in facts)
    return f", but {words}" if words else ""


@dataclass(frozen=True, kw_only=True)
class ExtractionSpec(Request):
    """A complete request for a steering vector; equal requests have equal hashes."""

    TAG: ClassVar[str] = "extraction"

    model_fingerprint: ModelFingerprint
    set_sha256: Annotated[str, About(name="set's content hash")]
    method: Annotated[str, About(name="method")]  # a name in ``domain.vectors.methods.METHODS``
    parameters: Annotated[Mapping[str, Any], About(name="parameters")] = field(
        default_factory=dict
    )  # of the method
    read_site: Annotated[Site, About(name="read site")]
    write_site: Annotated[Site, About(name="write site")]
    token_rule: Annotated[TokenRule, About(name="tokens")] = TokenRule.LAST
    # Delete ASCII punctuation first, as the ICV code does.
    strip_punctuation: Annotated[bool, About(name="punctuation deleted")] = False
    add_special_tokens: SpecialTokens = True
    dtype: Dtype = "float32"  # sums are always float32
    # How a text takes part in a conversation.
    chat: Annotated[ChatForm, About(name="chat"), Stored(if_given=True)] = ChatForm.NONE
    # Around every text, with {text} and slots for metadata.
    template: Annotated[str, About(name="template", words=repr), Stored(if_given=True)] = ""
    thinking: Annotated[
        ThinkingMarkers | None,
        About(name="thinking markers", none="those that are recognised"),
        Stored(if_given=True),
    ] = None
    # Whose values the fields above were taken from, and how the vector is applied unless somebody
    # says otherwise.
    convention: Annotated[
        Convention | None,
        About(name="convention", quiet=True, remark=departures),
        Stored(if_given=True),
    ] = None


def check_reading(token_rule: TokenRule, chat: ChatForm, template: str) -> None:
    """Refuse a token rule that has nothing to be found in.

    Raises:
        InputError: If the rule names a part of a conversation or a slot that there is none of, or
            the template is none.
    """
    slots = template_slots(template) if template else ()
    if token_rule.kind in RESPONSE_PARTS and chat is not ChatForm.RESPONSE:
        raise InputError(
            f"Token rule {token_rule} reads a part of a response, but texts are read as "
            f"{'they are' if chat is ChatForm.NONE else 'prompts'}. Add --chat response, or choose "
            "another rule with --tokens."
        )
    if token_rule.kind == "slot" and token_rule.partition(":")[2] not in slots:
        has = ", ".join(slots) if slots else "no slots; give one with --template"
        raise InputError(f"Token rule {token_rule} names no slot of the template, which has {has}.")


def passages_of(
    demonstrations: Sequence[Demonstration], spec: ExtractionSpec, texts: Sequence[str]
) -> list[Passage]:
    """What is read for each of the texts: every source, then every target.

    Raises:
        InputError: If metadata lacks what the template or the conversation needs; names the side.
    """
    if spec.chat is ChatForm.NONE and not spec.template:
        return [Passage(text=text) for text in texts]
    return [
        passage(
            text,
            demonstrations[place % len(demonstrations)].metadata,
            form=spec.chat,
            template=spec.template,
            markers=spec.thinking,
            name=side_name(place, len(demonstrations)),
        )
        for place, text in enumerate(texts)
    ]


def check_passages(demonstrations: Sequence[Demonstration], spec: ExtractionSpec) -> None:
    """Refuse demonstrations whose metadata lacks what the specification needs.

    Raises:
        InputError: Naming the demonstration.
    """
    if spec.template or spec.chat is not ChatForm.NONE:
        sides = [demonstration.source for demonstration in demonstrations]
        passages_of(
            demonstrations,
            spec,
            sides + [demonstration.target or "" for demonstration in demonstrations],
        )


def side_name(place: int, pairs: int) -> str:
    """What an error calls a text, counted over every source and then every target."""
    side, row = divmod(place, pairs)
    return f"The {('source', 'target')[side]} of demonstration {row + 1}"


@dataclass(frozen=True, kw_only=True)
class LayerVector:
    """The part of a steering vector that belongs to one decoder block."""

    layer: int  # counts from 0: the output of decoder block ``layer``
    values: FloatArray  # (d_model,), not normalised (activation units)
    explained_variance: float | None = None  # share of the differences' variance along it, 0..1
    separability: float | None = None  # held-out accuracy of sources and targets along it, 0..1

    @cached_property
    def data(self) -> bytes:
        """The bytes that are stored: raw little-endian float32."""
        import numpy as np

        return np.ascontiguousarray(self.values, dtype="<f4").tobytes()

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of ``data``, hex digits."""
        return bytes_sha256(self.data)

    @cached_property
    def norm(self) -> float:
        """Euclidean length in activation units, computed in float64."""
        import numpy as np

        return float(np.linalg.norm(self.values.astype(np.float64)))


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """How far one demonstration pulls along the vector."""

    position: int  # of the demonstration in its set version, from 0
    cosines: tuple[float, ...]  # per stored layer: its difference against the layer vector
    mean: float  # of the cosines


@dataclass(frozen=True, kw_only=True)
class ParentWeight:
    """One term of a combined vector."""

    vector_id: int
    weight: float


@dataclass(frozen=True, kw_only=True)
class NewVector:
    """A steering vector that is about to be stored."""

    name: str
    model_id: int
    set_version_id: int | None
    method: str  # how the numbers were made: one of ``domain.vectors.methods``
    operator: Operator  # how it acts unless somebody says otherwise
    parameters: Mapping[str, Any]
    read_site: Site
    write_site: Site
    token_rule: TokenRule
    spec: ExtractionSpec | None  # None unless extracted
    origin: Origin
    layers: Sequence[LayerVector]
    alignments: Sequence[Alignment] = ()
    parents: Sequence[ParentWeight] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def content_sha256(self) -> str:
        """Hash of the exact bytes of every layer and of the site they are written to."""
        return vector_content_sha256(self.layers, self.write_site)


@dataclass(frozen=True, kw_only=True)
class SteeringVector:
    """A stored steering vector without its numbers (see ``LayerVector``)."""

    id: int
    name: str
    content_sha256: str
    spec_sha256: str | None
    model_id: int
    model_name: str
    set_version_id: int | None
    set_label: str | None  # name@number
    method: str  # how the numbers were made: one of ``domain.vectors.methods``
    operator: Operator  # how it acts unless somebody says otherwise
    parameters: Mapping[str, Any]
    read_site: Site
    write_site: Site
    token_rule: TokenRule
    origin: Origin
    n_layers: int  # stored layer vectors
    d_model: int
    n_demonstrations: int | None
    created_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class LayerVectorInfo:
    """What a table shows of a layer vector; no numbers, no blob."""

    layer: int
    d_model: int
    dtype: str
    norm: float
    explained_variance: float | None
    separability: float | None
    sha256: str


def vector_content_sha256(layers: Sequence[LayerVector], write_site: Site) -> str:
    """Identity of vector bytes: every layer's hash in order, and where they are written."""
    return content_sha256(
        "steering-vector",
        {
            "write_site": write_site.value,
            "layers": [[layer.layer, layer.sha256] for layer in layers],
        },
    )


# Parameters of derived vectors that do not ask for anything: names, for which the parents stand,
# and what was measured while the vector was made.
NOT_ASKED = frozenset({"of", "removed", "terms", "measured_kl", "natural_norms", "scale", "tried"})


def derived_request_sha256(
    method: str, parameters: Mapping[str, Any], parents: Sequence[str]
) -> str:
    """Identity of the request for a vector made of others, whatever numbers came of it.

    Args:
        method: How the numbers came of theirs.
        parameters: Of the vector, as stored.
        parents: Such identities of the vectors it was made of, in their order.
    """
    return content_sha256(
        "derived-request",
        {
            "method": method,
            "parameters": {key: parameters[key] for key in parameters.keys() - NOT_ASKED},
            "weights": [float(weight) for weight, _ in parameters.get("terms", ())],
            "parents": list(parents),
        },
    )
