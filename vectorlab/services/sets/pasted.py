"""Pairs that somebody pasted: one a line, as a spreadsheet copies two columns, or typed."""

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError

SIDES = ("\t", " -> ", " → ")  # what stands between source and target
USAGE = "Write a pair a line, source and target with a tab or -> between them."


def pairs_of(text: str) -> list[Demonstration]:
    """The pairs of a text, in its order; empty lines are left out.

    Raises:
        InputError: If a line has not two sides, or there is no line.
    """
    pairs = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            pairs.append(_pair(line, number))
    if not pairs:
        raise InputError(f"There are no pairs. {USAGE}")
    return pairs


def _pair(line: str, number: int) -> Demonstration:
    between = next((side for side in SIDES if side in line), None)
    sides = [] if between is None else [side.strip() for side in line.split(between)]
    if len(sides) != 2 or not all(sides):
        raise InputError(f"Line {number} is no pair: {line[:80]!r}. {USAGE}")
    return Demonstration(source=sides[0], target=sides[1])
