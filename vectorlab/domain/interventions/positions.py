"""Which tokens of a sequence an intervention touches, and how that is spelled.

A spelling is a part, perhaps a window of it, and perhaps filters:

    all   prompt   response
    prompt:first=4   prompt:last=1   prompt:2-5   response:first=8   response:8-
    prompt:last=1+response
    all+skip_bos   prompt:last=8+except=13,198   response+tokens=5,17
    response+thinking   response+answer

Numbers count the tokens of their part from 0; both ends of a range belong to it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from vectorlab.errors import InputError

HELP = "Write for example all, prompt:last=2, prompt:0-3, response:8-15, response:first=8, "
HELP += "prompt:last=1+response, all+skip_bos, prompt+tokens=5,17, all+except=5, "
HELP += "response+thinking or response+answer."


class Part(StrEnum):
    """A part of a sequence."""

    ALL = "all"  # prompt and generated tokens
    PROMPT = "prompt"  # prompt tokens only
    RESPONSE = "response"  # generated tokens only, as they are fed back


class Stage(StrEnum):
    """A stage of a response, told by the markers that a model writes around its thinking."""

    ANY = ""
    THINKING = "thinking"  # between the markers
    ANSWER = "answer"  # outside them


@dataclass(frozen=True, kw_only=True)
class Positions:
    """A part of every sequence, a window of it, and filters on its tokens.

    Raises:
        InputError: If the window is empty or cannot be known, or a filter does not fit.
    """

    ALL: ClassVar["Positions"]
    PROMPT: ClassVar["Positions"]
    RESPONSE: ClassVar["Positions"]

    part: Part = Part.ALL
    start: int = 0  # first token of the window, counted within the part
    stop: int | None = None  # first token behind it; None: up to the end
    # Instead of both: so many tokens before the end of the prompt, of all also what follows them;
    # or the newest of a response that grows, which is for conditions only.
    last: int | None = None
    tokens: tuple[int, ...] = ()  # only these token ids; empty: any
    excluded: tuple[int, ...] = ()  # none of these token ids
    skip_bos: bool = False  # not the BOS token, if the prompt begins with one
    stage: Stage = Stage.ANY  # only this stage of the response

    def __post_init__(self) -> None:
        for name in ("tokens", "excluded"):  # one spelling for one set of ids
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))
        self._check_window()
        if any(token < 0 for token in (*self.tokens, *self.excluded)):
            raise InputError(f"Positions {self} name a negative token id; ids count from 0.")
        if set(self.tokens) and set(self.tokens) <= set(self.excluded):
            raise InputError(f"Positions {self} exclude every token that they name.")
        if self.skip_bos and self.part is Part.RESPONSE:
            raise InputError("Positions of the response hold no BOS token; leave skip_bos out.")
        if self.stage and self.part is not Part.RESPONSE:
            raise InputError(
                f"Thinking and answer are stages of the response: write response+{self.stage}."
            )

    @property
    def is_whole_part(self) -> bool:
        """Whether these are all tokens of the part, without window and filters."""
        return self == Positions(part=self.part)

    def __str__(self) -> str:
        window = self._window()
        if self.part is Part.ALL and window:
            place = [f"{Part.PROMPT}:{window}", str(Part.RESPONSE)]
        else:
            place = [f"{self.part}:{window}" if window else str(self.part)]
        filters = [f"tokens={_joined(self.tokens)}"] if self.tokens else []
        filters += [f"except={_joined(self.excluded)}"] if self.excluded else []
        filters += ["skip_bos"] if self.skip_bos else []
        filters += [str(self.stage)] if self.stage else []
        return "+".join([*place, *filters])

    @classmethod
    def parse(cls, text: str) -> "Positions":
        """Read a spelling; ``str`` is the inverse.

        Raises:
            InputError: If it is none.
        """
        place, *filters = text.strip().split("+")
        part, colon, window = place.partition(":")
        if part not in list(Part) or (colon and not window):
            raise _unreadable(text)
        if window and part == Part.ALL:
            raise InputError(f"A window belongs to the prompt or to the response. {HELP}")
        fields = _read_window(window, text) if window else {}
        if filters[:1] == [Part.RESPONSE] and part == Part.PROMPT and "last" in fields:
            part, filters = Part.ALL, filters[1:]
        filter_fields: dict[str, tuple[int, ...] | bool | Stage] = {}
        for spelling in filters:
            name, value = _read_filter(spelling, text)
            if name in filter_fields:
                raise _unreadable(text)
            filter_fields[name] = value
        return cls(part=Part(part), **fields, **filter_fields)  # type: ignore[arg-type]

    def _check_window(self) -> None:
        has_range = (self.start, self.stop) != (0, None)
        if has_range and self.part is Part.ALL:
            raise InputError(f"A window belongs to the prompt or to the response. {HELP}")
        if self.last is not None and has_range:
            raise InputError("Give a range or the last tokens, not both.")
        empty = self.start < 0 or (self.stop is not None and self.stop <= self.start)
        if empty or (self.last is not None and self.last < 1):
            raise InputError(f"The window {self._window()!r} holds no token. {HELP}")

    def _window(self) -> str:
        if self.last is not None:
            return f"last={self.last}"
        if self.stop is None:
            return f"{self.start}-" if self.start else ""
        return f"{self.start}-{self.stop - 1}" if self.start else f"first={self.stop}"


Positions.ALL = Positions()
Positions.PROMPT = Positions(part=Part.PROMPT)
Positions.RESPONSE = Positions(part=Part.RESPONSE)
WHOLE_PARTS = (Positions.ALL, Positions.PROMPT, Positions.RESPONSE)


def _read_window(window: str, text: str) -> dict[str, int | None]:
    if match := re.fullmatch(r"first=(\d+)", window, re.ASCII):
        return {"stop": int(match[1])}
    if match := re.fullmatch(r"last=(\d+)", window, re.ASCII):
        return {"last": int(match[1])}
    if match := re.fullmatch(r"(\d+)-(\d*)", window, re.ASCII):
        return {"start": int(match[1]), "stop": int(match[2]) + 1 if match[2] else None}
    raise _unreadable(text)


def _read_filter(spelling: str, text: str) -> tuple[str, tuple[int, ...] | bool | Stage]:
    if spelling == "skip_bos":
        return "skip_bos", True
    if spelling in (Stage.THINKING, Stage.ANSWER):
        return "stage", Stage(spelling)
    if match := re.fullmatch(r"(tokens|except)=(\d+(?:,\d+)*)", spelling, re.ASCII):
        ids = tuple(int(number) for number in match[2].split(","))
        return ("tokens" if match[1] == "tokens" else "excluded"), ids
    raise _unreadable(text)


def _unreadable(text: str) -> InputError:
    return InputError(f"Positions {text!r} are not understood. {HELP}")


def _joined(ids: Iterable[int]) -> str:
    return ",".join(map(str, ids))
