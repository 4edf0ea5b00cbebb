"""Where states are read and written: the place in a decoder block, and the token of a text."""

import re
from enum import StrEnum
from typing import ClassVar

from vectorlab.errors import InputError


class Site(StrEnum):
    """A place in a decoder block where states are read or written."""

    BLOCK_OUTPUT = "block_output"  # residual stream after the block, before any final norm
    MLP_OUTPUT = "mlp_output"  # output of the MLP, before it is added to the residual stream
    ATTENTION_OUTPUT = "attention_output"  # output of the attention, before it is added


class TokenRule(str):
    """Which token's state stands for a text, as it is written and stored.

    ``last``: the last token. ``index:I``: one token, from 0 or, negative, from the end.
    ``first:K``: the mean of the first K (of all, where there are fewer). ``mean``, ``max``: of all.
    ``response``, ``thinking``, ``answer``: the mean over that part of a conversation.
    ``slot:NAME``: the mean over what fills a template's slot.
    Tokens that the tokenizer puts before a text (BOS) count for ``last`` alone.

    Raises:
        InputError: If the text is no such rule.
    """

    __slots__ = ()
    LAST: ClassVar["TokenRule"]

    def __new__(cls, text: str) -> "TokenRule":
        kind, colon, rest = text.partition(":")
        is_rule = kind in _RULES and re.fullmatch(_RULES[kind], rest, re.ASCII) is not None
        if not is_rule or (colon and not rest) or len(rest) > _MOST_RULE:
            raise InputError(
                f"Token rule {text!r} is not known. Use last, first:K, index:I (negative from the "
                "end), mean, max, response, thinking, answer or slot:NAME."
            )
        return super().__new__(cls, text)

    @property
    def value(self) -> str:
        """The rule as a plain text."""
        return str(self)

    @property
    def kind(self) -> str:
        """The word before the colon."""
        return self.partition(":")[0]

    @property
    def number(self) -> int:
        """The number behind it, 0 without one."""
        return int(self.partition(":")[2] or 0)

    @property
    def is_part(self) -> bool:
        """Whether it names a part of what is read, and not tokens by number."""
        return self.kind in {*RESPONSE_PARTS, "slot"}

    @property
    def part(self) -> str:
        """What it names, for people."""
        return f"text in slot {self.partition(':')[2]}" if self.kind == "slot" else str(self)


RESPONSE_PARTS = ("response", "thinking", "answer")
_MOST_RULE = 64  # characters behind the colon
_RULES = {
    "last": "",
    "mean": "",
    "max": "",
    "first": r"[1-9]\d{0,8}",
    "index": r"-?\d{1,9}",
    "slot": r"[A-Za-z_]\w*",
    **dict.fromkeys(RESPONSE_PARTS, ""),
}
TokenRule.LAST = TokenRule("last")
