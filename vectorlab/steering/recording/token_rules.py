"""Which tokens' states stand for a text, and how several become one."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vectorlab.domain.vectors.vectors import TokenRule
from vectorlab.errors import EmptySpanError, InputError


class Reader:
    """Says which tokens a rule wants of a sequence.

    Args:
        rule: Which tokens.
        lead: Tokens that every sequence begins with and that are not its own, such as BOS.
    """

    def __init__(self, rule: TokenRule, *, lead: int = 0) -> None:
        self.rule = rule
        self.lead = lead
        self.is_one_token = rule.kind in {"last", "index"}

    def span(self, length: int) -> range:
        """Places of the wanted tokens in a sequence of that length; empty where none fits."""
        own = range(min(self.lead, length), length)
        match self.rule.kind:
            case "last":
                return range(length - 1, length)
            case "index" if -len(own) <= self.rule.number < len(own):
                place = own[self.rule.number]
                return range(place, place + 1)
            case "index":
                return range(0)
            case "first":
                return own[: self.rule.number]
        return own

    def does_not_fit(self, name: str, length: int) -> InputError:
        """What is wrong with a sequence in which no token fits."""
        if self.rule.is_part:
            return EmptySpanError(
                f"{name} has no {self.rule.part}: token rule {self.rule} fits none of its {length} "
                "tokens. Give it some, or choose another rule with --tokens."
            )
        own = max(length - self.lead, 0)
        return InputError(
            f"{name} has {own} tokens of its own, and token rule {self.rule} fits none of them. "
            "Give it more text, or choose another rule with --tokens."
        )


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The tokens of a batch that are read, and the sequences they stand for."""

    columns: torch.Tensor  # (W,) int64 places among all tokens of the batch, row by row
    counts: tuple[int, ...] | None  # how many belong to each sequence; None: one
    is_max: bool

    @classmethod
    def of(
        cls, columns: Sequence[Sequence[int]], rule: TokenRule, device: torch.device
    ) -> "Wanted":
        """The columns of every sequence, none of them empty."""
        counts = tuple(map(len, columns))
        return cls(
            columns=torch.tensor([place for column in columns for place in column], device=device),
            counts=None if max(counts) == 1 else counts,
            is_max=rule.kind == "max",
        )

    def read(self, states: torch.Tensor) -> torch.Tensor:
        """One state of every sequence, (B, D) float32, from the states (M, D) of all tokens."""
        chosen = states[self.columns.to(states.device)].float()
        if self.counts is None:
            return chosen
        parts = torch.split(chosen, list(self.counts))
        return torch.stack([part.amax(0) if self.is_max else part.mean(0) for part in parts])
