"""All arms of a run as tables of prepared vectors, one row per arm, built once.

A place is a site of a layer. Each phase of a sequence, prompt or response, has its own tables, so
``positions`` costs nothing while generating.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch

from vectorlab.domain.runs import Arm, Combine, Intervention, Operator, Positions, check_strength
from vectorlab.domain.vectors import LayerVector, Site
from vectorlab.errors import InputError, NotFoundError, ShapeError
from vectorlab.steering.loading import LoadedModel
from vectorlab.steering.operators import OPERATORS, Slots


class Phase(StrEnum):
    """Which part of a sequence a position belongs to."""

    PROMPT = "prompt"
    RESPONSE = "response"


PHASES_OF: dict[Positions, tuple[Phase, ...]] = {
    Positions.ALL: (Phase.PROMPT, Phase.RESPONSE),
    Positions.PROMPT: (Phase.PROMPT,),
    Positions.RESPONSE: (Phase.RESPONSE,),
}


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """Where something is written."""

    layer: int
    site: Site


@dataclass(frozen=True, kw_only=True)
class OperatorTable:
    """One operator at one place in one phase, for every arm."""

    operator: Operator
    slots: Slots  # tensors with leading axis A, on the model's device
    active: tuple[bool, ...]  # (A,) whether the arm does anything here

    def rows(self, arms: Sequence[int], device: torch.device) -> tuple[Slots, torch.Tensor]:
        """The slots of a batch whose rows belong to these arms, and (B, 1, 1) who is active."""
        index = torch.tensor(arms, device=device)
        slots = Slots(
            directions=self.slots.directions[index],
            weights=self.slots.weights[index],
            gates=self.slots.gates[index],
        )
        active = torch.tensor([self.active[arm] for arm in arms], device=device)
        return slots, active[:, None, None]


@dataclass(frozen=True, kw_only=True)
class SteeringTable:
    """Everything that the arms of a run write, by phase and place."""

    tables: Mapping[Phase, Mapping[Place, tuple[OperatorTable, ...]]]

    @classmethod
    def build(
        cls,
        loaded: LoadedModel,
        arms: Sequence[Arm],
        vectors: Mapping[str, Sequence[LayerVector]],
    ) -> "SteeringTable":
        """Prepare the vectors of all arms on the model's device.

        Args:
            loaded: The model that will be steered.
            arms: Of the run; a row of a batch names its arm by index.
            vectors: Layer vectors by the content hash that the interventions name.

        Raises:
            ShapeError: If a vector's width or layers do not fit the model or the intervention.
            InputError: If a strength or a vector is not finite.
            NotFoundError: If an intervention names a vector that is not given.
        """
        by_hash = {
            item.vector_sha256: _checked_vector(loaded, item, vectors)
            for arm in arms
            for item in arm.interventions
        }
        for item in (item for arm in arms for item in arm.interventions):
            check_strength(item.strength)
            _check_layers(item, by_hash[item.vector_sha256])
        return cls(tables={phase: _phase_tables(loaded, arms, by_hash, phase) for phase in Phase})

    def places(self, arms: Sequence[int]) -> list[Place]:
        """Places where any of these arms does something in any phase."""
        return sorted(
            {
                place
                for tables in self.tables.values()
                for place, operators in tables.items()
                if any(item.active[arm] for item in operators for arm in arms)
            }
        )


_Vector = Mapping[int, torch.Tensor]  # layer -> (D,) float32


def _phase_tables(
    loaded: LoadedModel, arms: Sequence[Arm], vectors: Mapping[str, _Vector], phase: Phase
) -> dict[Place, tuple[OperatorTable, ...]]:
    here = [_interventions_by_place(arm, vectors, phase) for arm in arms]
    return {
        place: tuple(
            _operator_table(
                loaded, operator, arms, [item.get(place, []) for item in here], vectors, place.layer
            )
            for operator in OPERATORS
            if any(entry.operator is operator for item in here for entry in item.get(place, []))
        )
        for place in sorted({place for item in here for place in item})
    }


def _interventions_by_place(
    arm: Arm, vectors: Mapping[str, _Vector], phase: Phase
) -> dict[Place, list[Intervention]]:
    places: dict[Place, list[Intervention]] = {}
    for item in arm.interventions:
        layers = vectors[item.vector_sha256] if item.layers is None else item.layers
        if phase in PHASES_OF[item.positions]:
            for layer in layers:
                places.setdefault(Place(layer=layer, site=item.site), []).append(item)
    return places


def _operator_table(
    loaded: LoadedModel,
    operator: Operator,
    arms: Sequence[Arm],
    interventions: Sequence[Sequence[Intervention]],
    vectors: Mapping[str, _Vector],
    layer: int,
) -> OperatorTable:
    rows, active = [], []
    for arm, items in zip(arms, interventions, strict=True):
        mine = [item for item in items if item.operator is operator]
        stack = [vectors[item.vector_sha256][layer] for item in mine]
        active.append(
            any(item.strength != 0 and v.any() for item, v in zip(mine, stack, strict=True))
        )
        rows.append(_prepared(operator, stack, [item.strength for item in mine], arm.combine))
    return OperatorTable(
        operator=operator,
        slots=_stacked(rows, loaded.description.d_model, loaded.device),
        active=tuple(active),
    )


def _prepared(
    operator: Operator, vectors: list[torch.Tensor], strengths: list[float], combine: Combine
) -> Slots | None:
    if not vectors:
        return None
    return OPERATORS[operator].prepare(torch.stack(vectors), torch.tensor(strengths), combine)


def _stacked(rows: Sequence[Slots | None], width: int, device: torch.device) -> Slots:
    """Slots of all arms in one tensor each, filled up with zeros to the longest."""
    count = max(len(row.weights) for row in rows if row is not None)
    directions = torch.zeros(len(rows), count, width)
    weights, gates = torch.zeros(len(rows), count), torch.zeros(len(rows), count)
    for arm, row in enumerate(rows):
        if row is not None:
            used = len(row.weights)
            directions[arm, :used] = row.directions
            weights[arm, :used], gates[arm, :used] = row.weights, row.gates
    return Slots(
        directions=directions.to(device), weights=weights.to(device), gates=gates.to(device)
    )


def _checked_vector(
    loaded: LoadedModel, item: Intervention, vectors: Mapping[str, Sequence[LayerVector]]
) -> dict[int, torch.Tensor]:
    name, description = item.vector_sha256[:12], loaded.description
    if item.vector_sha256 not in vectors:
        raise NotFoundError("vector", name, hint="Give the layer vectors of every intervention.")
    checked: dict[int, torch.Tensor] = {}
    for part in vectors[item.vector_sha256]:
        if part.values.shape != (description.d_model,):
            raise ShapeError(
                f"Vector {name} has width {part.values.shape[-1]} at layer {part.layer}, but the "
                f"model {description.source} has d_model {description.d_model}. Extract it for "
                "this model: vectorlab vectors extract"
            )
        if not 0 <= part.layer < description.n_layers:
            raise ShapeError(
                f"Vector {name} has layer {part.layer}, but the model {description.source} has "
                f"{description.n_layers} layers (0 to {description.n_layers - 1}). Extract it for "
                "this model: vectorlab vectors extract"
            )
        checked[part.layer] = torch.from_numpy(part.values.astype("float32"))
        if not bool(checked[part.layer].isfinite().all()):
            raise InputError(
                f"Vector {name} holds a number that is not finite, layer {part.layer}."
            )
    return checked


def _check_layers(item: Intervention, vector: _Vector) -> None:
    missing = sorted(set(item.layers or ()) - set(vector))
    if missing:
        raise ShapeError(
            f"Intervention asks for layers {missing}, but vector {item.vector_sha256[:12]} has "
            f"layers {sorted(vector)}."
        )
