"""Catalogue of operators: what the command line, services and the dashboard know without torch.

What each does to a state is in the file of its name in
``vectorlab.steering.interventions.operators``.
"""

from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    """How a layer vector v acts on a state x of its write site.

    At one place they act in this order, so the norm that the last two keep is the norm that leaves
    the place.
    """

    ABLATE = "ablate"  # x - strength * (x . unit v) unit v; strength 1 removes the direction
    PROJECT_TO = "project_to"  # (1 - strength) x + strength (x . unit v) unit v; 1 keeps it alone
    ADD = "add"  # x + strength * v; strength in units of v
    ADD_NORM_PRESERVING = "add_norm_preserving"  # x + strength * v, given back the norm of x
    ROTATE = "rotate"  # ICV: turn x towards v, norm kept; strength is relative to |x|

    @property
    def info(self) -> "OperatorInfo":
        """Its entry in the catalogue."""
        return OPERATORS[self]


@dataclass(frozen=True, kw_only=True)
class Slider:
    """Strengths that a slider offers; typed ones may lie outside."""

    lowest: float
    highest: float
    step: float
    start: float


@dataclass(frozen=True, kw_only=True)
class OperatorInfo:
    """What strengths of an operator mean, and what goes together under it."""

    unit: str  # of a strength, in words
    first_guess: float  # where a calibration begins
    most: float | None = None  # the largest strength that makes sense; None: there is none
    slider: Slider
    needs: tuple[str, ...] = ("vector",)  # what a steering vector has to hold at each layer
    scales_with_length: bool = False  # whether a vector of twice the length does more
    # Whether what it writes at one layer comes on top of what it wrote at those before, so that a
    # vector's L layers do L times as much as one.
    adds_up: bool = False
    takes_mean: bool = False  # whether ``Combine.MEAN`` divides by the number of vectors
    # Whether the vectors of an arm are one thing to it, such as the space that they span, and so
    # have to share strength, positions, schedule and layers.
    acts_as_one: bool = False


_SHARE = Slider(lowest=0.0, highest=1.0, step=0.05, start=1.0)
_MULTIPLE = Slider(lowest=-4.0, highest=4.0, step=0.1, start=1.0)

OPERATORS: dict[Operator, OperatorInfo] = {
    Operator.ABLATE: OperatorInfo(
        unit="share of the component along the vector that is removed (1 = all of it)",
        first_guess=0.25,
        most=1.0,
        slider=_SHARE,
    ),
    Operator.PROJECT_TO: OperatorInfo(
        unit="share of everything beside the vector that is removed (1 = all of it)",
        first_guess=0.25,
        most=1.0,
        slider=_SHARE,
        acts_as_one=True,
    ),
    Operator.ADD: OperatorInfo(
        unit="multiples of the vector as stored, in activation units",
        first_guess=1.0,
        slider=_MULTIPLE,
        scales_with_length=True,
        adds_up=True,
    ),
    Operator.ADD_NORM_PRESERVING: OperatorInfo(
        unit="multiples of the vector as stored, before the state gets its own norm back",
        first_guess=1.0,
        slider=_MULTIPLE,
        scales_with_length=True,
    ),
    Operator.ROTATE: OperatorInfo(
        unit="relative to the norm of the site's output (0.1 turns it by about 5.7°)",
        first_guess=0.1,
        slider=Slider(lowest=-0.5, highest=0.5, step=0.01, start=0.1),
        takes_mean=True,
    ),
}

# Those whose pushes ``Combine`` averages or sums, in words.
AVERAGED = ", ".join(item for item in Operator if item.info.takes_mean)


class Combine(StrEnum):
    """How several interventions of one arm share a layer, by an operator that ``takes_mean``."""

    MEAN = "mean"  # ICV's rule: the sum is divided by their number
    SUM = "sum"
