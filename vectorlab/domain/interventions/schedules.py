"""How the strength of an intervention changes while a text grows, and how that is spelled.

constant            the strength as it is
first:8             as it is for the first 8 generated tokens, then 0
linear:0:1:16       a factor that goes from 0 to 1 over 16 generated tokens and stays there
cosine:1:0.5:50     the same along half a cosine wave
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from vectorlab.errors import InputError

HELP = "Write constant, first:8, linear:0:1:16 or cosine:1:0.5:50 (from, to, generated tokens)."


class Shape(StrEnum):
    """The course of a schedule."""

    CONSTANT = "constant"
    FIRST = "first"  # full strength for some tokens, then nothing
    LINEAR = "linear"
    COSINE = "cosine"  # half a wave, level at both ends


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A factor on the strength for every generated token; tokens of the prompt have the first.

    The cosine from 1 to 0.5 over 50 tokens is that of the follow-up of in-context vectors.

    Raises:
        InputError: If a number is not finite, the length not positive, or the factor 0 throughout.

    Source: https://github.com/shengliu66/FractionalReason, utils/llm_layers.py, for the cosine.
    """

    CONSTANT: ClassVar["Schedule"]

    shape: Shape = Shape.CONSTANT
    start: float = 1.0  # factor of the prompt and of the first generated token
    end: float = 1.0  # factor of generated token number ``tokens`` (from 0) and all behind it
    tokens: int = 0

    def __post_init__(self) -> None:
        for name in ("start", "end"):  # one spelling per number
            object.__setattr__(self, name, float(getattr(self, name)) + 0.0)
        if not (math.isfinite(self.start) and math.isfinite(self.end)):
            raise InputError(
                f"Schedule {self} has a factor that is not finite. Give numbers such as 0.5."
            )
        if self.shape is Shape.CONSTANT:
            if (self.start, self.end, self.tokens) != (1, 1, 0):
                raise InputError("A constant schedule has no numbers; change the strength.")
        elif self.tokens < 1:
            raise InputError(f"Schedule {self} lasts {self.tokens} tokens; it must be 1 or more.")
        elif self.shape is Shape.FIRST and (self.start, self.end) != (1, 0):
            raise InputError("A schedule of the first tokens goes from 1 to 0; give its length.")
        if self.start == self.end == 0:
            raise InputError(f"Schedule {self} is 0 throughout. For a baseline give strength 0.")

    @property
    def factors(self) -> tuple[float, ...]:
        """Factor of generated token 0, 1, ...; the last one holds for all that follow."""
        return tuple(self._factor(index) for index in range(self.tokens + 1))

    def __str__(self) -> str:
        if self.shape is Shape.CONSTANT:
            return str(self.shape)
        if self.shape is Shape.FIRST:
            return f"{self.shape}:{self.tokens}"
        return f"{self.shape}:{_spelled(self.start)}:{_spelled(self.end)}:{self.tokens}"

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Read a spelling; ``str`` is the inverse.

        Raises:
            InputError: If it is none.
        """
        shape, *numbers = text.strip().split(":")
        try:
            match shape, numbers:
                case Shape.CONSTANT, []:
                    return cls()
                case Shape.FIRST, [tokens]:
                    return first_tokens(int(tokens))
                case ((Shape.LINEAR | Shape.COSINE), [start, end, tokens]):
                    return cls(
                        shape=Shape(shape),
                        start=float(start),
                        end=float(end),
                        tokens=int(tokens),
                    )
        except ValueError:
            pass  # a number that is none
        raise InputError(f"Schedule {text!r} is not understood. {HELP}")

    def _factor(self, index: int) -> float:
        if index >= self.tokens:
            return self.end
        if self.shape is Shape.FIRST:
            return self.start
        share = index / self.tokens
        if self.shape is Shape.COSINE:
            share = (1 - math.cos(math.pi * share)) / 2
        return self.start + (self.end - self.start) * share


Schedule.CONSTANT = Schedule()


def first_tokens(tokens: int) -> Schedule:
    """Full strength for the prompt and so many generated tokens, then nothing."""
    return Schedule(shape=Shape.FIRST, start=1.0, end=0.0, tokens=tokens)


def _spelled(number: float) -> str:
    return repr(number).removesuffix(".0")
