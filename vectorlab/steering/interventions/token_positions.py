"""Where every token of a forward pass stands, and what that means for windows and schedules.

A rule is the positions and the schedule of an intervention, and its condition on the response. All
rules of a batch are looked at once per forward pass, on the device, before the first layer runs;
what a condition says of them is known when the pass comes to its layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from vectorlab.domain.interventions.conditions import Condition
from vectorlab.domain.interventions.positions import Part, Positions, Stage
from vectorlab.domain.interventions.schedules import Schedule


@dataclass(frozen=True)
class Rule:
    """Where an intervention acts, and how much of its strength."""

    positions: Positions
    schedule: Schedule
    condition: Condition | None = None  # on the response; see ``gauges``

    @property
    def is_plain(self) -> bool:
        """Whether it acts on all tokens of a part alike."""
        return (
            self.positions.is_whole_part
            and self.schedule == Schedule.CONSTANT
            and self.condition is None
        )


@dataclass(frozen=True, kw_only=True)
class Pass:
    """The tokens of one forward pass, each tensor (B, T)."""

    token_ids: torch.Tensor  # int64
    response: torch.Tensor  # bool: generated tokens
    index: torch.Tensor  # int64: place within prompt or response, from 0; padding has any
    behind: torch.Tensor  # int64: tokens of the prompt behind this one
    is_first: bool  # no generated token was fed before
    thinking: torch.Tensor | None = None  # bool: between thinking markers; None: nobody asks
    marker: torch.Tensor | None = None  # bool: the last token of such a marker


@dataclass(frozen=True)
class MarkerIds:
    """Token ids of what a model writes before and behind its thinking."""

    begin: tuple[int, ...]
    end: tuple[int, ...]


class ThinkingReader:
    """Follows the thinking markers of every row through prompt and response, on the device."""

    def __init__(self, markers: MarkerIds, device: torch.device) -> None:
        self._markers = [
            torch.tensor(ids, dtype=torch.long, device=device)
            for ids in (markers.begin, markers.end)
        ]
        self._kept = max(len(markers.begin), len(markers.end)) - 1  # tokens a marker may reach back
        self._before: torch.Tensor | None = None  # (B, kept) last tokens of earlier passes
        self._open: torch.Tensor | None = None  # (B, 1) bool: they end inside thinking

    def read(self, token_ids: torch.Tensor, *, is_first: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """What is thinking, and where a marker ends, (B, T) bool each."""
        rows, width = token_ids.shape
        if is_first or self._before is None or self._open is None:
            self._before = token_ids.new_full((rows, self._kept), -1)
            self._open = torch.zeros(rows, 1, dtype=torch.bool, device=token_ids.device)
        line = torch.cat([self._before, token_ids], dim=1)
        columns = torch.arange(width, device=token_ids.device)
        begin, end = (self._ends_at(line, ids, width) for ids in self._markers)
        last_begin, last_end = (
            torch.where(ends, columns, -1).cummax(dim=1).values for ends in (begin, end)
        )
        unmarked = (last_begin < 0) & (last_end < 0)
        thinking = torch.where(unmarked, self._open, last_begin > last_end)
        self._open = thinking[:, -1:]
        self._before = line[:, line.shape[1] - self._kept :]
        marker = begin | end
        return thinking & ~marker, marker

    def _ends_at(self, line: torch.Tensor, ids: torch.Tensor, width: int) -> torch.Tensor:
        """Where in the last columns of a line the marker ends."""
        windows = line.unfold(1, len(ids), 1)[:, -width:]
        return (windows == ids).all(dim=-1)


class PassReader:
    """Follows one batch from its prompts through its cache.

    Args:
        thinking: What finds the stages of a response; None if no rule asks for them.
    """

    def __init__(self, thinking: ThinkingReader | None = None) -> None:
        self._generated = 0  # tokens that were fed back in earlier passes
        self._thinking = thinking

    def read(
        self,
        token_ids: torch.Tensor,
        attention_mask: torch.Tensor | None,
        response: bool | torch.Tensor,  # noqa: FBT001 - as Steering.set_response takes it
    ) -> Pass:
        """Number the tokens of the next pass.

        Args:
            token_ids: (B, T).
            attention_mask: (B, at least T), 0 where there is padding; None without padding.
            response: Which are generated: all, none, or a (B, T) mask.
        """
        now = self._numbered(token_ids, attention_mask, response)
        if self._thinking is None:
            return now
        thinking, marker = self._thinking.read(token_ids, is_first=response is not True)
        return replace(now, thinking=thinking, marker=marker)

    def _numbered(
        self,
        token_ids: torch.Tensor,
        attention_mask: torch.Tensor | None,
        response: bool | torch.Tensor,  # noqa: FBT001 - as Steering.set_response takes it
    ) -> Pass:
        rows, width = token_ids.shape
        columns = torch.arange(width, device=token_ids.device).expand(rows, -1)
        if response is True:
            index = columns + self._generated
            is_first = self._generated == 0
            self._generated += width
            return Pass(
                token_ids=token_ids,
                response=torch.ones_like(token_ids, dtype=torch.bool),
                index=index,
                behind=torch.zeros_like(columns),
                is_first=is_first,
            )
        self._generated = 0
        generated = (
            response
            if isinstance(response, torch.Tensor)
            else torch.zeros_like(token_ids, dtype=torch.bool)
        )
        prompt = ~generated
        if attention_mask is not None:
            prompt &= attention_mask[:, -width:].bool()
        places, answers = prompt.long().cumsum(dim=1), generated.long().cumsum(dim=1)
        return Pass(
            token_ids=token_ids,
            response=generated,
            index=torch.where(generated, answers, places) - 1,
            behind=places[:, -1:] - places,
            is_first=True,
        )


class RuleReader:
    """Rules, with what they compare on the device; all of them take one look at a pass.

    Args:
        rules: R of them.
        bos_id: Of the tokenizer.
        device: Of the tokens.
    """

    def __init__(self, rules: Sequence[Rule], bos_id: int | None, device: torch.device) -> None:
        where = [rule.positions for rule in rules]
        parts = [
            Part.RESPONSE if rule.condition is not None else rule.positions.part for rule in rules
        ]
        of_rules = partial(torch.tensor, device=device)  # (R,), what each rule says
        self._in_response = of_rules([part is not Part.PROMPT for part in parts])
        self._in_prompt = of_rules([part is not Part.RESPONSE for part in parts])
        # None where no rule asks.
        starts = [positions.start or -1 for positions in where]  # padding has index -1
        self._start = of_rules(starts) if max(starts) > 0 else None
        self._stop = _bounds([positions.stop for positions in where], device)
        self._last = _bounds([positions.last for positions in where], device)
        self._tokens = _id_table([positions.tokens for positions in where], device)
        self._any_token = of_rules([not positions.tokens for positions in where])
        self._excluded = _id_table([positions.excluded for positions in where], device)
        self._bos_id = bos_id if any(positions.skip_bos for positions in where) else None
        self._skips_bos = of_rules([positions.skip_bos for positions in where])
        self._reads_stages = any(positions.stage for positions in where)
        self._thinking = of_rules([positions.stage is Stage.THINKING for positions in where])
        self._any_stage = of_rules([positions.stage is Stage.ANY for positions in where])
        self._factors = _factor_table([rule.schedule.factors for rule in rules], device)

    def touches(self, now: Pass) -> torch.Tensor:
        """Which tokens the positions of every rule hold, (B, T, R) bool."""
        index, token_ids = now.index[:, :, None], now.token_ids
        inside = torch.where(now.response[:, :, None], self._in_response, self._in_prompt)
        if self._start is not None:
            inside &= index >= self._start
        if self._stop is not None:
            inside &= index < self._stop
        if self._last is not None:
            inside &= now.behind[:, :, None] < self._last
        if self._tokens is not None:
            inside &= _among(token_ids, self._tokens) | self._any_token
        if self._excluded is not None:
            inside &= ~_among(token_ids, self._excluded)
        if self._bos_id is not None:
            bos = (token_ids == self._bos_id) & (now.index == 0) & ~now.response
            inside &= ~(bos[:, :, None] & self._skips_bos)
        if self._reads_stages:
            inside &= self._in_stage(now)
        return inside

    def factors(self, now: Pass) -> torch.Tensor:
        """What the strength of every rule is multiplied by at every token, (B, T, R) float32."""
        step = torch.where(now.response, now.index, 0)
        return self._factors[step.clamp(min=0, max=len(self._factors) - 1)]

    def _in_stage(self, now: Pass) -> torch.Tensor:
        assert now.thinking is not None, "nobody looked for thinking markers"
        assert now.marker is not None
        thinking, answer = now.thinking, ~(now.thinking | now.marker)
        inside = torch.where(self._thinking, thinking[:, :, None], answer[:, :, None])
        return inside | self._any_stage


def _bounds(values: Sequence[int | None], device: torch.device) -> torch.Tensor | None:
    """Every rule's bound, (R,) int64, beyond all numbers where it has none; None if none has."""
    if all(value is None for value in values):
        return None
    most = torch.iinfo(torch.int64).max
    return torch.tensor([most if value is None else value for value in values], device=device)


def _id_table(rows: Sequence[Sequence[int]], device: torch.device) -> torch.Tensor | None:
    """Every rule's token ids, (R, K) int64, filled up with -1; None if no rule has any."""
    width = max(map(len, rows))
    filled = [[*row, *[-1] * (width - len(row))] for row in rows]
    return torch.tensor(filled, device=device) if width else None


def _factor_table(rows: Sequence[Sequence[float]], device: torch.device) -> torch.Tensor:
    """Every rule's factors, (L, R) float32; the last of a rule holds for all that follow."""
    length = max(map(len, rows))
    filled = [[*row, *[row[-1]] * (length - len(row))] for row in rows]
    return torch.tensor(filled, device=device).T.contiguous()


def _among(token_ids: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Which tokens (B, T) are among the ids (R, K) of each rule, (B, T, R) bool."""
    return (token_ids[:, :, None, None] == ids).any(dim=-1)
