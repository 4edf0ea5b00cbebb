"""Where every token of a forward pass stands, and what that means for windows and schedules.

A rule is the positions and the schedule of an intervention, and its condition on the response. All
rules of a batch are looked at once per forward pass, on the device, before the first layer runs;
what a condition says of them is known when the pass comes to its layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from vectorlab.domain.conditions import Condition
from vectorlab.domain.positions import Part, Positions, Stage
from vectorlab.domain.schedules import Schedule


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
            torch.where(found, columns, -1).cummax(dim=1).values for found in (begin, end)
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
    """One rule, with what it compares on the device."""

    def __init__(self, rule: Rule, bos_id: int | None, device: torch.device) -> None:
        positions = rule.positions
        self.positions = positions
        self._response_only = positions.part is Part.RESPONSE or rule.condition is not None
        self._bos_id = bos_id if positions.skip_bos else None
        self._tokens = torch.tensor(positions.tokens, dtype=torch.long, device=device)
        self._excluded = torch.tensor(positions.excluded, dtype=torch.long, device=device)
        self._factors = torch.tensor(rule.schedule.factors, device=device)

    def touches(self, now: Pass) -> torch.Tensor:
        """Which tokens the positions hold, (B, T) bool."""
        positions = self.positions
        if self._response_only:
            inside = now.response
        elif positions.part is Part.PROMPT:
            inside = ~now.response
        else:
            inside = torch.ones_like(now.response)
        if positions.start:
            inside = inside & (now.index >= positions.start)
        if positions.stop is not None:
            inside = inside & (now.index < positions.stop)
        if positions.last is not None:
            inside = inside & (now.behind < positions.last)
        if len(self._tokens):
            inside = inside & _among(now.token_ids, self._tokens)
        if len(self._excluded):
            inside = inside & ~_among(now.token_ids, self._excluded)
        if self._bos_id is not None:
            bos = (now.token_ids == self._bos_id) & (now.index == 0) & ~now.response
            inside = inside & ~bos
        if positions.stage:
            assert now.thinking is not None, "nobody looked for thinking markers"
            assert now.marker is not None
            is_thinking = positions.stage is Stage.THINKING
            inside = inside & (now.thinking if is_thinking else ~(now.thinking | now.marker))
        return inside

    def factors(self, now: Pass) -> torch.Tensor:
        """What the strength is multiplied by at every token, (B, T) float32."""
        step = torch.where(now.response, now.index, 0)
        return self._factors[step.clamp(min=0, max=len(self._factors) - 1)]


def rule_readers(
    rules: Sequence[Rule], bos_id: int | None, device: torch.device
) -> list[RuleReader]:
    """A reader for every rule."""
    return [RuleReader(rule, bos_id, device) for rule in rules]


def _among(token_ids: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    return (token_ids[:, :, None] == wanted).any(dim=-1)
