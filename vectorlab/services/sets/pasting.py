"""Pairs out of what a spreadsheet puts on the clipboard: cells with tabs between them."""

import re

from vectorlab.domain.sets.versions import Demonstration
from vectorlab.errors import InputError
from vectorlab.services.sets.files.mapping import SHAPES

# A cell in quotes is one that a spreadsheet had to quote, which it does for these alone. Any other
# text in quotes is just that.
_QUOTED = re.compile(r'"((?:[^"]|"")*)"(?=[\t\r\n]|\Z)')
_NEEDS_QUOTES = re.compile(r'[\t\r\n]|""')
_PLAIN = re.compile(r"[^\t\r\n]*")
_BETWEEN = re.compile(r"\t|\r\n|\r|\n|\Z")
_HEADS = {(sources[-1], targets[-1]) for sources, targets in SHAPES.values()}


def read_pasted(text: str) -> tuple[Demonstration, ...]:
    """Source and target of every line: two cells, or one, which has no target then.

    A first line that names columns, such as source and target, is left out, and so are blank lines.

    Raises:
        InputError: If a line has more than two cells.
    """
    pairs = []
    for number, cells in enumerate(_rows(text), start=1):
        filled = _without_empty_end(cells)
        if len(filled) > 2:
            raise InputError(
                f"Line {number} of what was pasted has {len(filled)} cells, beginning with "
                f"{filled[0][:40]!r}; a pair has two: source and target. Copy two columns."
            )
        is_head = number == 1 and tuple(cell.strip().casefold() for cell in filled) in _HEADS
        if filled and not is_head:
            target = filled[1] if len(filled) == 2 else None
            pairs.append(Demonstration(source=filled[0], target=target))
    return tuple(pairs)


def _rows(text: str) -> list[list[str]]:
    rows: list[list[str]] = [[]]
    at = 0
    while at <= len(text):
        cell, at = _cell(text, at)
        rows[-1].append(cell)
        between = _BETWEEN.match(text, at)
        assert between is not None  # a cell ends at one of them
        if not between.group():
            break
        if between.group() != "\t":
            rows.append([])
        at = between.end()
    return rows


def _cell(text: str, at: int) -> tuple[str, int]:
    quoted = _QUOTED.match(text, at)
    if quoted is not None and _NEEDS_QUOTES.search(quoted.group(1)):
        return quoted.group(1).replace('""', '"'), quoted.end()
    plain = _PLAIN.match(text, at)
    assert plain is not None
    return plain.group(), plain.end()


def _without_empty_end(cells: list[str]) -> list[str]:
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    return cells
