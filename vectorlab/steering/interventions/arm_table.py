"""All arms of a run as tables of prepared vectors, one row per arm, built once.

A place is a site of a layer. Each phase of a sequence, prompt or response, has its own tables, so
positions that are a whole part cost nothing while generating. Windows, chosen tokens and schedules
are looked up per position; an arm that uses them at a place does so for all that it does there by
that operator, and the other arms of the run do not notice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import torch

from vectorlab.domain.interventions.arms import (
    Arm,
    Combine,
    Intervention,
    check_arm,
    check_measured_before,
)
from vectorlab.domain.interventions.conditions import Condition
from vectorlab.domain.interventions.operators import Operator
from vectorlab.domain.interventions.positions import Part
from vectorlab.domain.vectors.vectors import LayerVector, Site
from vectorlab.errors import InputError, ModelError, NotFoundError, ShapeError
from vectorlab.steering.interventions.conditions import direction_of
from vectorlab.steering.interventions.operators import operation, prepare_constant
from vectorlab.steering.interventions.operators.base import Given, Slots
from vectorlab.steering.interventions.token_positions import (
    MarkerIds,
    PassReader,
    Rule,
    RuleReader,
    ThinkingReader,
)
from vectorlab.steering.model.conversation_spans import marker_ids, thinking_markers
from vectorlab.steering.model.loading import LoadedModel


class Phase(StrEnum):
    """Which part of a sequence a position belongs to."""

    PROMPT = "prompt"
    RESPONSE = "response"


PHASES_OF: dict[Part, tuple[Phase, ...]] = {
    Part.ALL: (Phase.PROMPT, Phase.RESPONSE),
    Part.PROMPT: (Phase.PROMPT,),
    Part.RESPONSE: (Phase.RESPONSE,),
}


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """A layer and a site at which something is written."""

    layer: int
    site: Site


@dataclass(frozen=True, kw_only=True)
class OperatorTable:
    """One operator at one place in one phase, for every arm that acts on whole parts there."""

    operator: Operator
    slots: Slots  # tensors with leading axis A, on the layer's device
    active: tuple[bool, ...]  # (A,) whether the arm does anything here


@dataclass(frozen=True, kw_only=True)
class RuledTable(OperatorTable):
    """The same for the arms whose weights depend on the position."""

    rules: torch.Tensor  # (A, K) int64, index into ``SteeringTable.rules``
    used: torch.Tensor  # (A, K) bool: the slot holds an intervention
    moves: torch.Tensor  # (A, K) bool: and one that changes states where its rule lets it
    mean: torch.Tensor  # (A,) bool: weights are divided by the number of interventions that act
    number: int  # tables of one number have the same weights and rules


@dataclass(frozen=True, kw_only=True)
class GaugeTable:
    """A condition on the response, and what waits for it."""

    condition: Condition
    place: Place
    direction: torch.Tensor  # (D,) float32
    others: torch.Tensor  # (R,) bool: ``SteeringTable.rules`` that do not wait for it
    arms: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class SteeringTable:
    """Everything that the arms of a run write, by phase and place."""

    tables: Mapping[Phase, Mapping[Place, tuple[OperatorTable, ...]]]
    device: torch.device
    rules: tuple[Rule, ...]  # that depend on the position
    bos_id: int | None  # of the tokenizer
    markers: MarkerIds | None = None  # around thinking, if a rule asks for a stage
    gauges: tuple[GaugeTable, ...] = ()

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
            InputError: If a strength or a vector is not finite, or vectors of an arm do not go
                together.
            NotFoundError: If an intervention names a vector that is not given.
        """
        by_hash = {
            intervention.vector_sha256: _checked_vector(loaded, intervention, vectors)
            for arm in arms
            for intervention in arm.interventions
        }
        for intervention in (
            intervention for arm in map(check_arm, arms) for intervention in arm.interventions
        ):
            _check_layers(intervention, by_hash[intervention.vector_sha256])
            _check_needs(intervention, by_hash[intervention.vector_sha256])
            check_measured_before(
                intervention, intervention.layers or by_hash[intervention.vector_sha256]
            )
        all_rules = [_rule(intervention) for arm in arms for intervention in arm.interventions]
        rules = (
            tuple(dict.fromkeys(all_rules)) if any(not rule.is_plain for rule in all_rules) else ()
        )
        build = _Builder(loaded=loaded, arms=arms, vectors=by_hash, rules=rules)
        return cls(
            tables={phase: build.phase(phase) for phase in Phase},
            device=loaded.device,
            rules=rules,
            bos_id=loaded.tokenizer.bos_token_id,
            markers=_markers(loaded) if any(rule.positions.stage for rule in rules) else None,
            gauges=tuple(_gauges(loaded, arms, vectors, rules)),
        )

    def pass_reader(self) -> PassReader:
        """What follows a batch for the rules."""
        if self.markers is None:
            return PassReader()
        return PassReader(ThinkingReader(self.markers, self.device))

    def rule_reader(self) -> RuleReader | None:
        """What looks at every pass for the rules; None if there is none."""
        return RuleReader(self.rules, self.bos_id, self.device) if self.rules else None

    def places(self, arms: Sequence[int]) -> list[Place]:
        """Places where any of these arms does or measures something in any phase."""
        written = {
            place
            for tables in self.tables.values()
            for place, operators in tables.items()
            if any(operator.active[arm] for operator in operators for arm in arms)
        }
        return sorted(written | {gauge.place for gauge in self.gauges_of(arms)})

    def leaves_prompts_alone(self, arms: Sequence[int]) -> bool:
        """Whether these arms read their prompts as the unsteered model does."""
        written = self.tables[Phase.PROMPT].values()
        return not self.rules and not any(
            operator.active[arm] for operators in written for operator in operators for arm in arms
        )

    def gauges_of(self, arms: Sequence[int]) -> list[GaugeTable]:
        """The conditions that any of these arms waits for."""
        return [gauge for gauge in self.gauges if not gauge.arms.isdisjoint(arms)]


