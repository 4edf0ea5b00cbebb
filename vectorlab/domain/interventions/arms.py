"""Interventions, and arms: those that act together while a text is made."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from vectorlab.domain.codec import Coded, Stored
from vectorlab.domain.description import About, counted, signed
from vectorlab.domain.fields import (
    Layers,
    VectorId,
    VectorModel,
    VectorSha256,
)
from vectorlab.domain.interventions.conditions import Condition
from vectorlab.domain.interventions.operators import Combine as Combine
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Part, Positions
from vectorlab.domain.interventions.schedules import Schedule
from vectorlab.domain.vectors.vectors import Site
from vectorlab.errors import InputError

# Older requests have neither and stay equal.
ScheduleOfStrength = Annotated[Schedule, About(name="schedule", quiet=True), Stored(if_given=True)]
ActsWhen = Annotated[
    Condition | None, About(name="when", none="always", quiet=True), Stored(if_given=True)
]


@dataclass(frozen=True, kw_only=True)
class Intervention(Coded):
    """One vector at work: vector, operator, strength, schedule, layers, write site, positions."""

    vector_id: VectorId
    vector_sha256: VectorSha256
    vector_model: VectorModel = None
    operator: Annotated[Operator, About(name="operator")]
    strength: Annotated[  # lambda
        float,
        About(name="strength", unit=lambda owner: owner.operator.info.unit, words=signed),
    ]
    site: Annotated[Site, About(name="write site")]
    positions: Annotated[Positions, About(name="positions")] = Positions.ALL
    layers: Layers = None
    # Of the strength while the text grows.
    schedule: ScheduleOfStrength = Schedule.CONSTANT
    condition: ActsWhen = None  # on prompt or response; None: always

    def __post_init__(self) -> None:
        # One spelling per number, so that 1, 1.0, 0.0 and -0.0 do not make different requests.
        object.__setattr__(self, "strength", float(self.strength) + 0.0)
        object.__setattr__(self, "operator", Operator(self.operator))  # notebooks may give a name
        part = self.positions.part
        if part is Part.RESPONSE and self.positions.last is not None:
            raise InputError(
                "The last tokens of a response are not known while it grows. "
                "Count them from its beginning, for example response:8-15."
            )
        if part is Part.PROMPT and self.condition is not None and self.condition.reads_response:
            raise InputError(
                f"A condition over {self.condition.window} cannot steer {self.positions}, which is "
                "read before. Choose positions response or all, or a window of the prompt."
            )


@dataclass(frozen=True, kw_only=True)
class Arm(Coded):
    """The interventions applied together; none of them, or only strength 0, is the baseline."""

    # A name, and so a part of what was asked for.
    label: Annotated[str, About(name="label", is_label=True)]
    interventions: Annotated[tuple[Intervention, ...], About(name="applies", quiet=True)] = ()
    combine: Annotated[Combine, About(name="combined by", quiet=True)] = Combine.MEAN
    # Put before every prompt, such as demonstrations for in-context learning.
    prefix: Annotated[
        str,
        About(name="characters before every prompt", quiet=True, words=counted),
        Stored(if_given=True),
    ] = ""

    @property
    def is_baseline(self) -> bool:
        """Whether this arm leaves the model and its prompts as they are."""
        return not self.prefix and all(
            intervention.strength == 0 for intervention in self.interventions
        )


def check_strength(strength: float) -> float:
    """The strength itself, if it is finite.

    Raises:
        InputError: If it is no number, NaN or infinite.
    """
    try:
        finite = math.isfinite(strength)
    except TypeError as exc:
        raise InputError(f"Strength {strength!r} is no number. Give one such as 0.1.") from exc
    if not finite:
        raise InputError(f"Strength {strength} is not finite. Give a number such as 0.1.")
    return strength


def check_arm(arm: Arm) -> Arm:
    """The arm itself, if its interventions can act together.

    Raises:
        InputError: If a strength is not finite, or vectors that act as one are not to act alike.
    """
    firsts: dict[tuple[Operator, Site], Intervention] = {}
    for intervention in arm.interventions:
        check_strength(intervention.strength)
        if not intervention.operator.info.acts_as_one:
            continue
        first = firsts.setdefault((intervention.operator, intervention.site), intervention)
        if _course(first) != _course(intervention):
            raise InputError(
                f"Arm {arm.label!r} has several vectors under {intervention.operator} at "
                f"{intervention.site}, which act as one. Give them one strength, positions, "
                "schedule and layers, or an arm each."
            )
    return arm


def check_measured_before(intervention: Intervention, layers: Iterable[int]) -> None:
    """Refuse an intervention that writes before its condition on the same token is measured.

    Args:
        intervention: The intervention.
        layers: Where it writes.

    Raises:
        InputError: If it does at some layer.
    """
    condition = intervention.condition
    if condition is None or not condition.reads_response:
        return
    # In some blocks attention and MLP run side by side; behind both is their block's output.
    same = intervention.site is Site.BLOCK_OUTPUT and condition.site is not Site.BLOCK_OUTPUT
    first = condition.layer + (not same)
    early = sorted(layer for layer in layers if layer < first)
    if early:
        raise InputError(
            f"The condition is measured at {condition.site} of layer {condition.layer}, too late "
            f"for {intervention.site} of layer {early[0]}. Steer layers from {first} on (--layers "
            f"{first}-...), or measure at a lower layer."
        )


def _course(intervention: Intervention) -> tuple[Any, ...]:
    return (
        intervention.strength,
        intervention.positions,
        intervention.schedule,
        intervention.layers,
        intervention.condition,
    )
