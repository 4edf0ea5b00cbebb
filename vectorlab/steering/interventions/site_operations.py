"""What one operator does at one place to the rows of one batch."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch

from vectorlab.domain.interventions.conditions import ThresholdSide
from vectorlab.steering.interventions.arm_table import GaugeTable, OperatorTable, RuledTable
from vectorlab.steering.interventions.conditions import measure
from vectorlab.steering.interventions.operators import operation
from vectorlab.steering.interventions.operators.base import (
    Active,
    AnyOperation,
    Applied,
    FixedWork,
    Ruled,
    Slots,
    where_active,
)
from vectorlab.steering.interventions.token_positions import Pass


@dataclass(frozen=True, kw_only=True)
class RuleValues:
    """What the rules say of the tokens of one forward pass."""

    touched: torch.Tensor  # (B, T, R) bool
    factors: torch.Tensor  # (B, T, R) float32
    now: Pass
    # What tables of one number make of them: weights (B, T, K) and who is active (B, T, 1). Layers
    # that are steered alike find it here.
    weighed: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)

    def to(self, device: torch.device) -> "RuleValues":
        """The same where the states of a layer are."""
        if device == self.touched.device:
            return self
        touched, factors = self.touched.to(device), self.factors.to(device)
        return replace(self, touched=touched, factors=factors, weighed={})


@dataclass(frozen=True, kw_only=True)
class PlainWork:
    """The same weights at every position."""

    functions: AnyOperation
    slots: Slots  # of the batch, with weights (B, 1, K)
    active: Active

    def change(self, states: torch.Tensor, _values: object, /) -> torch.Tensor:
        """The states of (B, T, D) as they become, float32."""
        states = states.float()
        return self.active.changed(states, self.functions.apply(states, self.slots))


@dataclass(frozen=True, kw_only=True)
class RuledWork:
    """Weights that depend on the position."""

    ruled: Ruled
    weights: torch.Tensor  # (B, 1, K)
    rules: torch.Tensor  # (B, 1, K) int64, index into the last axis of the values
    used: torch.Tensor  # (B, 1, K) bool
    moves: torch.Tensor  # (B, 1, K) bool
    mean: torch.Tensor  # (B, 1, 1) bool
    number: int  # of the table

    def change(self, states: torch.Tensor, values: RuleValues | None) -> torch.Tensor:
        """The states of (B, T, D) as they become, float32."""
        states = states.float()
        assert values is not None, "begin_pass was not called"
        if self.number not in values.weighed:
            values.weighed[self.number] = self._weigh(values)
        weights, active = values.weighed[self.number]
        return where_active(active, self.ruled.apply(states, weights), states)

    def _weigh(self, values: RuleValues) -> tuple[torch.Tensor, torch.Tensor]:
        index = self.rules.expand(-1, values.touched.shape[1], -1)
        touched = values.touched.gather(2, index) & self.used
        factors = values.factors.gather(2, index)
        acting = touched.sum(dim=2, keepdim=True).clamp(min=1)
        weights = self.weights * factors * touched
        weights = torch.where(self.mean, weights / acting, weights)
        # Where nothing acts, or with factor 0, a state goes through untouched, to the bit.
        active = (touched & self.moves & (factors != 0)).any(dim=2, keepdim=True)
        return weights, active


class Gauge:
    """Measures a condition on the response, token by token, as the pass comes to its place.

    Interventions under the condition stand behind that place and find there what it says.
    """

    def __init__(self, table: GaugeTable) -> None:
        self.table = table
        self._before = torch.empty(0)  # (2, B, n) values and their count in earlier passes
        self._held: list[torch.Tensor] = []  # per pass, (B, T) bool

    def change(self, states: torch.Tensor, values: RuleValues | None) -> torch.Tensor:
        """The states of (B, T, D) as they are; what the rules say of the tokens changes."""
        assert values is not None, "begin_pass was not called"
        condition, counted = self.table.condition, values.now.response
        measured = measure(states.float(), self.table.direction, condition.measure).double()
        line = torch.stack([measured.where(counted, 0.0), counted.double()])
        if values.now.is_first:
            self._held.clear()
            self._before = line.new_zeros(2, len(states), (condition.window.last or 2) - 1)
        total, count = self._sums(line)
        mean = total / count.clamp(min=1)
        above = condition.comparison is ThresholdSide.ABOVE
        held = counted & (mean > condition.threshold if above else mean < condition.threshold)
        values.touched.logical_and_(held[:, :, None] | self.table.others)
        values.weighed.clear()
        self._held.append(held)
        return states

    def held(self) -> list[list[bool]]:
        """For every row, at which of the tokens fed back it held."""
        rows: list[list[bool]] = torch.cat(self._held, dim=1).tolist() if self._held else []
        return rows

    def _sums(self, line: torch.Tensor) -> torch.Tensor:
        """Sums over the window that ends at each token, (2, B, T)."""
        last = self.table.condition.window.last
        if last is None:
            sums = self._before + line.cumsum(dim=-1)
            self._before = sums[:, :, -1:]
            return sums
        line = torch.cat([self._before, line], dim=-1)
        self._before = line[:, :, line.shape[-1] - (last - 1) :]
        return line.unfold(-1, last, 1).sum(dim=-1)


Work = FixedWork | RuledWork | Gauge


def work_at(
    tables: Sequence[OperatorTable], row_arms: Sequence[int], device: torch.device
) -> list[Work]:
    """What the rows of a batch need done at a place, in order.

    Args:
        tables: Of the place.
        row_arms: (B,) the arm of every row.
        device: Of the place.
    """
    return [
        _work(table, row_arms, device)
        for table in tables
        if any(table.active[arm] for arm in row_arms)
    ]


def _work(table: OperatorTable, row_arms: Sequence[int], device: torch.device) -> Work:
    functions = operation(table.operator)
    index = torch.tensor(row_arms, device=device)
    slots = table.slots.of_arms(index)
    acting = [table.active[arm] for arm in row_arms]
    rows = torch.tensor(acting, device=device)[:, None, None]
    active = Active(rows=rows, are_all=all(acting))
    if isinstance(table, RuledTable):
        return RuledWork(
            ruled=Applied(functions=functions, slots=slots)
            if functions.ruled is None
            else functions.ruled(slots, active),
            weights=slots.weights,
            rules=table.rules[index][:, None],
            used=table.used[index][:, None],
            moves=table.moves[index][:, None],
            mean=table.mean[index][:, None, None],
            number=table.number,
        )
    if functions.fixed is not None:
        return functions.fixed(slots, active)
    return PlainWork(functions=functions, slots=slots, active=active)