_Vector = Mapping[int, Mapping[str, torch.Tensor]]  # layer -> what it holds, such as (D,) float32


@dataclass(frozen=True, kw_only=True)
class _Builder:
    loaded: LoadedModel
    arms: Sequence[Arm]
    vectors: Mapping[str, _Vector]
    rules: tuple[Rule, ...]
    numbers: dict[str, int] = field(default_factory=dict)  # of ruled tables, by what they share

    def phase(self, phase: Phase) -> dict[Place, tuple[OperatorTable, ...]]:
        placed = [self._by_place(arm) for arm in self.arms]
        tables = {
            place: self._at(place, [by_place.get(place, []) for by_place in placed], phase)
            for place in sorted({place for by_place in placed for place in by_place})
        }
        return {place: operators for place, operators in tables.items() if operators}

    def _by_place(self, arm: Arm) -> dict[Place, list[Intervention]]:
        places: dict[Place, list[Intervention]] = {}
        for intervention in arm.interventions:
            layers = (
                self.vectors[intervention.vector_sha256]
                if intervention.layers is None
                else intervention.layers
            )
            for layer in layers:
                places.setdefault(Place(layer=layer, site=intervention.site), []).append(
                    intervention
                )
        return places

    def _at(
        self, place: Place, interventions: Sequence[Sequence[Intervention]], phase: Phase
    ) -> tuple[OperatorTable, ...]:
        """Tables of every operator at a place, given what each arm does there."""
        tables: list[OperatorTable] = []
        for operator in Operator:
            mine = [
                [intervention for intervention in arm if intervention.operator is operator]
                for arm in interventions
            ]
            ruled = [any(not _rule(intervention).is_plain for intervention in arm) for arm in mine]
            here = [
                [intervention for intervention in arm if _in_phase(intervention, phase)]
                for arm in mine
            ]
            plain = [[] if by_rule else arm for arm, by_rule in zip(here, ruled, strict=True)]
            if any(plain):
                tables.append(self._plain_table(operator, plain, place.layer))
            # All of an arm's, whatever the phase: the rules tell the phases apart.
            all_or_none = [
                arm if by_rule and now else []
                for arm, by_rule, now in zip(mine, ruled, here, strict=True)
            ]
            if any(all_or_none):
                tables.append(self._ruled_table(operator, all_or_none, place.layer))
        return tuple(tables)

    def _plain_table(
        self, operator: Operator, interventions: Sequence[Sequence[Intervention]], layer: int
    ) -> OperatorTable:
        rows = [
            prepare_constant(operator, self._stack(items, layer), _strengths(items), arm.combine)
            if items
            else None
            for arm, items in zip(self.arms, interventions, strict=True)
        ]
        active = [
            any(self._moves(intervention, layer) for intervention in items)
            for items in interventions
        ]
        slots = self._stacked(rows, layer)
        return OperatorTable(operator=operator, slots=slots, active=tuple(active))

    def _ruled_table(
        self, operator: Operator, interventions: Sequence[Sequence[Intervention]], layer: int
    ) -> RuledTable:
        functions = operation(operator)
        rows = [
            functions.prepare(self._stack(items, layer), _strengths(items)) if items else None
            for items in interventions
        ]
        moves = [
            [self._moves(intervention, layer) for intervention in items] for items in interventions
        ]
        rules = [
            [self.rules.index(_rule(intervention)) for intervention in items]
            for items in interventions
        ]
        used = [[True] * len(items) for items in interventions]
        mean = [operator.info.takes_mean and arm.combine is Combine.MEAN for arm in self.arms]
        weights = [[] if row is None else row.weights.tolist() for row in rows]
        shared = str([rules, moves, mean, weights])
        device = self.loaded.device_of(layer)
        return RuledTable(
            operator=operator,
            slots=self._stacked(rows, layer),
            active=tuple(any(row) for row in moves),
            rules=_rectangle(rules, device),
            used=_rectangle(used, device).bool(),
            moves=_rectangle(moves, device).bool(),
            mean=torch.tensor(mean, device=device),
            number=self.numbers.setdefault(shared, len(self.numbers)),
        )

    def _stack(self, items: Sequence[Intervention], layer: int) -> Given:
        """What the vectors of some interventions by one operator hold, (K, ...) each."""
        held = [self.vectors[intervention.vector_sha256][layer] for intervention in items]
        return {
            name: torch.stack([part[name] for part in held])
            for name in items[0].operator.info.needs
        }

    def _moves(self, intervention: Intervention, layer: int) -> bool:
        held = self.vectors[intervention.vector_sha256][layer]
        return intervention.strength != 0 and any(
            bool(held[name].any()) for name in intervention.operator.info.needs
        )

    def _stacked(self, rows: Sequence[Slots | None], layer: int) -> Slots:
        device = self.loaded.device_of(layer)
        return Slots.stacked(rows).map(lambda tensor: tensor.to(device))


