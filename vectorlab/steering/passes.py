"""Where every token of a forward pass stands, and what that means for windows and schedules.

A rule is the positions and the schedule of an intervention. All rules of a batch are looked at
once per forward pass, on the device, before the first layer runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vectorlab.domain.positions import Part, Positions
from vectorlab.domain.schedules import Schedule


@dataclass(frozen=True)
class Rule:
    """Where an intervention acts, and how much of its strength."""

    positions: Positions
    schedule: Schedule

    @property
    def is_plain(self) -> bool:
        """Whether it acts on all tokens of a part alike."""
        return self.positions.is_whole_part and self.schedule == Schedule.CONSTANT


@dataclass(frozen=True, kw_only=True)
class Pass:
    """The tokens of one forward pass, each tensor (B, T)."""

    token_ids: torch.Tensor  # int64
    response: torch.Tensor  # bool: generated tokens
    index: torch.Tensor  # int64: place within prompt or response, from 0; padding has any
    behind: torch.Tensor  # int64: tokens of the prompt behind this one


class PassReader:
    """Follows one batch from its prompts through its cache."""

    def __init__(self) -> None:
        self._generated = 0  # tokens that were fed back in earlier passes

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
        rows, width = token_ids.shape
        columns = torch.arange(width, device=token_ids.device).expand(rows, -1)
        if response is True:
            index = columns + self._generated
            self._generated += width
            return Pass(
                token_ids=token_ids,
                response=torch.ones_like(token_ids, dtype=torch.bool),
                index=index,
                behind=torch.zeros_like(columns),
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
        )


class RuleReader:
    """One rule, with what it compares on the device."""

    def __init__(self, rule: Rule, bos_id: int | None, device: torch.device) -> None:
        positions = rule.positions
        self.positions = positions
        self._bos_id = bos_id if positions.skip_bos else None
        self._tokens = torch.tensor(positions.tokens, dtype=torch.long, device=device)
        self._excluded = torch.tensor(positions.excluded, dtype=torch.long, device=device)
        self._factors = torch.tensor(rule.schedule.factors, device=device)

    def touches(self, now: Pass) -> torch.Tensor:
        """Which tokens the positions hold, (B, T) bool."""
        positions = self.positions
        if positions.part is Part.ALL:
            inside = torch.ones_like(now.response)
        else:
            inside = now.response if positions.part is Part.RESPONSE else ~now.response
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
