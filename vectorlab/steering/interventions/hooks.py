"""Steer a model inside a with-block: what a module returns is changed before anyone sees it.

Python's and torch's ways to a hook cost more than the addition that most of them make. So a steered
module gets a forward of its own for the time of the block, one that does what is to be done now and
no more; where nothing is, it is the module's own.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from vectorlab.domain.interventions.conditions import Condition
from vectorlab.errors import ArchitectureError
from vectorlab.steering.interventions.arm_table import Phase, Place, SteeringTable
from vectorlab.steering.interventions.operators.base import ShiftWork
from vectorlab.steering.interventions.site_operations import Gauge, RuleValues, Work, work_at
from vectorlab.steering.model.architectures import as_returned, as_rows, replace_hidden
from vectorlab.steering.model.loading import LoadedModel


class Steering:
    """The steering of one batch while its with-block runs."""

    def __init__(self, loaded: LoadedModel, table: SteeringTable, row_arms: Sequence[int]) -> None:
        self.rows = len(row_arms)
        self.places = table.places(row_arms)
        self._rules = table.rule_reader()
        self._reader = table.pass_reader()
        self._response: bool | torch.Tensor = False
        self.on_change: Callable[[], None] = lambda: None  # what is done has changed
        self.gauges = [Gauge(gauge) for gauge in table.gauges_of(row_arms)]

        def works(place: Place, phase: Phase, device: torch.device) -> list[Work]:
            work = work_at(table.tables[phase].get(place, ()), row_arms, device)
            if phase is Phase.RESPONSE:  # measured is what leaves the place
                work += [gauge for gauge in self.gauges if gauge.table.place == place]
            return work

        self.writers = {
            place: Writer(self.rows, device, *(works(place, phase, device) for phase in Phase))
            for place in self.places
            for device in (loaded.device_of(place.layer),)
        }

    def set_response(self, response: bool | torch.Tensor) -> None:  # noqa: FBT001 - or a mask
        """Say which of the coming positions are generated tokens; at first none is.

        Args:
            response: True or False for all positions of the next forward passes, or a (B, T) bool
                tensor for a pass over prompts and generated tokens together.
        """
        if response is self._response:
            return
        self._response = response
        for writer in self.writers.values():
            writer.set_response(response)
        self.on_change()

    @property
    def reads_tokens(self) -> bool:
        """Whether ``begin_pass`` has to be called before each forward pass."""
        return self._rules is not None

    def begin_pass(self, token_ids: torch.Tensor, attention_mask: torch.Tensor | None) -> None:
        """Look at the tokens of the coming pass, for windows, chosen tokens and schedules.

        Args:
            token_ids: (B, T) of the pass.
            attention_mask: (B, at least T), 0 where there is padding; None without padding.
        """
        if self._rules is not None:
            now = self._reader.read(token_ids, attention_mask, self._response)
            touched, factors = self._rules.touches(now), self._rules.factors(now)
            values = RuleValues(touched=touched, factors=factors, now=now)
            for writer in self.writers.values():
                writer.values = values.to(writer.device)

    def change(self, place: Place) -> "StateChange":
        """What is done to the states of a place now."""
        return self.writers[place].change

    def held(self) -> dict[Condition, list[list[bool]]]:
        """For every condition on the response and row, at which tokens fed back it held."""
        return {gauge.table.condition: gauge.held() or [[]] * self.rows for gauge in self.gauges}

    def arguments(self) -> tuple[list[Sequence[Work]], RuleValues | None]:
        """What is done at each place to the coming tokens, and what the rules say of them."""
        writers = list(self.writers.values())
        return [writer.current for writer in writers], writers[0].values if writers else None


class Writer:
    """What is written at one place."""

    def __init__(
        self, rows: int, device: torch.device, prompt: Sequence[Work], response: Sequence[Work]
    ) -> None:
        self.rows = rows
        self.device = device  # of the states
        self._prompt, self._response = prompt, response
        self.current: Sequence[Work] = prompt
        self._mask: torch.Tensor | None = None  # (B, T) bool: generated tokens
        self.values: RuleValues | None = None

    def set_response(self, response: bool | torch.Tensor) -> None:  # noqa: FBT001 - as Steering's
        """Choose the work of the coming positions.

        Args:
            response: True or False for all positions, or a (B, T) bool tensor.
        """
        self._mask = response.to(self.device) if isinstance(response, torch.Tensor) else None
        self.current = self._response if response is True else self._prompt

    @property
    def change(self) -> "StateChange":
        """What is done to the states now: nothing, an addition, or all that this object knows."""
        if self._mask is not None:
            return self.write
        match self.current:
            case []:
                return None
            case [ShiftWork(shift=shift)]:
                return shift
        return self.write

    def write(self, hidden: torch.Tensor) -> torch.Tensor:
        """The states of a place as they leave it steered, in their own dtype and shape."""
        states = as_rows(hidden, self.rows)
        if self._mask is None:
            changed = self._steered(states, self.current)
        else:
            prompt, response = (
                self._steered(states, work) for work in (self._prompt, self._response)
            )
            changed = torch.where(self._mask[:, :, None], response, prompt)
        return as_returned(changed, hidden)

    def _steered(self, states: torch.Tensor, work: Sequence[Work]) -> torch.Tensor:
        changed = states
        for step in work:
            changed = step.change(changed, self.values)
        return changed if changed.dtype is states.dtype else changed.to(states.dtype)


@contextmanager
def steer(loaded: LoadedModel, table: SteeringTable, row_arms: Sequence[int]) -> Iterator[Steering]:
    """Steer every forward pass of the model within the block.

    **Changes the model in place** by forward hooks, which come off on every path out. Rows whose
    arm does nothing, at strength 0 or with a zero vector, keep exactly the states of the unhooked
    model; if no row does anything there is no hook.

    Args:
        loaded: The model.
        table: The arms of the run.
        row_arms: (B,) the arm of every row of the batch, as an index into the table.

    Yields:
        Steering, which is told before a forward pass which positions are generated tokens.
    """
    steering = Steering(loaded, table, row_arms)
    with _hooked(loaded, steering):
        yield steering


@dataclass(frozen=True, kw_only=True)
class RowBlock:
    """Rows of a batch that stand together and belong to one table."""

    table: SteeringTable
    row_arms: Sequence[int]
    first: int  # place of the first row in the batch


@contextmanager
def steer_blocks(
    loaded: LoadedModel, blocks: Sequence[RowBlock], rows: int
) -> Iterator["SharedSteering"]:
    """As ``steer``, for a batch whose rows belong to several tables or to none.

    Every block is steered as if its rows were all there is, so what is computed for a row does
    not depend on the other blocks.
    """
    steering = SharedSteering(loaded, blocks, rows)
    with _hooked(loaded, steering):
        yield steering


class SharedSteering:
    """The steering of one batch, block by block of its rows."""

    def __init__(self, loaded: LoadedModel, blocks: Sequence[RowBlock], rows: int) -> None:
        self._rows = rows
        self._blocks = [
            (Steering(loaded, block.table, block.row_arms), slice(block.first, block.first + count))
            for block in blocks
            if (count := len(block.row_arms))
        ]
        self.on_change: Callable[[], None] = lambda: None
        self.places = sorted({place for steering, _ in self._blocks for place in steering.places})

    def set_response(self, response: bool) -> None:  # noqa: FBT001 - as Steering's
        """Say whether the coming positions are generated tokens."""
        for steering, _ in self._blocks:
            steering.set_response(response)
        self.on_change()

    @property
    def reads_tokens(self) -> bool:
        """Whether ``begin_pass`` has to be called before each forward pass."""
        return any(steering.reads_tokens for steering, _ in self._blocks)

    def begin_pass(self, token_ids: torch.Tensor, attention_mask: torch.Tensor | None) -> None:
        """Let every block look at its rows of the coming pass.

        Args:
            token_ids: (B, T) of the pass.
            attention_mask: (B, at least T), 0 where there is padding; None without padding.
        """
        for steering, rows in self._blocks:
            mask = None if attention_mask is None else attention_mask[rows]
            steering.begin_pass(token_ids[rows], mask)

    def change(self, place: Place) -> "StateChange":
        """What is done to the states of a place now."""
        blocks = [
            (writer, rows)
            for steering, rows in self._blocks
            if (writer := steering.writers.get(place)) and writer.change is not None
        ]
        if not blocks:
            return None
        changes = [(writer.change, rows) for writer, rows in blocks]
        shifts = [(shift, rows) for shift, rows in changes if isinstance(shift, torch.Tensor)]
        if len(shifts) == len(blocks):
            return _one_shift(shifts, self._rows)

        def write(hidden: torch.Tensor) -> torch.Tensor:
            states = as_rows(hidden, self._rows).clone()
            for writer, rows in blocks:
                block = states[rows]
                block.copy_(writer.write(block))
            return as_returned(states, hidden)

        return write

    def held_by_block(self) -> list[dict[Condition, list[list[bool]]]]:
        """Where conditions on the response held, ``Steering.held``, block by block."""
        return [steering.held() for steering, _ in self._blocks]


# What is done to the states of a place: none, a shift (B, 1, D) that is added, or any function.
StateChange = torch.Tensor | Callable[[torch.Tensor], torch.Tensor] | None


def _one_shift(shifts: Sequence[tuple[torch.Tensor, slice]], rows: int) -> torch.Tensor:
    """Additions of several blocks as one, (B, 1, D); -0.0, which changes no bit, in other rows."""
    first, _ = shifts[0]
    whole = first.new_full((rows, *first.shape[1:]), -0.0)
    for shift, block in shifts:
        whole[block] = shift
    return whole


@contextmanager
def _hooked(loaded: LoadedModel, steering: "Steering | SharedSteering") -> Iterator[None]:
    with ExitStack() as stack:
        modules = {
            place: _Module(loaded.layers.at(place.site)[place.layer]) for place in steering.places
        }

        def renew() -> None:
            for place, module in modules.items():
                module.steer(steering.change(place))

        def check(*_: object) -> None:
            first_pass.remove()
            _check_all_ran([place for place, module in modules.items() if not module.ran])

        if not modules:
            yield
            return
        first_pass = loaded.model.register_forward_hook(check)
        stack.callback(first_pass.remove)
        if steering.reads_tokens:
            look = loaded.model.register_forward_pre_hook(_first_look(steering), with_kwargs=True)
            stack.callback(look.remove)
        for module in modules.values():
            stack.callback(module.restore)
        steering.on_change = renew
        stack.callback(setattr, steering, "on_change", lambda: None)
        renew()
        yield


class _Module:
    """A module whose forward is another one for a while."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._forward = module.forward
        self._own = vars(module).get("forward")  # somebody else's, such as accelerate's
        self.ran = False

    def steer(self, change: StateChange) -> None:
        """From now on, change what the module returns."""
        steered = _steered(self._forward, change)
        if self.ran:
            self._module.forward = steered
            return

        def first(*args: Any, **kwargs: Any) -> Any:
            self.ran = True
            self._module.forward = steered
            return steered(*args, **kwargs)

        self._module.forward = first

    def restore(self) -> None:
        """Give the module the forward that it had."""
        if self._own is not None:
            self._module.forward = self._own
        elif "forward" in vars(self._module):
            del self._module.forward


