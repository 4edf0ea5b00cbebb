"""How layer numbers are spelled: ``0-3,7``; and ``all`` for every layer that a vector has."""

from collections.abc import Sequence
from itertools import groupby
from typing import Literal

from vectorlab.errors import InputError

# Layers that somebody asks for: some, all that a vector has, or, with None, the usual ones.
LayerChoice = tuple[int, ...] | Literal["all"] | None


def parse_layers(text: str | None) -> tuple[int, ...] | None:
    """Read ``0-3,7`` as layer numbers, ascending; None stays None.

    Raises:
        InputError: If it is not a list of numbers and ranges.
    """
    if text is None:
        return None
    chosen: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        known = first.isdigit() and (last.isdigit() or not dash)
        if not known or int(last or first) < int(first):
            raise InputError(f"Layers {text!r} are not understood. Write for example 0-3,7.")
        chosen.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(chosen))


def parse_choice(text: str | None) -> LayerChoice:
    """Read ``0-3,7`` as layer numbers, or ``all``; None, for the usual ones, stays None.

    Raises:
        InputError: If it is neither.
    """
    return "all" if text == "all" else parse_layers(text)


def spell_layers(layers: Sequence[int]) -> str:
    """The shortest spelling of ascending layer numbers."""
    runs = groupby(enumerate(layers), key=lambda pair: pair[1] - pair[0])
    parts = [[layer for _, layer in run] for _, run in runs]
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def spell_choice(layers: tuple[int, ...] | Literal["all"]) -> str:
    """As ``parse_choice`` reads it."""
    return "all" if layers == "all" else spell_layers(layers)