def _markers(loaded: LoadedModel) -> MarkerIds:
    markers = thinking_markers(loaded.tokenizer)
    if markers is None:
        raise InputError(
            f"Thinking and answer cannot be told apart for {loaded.description.source}: neither "
            "its vocabulary nor its chat template has thinking markers. Steer response instead."
        )
    begin, end = marker_ids(loaded.tokenizer, markers)
    return MarkerIds(begin=begin, end=end)


def _gauges(
    loaded: LoadedModel,
    arms: Sequence[Arm],
    vectors: Mapping[str, Sequence[LayerVector]],
    rules: Sequence[Rule],
) -> Iterator[GaugeTable]:
    for condition in dict.fromkeys(rule.condition for rule in rules):
        if condition is None:
            continue
        if len({loaded.device_of(layer) for layer in range(loaded.description.n_layers)}) > 1:
            raise ModelError(
                "A condition on the response needs all layers on one device, but this model is "
                "spread over several. Run it on a worker without --device spread."
            )
        yield GaugeTable(
            condition=condition,
            place=Place(layer=condition.layer, site=condition.site),
            direction=direction_of(loaded, condition, vectors),
            others=torch.tensor(
                [rule.condition != condition for rule in rules], device=loaded.device
            ),
            arms=frozenset(
                number
                for number, arm in enumerate(arms)
                if any(intervention.condition == condition for intervention in arm.interventions)
            ),
        )


def _rule(intervention: Intervention) -> Rule:
    condition = intervention.condition
    on_response = condition if condition and condition.reads_response else None
    return Rule(intervention.positions, intervention.schedule, on_response)


def _in_phase(intervention: Intervention, phase: Phase) -> bool:
    if phase is Phase.PROMPT and _rule(intervention).condition is not None:
        return False  # there is no response to measure yet
    return phase in PHASES_OF[intervention.positions.part]


def _strengths(items: Sequence[Intervention]) -> torch.Tensor:
    return torch.tensor([intervention.strength for intervention in items])


def _rectangle(rows: Sequence[Sequence[int]], device: torch.device) -> torch.Tensor:
    """Rows of unequal length in one tensor, filled up with 0."""
    width = max(map(len, rows))
    return torch.tensor([[*row, *[0] * (width - len(row))] for row in rows], device=device)


def _checked_vector(
    loaded: LoadedModel, intervention: Intervention, vectors: Mapping[str, Sequence[LayerVector]]
) -> _Vector:
    name, description = intervention.vector_sha256[:12], loaded.description
    if intervention.vector_sha256 not in vectors:
        raise NotFoundError("vector", name, hint="Give the layer vectors of every intervention.")
    checked: dict[int, Mapping[str, torch.Tensor]] = {}
    for part in vectors[intervention.vector_sha256]:
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
        values = torch.from_numpy(part.values.astype("float32"))
        if not bool(values.isfinite().all()):
            raise InputError(
                f"Vector {name} holds a number that is not finite, layer {part.layer}."
            )
        checked[part.layer] = {"vector": values}
    return checked


def _check_needs(intervention: Intervention, vector: _Vector) -> None:
    missing = [
        name
        for name in intervention.operator.info.needs
        if any(name not in held for held in vector.values())
    ]
    if missing:
        raise InputError(
            f"Operator {intervention.operator} needs {' and '.join(missing)} at every layer, "
            f"which vector {intervention.vector_sha256[:12]} does not hold. "
            "Choose another operator."
        )


def _check_layers(intervention: Intervention, vector: _Vector) -> None:
    missing = sorted(set(intervention.layers or ()) - set(vector))
    if missing:
        raise ShapeError(
            f"Intervention asks for layers {missing}, but vector "
            f"{intervention.vector_sha256[:12]} has layers {sorted(vector)}."
        )
