"""Catalogue of conventions: how other people's code makes and applies a steering vector.

A convention is shorthand. It stands for values of fields that a request has anyway, and is kept
with the request, so that what was made by it is applied as its code would, and what was asked for
otherwise is said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Positions
from vectorlab.domain.vectors.places import Site, TokenRule
from vectorlab.errors import InputError


class Convention(StrEnum):
    """Whose way of making and applying a vector."""

    CAA = "caa"
    ICV = "icv"
    REPENG = "repeng"
    STEERING_VECTORS = "steering-vectors"

    @property
    def info(self) -> "ConventionInfo":
        """Its entry in the catalogue."""
        return CONVENTIONS[self]


class UsualLayers(StrEnum):
    """Which layers of a vector are steered where nobody names any."""

    ALL = "all"
    ONE = "one"  # the one that tells sources and targets apart best
    INNER = "inner"  # all but the first and the last


@dataclass(frozen=True, kw_only=True)
class ConventionInfo:
    """What one code does: how it reads, how it makes numbers of that, and how it applies them."""

    summary: str
    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    read_site: Site = Site.BLOCK_OUTPUT
    write_site: Site = Site.BLOCK_OUTPUT
    token_rule: TokenRule = TokenRule.LAST
    strip_punctuation: bool = False
    operator: Operator = Operator.ADD
    layers: UsualLayers
    positions: Positions = Positions.ALL
    strength: float = 1.0
    unlike: str = ""  # where a vector of it still differs from that of its code
    source: str  # the code


CONVENTIONS: dict[Convention, ConventionInfo] = {
    Convention.CAA: ConventionInfo(
        summary="mean difference at the last token but one, added at one layer from the end of the "
        "instruction on",
        method="mean_difference",
        token_rule=TokenRule("index:-2"),
        layers=UsualLayers.ONE,
        positions=Positions(last=1),
        unlike="the code sweeps the layer and has no default; a vector's length is made equal over "
        "behaviours there",
        source="https://github.com/nrimsky/CAA",
    ),
    Convention.ICV: ConventionInfo(
        summary="mean plus first component of texts without punctuation, MLP outputs turned at all "
        "layers",
        method="icv",
        write_site=Site.MLP_OUTPUT,
        strip_punctuation=True,
        operator=Operator.ROTATE,
        layers=UsualLayers.ALL,
        strength=0.1,
        unlike="the code rounds steered states to half precision",
        source="https://github.com/shengliu66/ICV",
    ),
    Convention.REPENG: ConventionInfo(
        summary="unit first component of the centred differences, added at all layers but the "
        "first and the last",
        method="pca_diff",
        layers=UsualLayers.INNER,
        unlike="its last layer is read behind the final norm there; the code has no default layers",
        source="https://github.com/vgel/repeng",
    ),
    Convention.STEERING_VECTORS: ConventionInfo(
        summary="mean difference at the last token, added at all layers",
        method="mean_difference",
        layers=UsualLayers.ALL,
        source="https://github.com/steering-vectors/steering-vectors",
    ),
}


def convention_named(name: str) -> Convention:
    """The convention of a name.

    Raises:
        InputError: If there is none.
    """
    if name not in list(Convention):
        raise InputError(f"Convention {name!r} is not known. Known are {', '.join(Convention)}.")
    return Convention(name)
