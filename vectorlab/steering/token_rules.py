"""Which tokens' states stand for a text, and how several become one."""

import torch

from vectorlab.domain.vectors import TokenRule


class Reader:
    """Reads the states that a rule wants out of a batch.

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

    def does_not_fit(self, name: str, length: int) -> str:
        """What an error says of a sequence in which no token fits."""
        own = max(length - self.lead, 0)
        return (
            f"{name} has {own} tokens of its own, and token rule {self.rule} fits none of them. "
            "Give it more text, or choose another rule with --tokens."
        )

    def read(self, states: torch.Tensor, begin: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
        """One state of every row, (B, D) float32.

        Args:
            states: (B, T, D) of padded sequences.
            begin: (B,) column of each row's first wanted token.
            end: (B,) column behind its last.
        """
        begin, end = begin.to(states.device), end.to(states.device)
        if self.is_one_token:
            return states[torch.arange(len(states), device=states.device), begin].float()
        columns = torch.arange(states.shape[1], device=states.device)
        left_out = ((columns < begin[:, None]) | (columns >= end[:, None]))[:, :, None]
        if self.rule.kind == "max":
            return states.float().masked_fill(left_out, -torch.inf).amax(dim=1)
        # Filled and not multiplied: padding may hold NaN.
        total = states.float().masked_fill(left_out, 0).sum(dim=1)
        return total / (end - begin)[:, None]
