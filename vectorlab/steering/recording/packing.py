"""Sequences end to end in one row, without padding; what several begin with stands there once.

A decoder treats every token alone but for its attention. So the maps see one long row, and the
attention alone is told apart: sequences of one length are computed together as they would be
without packing, each with its own tokens as keys. Sequences that begin alike form a family: the
first one stands there whole, of the others only what they have of their own, whose queries see
the family's stem as well. A system prompt, or a pair that differs in its last word, is read once.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from vectorlab.domain.text.shared_prefix import shared_prefix
from vectorlab.steering.model.loading import LoadedModel

_NAME = "vectorlab_packed"  # of the attention, among those that transformers knows
_CURRENT: ContextVar[Callable[[], "Packed"]] = ContextVar(_NAME)
_LEAST_STEM = 4  # tokens; less is computed twice sooner than its attention told apart


@dataclass(frozen=True, kw_only=True)
class WholeSequences:
    """Whole sequences of one length, one behind the other."""

    start: int  # first column
    rows: int
    length: int


@dataclass(frozen=True, kw_only=True)
class Branches:
    """What sequences have of their own behind a stem; all stems as long, all branches as long."""

    start: int  # first column of the first; they stand one behind the other
    keys: torch.Tensor  # (R, stem + length) columns of each sequence
    mask: torch.Tensor | None  # (length, stem + length) bool: what each query sees; None for all
    length: int


@dataclass(frozen=True, kw_only=True)
class Packed:
    """Sequences that stand behind each other in one row."""

    input_ids: torch.Tensor  # (1, T) int64
    position_ids: torch.Tensor  # (1, T) int64, each token's place in its own sequence
    runs: tuple[WholeSequences, ...]
    branches: tuple[Branches, ...]
    columns: tuple[tuple[range, range], ...]  # of every sequence: its stem and the rest
    # The block of whose attention the last token of every sequence is all that is used.
    last_only_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class Family:
    """Sequences with a common stem, by number; one sequence alone has no use for one."""

    members: tuple[int, ...]
    stem: int  # tokens that all of them begin with

    def tokens(self, sequences: Sequence[Sequence[int]]) -> int:
        """Number of tokens that have to be computed."""
        return sum(len(sequences[number]) for number in self.members) - self.shared

    @property
    def shared(self) -> int:
        """Tokens that are not computed again."""
        return self.stem * (len(self.members) - 1)


def can_pack(loaded: LoadedModel, longest: int) -> bool:
    """Whether sequences of up to so many tokens can be told apart inside a row.

    Only on the CPU: a graphics card would wait for many small kernels.
    """
    config = loaded.model.config.get_text_config()
    window = getattr(config, "sliding_window", None) or longest
    return (
        loaded.layers.packs
        and loaded.device.type == "cpu"
        and config._attn_implementation == "sdpa"
        and longest <= window
    )


def find_families(sequences: Sequence[Sequence[int]]) -> list[Family]:
    """All sequences, those together whose common beginning is worth computing once.

    In the order of the alphabet neighbours share most. A sequence joins the family of its
    neighbour as long as that saves more tokens than the family did without it.
    """
    order = sorted(range(len(sequences)), key=lambda number: tuple(sequences[number]))
    families: list[Family] = []
    for number in order:
        last = families[-1] if families else None
        if last is not None:
            shared = shared_prefix(sequences[last.members[-1]], sequences[number])
            stem = min(last.stem, shared)
            if stem >= _LEAST_STEM and stem * len(last.members) > last.shared:
                families[-1] = Family(members=(*last.members, number), stem=stem)
                continue
        families.append(Family(members=(number,), stem=len(sequences[number])))
    return sorted(families, key=lambda family: len(sequences[family.members[0]]))


def packs(
    families: Sequence[Family], sequences: Sequence[Sequence[int]], token_budget: int
) -> list[list[Family]]:
    """Families in rows of about as many tokens, each within the budget or one family alone."""
    sizes = [family.tokens(sequences) for family in families]
    rows_least = -(-sum(sizes) // token_budget)
    even = sum(sizes) / max(rows_least, 1)
    rows: list[list[Family]] = []
    filled = 0
    for family, size in zip(families, sizes, strict=True):
        if not rows or filled >= even or filled + size > token_budget:
            rows.append([])
            filled = 0
        rows[-1].append(family)
        filled += size
    return rows


def pack(
    families: Sequence[Family],
    sequences: Sequence[Sequence[int]],
    device: torch.device,
    *,
    last_only_at: int | None = None,
) -> tuple[list[int], Packed]:
    """One row of families.

    Args:
        families: Those of the row.
        sequences: All there are.
        device: Of the model.
        last_only_at: The block of whose attention the last tokens are all that is used.

    Returns:
        Numbers of the sequences, in the order of ``columns``, and the row.
    """
    row = _GrowingRow(sequences)
    # Sequences of one length stand side by side, and so do branches of one shape.
    firsts = sorted(
        (family.members[0] for family in families), key=lambda number: len(sequences[number])
    )
    runs = [row.add_run(list(alike)) for _, alike in groupby(firsts, key=row.length)]
    others = [
        (family.stem, len(sequences[number]) - family.stem, family.members[0], number)
        for family in families
        for number in family.members[1:]
    ]
    branches = []
    for (stem, length), alike in groupby(sorted(others), key=lambda branch: branch[:2]):
        start = len(row.ids)
        keys = [row.add_branch(first, number, stem) for *_, first, number in alike]
        if length:
            branches.append(_branches(start, keys, stem, device))
    return list(row.columns), Packed(
        input_ids=torch.tensor([row.ids], device=device),
        position_ids=torch.tensor([row.positions], device=device),
        runs=tuple(runs),
        branches=tuple(branches),
        columns=tuple(row.columns.values()),
        last_only_at=last_only_at,
    )


@contextmanager
def packed_attention(loaded: LoadedModel, current: Callable[[], Packed]) -> Iterator[None]:
    """A model whose attention keeps the sequences of a packed row apart.

    Args:
        loaded: A model that ``can_pack``; it is given back as it was.
        current: The row of the forward pass that is running.
    """
    configs = {
        id(config): config
        for config in (loaded.model.config, loaded.model.config.get_text_config())
    }
    before = {key: config._attn_implementation for key, config in configs.items()}
    token = _CURRENT.set(current)
    try:
        for config in configs.values():
            config._attn_implementation_internal = _NAME
        yield
    finally:
        for key, config in configs.items():
            config._attn_implementation_internal = before[key]
        _CURRENT.reset(token)


def _attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,  # noqa: ARG001 - of transformers' interface: the row says it
    **more: Any,
) -> tuple[torch.Tensor, None]:
    return _attend(_CURRENT.get()(), module, query, key, value, more), None


# There for as long as the library is; without ``packed_attention`` no model names it.
ALL_ATTENTION_FUNCTIONS.register(_NAME, _attention)


class _GrowingRow:
    """A row as it grows."""

    def __init__(self, sequences: Sequence[Sequence[int]]) -> None:
        self.sequences = sequences
        self.ids: list[int] = []
        self.positions: list[int] = []
        self.columns: dict[int, tuple[range, range]] = {}

    def length(self, number: int) -> int:
        return len(self.sequences[number])

    def add_run(self, numbers: Sequence[int]) -> WholeSequences:
        start, length = len(self.ids), self.length(numbers[0])
        for number in numbers:
            self.columns[number] = range(0), self._add(number, 0)
        return WholeSequences(start=start, rows=len(numbers), length=length)

    def add_branch(self, first: int, number: int, stem: int) -> list[int]:
        """The columns of the whole sequence."""
        start = self.columns[first][1].start
        columns = range(start, start + stem), self._add(number, stem)
        self.columns[number] = columns
        return [*columns[0], *columns[1]]

    def _add(self, number: int, begin: int) -> range:
        start = len(self.ids)
        self.ids += self.sequences[number][begin:]
        self.positions += range(begin, self.length(number))
        return range(start, len(self.ids))


def _branches(start: int, keys: list[list[int]], stem: int, device: torch.device) -> Branches:
    length = len(keys[0]) - stem
    mask = None
    if length > 1:
        whole = torch.ones(length, stem + length, dtype=torch.bool, device=device)
        mask = whole.tril(diagonal=stem)
    return Branches(start=start, keys=torch.tensor(keys, device=device), mask=mask, length=length)


def _attend(
    packed: Packed,
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    more: dict[str, Any],
) -> torch.Tensor:
    """Attention of (1, H, T, d) within each sequence, (1, T, H, d).

    In the layer of which only the last token of every sequence is used, the others stay zero.
    """
    _, heads, width, _ = query.shape
    layer: Any = getattr(module, "layer_idx", None)
    last_only = packed.last_only_at is not None and layer == packed.last_only_at
    shape = (1, width, heads, value.shape[-1])
    result = query.new_zeros(shape) if last_only else query.new_empty(shape)

    def attend(
        part: slice,
        rows: int,
        length: int,
        keys: torch.Tensor,
        values: torch.Tensor,
        mask: torch.Tensor | None,
    ) -> None:
        own = _apart(query[0, :, part], rows)
        step = 1
        if last_only:  # the last token sees all of its sequence
            own, mask, step = own[:, :, -1:], None, length
        attended, _ = sdpa_attention_forward(module, own, keys, values, mask, **more)
        result[0, part][step - 1 :: step] = attended.flatten(0, 1)

    for run in packed.runs:
        part = slice(run.start, run.start + run.rows * run.length)
        keys, values = (_apart(states[0, :, part], run.rows) for states in (key, value))
        attend(part, run.rows, run.length, keys, values, None)
    for branch in packed.branches:
        rows = len(branch.keys)
        part = slice(branch.start, branch.start + rows * branch.length)
        keys, values = (states[0][:, branch.keys].transpose(0, 1) for states in (key, value))
        attend(part, rows, branch.length, keys, values, branch.mask)
    return result


def _apart(states: torch.Tensor, rows: int) -> torch.Tensor:
    """Sequences of equal length, (H, R * length, d) to (R, H, length, d)."""
    heads, _, width = states.shape
    return states.reshape(heads, rows, -1, width).transpose(0, 1)