def _steered(forward: Callable[..., Any], change: StateChange) -> Callable[..., Any]:
    """A forward whose states are changed; it runs at every layer of every step."""
    if change is None:
        return forward
    if not isinstance(change, torch.Tensor):
        write = change

        def written(*args: Any, **kwargs: Any) -> Any:
            output = forward(*args, **kwargs)
            is_plain = type(output) is torch.Tensor
            return write(output) if is_plain else replace_hidden(output, write)

        return written
    shift, rows = change, len(change)

    def shifted(hidden: torch.Tensor) -> torch.Tensor:
        moved = as_returned(as_rows(hidden, rows) + shift, hidden)
        return moved if moved.dtype is hidden.dtype else moved.to(hidden.dtype)

    def steered(*args: Any, **kwargs: Any) -> Any:
        output = forward(*args, **kwargs)
        is_plain = type(output) is torch.Tensor
        return shifted(output) if is_plain else replace_hidden(output, shifted)

    return steered


def _check_all_ran(idle: Sequence[Place]) -> None:
    """Refuse to go on when steered modules were not called in the first pass.

    Raises:
        ArchitectureError: If there are any.
    """
    if idle:
        raise ArchitectureError(
            f"{len(idle)} steered modules never ran (first: {idle[0].site} of layer "
            f"{idle[0].layer}); correct the model's row in "
            "vectorlab/steering/model/architectures.py."
        )


def _first_look(
    steering: "Steering | SharedSteering",
) -> Callable[[nn.Module, Any, dict[str, Any]], None]:
    def hook(_module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        token_ids = args[0] if args else kwargs["input_ids"]
        steering.begin_pass(token_ids, kwargs.get("attention_mask"))

    return hook
