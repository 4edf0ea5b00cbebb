"""What an operator is made of: a half that runs once per run, and a half that runs in a hook."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, Protocol, Self, TypeVar

import torch

NORM_EPS = 1e-12  # as the ICV code guards norms
COSINE_EPS = 1e-8  # as the ICV code guards cosines

# What the steering vectors of an arm hold at one layer, by the names that ``OperatorInfo.needs``
# says, such as "vector": (K, D) float32.
Given = Mapping[str, torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class Slots:
    """What is prepared of the vectors of one arm at one place; operators add tensors of their own.

    ``prepare`` gives every tensor the leading axis K that is written in its class. For ``apply``
    they stand per row of the batch, (B, K, ...), and the weights also per position, (B, 1 or T, K).
    A slot that is not used is zero in all of them.
    """

    weights: torch.Tensor  # (K,) float32

    @classmethod
    def stacked(cls, arms: Sequence[Self | None]) -> Self:
        """Slots of all arms, (A, K, ...), filled up with zeros to the longest; None has none."""
        some = next(arm for arm in arms if arm is not None)
        tensors = {}
        for field in fields(some):
            parts = [None if arm is None else getattr(arm, field.name) for arm in arms]
            tensors[field.name] = _rectangle(parts)
        return replace(some, **tensors)

    def map(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Self:
        """The same with every tensor changed."""
        return replace(
            self, **{field.name: change(getattr(self, field.name)) for field in fields(self)}
        )

    def of_arms(self, arms: torch.Tensor) -> Self:
        """Stacked slots as ``apply`` takes them, for rows that belong to these arms (B,)."""
        chosen = self.map(lambda tensor: tensor[arms])
        return replace(chosen, weights=chosen.weights[:, None])


@dataclass(frozen=True, kw_only=True)
class DirectionSlots(Slots):
    """Slots with one direction each."""

    directions: torch.Tensor  # (K, D) float32


class FixedWork(Protocol):
    """What is done at every position alike."""

    def change(self, states: torch.Tensor, _values: object, /) -> torch.Tensor:
        """The states of (B, T, D), of any dtype, as they become, float32."""
        ...


@dataclass(frozen=True, kw_only=True)
class ShiftWork:
    """One vector added at every position."""

    shift: torch.Tensor  # (B, 1, D) float32; rows that do nothing hold -0.0, which changes no bit

    def change(self, states: torch.Tensor, _values: object, /) -> torch.Tensor:
        """The states of (B, T, D), of any dtype, as they become, float32."""
        return states + self.shift


@dataclass(frozen=True, kw_only=True)
class Active:
    """Which rows of a batch an operator acts on."""

    rows: torch.Tensor  # (B, 1, 1) bool
    are_all: bool  # what the host knows of it

    def changed(self, states: torch.Tensor, changed: torch.Tensor) -> torch.Tensor:
        """``where_active``, if any row is not.

        Args:
            states: (B, T, D) as they came.
            changed: (B, T, D) as an operator made them; may be written over.
        """
        return changed if self.are_all else where_active(self.rows, changed, states)


def where_active(active: torch.Tensor, changed: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
    """What changed where something acts; elsewhere the states untouched, to the bit.

    It is written over what changed, which an operator has just made.

    Args:
        active: Bool, broadcasts to (B, T, D).
        changed: (B, T, D).
        states: (B, T, D).
    """
    return torch.where(active, changed, states, out=changed)


class Ruled(Protocol):
    """An operator on a batch, prepared but for its weights, which depend on the position."""

    def apply(self, states: torch.Tensor, weights: torch.Tensor, /) -> torch.Tensor:
        """What the states (B, T, D) float32 become by weights (B, T, K), a tensor of its own."""
        ...


_Slots = TypeVar("_Slots", bound=Slots)


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[_Slots]):
    """How an operator acts; ``vectorlab.domain.interventions.operators`` says what strengths mean.

    ``prepare`` runs once per run on the vectors of one arm at one place, ``apply`` in the hook on
    float32 states. Where strength 0 is given, or a vector is zero, nothing is done at all. What
    ``apply`` returns is a tensor of its own, over which the states of other rows are written.
    """

    prepare: Callable[[Given, torch.Tensor], _Slots]  # what is given, strengths (K,)
    apply: Callable[[torch.Tensor, _Slots], torch.Tensor]  # states (B, T, D), slots -> states
    sums: bool = False  # whether vectors with constant strengths can be added up beforehand
    # A quicker way than ``apply`` where weights are the same at every position, if there is one.
    fixed: Callable[[_Slots, Active], FixedWork] | None = None
    # The same where weights depend on the position.
    ruled: Callable[[_Slots, Active], Ruled] | None = None


AnyOperation = Operation[Any]


@dataclass(frozen=True, kw_only=True)
class Applied:
    """``Ruled`` by what every operator has."""

    functions: AnyOperation
    slots: Slots  # of the batch

    def apply(self, states: torch.Tensor, weights: torch.Tensor, /) -> torch.Tensor:
        """``apply`` of the operator with these weights.

        Args:
            states: (B, T, D) float32.
            weights: (B, 1 or T, K).

        Returns:
            (B, T, D).
        """
        changed: torch.Tensor = self.functions.apply(states, replace(self.slots, weights=weights))
        return changed


def norms_of(vectors: torch.Tensor) -> torch.Tensor:
    """Norms over the last axis, (..., D) -> (..., 1)."""
    norms: torch.Tensor = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return norms


def unit(vectors: torch.Tensor) -> torch.Tensor:
    """Vectors of length 1 along the last axis, (..., D) -> (..., D); zero stays zero."""
    return vectors / norms_of(vectors).clamp(min=NORM_EPS)


def _rectangle(parts: Sequence[torch.Tensor | None]) -> torch.Tensor:
    """Tensors (K, ...) of unequal K in one (A, K, ...), filled up with zeros; None is all zeros."""
    present = [part for part in parts if part is not None]
    count = max(map(len, present))
    whole = present[0].new_zeros(len(parts), count, *present[0].shape[1:])
    for place, part in enumerate(parts):
        if part is not None:
            whole[place, : len(part)] = part
    return whole
