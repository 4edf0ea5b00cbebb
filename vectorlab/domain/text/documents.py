"""A document as blocks, before it is a page of HTML or Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Heading:
    """Begins a part; level 1 is the title."""

    level: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Code:
    """Text to be copied, such as a command."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells are texts; the last columns may be numbers, which stand to the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[bool]  # per column


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A chart as SVG, with words for those who do not see it."""

    svg: str
    about: str  # what it shows, for people who do not see it


Block = Heading | Paragraph | Code | Table | Picture
